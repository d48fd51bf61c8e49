"""A document as Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from nlp_pipeline.documents.document import (
    Block,
    Cell,
    Document,
    Drawings,
    HeatMap,
    Inline,
    Item,
    ItemBlock,
    Items,
    Mark,
    MarkedLine,
    Meter,
    Paragraph,
    Reliability,
    Steps,
    Table,
    TextLine,
    Verdict,
)
from nlp_pipeline.documents.shown_text import in_markdown

_METER = 21  # characters
_BRACKETS = {Verdict.RIGHT: ("[", "]"), Verdict.MISSED: ("(", ")"), Verdict.WRONG: ("{", "}")}


def markdown_of(document: Document) -> str:
    """Return the document in Markdown; every character of a user's text is shown as it is, none is markup."""
    lines = [f"# {in_markdown(document.title)}", ""]
    for section in document.sections:
        lines += [f"## {_own(section.title)}", ""]
        for block in section.blocks:
            lines += [*_block(block), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield _inlines(block.parts)
    elif isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, HeatMap):
        yield from _heat_map(block)
    elif isinstance(block, Reliability):
        yield f"*{_own(block.caption)}*"
        yield ""
        for low, high, confidence, right in block.bins:
            yield f"    {low:.1f}-{high:.1f} {_meter(Meter(right, min(confidence, right), max(confidence, right)))}"
    elif isinstance(block, Drawings):
        yield f"![{'; '.join(_own(one.caption) for one in block.drawings)}]({block.file})"
    else:
        items: Items | Steps = block
        for number, item in enumerate(items.items, start=1):
            yield from _item(number, item)


def _item(number: int, item: Item) -> Iterator[str]:
    yield f"{number}. {_inlines(item.title)}"
    for block in item.blocks:
        lines = list(_item_block(block))
        # A table needs an empty line before it, and what belongs to an item is indented.
        if isinstance(block, (Table, HeatMap, Paragraph)):
            lines = ["", *lines, ""]
        yield from (f"    {line}" if line else "" for line in lines)


def _item_block(block: ItemBlock) -> Iterator[str]:
    if isinstance(block, MarkedLine):
        yield f"- {_own(block.name)}: {_marked(block)}"
    elif isinstance(block, TextLine):
        yield f"- {_own(block.name)}: {in_markdown(block.text) if block.text.strip() else '*nothing*'}"
    else:
        yield from _block(block)


def _table(block: Table) -> Iterator[str]:
    if block.caption:
        yield f"*{_own(block.caption)}*"
        yield ""
    yield f"| {' | '.join(map(_cell, block.columns))} |"
    sides = ("---" if number == 0 or number in block.texts else "--:" for number in range(len(block.columns)))
    yield f"|{'|'.join(sides)}|"
    for row in block.rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _heat_map(block: HeatMap) -> Iterator[str]:
    if block.marked is None:
        cells = zip(block.rows, block.shown, strict=True)
        yield from _table(Table(block.caption, ("", *block.columns), tuple((name, *shown) for name, shown in cells)))
        return
    yield f"*{_own(block.caption)}*"
    yield ""
    for name, shares, best in zip(block.rows, block.shares, block.marked, strict=True):
        if best is not None:
            yield f"- {_inlines((name,))} ← {_inlines((block.columns[best],))} ({shares[best]:.2f})"


def _inlines(parts: tuple[Inline, ...]) -> str:
    return "".join(_own(part) if isinstance(part, str) else in_markdown(part.text) for part in parts)


def _own(text: str) -> str:
    """Return prose of ours so that Markdown shows it as it is; it holds no line break, and begins no list."""
    shown = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{letter}" if letter in "\\`*_|" else letter for letter in shown)


def _cell(cell: Cell) -> str:
    return f"`{_meter(cell)}`" if isinstance(cell, Meter) else _inlines((cell,))


def _meter(meter: Meter) -> str:
    """Return a scale in letters: `·····===O==···········`."""

    def place(value: float) -> int:
        return round(min(max(value, 0.0), 1.0) * (_METER - 1))

    drawn = ["·"] * _METER
    if meter.low is not None and meter.high is not None:
        low, high = place(meter.low), place(meter.high)
        drawn[low : high + 1] = "=" * (high + 1 - low)
    drawn[place(meter.value)] = "O"
    return "".join(drawn)


def _marked(line: MarkedLine) -> str:
    """Return the sentence with brackets around what is marked."""
    opening: dict[int, str] = {}
    closing: dict[int, str] = {}
    for mark in line.marks:
        before, after = _BRACKETS[mark.verdict]
        opening[mark.start] = f"**{in_markdown(before)}{in_markdown(_label(mark))}** "
        closing[mark.end - 1] = f" **{in_markdown(after)}**"
    words = enumerate(line.words)
    return " ".join(f"{opening.get(at, '')}{in_markdown(word)}{closing.get(at, '')}" for at, word in words)


def _label(mark: Mark) -> str:
    return mark.name if mark.verdict is Verdict.RIGHT else f"{mark.name} {mark.verdict.value}"
