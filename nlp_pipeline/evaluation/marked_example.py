"""A tagged sentence as reports show it: the corpus's entities on one line, predicted ones on others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from nlp_pipeline.documents.document import Mark, MarkedLine, Verdict
from nlp_pipeline.documents.shown_text import shortened
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.text.spans import Entity

# A sentence of more words is shown where something is wrong, with so many words around it.
_WHOLE = 80
_AROUND = 12
_MOST_WORDS = 250
_WORD_CHARACTERS = 120


def kept_words(length: int, *examples: TaggedExample) -> list[int]:
    """Return the words that are shown of a sentence: all of a short one; of a long one those around mistakes.

    Args:
        length: in words.
        examples: what one tagger or several made of it.
    """
    if length <= _WHOLE:
        return list(range(length))
    kept: set[int] = set()
    for example in examples:
        for entity in set(example.gold_entities) ^ set(example.predicted_entities):
            kept.update(range(max(0, entity.start - _AROUND), min(length, entity.end + _AROUND)))
    return sorted(kept or range(_WHOLE))[:_MOST_WORDS]


def gold_line(example: TaggedExample, kept: Sequence[int], finds_all: bool = False) -> MarkedLine:
    """Return the sentence with the entities of the corpus.

    Args:
        example: what a tagger made of it.
        kept: the words that are shown.
        finds_all: whether none is marked as missed: where several taggers are shown, each has missed others.
    """
    entities = [
        (one, one.entity_type, Verdict.RIGHT if finds_all or one in example.hits else Verdict.MISSED)
        for one in example.gold_entities
    ]
    return _line("in the corpus", example, entities, kept)


def predicted_line(example: TaggedExample, kept: Sequence[int], name: str = "predicted") -> MarkedLine:
    """Return the sentence with the predicted entities, and their confidences where these are known."""

    def shown(entity: Entity) -> str:
        return (
            f"{entity.entity_type} {100 * example.score_of(entity):.0f} %"
            if example.confidences
            else entity.entity_type
        )

    entities = [
        (one, shown(one), Verdict.RIGHT if one in example.hits else Verdict.WRONG) for one in example.predicted_entities
    ]
    return _line(name, example, entities, kept)


def _line(
    name: str, example: TaggedExample, entities: Iterable[tuple[Entity, str, Verdict]], kept: Sequence[int]
) -> MarkedLine:
    """Return the kept words, with dots where others are left out, and the marks of what is among them."""
    words: list[str] = []
    place: dict[int, int] = {}
    before = -1
    for at in kept:
        if at != before + 1:
            words.append("…")
        place[at] = len(words)
        words.append(shortened(example.sentence.words[at], _WORD_CHARACTERS))
        before = at
    if before + 1 < len(example.sentence.words):
        words.append("…")
    marks = []
    for entity, shown, verdict in entities:
        inside = [place[at] for at in range(entity.start, entity.end) if at in place]
        if inside:
            marks.append(Mark(inside[0], inside[-1] + 1, shown, verdict))
    return MarkedLine(name, tuple(words), tuple(marks))
