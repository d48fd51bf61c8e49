"""A heat map as one page of HTML: a table with its numbers, so that neither colour nor a mouse is needed to read it."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.documents.shown_text import visible

# A weight of 0 is white, of 1 dark blue.
_FULL = (8, 48, 107)
# From this weight on white letters have the better contrast; on either side it is at least 4.4 to 1.
_WHITE_FROM = 0.66

_STYLE = """\
:root { color-scheme: light; }
body { font-family: system-ui, sans-serif; margin: 1.5rem; background: #fff; color: #111; }
table { border-collapse: separate; border-spacing: 1px; }
caption { text-align: start; padding-bottom: 0.75rem; max-width: 45rem; }
th { font-weight: normal; background: #fff; padding: 0.15rem 0.4rem; white-space: pre; }
thead th { position: sticky; top: 0; vertical-align: bottom; }
thead th span { writing-mode: vertical-rl; }
tbody th { position: sticky; left: 0; text-align: end; }
thead td { position: sticky; top: 0; left: 0; z-index: 1; background: #fff; }
tbody td { min-width: 2.4rem; padding: 0.25rem; text-align: center; font-size: 0.8rem; outline: 1px solid #ddd; }
tbody td:hover { outline: 2px solid #d60; }
td strong { text-decoration: underline; }"""


def page_of(source_tokens: Sequence[str], target_tokens: Sequence[str], weights: NDArray[np.float32]) -> str:
    """Return the page.

    The source is across, the target down. A cell holds its weight to two decimals, to four when pointed at; the
    largest of a row is underlined.

    Args:
        source_tokens: S texts.
        target_tokens: T texts.
        weights: [T, S], from 0 to 1.
    """
    sources, targets = ([html.escape(visible(token)) for token in side] for side in (source_tokens, target_tokens))
    across = "".join(f'<th scope="col"><span dir="auto">{token}</span></th>' for token in sources)
    rows = []
    for target, row in zip(targets, weights, strict=True):
        best = int(row.argmax()) if row.size else -1
        cells = "".join(
            _cell(float(weight), f"{source} → {target}", place == best)
            for place, (source, weight) in enumerate(zip(sources, row, strict=True))
        )
        rows.append(f'<tr><th scope="row" dir="auto">{target}</th>{cells}</tr>')
    return "\n".join(
        (
            "<!DOCTYPE html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<title>Attention of a translation</title>",
            f"<style>\n{_STYLE}\n</style>",
            "</head>",
            "<body>",
            "<table>",
            "<caption>How much each token of the translation (rows) attended to each token of the source (columns), "
            "from 0 to 1. The largest weight of a row is underlined.</caption>",
            f"<thead><tr><td></td>{across}</tr></thead>",
            "<tbody>",
            *rows,
            "</tbody>",
            "</table>",
            "</body>",
            "</html>",
            "",
        )
    )


def _cell(weight: float, pair: str, best: bool) -> str:
    """Return a cell; `pair` is escaped already."""
    share = min(weight, 1.0)
    colour = ",".join(str(round(255 + (full - 255) * share)) for full in _FULL)
    ink = "#fff" if share >= _WHITE_FROM else "#000"
    shown = f"<strong>{weight:.2f}</strong>" if best else f"{weight:.2f}"
    return f'<td style="background:rgb({colour});color:{ink}" title="{pair}: {weight:.4f}">{shown}</td>'
