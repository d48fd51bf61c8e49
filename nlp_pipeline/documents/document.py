"""A report before it is rendered: what it says, and nothing of how that looks.

`documents.page` makes a page of HTML of it, `documents.markdown` Markdown. What we say is `str`; what comes from a
user's data is `Quoted`, and keeps its own direction of writing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Quoted:
    """Text from a user's data."""

    text: str


@dataclass(frozen=True, slots=True)
class Meter:
    """A number drawn on a scale from 0 to 1, with its interval; the numbers stand beside it in words.

    Attributes:
        value: where the mark is.
        low, high: the ends of the bar; None for no bar.
    """

    value: float
    low: float | None = None
    high: float | None = None


Inline = str | Quoted
Cell = str | Quoted | Meter


@dataclass(frozen=True)
class Paragraph:
    """Prose."""

    parts: tuple[Inline, ...]


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row.

    Attributes:
        caption: what it shows.
        columns: their headers, which may be a user's.
        rows: as many cells as there are columns, each.
        texts: the columns, by number, that hold text; the others but the first hold numbers.
    """

    caption: str
    columns: tuple[Inline, ...]
    rows: tuple[tuple[Cell, ...], ...]
    texts: frozenset[int] = frozenset()


@dataclass(frozen=True)
class HeatMap:
    """A matrix of shares, each cell the darker the larger its share.

    Attributes:
        caption: what it shows, and what rows and columns are.
        rows, columns: their names.
        shares: of each row its cells, from 0 to 1.
        shown: what stands in the cells; nothing where a cell stays empty.
        marked: where each row attends to columns, the one of them that is marked, None where it is none of these;
            Markdown then tells that one alone.
    """

    caption: str
    rows: tuple[Inline, ...]
    columns: tuple[Inline, ...]
    shares: tuple[tuple[float, ...], ...]
    shown: tuple[tuple[str, ...], ...]
    marked: tuple[int | None, ...] | None = None


@dataclass(frozen=True)
class Reliability:
    """A diagram of how often what is predicted with some confidence is right. A table tells the same in numbers.

    Attributes:
        caption: what it shows.
        bins: for each its lower and upper border, its mean confidence and the share that is right, all from 0 to 1.
    """

    caption: str
    bins: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Drawing:
    """A drawing of ours.

    Attributes:
        caption: what it shows.
        svg: an SVG element, in the colour of the text around it; it holds nothing of a user's.
    """

    caption: str
    svg: str


@dataclass(frozen=True)
class Drawings:
    """Drawings side by side, as many as there is room for.

    Attributes:
        drawings: in order.
        file: a picture of them all beside the document, which Markdown shows.
    """

    drawings: tuple[Drawing, ...]
    file: str


class Verdict(Enum):
    """What a mark means: an entity that is right; one of the corpus that was missed; a predicted one that is wrong."""

    RIGHT = "right"
    MISSED = "missed"
    WRONG = "wrong"


@dataclass(frozen=True)
class Mark:
    """Words `[start, end)` of a line, with a name and a verdict."""

    start: int
    end: int
    name: str
    verdict: Verdict


@dataclass(frozen=True)
class MarkedLine:
    """A sentence with words marked; the marks do not overlap.

    Attributes:
        name: whose marks they are, such as `gold`.
        words: the sentence.
        marks: in order.
    """

    name: str
    words: tuple[str, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True)
class TextLine:
    """A text of a user's with its name, such as `source`."""

    name: str
    text: str


ItemBlock = Paragraph | MarkedLine | TextLine | Table | HeatMap


@dataclass(frozen=True)
class Item:
    """One of several things of a kind, such as a sentence: its title, and what there is to it."""

    title: tuple[Inline, ...]
    blocks: tuple[ItemBlock, ...]


@dataclass(frozen=True)
class Items:
    """Things of a kind, numbered from 1."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Steps:
    """Things of a kind that are looked at one at a time, where that is possible.

    Attributes:
        name: what they are, such as `alignments`.
        items: at least one.
    """

    name: str
    items: tuple[Item, ...]


Block = Paragraph | Table | HeatMap | Reliability | Drawings | Items | Steps


@dataclass(frozen=True)
class Section:
    """A part with a heading."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title: may hold names from a user's data.
        sections: in order; titles differ.

    Raises:
        ValueError: where two sections have one title.
    """

    title: str
    sections: tuple[Section, ...]

    def __post_init__(self) -> None:
        titles = [section.title for section in self.sections]
        if len(set(titles)) < len(titles):
            raise ValueError(f"expected titles that differ. Received: {titles}")


def paragraph(*parts: Inline) -> Paragraph:
    """Return a paragraph of its parts."""
    return Paragraph(parts)


def table(caption: str, columns: Sequence[Inline], rows: Sequence[Sequence[Cell]], texts: Sequence[int] = ()) -> Table:
    """Return a table.

    Raises:
        ValueError: where a row has another number of cells than there are columns.
    """
    told = tuple(map(tuple, rows))
    if any(len(row) != len(columns) for row in told):
        raise ValueError(f"expected rows of {len(columns)} cells. Received: {sorted({len(row) for row in told})}")
    return Table(caption, tuple(columns), told, frozenset(texts))
