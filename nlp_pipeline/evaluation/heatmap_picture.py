"""A heat map as pixels, drawn by matplotlib without its global state.

Labels are shaped by matplotlib itself (from 3.11 on), so that Arabic joins its letters and Hebrew runs from right to
left. For what its own font lacks, the fonts of the machine are searched.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.fonts import fonts_for, glyph_remarks_as_one, label

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# All in inches, but for the letters.
_CELL = 0.28
_LONGEST_SIDE = 40.0
_MARGIN = 0.12
_BAR = 0.14
_BAR_HEIGHT = 1.6
_LETTERS = 9.0  # points
_LABEL_HEIGHT = 0.17  # of such letters, with some air

_PNG_DPI = 144
_ARRAY_DPI = 96  # TensorBoard keeps every picture of a run


def png_of(source_tokens: Sequence[str], target_tokens: Sequence[str], weights: NDArray[np.float32]) -> bytes:
    """Return a PNG file.

    Cells keep their size, so the picture grows with the sentence; from about 140 tokens on they shrink, and from 240
    on not every one keeps its label.

    Args:
        source_tokens: S texts, written across the top.
        target_tokens: T texts, written down the left side.
        weights: [T, S], from 0 (dark) to 1 (bright), on the same scale in every picture.

    Warns:
        FontWarning: once, with all characters that have no glyph.
    """
    stream = io.BytesIO()
    with glyph_remarks_as_one((*source_tokens, *target_tokens)):
        figure_of(source_tokens, target_tokens, weights, _PNG_DPI).savefig(stream, format="png", dpi=_PNG_DPI)
    return stream.getvalue()


def pixels_of(
    source_tokens: Sequence[str], target_tokens: Sequence[str], weights: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return the picture of `png_of`, at two thirds of its size, as RGBA, [H, W, 4]."""
    stream = io.BytesIO()
    with glyph_remarks_as_one((*source_tokens, *target_tokens)):
        figure = figure_of(source_tokens, target_tokens, weights, _ARRAY_DPI)
        figure.savefig(stream, format="rgba", dpi=_ARRAY_DPI)
    width, height = figure.canvas.get_width_height()
    return np.frombuffer(stream.getvalue(), dtype=np.uint8).reshape(height, width, 4)


def figure_of(
    source_tokens: Sequence[str], target_tokens: Sequence[str], weights: NDArray[np.float32], dpi: int
) -> Figure:
    """Return the figure, as large in inches as its cells and labels need, to be drawn at `dpi`; else as `png_of`."""
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    rows, columns = weights.shape
    cell = min(_CELL, _LONGEST_SIDE / max(rows, columns, 1))
    width, height = max(columns, 1) * cell, max(rows, 1) * cell
    sources, targets = [label(token) for token in source_tokens], [label(token) for token in target_tokens]
    families = fonts_for(frozenset("".join((*sources, *targets))))[0]
    font = FontProperties(family=list(families), size=_LETTERS)

    # At first the axes fill the figure: what sticks out of it is what the labels need.
    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set(xlim=(-0.5, max(columns, 1) - 0.5), ylim=(max(rows, 1) - 0.5, -0.5))
    axes.tick_params(length=0, pad=3, top=True, labeltop=True, bottom=False, labelbottom=False)
    step = int(np.ceil(_LABEL_HEIGHT / cell))
    # A dollar sign is a dollar sign: no formulas.
    axes.set_xticks(
        range(0, columns, step),
        sources[::step],
        fontproperties=font,
        parse_math=False,
        rotation=45,
        ha="left",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(0, rows, step), targets[::step], fontproperties=font, parse_math=False)
    box = axes.get_tightbbox()
    assert box is not None
    left, below = max(-box.x0 / dpi, 0.0) + _MARGIN, max(-box.y0 / dpi, 0.0) + _MARGIN
    right, above = max(box.x1 / dpi - width, 0.0) + _MARGIN, max(box.y1 / dpi - height, 0.0) + _MARGIN

    # The scale stands beside the cells, below the labels that lean over it. Its own labels take half an inch.
    right = max(right, _BAR * 2 + 0.5)
    below = max(below, _BAR_HEIGHT - height + _MARGIN)
    whole = (left + width + right, below + height + above)
    figure.set_size_inches(*whole)
    axes.set_position((left / whole[0], below / whole[1], width / whole[0], height / whole[1]))
    if weights.size:
        # A mesh and no image: an image is enlarged in floating point, a gigabyte for 400 tokens.
        edges = np.arange(columns + 1) - 0.5, np.arange(rows + 1) - 0.5
        mesh = axes.pcolormesh(*edges, weights, cmap="viridis", vmin=0.0, vmax=1.0)
        if step == 1:  # cells so small that labels are left out have no room for lines between them
            mesh.set(edgecolors="white", linewidth=0.4)
        bar = figure.add_axes(
            (
                (left + width + _BAR) / whole[0],
                (below + height - _BAR_HEIGHT) / whole[1],
                _BAR / whole[0],
                _BAR_HEIGHT / whole[1],
            )
        )
        figure.colorbar(mesh, cax=bar, ticks=[0.0, 0.5, 1.0]).ax.tick_params(labelsize=_LETTERS - 1)
    return figure
