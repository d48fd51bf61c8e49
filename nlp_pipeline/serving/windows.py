"""A stream of records in windows: as many as are processed together, the same ones whoever reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from nlp_pipeline.corpora.records import InputRecord, Item, Position, Rejected


@dataclass(frozen=True, slots=True)
class Limits:
    """When a window is full: as soon as it has as much as one of these.

    Attributes:
        size: bytes of the file, or characters where its records take more of them than bytes.
        records: how many there are, rejected ones too.
    """

    size: int
    records: int


@dataclass(slots=True)
class Window:
    """Records that are processed together.

    Attributes:
        before: where it begins.
        after: where the next window begins.
        items: the records and what was rejected, in order.
        is_last: whether it is known that nothing more can be read.
    """

    before: Position
    after: Position
    items: list[Item] = field(default_factory=list)
    is_last: bool = False


def windows_of(items: Iterable[Item], limits: Limits, start: Position | None = None) -> Iterator[Window]:
    """Cut a stream into windows.

    Where one ends depends on its own records alone: read from there on, the stream gives the very windows that follow.

    Args:
        items: the records, as they are read.
        limits: when a window is full.
        start: where the first record begins.
    """
    begin = start or Position()
    window = Window(begin, begin)
    size = 0
    for item in items:
        size += max(item.after.offset - window.after.offset, 0 if isinstance(item, Rejected) else _size(item))
        window.after = item.after
        window.items.append(item)
        window.is_last = isinstance(item, Rejected) and item.is_rest
        if len(window.items) >= limits.records or size >= limits.size:
            yield window
            window = Window(item.after, item.after)
            size = 0
    if window.items:
        yield window


def _size(record: InputRecord) -> int:
    """Return about how much of a record is held: what Parquet's rows do not say by their places."""
    own = len(record.text) + 1 if record.text is not None else sum(len(word) + 1 for word in record.words or ())
    return own + sum(len(value) for value in record.fields.values() if isinstance(value, str | list | dict))
