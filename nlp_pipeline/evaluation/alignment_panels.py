"""Where a translator looked, as heat maps: of a long sentence in panels, row of panels by row of panels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

import numpy as np

from nlp_pipeline.documents.document import HeatMap, Quoted
from nlp_pipeline.documents.shown_text import shortened
from nlp_pipeline.evaluation.heatmap import AlignedTranslation

PANEL = 40
"""How many words of each side a panel has at most."""

PANELS = 24
"""How many panels of a sentence there are at most."""

_WORD_CHARACTERS = 30
# What is less is shown as nothing.
_SHOWN_FROM = 0.005


def heat_maps_of(aligned: AlignedTranslation) -> list[HeatMap]:
    """Return an alignment as heat maps, in the order of the translation.

    Panels in which nothing would be shown are left out: attention follows the sentence, and most of what is far from
    its diagonal is empty. What else is left out, of a very long sentence, the last caption says.
    """
    sides = len(aligned.target_tokens), len(aligned.source_tokens)
    if not all(sides):
        return []
    best = aligned.weights.argmax(axis=1)
    panels = [
        (rows, columns)
        for rows, columns in product(*map(_cut, sides))
        if (aligned.weights[rows[0] : rows[1], columns[0] : columns[1]] >= _SHOWN_FROM).any()
    ]
    whole = max(sides) <= PANEL
    maps = []
    for number, (rows, columns) in enumerate(panels[:PANELS], start=1):
        caption = "Translation down, source across"
        if not whole:
            down, across = (f"{first + 1} to {last}" for first, last in (rows, columns))
            caption = f"Translation down (words {down} of {sides[0]}), source across ({across} of {sides[1]})"
        if number == PANELS < len(panels):
            caption += f"; {len(panels) - PANELS:,} more panels are not shown"
        maps.append(_heat_map(aligned, caption, rows, columns, best))
    return maps


def _heat_map(
    aligned: AlignedTranslation, caption: str, rows: tuple[int, int], columns: tuple[int, int], best: np.ndarray
) -> HeatMap:
    weights = aligned.weights[slice(*rows), slice(*columns)].tolist()
    targets, sources = (
        tuple(Quoted(shortened(word, _WORD_CHARACTERS)) for word in side[slice(*part)])
        for side, part in ((aligned.target_tokens, rows), (aligned.source_tokens, columns))
    )
    shown = tuple(tuple(f"{weight:.2f}" if weight >= _SHOWN_FROM else "" for weight in row) for row in weights)
    # The largest weight of a whole row may stand in another panel.
    marked = tuple(int(at) - columns[0] if columns[0] <= at < columns[1] else None for at in best[slice(*rows)])
    return HeatMap(caption, targets, sources, tuple(map(tuple, weights)), shown, marked)


def _cut(count: int) -> Iterator[tuple[int, int]]:
    """Yield the borders of the parts of a side, as few as there can be and all of about one length."""
    parts = -(-count // PANEL)
    yield from pairwise(count * part // parts for part in range(parts + 1))
