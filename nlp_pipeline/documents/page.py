"""A document as one page of HTML that needs nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from html import escape

from nlp_pipeline.documents.diagrams import meter_svg, reliability_svg
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
    MarkedLine,
    Meter,
    Paragraph,
    Reliability,
    Section,
    Steps,
    Table,
    TextLine,
    Verdict,
)
from nlp_pipeline.documents.shown_text import in_html
from nlp_pipeline.documents.style import SCRIPT, STYLE

# From this share on a cell's letters take the other ink: on either side the contrast is at least 4.5 to 1, in light and
# in dark.
_DARK_FROM = 0.66
_LABELS = {Verdict.RIGHT: "", Verdict.MISSED: " missed", Verdict.WRONG: " wrong"}


def page_of(document: Document) -> str:
    """Return the page. Nothing of a user's text is markup; a script is there only where there are steps to go through.

    The page forbids itself every request, and every script but its own (a Content Security Policy with its digest).
    """
    has_steps = any(isinstance(block, Steps) for section in document.sections for block in section.blocks)
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    scripts = f"; script-src 'sha256-{digest}'" if has_steps else ""
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:{scripts}"
    title = in_html(document.title)
    contents = "".join(
        f'<li><a href="#s{number}">{in_html(section.title)}</a></li>'
        for number, section in enumerate(document.sections, start=1)
    )
    parts = [
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<link rel="icon" href="data:,">',  # without one, a browser asks for favicon.ico
        f"<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>",
        f'<nav aria-label="Contents"><ul>{contents}</ul></nav>\n</header>\n<main>',
    ]
    for number, section in enumerate(document.sections, start=1):
        parts += _section(number, section)
    parts.append("</main>")
    if has_steps:
        parts.append(f"<script>{SCRIPT}</script>")
    return "\n".join([*parts, "</body>\n</html>\n"])


def _section(number: int, section: Section) -> Iterator[str]:
    yield f'<section aria-labelledby="s{number}">\n<h2 id="s{number}">{in_html(section.title)}</h2>'
    for block in section.blocks:
        yield from _block(block)
    yield "</section>"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield f"<p>{_inlines(block.parts)}</p>"
    elif isinstance(block, Table):
        yield from _table(block)
    elif isinstance(block, HeatMap):
        yield from _heat_map(block)
    elif isinstance(block, Reliability):
        yield f"<figure>{reliability_svg(block)}<figcaption>{in_html(block.caption)}</figcaption></figure>"
    elif isinstance(block, Drawings):
        yield '<div class="drawings">'
        for one in block.drawings:
            yield f"<figure><figcaption>{in_html(one.caption)}</figcaption>\n{one.svg}</figure>"
        yield "</div>"
    elif isinstance(block, Items):
        yield '<ol class="items">'
        for number, item in enumerate(block.items, start=1):
            yield f"<li>{_item(number, item)}</li>"
        yield "</ol>"
    else:
        yield from _steps(block)


def _steps(block: Steps) -> Iterator[str]:
    name = in_html(block.name)
    buttons = "".join(f'<button type="button">{shown}</button>' for shown in ("first", "previous", "next", "last"))
    yield f'<div class="steps" role="group" aria-label="{name}">'
    yield (
        f'<nav hidden aria-label="Go through the {name}: also by the keys left, right, Home and End">'
        f'{buttons}<span role="status"></span></nav>'
    )
    for number, item in enumerate(block.items, start=1):
        yield f'<div class="step">{_item(number, item)}</div>'
    yield "</div>"


def _item(number: int, item: Item) -> str:
    inner = "\n".join(part for block in item.blocks for part in _item_block(block))
    return f'<p class="title">{number}. {_inlines(item.title)}</p>\n{inner}'


def _item_block(block: ItemBlock) -> Iterator[str]:
    if isinstance(block, MarkedLine):
        yield _line(block.name, _marked(block))
    elif isinstance(block, TextLine):
        shown = in_html(block.text) if block.text.strip() else '<span class="nothing">nothing</span>'
        yield _line(block.name, shown)
    else:
        yield from _block(block)


def _line(name: str, inner: str) -> str:
    return f'<div class="line"><span>{in_html(name)}</span><p dir="auto">{inner}</p></div>'


def _marked(line: MarkedLine) -> str:
    parts, at = [], 0
    for mark in line.marks:
        parts += [in_html(word) for word in line.words[at : mark.start]]
        words = " ".join(in_html(word) for word in line.words[mark.start : mark.end])
        label = in_html(mark.name) + _LABELS[mark.verdict]
        parts.append(f'<mark class="{mark.verdict.value}">{words}<b><bdi>{label}</bdi></b></mark>')
        at = mark.end
    return " ".join([*parts, *(in_html(word) for word in line.words[at:])])


def _wide(caption: str, table: str) -> str:
    """Return a table in a box of its own that scrolls where the page is too narrow, also by the keyboard."""
    return f'<div class="wide" tabindex="0" role="region" aria-label="{in_html(caption) or "table"}">{table}</div>'


def _caption(text: str) -> str:
    return f"<caption>{in_html(text)}</caption>" if text else ""


def _table(block: Table) -> Iterator[str]:
    def kind(number: int) -> str:
        return ' class="text"' if number in block.texts else ""

    head = "".join(f'<th scope="col"{kind(n)}>{_inlines((name,))}</th>' for n, name in enumerate(block.columns))
    rows = []
    for row in block.rows:
        cells = "".join(f"<td{kind(number)}>{_cell(cell)}</td>" for number, cell in enumerate(row) if number)
        rows.append(f'<tr><th scope="row">{_cell(row[0])}</th>{cells}</tr>')
    body = "\n".join(rows)
    yield _wide(
        block.caption,
        f"<table>{_caption(block.caption)}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>",
    )


def _heat_map(block: HeatMap) -> Iterator[str]:
    head = "".join(f'<th scope="col"><span>{_inlines((name,))}</span></th>' for name in block.columns)
    rows = []
    marked = block.marked or (None,) * len(block.rows)
    for name, shares, shown, best in zip(block.rows, block.shares, block.shown, marked, strict=True):
        cells = "".join(
            _heat_cell(share, in_html(text), place == best)
            for place, (share, text) in enumerate(zip(shares, shown, strict=True))
        )
        rows.append(f'<tr><th scope="row">{_inlines((name,))}</th>{cells}</tr>')
    body = "\n".join(rows)
    yield _wide(
        block.caption,
        f'<table class="heat">{_caption(block.caption)}\n<thead><tr><td></td>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table>",
    )


def _heat_cell(share: float, shown: str, is_best: bool) -> str:
    percent = round(100 * min(max(share, 0.0), 1.0))
    style = f' style="--s:{percent}"' if percent else ""
    dark = ' class="dark"' if percent >= 100 * _DARK_FROM else ""
    return f"<td{dark}{style}>{f'<b>{shown}</b>' if is_best else shown}</td>"


def _inlines(parts: tuple[Inline, ...]) -> str:
    return "".join(escape(p) if isinstance(p, str) else f"<bdi>{in_html(p.text)}</bdi>" for p in parts)


def _cell(cell: Cell) -> str:
    return meter_svg(cell) if isinstance(cell, Meter) else _inlines((cell,))
