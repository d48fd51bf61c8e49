"""Half-open spans, and entities, which are spans with a type."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """The places `[start, end)` of a sequence; never empty, never negative.

    Raises:
        ValueError: for any other pair of numbers.
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.start < 0 or self.end <= self.start:
            raise ValueError(f"expected 0 <= start < end. Received: start={self.start}, end={self.end}")

    def __len__(self) -> int:
        return self.end - self.start

    def shifted(self, by: int) -> Span:
        """Return the span of the same length that begins `by` places later."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True, order=True, slots=True)
class Entity(Span):
    """An entity: the words `[start, end)` of a sentence, and its type, such as `PER`.

    Raises:
        ValueError: for a span that is none, or an empty type.
    """

    entity_type: str

    def __post_init__(self) -> None:
        Span.__post_init__(self)
        if not self.entity_type:
            raise ValueError("expected the type of an entity. Received: an empty string")


def first_overlap(entities: Iterable[Entity]) -> tuple[Entity, Entity] | None:
    """Return the first two entities that share a place, the one that begins earlier first; None where none do."""
    before: Entity | None = None
    for entity in sorted(entities):
        if before is not None and entity.start < before.end:
            return before, entity
        if before is None or entity.end > before.end:
            before = entity
    return None
