"""Tagged records as CoNLL, JSON lines, Parquet and brat."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.conll import border_row, rows_of
from nlp_pipeline.corpora.records import Rejected
from nlp_pipeline.outputs import new_file
from nlp_pipeline.serving.forms import Form, json_line, json_lines_of, results_of, with_others
from nlp_pipeline.serving.parquet_form import ParquetForm
from nlp_pipeline.serving.stream import TaggedRecord
from nlp_pipeline.text.schemes import Scheme, entities_from_tags

_NAMES = ("text", "entities", "words", "tags", "scores")
"""The keys and columns that are ours."""


class ConllForm(Form):
    """A word and its tag a line, an empty line after each sentence; the borders between documents stay."""

    name = "conll"
    suffixes = (".conll",)
    tells_confidences = False

    def encode(self, entries: Sequence[TaggedRecord | Rejected]) -> tuple[bytes, ...]:
        """Return the rows of each record's sentences."""
        rows: list[str] = []
        for tagged in results_of(entries):
            if tagged.record.begins_document:
                rows.append(border_row())
            rows += [rows_of(replace(one.sentence, tags=one.tags)) for one in tagged.sentences]
        return ("".join(rows).encode("utf-8"),)


class TaggedJsonForm(Form):
    """A JSON object a record, with the other fields that it came with."""

    name = "jsonl"
    suffixes = (".jsonl",)

    def encode(self, entries: Sequence[TaggedRecord | Rejected]) -> tuple[bytes, ...]:
        """Return a line for each record."""
        return (b"".join(json_line(_with_fields(one)) for one in results_of(entries)),)


class TaggedParquetForm(ParquetForm):
    """A row a record, with the other fields that it came with."""

    def own_columns(self) -> Any:
        """Return the columns `text`, `entities`, `words`, `tags` and `scores`."""
        import pyarrow as pa

        entity = {"start": pa.int64(), "end": pa.int64(), "type": pa.string(), "text": pa.string()}
        return pa.schema(
            {
                "text": pa.string(),
                "entities": pa.list_(pa.struct({**entity, "score": pa.float64()})),
                "words": pa.list_(pa.string()),
                "tags": pa.list_(pa.string()),
                "scores": pa.list_(pa.float64()),
            }
        )

    def row_of(self, result: TaggedRecord) -> dict[str, Any]:
        """Return a record as a row."""
        return _with_fields(result)


def _with_fields(tagged: TaggedRecord) -> dict[str, Any]:
    return with_others(tagged.to_json(), tagged.record.fields, _NAMES)


class BratForm(Form):
    """Two files as brat has them (brat.nlplab.org/standoff.html): the text, a record a line, and its entities.

    Offsets are code points of the text's file. Words that came without a text have a space between them. What of an
    entity stands on two lines is told as two fragments.
    """

    name = "brat"
    suffixes = (".txt", ".ann")
    is_spooled = True

    def encode(self, entries: Sequence[TaggedRecord | Rejected]) -> tuple[bytes, ...]:
        """Return a line of JSON for each record."""
        return (b"".join(json_line(one.to_json()) for one in results_of(entries)),)

    def finish(self, spool: Path, targets: Sequence[Path]) -> None:
        """Write both files, in one pass."""
        with ExitStack() as stack:
            paths = [stack.enter_context(new_file(target)) for target in targets]
            text, entities = (stack.enter_context(path.open("w", encoding="utf-8", newline="")) for path in paths)
            before = number = 0
            for content in json_lines_of(spool):
                line, found = text_and_entities(content)
                text.write(line + "\n")
                for entity in found:
                    number += 1
                    fragments = list(_fragments(line, entity["start"], entity["end"]))
                    places = ";".join(f"{before + start} {before + end}" for start, end in fragments)
                    surface = " ".join(line[start:end] for start, end in fragments)
                    entities.write(f"T{number}\t{entity['type']} {places}\t{surface}\n")
                before += len(line) + 1


def text_and_entities(content: Mapping[str, Any]) -> tuple[str, Sequence[Mapping[str, Any]]]:
    """Return a tagged record's text and its entities in order, each with `start`, `end`, `type` and `score`.

    Args:
        content: the record as JSON; words have a space between them.
    """
    if "text" in content:
        return content["text"], content["entities"]
    starts, at = [], 0
    for word in content["words"]:
        starts.append(at)
        at += len(word) + 1
    found = [
        {
            "start": starts[entity.start],
            "end": starts[entity.end - 1] + len(content["words"][entity.end - 1]),
            "type": entity.entity_type,
            "score": min(content["scores"][entity.start : entity.end]),
        }
        for entity in entities_from_tags(content["tags"], Scheme.IOB2)
    ]
    return " ".join(content["words"]), found


def _fragments(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield the pieces of a span that hold no line's end."""
    for piece in re.finditer("[^\r\n]+", text[start:end]):
        yield start + piece.start(), start + piece.end()
