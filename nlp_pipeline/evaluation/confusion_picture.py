"""A confusion matrix as pixels, drawn by matplotlib without its global state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.confusion import ConfusionMatrix
from nlp_pipeline.evaluation.fonts import box_of_labels, fonts_for, glyph_remarks_as_one, label
from nlp_pipeline.pictures import pixels_of_figure

_DPI = 96
_CELL = 0.5  # inches
_LETTERS = 9.0  # points
_TYPES = 30  # drawn at the most: some 2,000 pixels a side


def confusion_pixels(matrix: ConfusionMatrix, title: str = "") -> NDArray[np.uint8]:
    """Return a picture of the matrix as RGB, [H, W, 3]: the corpus down, what was predicted across.

    A cell holds its count, and is the darker the larger its share of its row; a cell of nothing is empty. Of more than
    30 types the commonest 30 are drawn, and the others as if they were one.

    Warns:
        FontWarning: where no font of this machine has a glyph for a character of a type.
    """
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    if (types := len(matrix.entity_types)) > _TYPES:
        matrix = matrix.commonest(_TYPES)
        title = f"{title or 'entities'}: the commonest {_TYPES} of {types:,} types"
    rows, columns = ([label(name) for name in side] for side in (matrix.rows, matrix.columns))
    shares = matrix.shares()
    font = FontProperties(family=list(fonts_for((*rows, *columns, title))), size=_LETTERS)
    width, height = _CELL * len(columns), _CELL * len(rows)
    # The cells alone, until it is known how much room their labels take.
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    mesh = axes.pcolormesh(
        np.arange(len(columns) + 1) - 0.5,
        np.arange(len(rows) + 1) - 0.5,
        shares,
        cmap="Blues",
        vmin=0.0,
        vmax=1.0,
        edgecolors="#bbbbbb",
        linewidth=0.5,
    )
    axes.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    axes.tick_params(length=0, pad=4, top=True, labeltop=True, bottom=False, labelbottom=False)
    axes.set_xticks(
        range(len(columns)),
        columns,
        fontproperties=font,
        parse_math=False,
        rotation=45,
        ha="left",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(len(rows)), rows, fontproperties=font, parse_math=False)
    axes.set_ylabel("in the corpus (entities)", fontsize=_LETTERS)
    axes.set_xlabel("predicted", fontsize=_LETTERS)
    for (row, column), count in np.ndenumerate(matrix.counts):
        if count:
            ink = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, f"{count:,}", ha="center", va="center", color=ink, fontsize=_LETTERS)
    boxes = [box_of_labels(axis) for axis in (axes.xaxis, axes.yaxis)]
    left = max(-box.x0 for box in boxes) / _DPI + 0.15
    above = max(box.y1 for box in boxes) / _DPI - height + 0.45
    beyond = max(box.x1 for box in boxes) / _DPI - width + 0.15
    # Of one or two types, the words around the cells need the more room.
    whole = (left + max(width + max(beyond, 1.3), 3.5), above + max(height, 1.6) + 0.4)
    figure.set_size_inches(*whole)
    axes.set_position((left / whole[0], (whole[1] - above - height) / whole[1], width / whole[0], height / whole[1]))
    bar_height = max(height, 1.6)
    bar = figure.add_axes(
        (
            (left + width + 0.2) / whole[0],
            (whole[1] - above - bar_height) / whole[1],
            0.14 / whole[0],
            bar_height / whole[1],
        )
    )
    figure.colorbar(mesh, cax=bar, ticks=[0.0, 0.5, 1.0]).set_label("share of the row", fontsize=_LETTERS)
    bar.tick_params(labelsize=_LETTERS - 1)
    if title:
        figure.text(0.12 / whole[0], 1 - 0.22 / whole[1], title, fontproperties=font, parse_math=False)
    with glyph_remarks_as_one((*rows, *columns, title)):
        return pixels_of_figure(figure, _DPI)
