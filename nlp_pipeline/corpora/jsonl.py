"""JSON lines: one object a line, a text with spans or words with tags."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

from nlp_pipeline.corpora.lines import name_of, read_lines
from nlp_pipeline.corpora.tags import in_iob2, places_of_words, wrong_type
from nlp_pipeline.errors import Problems
from nlp_pipeline.text.schemes import Scheme, tags_from_entities
from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.spans import Entity, Span, overlaps

SHOWN_REASONS = 3
DEEPEST = 100
_SURROGATE = re.compile("[\ud800-\udfff]")


class _WrongError(Exception):
    """What is wrong with an object, or with one thing in it; becomes a problem with its line."""


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """An object of JSON lines: either a text or words.

    Attributes:
        place: the file and line.
        text: the text, or None.
        words: the words, or None.
        content: the whole object.
    """

    place: str
    text: str | None
    words: tuple[str, ...] | None
    content: Mapping[str, Any]


def record_of(line: str, place: str, field: str = "text", with_words: bool = True) -> JsonRecord | str:
    """Return the record of a line that is not empty, or what is wrong with it.

    It has a text, or `words` (or `tokens`). Labels are not looked at, but all that it holds can be written again: what
    is no JSON (`NaN`), no Unicode or nested too deeply is wrong wherever it stands.

    Args:
        line: the line.
        place: its place.
        field: the key of the text.
        with_words: whether words will do.
    """
    wrong: list[str] = []
    try:
        content = _object(line, strict=True)
    except _WrongError as error:
        return str(error)
    record = _record(content, place, wrong, field, with_words)
    if record is not None and not wrong and (unwritable := _unwritable(content, line)):
        wrong.append(unwritable)
    if record is not None and not wrong:
        return record
    more = f"; and {len(wrong) - SHOWN_REASONS} more" if len(wrong) > SHOWN_REASONS else ""
    return "; ".join(wrong[:SHOWN_REASONS]) + more


def read_jsonl(
    source: str | Path, problems: Problems, *, scheme: Scheme | Literal["auto"] = "auto"
) -> Iterator[Sentence]:
    """Yield the labelled sentences of a file.

    `{"text": "Ana left.", "spans": [{"start": 0, "end": 3, "type": "PER"}]}`: offsets are code points, half-open. The
    text is cut into sentences of words, and a span must not cut a word. The spans may be called `entities`, the type
    `label`.

    `{"words": ["Ana", "left", "."], "tags": ["B-PER", "O", "O"]}`: one sentence. Also called `tokens` and `ner_tags`.

    Each line is a document of its own.

    Args:
        source: a file, perhaps gzipped; `-` is standard input.
        problems: takes what is wrong, each with its line; such a line is left out.
        scheme: how tags are written. `auto` takes the scheme that fits the file best.
    """
    held: list[tuple[JsonRecord, tuple[str, ...] | list[Sentence]]] = []
    before = problems.count
    for place, content in _objects(source, problems):
        wrong: list[str] = []
        record = _record(content, place, wrong)
        if record is not None:
            labelled = _sentences_of(record, len(held), wrong) if record.words is None else _tags_of(record, wrong)
            if not wrong:
                held.append((record, labelled))
        _tell(place, wrong, problems)
    if problems.count == before and not any(labelled for _, labelled in held):
        received = "only texts without a word" if held else "only empty lines"
        problems.add(name_of(source), f"expected sentences, received {received}")
    tagged = [(record, labelled) for record, labelled in held if isinstance(labelled, tuple)]
    places = (places_of_words(record.place, record.words or ()) for record, _ in tagged)
    in_scheme = in_iob2([tags for _, tags in tagged], places, scheme, problems)
    for document, (record, labelled) in enumerate(held):
        if isinstance(labelled, list):
            yield from labelled
        elif (tags := next(in_scheme)) is not None and record.words is not None:
            yield Sentence(record.words, tags, document=document, place=record.place)


def write_jsonl(stream: TextIO, sentences: Iterable[Sentence]) -> None:
    """Write sentences as words and tags, one object a line."""
    for sentence in sentences:
        content: dict[str, Any] = {"words": list(sentence.words)}
        if sentence.tags is not None:
            content["tags"] = list(sentence.tags)
        stream.write(json.dumps(content, ensure_ascii=False) + "\n")


def write_jsonl_texts(stream: TextIO, texts: Iterable[tuple[str, Iterable[Sentence]]]) -> None:
    """Write texts, each with its sentences that have offsets, as text and spans, one object a line."""
    for text, sentences in texts:
        spans = []
        for sentence in sentences:
            if sentence.offsets is None:
                raise ValueError("expected sentences cut from a text. Received: one given as words")
            for entity in sentence.entities:
                start, end = sentence.offsets[entity.start].start, sentence.offsets[entity.end - 1].end
                spans.append({"start": start, "end": end, "type": entity.entity_type})
        stream.write(json.dumps({"text": text, "spans": spans}, ensure_ascii=False) + "\n")


def _objects(source: str | Path, problems: Problems) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the object of each line that is not empty, and its place."""
    name = name_of(source)
    for number, line in read_lines(source, problems):
        if line.strip():
            try:
                yield f"{name}:{number}", _object(line)
            except _WrongError as wrong:
                problems.add(f"{name}:{number}", str(wrong))


def _unwritable(content: Mapping[str, Any], line: str) -> str:
    """Return why an object cannot be written again; nothing where it can."""
    if "\\u" in line and _SURROGATE.search(json.dumps(content, ensure_ascii=False)):
        return "expected Unicode text, received a lone surrogate"
    return ""


def _refused(constant: str) -> float:
    raise _WrongError(f"expected numbers of JSON, received {constant}")


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise _WrongError(f"expected numbers that a float can hold, received {number[:40]}")
    return value


def _too_deep(content: Any, line: str) -> bool:
    """Return whether lists and objects are nested so deeply that what reads or writes them may give up."""
    if line.count("[") + line.count("{") <= DEEPEST:
        return False
    level: list[Any] = [content]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
    return bool(level)


def _object(line: str, strict: bool = False) -> dict[str, Any]:
    try:
        if strict:
            content = json.loads(line, parse_constant=_refused, parse_float=_finite)
            if isinstance(content, dict) and _too_deep(content, line):
                raise _WrongError(f"expected a JSON object of at most {DEEPEST} levels, received a deeper one")
        else:
            content = json.loads(line)
    except (ValueError, RecursionError) as error:
        if "\r" in line:
            raise _WrongError("expected lines that end in LF or CR LF, received a CR within a line") from None
        if isinstance(error, RecursionError):
            reason = "lists or objects that are nested too deeply"
        elif isinstance(error, json.JSONDecodeError):
            reason = error.msg
        else:  # the only other thing that Python's reader does not take
            reason = f"an integer of more than {sys.get_int_max_str_digits()} digits"
        raise _WrongError(f"expected a JSON object, received: {reason}") from None
    if not isinstance(content, dict):
        raise _WrongError(f"expected a JSON object, received {_kind(content)}")
    return content


def _tell(place: str, wrong: Iterable[str], problems: Problems) -> None:
    for message in wrong:
        problems.add(place, message)


def _record(
    content: Mapping[str, Any], place: str, wrong: list[str], field: str = "text", with_words: bool = True
) -> JsonRecord | None:
    """Return an object's record, and note what is wrong with its text or words; None where it has neither."""
    words = _either(content, "words", "tokens") if with_words else None
    text = content.get(field)
    if (field in content) == (words is not None):
        received = "both" if words is not None else f"neither among {_listed(content)}"
        expected = f"either '{field}' or 'words'"
        if not with_words:
            expected, received = f"a field '{field}'", received.removeprefix("neither among ")
        wrong.append(f"expected {expected}, received {received}")
        return None
    if words is None:
        if not isinstance(text, str):
            wrong.append(f"expected '{field}' to be a string, received {_kind(text)}")
            return None
        _note_surrogates(field, text, wrong)
        return JsonRecord(place, text, None, content)
    if not isinstance(words, list) or not words:
        wrong.append(f"expected 'words' to be a list of words, received {_kind(words)}")
        return None
    for number, word in enumerate(words):
        if not isinstance(word, str) or not word:
            received = "an empty one" if word == "" else _kind(word)
            wrong.append(f"expected words that are strings, received {received} as number {number}")
    _note_surrogates("words", "".join(word for word in words if isinstance(word, str)), wrong)
    return JsonRecord(place, None, tuple(words), content)


def _tags_of(record: JsonRecord, wrong: list[str]) -> tuple[str, ...]:
    tags = _either(record.content, "tags", "ner_tags")
    count = len(record.words or ())
    if not isinstance(tags, list):
        wrong.append(f"expected 'tags' to be a list of strings, received {'none' if tags is None else _kind(tags)}")
        return ()
    for number, tag in enumerate(tags):
        if not isinstance(tag, str):
            wrong.append(f"expected tags that are strings, received {_kind(tag)} as number {number}")
    _note_surrogates("tags", "".join(tag for tag in tags if isinstance(tag, str)), wrong)
    if len(tags) != count:
        wrong.append(f"expected {count} tags, one a word, received {len(tags)}")
    return tuple(tags)


def _sentences_of(record: JsonRecord, document: int, wrong: list[str]) -> list[Sentence]:
    """Cut a text into sentences, and turn its spans into tags; none where anything is wrong."""
    text = record.text or ""
    entities = _entities_of(record.content, text, wrong)
    labelled: list[tuple[list[Span], list[Entity]]] = []
    taken = 0
    for offsets in segment(text):
        inside = []
        while taken < len(entities) and entities[taken].start < offsets[-1].end:
            try:
                inside.append(_in_words(entities[taken], offsets, text))
            except _WrongError as error:
                wrong.append(str(error))
            taken += 1
        labelled.append((offsets, inside))
    wrong += [f"expected a span with a word in it, received {_shown(entity, text)}" for entity in entities[taken:]]
    sentences = []
    for offsets, inside in [] if wrong else labelled:
        words = tuple(text[span.start : span.end] for span in offsets)
        tags = tuple(tags_from_entities(inside, len(words), Scheme.IOB2))
        sentences.append(Sentence(words, tags, tuple(offsets), document, record.place))
    return sentences


def _entities_of(content: Mapping[str, Any], text: str, wrong: list[str]) -> list[Entity]:
    """Return the spans of a text in order, in code points, and note what is wrong with the others."""
    spans = _either(content, "spans", "entities")
    if not isinstance(spans, list):
        wrong.append(f"expected 'spans' to be a list, received {'none' if spans is None else _kind(spans)}")
        return []
    entities = []
    for span in spans:
        if (entity := _entity(span, len(text), wrong)) is not None:
            entities.append(entity)
    for both in overlaps(entities):
        one, other = (_shown(entity, text) for entity in both)
        wrong.append(f"expected spans that do not overlap, received {one} and {other}")
    return sorted(entities)


def _entity(span: Any, length: int, wrong: list[str]) -> Entity | None:
    """Return a span of a text of `length` characters, or note what is wrong with it."""
    if not isinstance(span, dict):
        wrong.append(f"expected a span to be an object, received {_kind(span)}")
        return None
    start: Any = span.get("start")
    end: Any = span.get("end")
    entity_type = _either(span, "type", "label")
    right = isinstance(start, int) and isinstance(end, int) and not {type(start), type(end)} & {bool}
    if not (right and isinstance(entity_type, str) and entity_type):
        wrong.append(f"expected a span with start, end and type, received {json.dumps(span)[:80]}")
        return None
    _note_surrogates("type", entity_type, wrong)
    if (message := wrong_type(entity_type)) is not None:
        wrong.append(f"{message} for {start} to {end}")
    if not 0 <= start < end <= length:
        wrong.append(f"expected a span within the {length} characters of the text, received {start} to {end}")
        return None
    return Entity(start, end, entity_type)


def _in_words(entity: Entity, offsets: list[Span], text: str) -> Entity:
    """Return an entity of code points as one of words."""
    start = next((index for index, span in enumerate(offsets) if span.start == entity.start), None)
    end = next((index for index, span in enumerate(offsets) if span.end == entity.end), None)
    if start is not None and end is not None:
        return Entity(start, end + 1, entity.entity_type)
    cut = next((s for s in offsets if s.start < entity.start < s.end or s.start < entity.end < s.end), None)
    shown = _shown(entity, text)
    if cut is not None:
        word = text[cut.start : cut.end]
        raise _WrongError(f"expected a span to begin and end with a word, received {shown}, which cuts '{word[:40]}'")
    if entity.end > offsets[-1].end:
        raise _WrongError(f"expected a span within a sentence, received {shown}, which goes on after its end")
    raise _WrongError(f"expected a span to begin and end with a word, received {shown} with spaces around it")


def _shown(entity: Entity, text: str) -> str:
    surface = text[entity.start : entity.end]
    surface = surface if len(surface) <= 40 else surface[:37] + "..."
    return f"{entity.start} to {entity.end} '{surface}'"


def _either(content: Mapping[str, Any], name: str, other: str) -> Any:
    return content[name] if name in content else content.get(other)


def _note_surrogates(field: str, text: str, wrong: list[str]) -> None:
    if _SURROGATE.search(text):
        wrong.append(f"expected '{field}' to be Unicode text, received a lone surrogate")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}
    if isinstance(value, list) and not value:
        return "an empty list"
    return names.get(type(value), "a number")


def _listed(content: Mapping[str, Any]) -> str:
    return ", ".join(repr(name)[:30] for name in list(content)[:5]) or "no fields at all"
