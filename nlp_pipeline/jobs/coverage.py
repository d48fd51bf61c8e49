"""How much of a file's words a bundle knows: by its vocabularies, and by its subwords."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from nlp_pipeline.corpora.reading import read_records
from nlp_pipeline.corpora.records import InputRecord, ReadOptions, Rejected
from nlp_pipeline.corpora.sources import format_of
from nlp_pipeline.errors import CorpusError, Problem
from nlp_pipeline.inputs.tagging import TaggingInputs
from nlp_pipeline.inputs.translation import TranslationInputs
from nlp_pipeline.serving.tagger import sentences_of
from nlp_pipeline.text.special import UNKNOWN_ID

MOST = 10
"""So many unknown words or characters are named."""

_BATCH = 10_000


def coverage_of(inputs: TaggingInputs | TranslationInputs, path: str, word_column: int | None = None) -> dict[str, Any]:
    """Return what a bundle knows of a file's words; of a translator, on the side of the source.

    Args:
        inputs: the bundle's.
        path: text, CoNLL, JSON lines (`text` or `words`) or Parquet, as its name says.
        word_column: column of the words in CoNLL; None for that of a tagger's recipe, of a translator the first.

    Returns:
        `words` and `distinct`, how many there are; `rejected`, how many records could not be read; and, each of them
        None where the bundle has no such thing, `vocabulary`, `characters` and `subwords`: shares from 0 to 1, and the
        commonest of what is unknown, with how often it occurs.

    Raises:
        CorpusError: where the file cannot be opened, or holds no word.
    """
    if word_column is None:
        word_column = inputs.recipe.data.word_column if isinstance(inputs, TaggingInputs) else 0
    rejected: list[Rejected] = []
    words: Counter[str] = Counter()
    for record in read_records(path, format_of(path), ReadOptions("text", True, word_column)):
        if isinstance(record, InputRecord):
            words.update(_words_of(record, inputs))
        else:
            rejected.append(record)
    if not words and rejected:
        message = f"expected words, received none that can be read: {rejected[0].reason}"
        raise CorpusError([Problem(f"{path}:{rejected[0].line}", message)])
    if not words:
        raise CorpusError([Problem(path, "expected words, received none")])
    known = _of_tagger(inputs, words) if isinstance(inputs, TaggingInputs) else _of_translator(inputs, words)
    return {"words": words.total(), "distinct": len(words), "rejected": len(rejected), **known}


def _words_of(record: InputRecord, inputs: TaggingInputs | TranslationInputs) -> Iterator[str]:
    if isinstance(inputs, TranslationInputs):
        yield from inputs.normalise(record.text or " ".join(record.words or ())).split()
    elif record.words is not None:
        yield from record.words
    else:
        for sentence in sentences_of(record.text or ""):
            yield from sentence.words


def _of_tagger(inputs: TaggingInputs, words: Counter[str]) -> dict[str, Any]:
    vocabulary = characters = subwords = None
    if (known := inputs.vocabularies.get("words")) is not None:
        lowercase = inputs.recipe.words is not None and inputs.recipe.words.lowercase
        items = frozenset(known.items)
        vocabulary = _shares(words, lambda word: (word.lower() if lowercase else word) in items)
    if (known := inputs.vocabularies.get("characters")) is not None:
        characters = _shares(_characters_of(words), frozenset(known.items).__contains__)
    if (tokenizer := inputs.tokenizer) is not None:
        subwords = _subwords(words, tokenizer.subwords_of, tokenizer.unknown_id)
    return {"vocabulary": vocabulary, "characters": characters, "subwords": subwords}


def _of_translator(inputs: TranslationInputs, words: Counter[str]) -> dict[str, Any]:
    vocabulary = characters = subwords = None
    if (bert := inputs.bert_tokenizer) is not None:
        subwords = _subwords(words, bert.subwords_of, bert.unknown_id)
    elif (tokenizer := inputs.source_tokenizer) is not None:
        if tokenizer.kind == "words":
            vocabulary = _shares(words, lambda word: UNKNOWN_ID not in tokenizer.encode([word])[0])
        else:
            subwords = _subwords(words, tokenizer.encode, UNKNOWN_ID)
            unknown = tokenizer.unknown_characters(words)
            characters = _shares(_characters_of(words), lambda character: character not in unknown)
    return {"vocabulary": vocabulary, "characters": characters, "subwords": subwords}


def _characters_of(words: Counter[str]) -> Counter[str]:
    spelled: Counter[str] = Counter()
    for word, count in words.items():
        for character in word:
            spelled[character] += count
    return spelled


def _shares(counts: Counter[str], is_known: Callable[[str], bool]) -> dict[str, Any]:
    """Return the share of what is known, of all and of what differs, and the commonest that is not."""
    unknown = Counter({item: count for item, count in counts.items() if not is_known(item)})
    return {
        "known": 1 - unknown.total() / counts.total(),
        "known_distinct": 1 - len(unknown) / len(counts),
        "unknown": _commonest(unknown),
    }


def _subwords(
    words: Counter[str], cut: Callable[[Sequence[str]], Sequence[Sequence[int]]], unknown_id: int
) -> dict[str, Any]:
    """Return into how many subwords words are cut, how many stay whole, and how many hold an unknown subword."""
    distinct = list(words)
    pieces: Counter[int] = Counter()
    unknown: Counter[str] = Counter()
    most: tuple[int, str] = (0, "")
    for start in range(0, len(distinct), _BATCH):
        batch = distinct[start : start + _BATCH]
        for word, ids in zip(batch, cut(batch), strict=True):
            pieces[len(ids)] += words[word]
            most = max(most, (len(ids), word), key=lambda one: one[0])
            if unknown_id in ids:
                unknown[word] = words[word]
    count = words.total()
    return {
        "a_word": sum(number * times for number, times in pieces.items()) / count,
        "whole": pieces[1] / count,
        "most": [most[1], most[0]],
        "known": 1 - unknown.total() / count,
        "unknown": _commonest(unknown),
    }


def _commonest(counts: Counter[str]) -> list[list[Any]]:
    """Return the commonest, each with its number, equals in the order of their code points."""
    return [[item, count] for item, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MOST]]
