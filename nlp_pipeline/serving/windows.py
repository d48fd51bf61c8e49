"""A stream of records in windows: as many as are processed together, the same ones whoever reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from nlp_pipeline.corpora.records import InputRecord, Item, Position, Rejected

_Prepared = TypeVar("_Prepared")


@dataclass(frozen=True, slots=True)
class Limits:
    """When a window is full: as soon as it has as much as any of these.

    Attributes:
        weight: what the records weigh together.
        records: how many there are, rejected ones too.
        size: bytes or characters that they take.
    """

    weight: int
    records: int = 20_000
    size: int = 8 * 2**20


@dataclass(slots=True)
class Window:
    """Records that are processed together.

    Attributes:
        entries: the prepared records and those that were rejected, in order.
        after: where the next window begins.
        is_last: whether it is known that there is none.
    """

    after: Position
    entries: list[Any] = field(default_factory=list)
    is_last: bool = False

    @property
    def accepted(self) -> list[Any]:
        """The prepared records."""
        return [entry for entry in self.entries if not isinstance(entry, Rejected)]


def windows_of(
    items: Iterable[Item],
    prepare: Callable[[InputRecord], tuple[_Prepared, int]],
    limits: Limits,
    start: Position | None = None,
) -> Iterator[Window]:
    """Cut a stream into windows.

    Where one ends depends on its own records alone: read from there on, the stream gives the very windows that follow.

    Args:
        items: the records, as they are read.
        prepare: returns what is processed of a record, and what it weighs.
        limits: when a window is full.
        start: where the first record begins.
    """
    window = Window(start or Position())
    weight = size = 0
    for item in items:
        size += max(0, item.after.offset - window.after.offset)
        window.after = item.after
        if isinstance(item, Rejected):
            window.entries.append(item)
            window.is_last = item.is_rest
        else:
            prepared, weighs = prepare(item)
            window.entries.append(prepared)
            weight += weighs
            size += len(item.text or "") + sum(len(v) for v in item.fields.values() if isinstance(v, str | list | dict))
        if weight >= limits.weight or len(window.entries) >= limits.records or size >= limits.size:
            yield window
            window = Window(item.after)
            weight = size = 0
    if window.entries:
        yield window
