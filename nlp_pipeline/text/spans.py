"""Half-open spans, and entities, which are spans with a type."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def overlaps(entities: Iterable[Entity]) -> Iterator[tuple[Entity, Entity]]:
    """Yield each entity that begins within an earlier one, after that one: of those, the one that goes furthest."""
    before: Entity | None = None
    for entity in sorted(entities):
        if before is not None and entity.start < before.end:
            yield before, entity
        if before is None or entity.end > before.end:
            before = entity
