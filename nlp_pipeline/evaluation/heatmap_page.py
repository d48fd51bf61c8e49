"""A heat map as one page of HTML: a table with its numbers, so that neither colour nor a mouse is needed to read it."""

from __future__ import annotations

import html
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.shown_text import visible

# A weight of 0 is white, of 1 dark blue.
_FULL = (8, 48, 107)

_STYLE = """\
:root { color-scheme: light; }
body { font: 100%/1.4 system-ui, sans-serif; margin: 1rem; background: #fff; color: #111; }
h1 { font-size: 1.3rem; }
p { max-width: 45rem; overflow-wrap: anywhere; }
/* The table scrolls in a box of its own, so that the names of its rows and columns stay in sight. */
.scroll { overflow: auto; max-height: 90vh; width: fit-content; max-width: 100%; border: 1px solid #ccc; }
.scroll:focus { outline: 2px solid #d60; }
table { border-collapse: separate; border-spacing: 1px; }
th { font-weight: normal; background: #fff; padding: 0.15rem 0.4rem; white-space: pre-wrap; }
th span { display: inline-block; overflow-wrap: break-word; }
thead th { position: sticky; top: 0; vertical-align: bottom; }
thead th span { writing-mode: vertical-rl; max-height: 14em; }
tbody th { position: sticky; left: 0; text-align: end; }
tbody th span { max-width: 9rem; }
thead td { position: sticky; top: 0; left: 0; z-index: 1; background: #fff; }
tbody td { min-width: 2.4rem; padding: 0.25rem; text-align: center; font-size: 0.8rem; outline: 1px solid #ddd; }
tbody td:hover { outline: 2px solid #d60; }
td strong { text-decoration: underline; }
@media print { .scroll { max-height: none; overflow: visible; } }"""


def page_of(source_tokens: Sequence[str], target_tokens: Sequence[str], weights: NDArray[np.float32]) -> str:
    """Return the page.

    The source is across, the target down, in a box that scrolls by hand and by keyboard. A cell holds its weight to two
    decimals, to four when pointed at; the largest of a row is underlined.

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
        rows.append(f'<tr><th scope="row"><span dir="auto">{target}</span></th>{cells}</tr>')
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
            "<h1>Attention of a translation</h1>",
            "<p>How much each token of the translation (rows) attended to each token of the source (columns), from 0 "
            "to 1. The largest weight of a row is underlined.</p>",
            '<div class="scroll" role="region" aria-label="Attention weights" tabindex="0">',
            "<table>",
            f"<thead><tr><td></td>{across}</tr></thead>",
            "<tbody>",
            *rows,
            "</tbody>",
            "</table>",
            "</div>",
            "</body>",
            "</html>",
            "",
        )
    )


def _cell(weight: float, pair: str, best: bool) -> str:
    """Return a cell; `pair` is escaped already."""
    share = min(weight, 1.0)
    colour = [round(255 + (full - 255) * share) for full in _FULL]
    # Black and white stand out equally from a luminance of 0.18, and from any other one of them does so more.
    ink = "#fff" if luminance(colour) < 0.179 else "#000"
    shown = f"<strong>{weight:.2f}</strong>" if best else f"{weight:.2f}"
    ground = ",".join(map(str, colour))
    return f'<td style="background:rgb({ground});color:{ink}" title="{pair}: {weight:.4f}">{shown}</td>'


def luminance(colour: Sequence[int]) -> float:
    """Return the relative luminance of red, green and blue (0 to 255), from 0 to 1, as WCAG 2 defines it."""
    red, green, blue = (c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
