"""What a tagger takes for what: entities of the corpus against predicted ones, counted by their types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.text.spans import Entity

NOTHING = "O"
BORDERS = "other borders"


@dataclass(frozen=True)
class Confusion:
    """How often one thing was taken for another.

    Attributes:
        gold: an entity type, or `O` where the corpus has no entity.
        predicted: likewise.
        count: how often.
        border: True where the type is right and the borders are not.
    """

    gold: str
    predicted: str
    count: int
    border: bool = False


@dataclass(frozen=True, eq=False)
class ConfusionMatrix:
    """Entities of the corpus (rows) by what was made of them (columns).

    Attributes:
        entity_types: K types, in the order of the alphabet.
        counts: [K + 1, K + 2], whole numbers. Rows: the types, then `O`, where the corpus has no entity. Columns: the
            types, then "other borders" (the type is right, the borders are not), then `O`, for what was not found. The
            diagonal of the types holds what is right. A row of a type sums to its entities in the corpus. What lies in
            the last row was made of nothing; its last two cells are 0.
    """

    entity_types: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def rows(self) -> tuple[str, ...]:
        """What the rows are of."""
        return (*self.entity_types, NOTHING)

    @property
    def columns(self) -> tuple[str, ...]:
        """What the columns are of."""
        return (*self.entity_types, BORDERS, NOTHING)

    def shares(self) -> NDArray[np.float64]:
        """Return the counts as shares of their row, from 0 to 1; a row of nothing holds zeros."""
        return np.asarray(self.counts / np.maximum(self.counts.sum(axis=1, keepdims=True), 1), np.float64)

    def commonest(self, count: int) -> ConfusionMatrix:
        """Return the matrix of the commonest types, and of all others as if they were one, which comes last.

        The commonest have the most entities in the corpus and among the predicted ones, together. On the diagonal, the
        cell of the others holds what is right and what was mistaken among them.

        Args:
            count: how many types stay; a matrix of no more is returned as it is.
        """
        size = len(self.entity_types)
        if size <= count:
            return self
        met = self.counts.sum(axis=1)[:size] + self.counts.sum(axis=0)[:size]
        kept = sorted(np.argsort(-met, kind="stable")[:count].tolist())
        # Where each type goes to; `O`, and what is beside it, keep their places at the end.
        places = np.full(size + 2, count)
        places[kept] = range(count)
        places[size:] = (count + 1, count + 2)
        counts = np.zeros((count + 2, count + 3), np.int64)
        np.add.at(counts, (places[: size + 1, np.newaxis], places[np.newaxis]), self.counts)
        types = (*(self.entity_types[place] for place in kept), f"{size - count:,} other types")
        return ConfusionMatrix(types, counts)

    def to_json(self) -> dict[str, Any]:
        """Return `rows`, `columns` and `counts`, by rows."""
        return {"rows": list(self.rows), "columns": list(self.columns), "counts": self.counts.tolist()}


def confusions_of(examples: Sequence[TaggedExample]) -> list[Confusion]:
    """Return what was taken for what, the commonest first.

    A gold entity that was not found is set against the first predicted entity that overlaps it and is wrong; where
    there is none it was taken for nothing. A predicted entity that overlaps no gold one that was missed was made of
    nothing.
    """
    counts = Counter(
        (gold or NOTHING, predicted or NOTHING, gold == predicted) for gold, predicted in _mistakes_of(examples)
    )
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [Confusion(gold, predicted, count, border) for (gold, predicted, border), count in ordered]


def confusion_matrix_of(examples: Sequence[TaggedExample], entity_types: Sequence[str] = ()) -> ConfusionMatrix:
    """Return the confusions of `confusions_of`, and what is right, as a matrix.

    Args:
        examples: what was tagged.
        entity_types: types that have a row and a column even where they do not come, so that the matrices of two epochs
            look the same.
    """
    right = Counter(entity.entity_type for example in examples for entity in example.hits)
    mistakes = Counter(_mistakes_of(examples))
    met = {name for pair in mistakes for name in pair if name is not None}
    types = tuple(sorted({*entity_types, *right, *met}))
    place: dict[str | None, int] = {name: number for number, name in enumerate(types)}
    counts = np.zeros((len(types) + 1, len(types) + 2), np.int64)
    for name, count in right.items():
        counts[place[name], place[name]] = count
    for (gold, predicted), count in mistakes.items():
        column = len(types) if gold == predicted else place.get(predicted, len(types) + 1)
        counts[place.get(gold, len(types)), column] = count
    return ConfusionMatrix(types, counts)


def _mistakes_of(examples: Iterable[TaggedExample]) -> Iterator[tuple[str | None, str | None]]:
    """Yield the types of what was taken for what, None for nothing; the same type twice where the borders differ."""
    for example in examples:
        missed = [entity for entity in example.gold_entities if entity not in example.hits]
        wrong = [entity for entity in example.predicted_entities if entity not in example.hits]
        for entity in missed:
            other = next((guess for guess in wrong if _overlap(entity, guess)), None)
            yield entity.entity_type, None if other is None else other.entity_type
        for guess in wrong:
            if not any(_overlap(guess, entity) for entity in missed):
                yield None, guess.entity_type


def _overlap(one: Entity, other: Entity) -> bool:
    return one.start < other.end and other.start < one.end
