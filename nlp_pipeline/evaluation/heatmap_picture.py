"""A heat map as pixels, drawn by matplotlib without its global state; a long sentence in panels below each other."""

from __future__ import annotations

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.fonts import fonts_for, glyph_remarks_as_one, label
from nlp_pipeline.pictures import pixels_of_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

# All in inches, but for the letters.
_CELL = 0.28
_LONGEST_SIDE = 40.0
_TALLEST = 100.0  # of panels below each other
_PANEL = 40  # source tokens side by side, as many as a screen shows
_MARGIN = 0.12
_BAR = 0.14
_BAR_HEIGHT = 1.6
_BAR_LABELS = 0.75
_LETTERS = 9.0  # points
_LABEL_HEIGHT = 0.17  # of such letters, with some air
_ABOVE = 1.2  # what the labels of a panel may take, in a first estimate

_PNG_DPI = 144
_ARRAY_DPI = 96  # TensorBoard keeps every picture of a run


def png_of(source_tokens: Sequence[str], target_tokens: Sequence[str], weights: NDArray[np.float32]) -> bytes:
    """Return a PNG file.

    Cells keep their size, so the picture grows with the sentence. From 41 source tokens on it is cut into panels, each
    with all of the target, unless that would be taller than 100 inches; then panels are wider, and from about 140
    tokens on cells shrink, and from 240 on not every one keeps its label.

    Args:
        source_tokens: S texts, written across the top.
        target_tokens: T texts, written down the left side.
        weights: [T, S], from 0 (dark) to 1 (bright), on the same scale in every picture.

    Warns:
        FontWarning: once, with all characters that have no glyph; see `fonts`.
    """
    stream = io.BytesIO()
    with glyph_remarks_as_one([label(token) for token in (*source_tokens, *target_tokens)]):
        figure_of(source_tokens, target_tokens, weights, _PNG_DPI).savefig(stream, format="png", dpi=_PNG_DPI)
    return stream.getvalue()


def pixels_of(
    source_tokens: Sequence[str], target_tokens: Sequence[str], weights: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """Return the picture of `png_of`, at two thirds of its size, as RGB, [H, W, 3]."""
    with glyph_remarks_as_one([label(token) for token in (*source_tokens, *target_tokens)]):
        figure = figure_of(source_tokens, target_tokens, weights, _ARRAY_DPI)
        return pixels_of_figure(figure, _ARRAY_DPI)


def figure_of(
    source_tokens: Sequence[str], target_tokens: Sequence[str], weights: NDArray[np.float32], dpi: int
) -> Figure:
    """Return the figure, as large in inches as its cells and labels need, to be drawn at `dpi`; else as `png_of`.

    Its first axes are the panels, in order; the last one is the scale, where there is a weight.
    """
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    rows, columns = weights.shape
    panels = _panels(rows, columns)
    widest = max(len(panel) for panel in panels)
    cell = min(_CELL, _LONGEST_SIDE / max(rows, widest, 1))
    step = int(np.ceil(_LABEL_HEIGHT / cell))
    height = max(rows, 1) * cell
    sources, targets = [label(token) for token in source_tokens], [label(token) for token in target_tokens]
    font = FontProperties(family=list(fonts_for((*sources, *targets))), size=_LETTERS)

    # At first each panel fills the figure: what sticks out of it is what its labels need.
    figure = Figure(figsize=(max(widest, 1) * cell, height), dpi=dpi, facecolor="white")
    drawn = [_panel(figure, panel, sources, targets, font, step) for panel in panels]
    boxes = []
    for axes, panel in zip(drawn, panels, strict=True):
        axes.set_position((0.0, 0.0, max(len(panel), 1) / max(widest, 1), 1.0))
        box = axes.get_tightbbox()
        assert box is not None
        # Left, right, above and below the cells.
        boxes.append((-box.x0 / dpi, box.x1 / dpi, box.y1 / dpi - height, -box.y0 / dpi))
    left = max(0.0, *(box[0] for box in boxes)) + _MARGIN
    wide = max(max(widest, 1) * cell, *(box[1] for box in boxes)) + _MARGIN
    # The scale stands beside the cells of the first panel, below the labels that lean over it.
    wide = max(wide, len(panels[0]) * cell + _BAR * 2 + _BAR_LABELS)
    air = _MARGIN * (1 if len(panels) == 1 else 2)
    above = [max(box[2], 0.0) + air for box in boxes]
    below = [max(box[3], 0.0) for box in boxes]
    below[-1] += _MARGIN
    below[0] = max(below[0], _BAR_HEIGHT - height + _MARGIN)
    whole = (left + wide, sum(above) + sum(below) + len(panels) * height)
    figure.set_size_inches(*whole)
    top = whole[1]
    for at, (axes, panel) in enumerate(zip(drawn, panels, strict=True)):
        top -= above[at]
        bottom = top - height
        axes.set_position((left / whole[0], bottom / whole[1], max(len(panel), 1) * cell / whole[0], height / whole[1]))
        if weights.size:
            # A mesh and no image: an image is enlarged in floating point, a gigabyte for 400 tokens.
            edges = np.arange(panel.start, panel.stop + 1) - 0.5, np.arange(rows + 1) - 0.5
            shown = weights[:, panel.start : panel.stop]
            mesh = axes.pcolormesh(*edges, shown, cmap="viridis", vmin=0.0, vmax=1.0)
            if step == 1:  # cells so small that labels are left out have no room for lines between them
                mesh.set(edgecolors="white", linewidth=0.4)
            if at == 0:
                place = (left + len(panel) * cell + _BAR, top - _BAR_HEIGHT, _BAR, _BAR_HEIGHT)
                ways = (whole[0], whole[1], whole[0], whole[1])
                scale = tuple(inches / of for inches, of in zip(place, ways, strict=True))
                scale_mesh = mesh
        top = bottom - below[at]
    if weights.size:
        bar = figure.colorbar(scale_mesh, cax=figure.add_axes(scale), ticks=[0.0, 0.5, 1.0])
        bar.ax.tick_params(labelsize=_LETTERS - 1)
        bar.set_label("attention weight", size=_LETTERS - 1)
    return figure


def _panels(rows: int, columns: int) -> list[range]:
    """Return the columns of each panel: as even as can be, and no more panels than a bearable height has room for."""
    wanted = -(-columns // _PANEL)
    room = int(_TALLEST / (max(rows, 1) * _CELL + _ABOVE))
    count = max(1, min(wanted, room))
    borders = [round(columns * at / count) for at in range(count + 1)]
    return [range(start, stop) for start, stop in pairwise(borders)]


def _panel(
    figure: Figure, columns: range, sources: Sequence[str], targets: Sequence[str], font: FontProperties, step: int
) -> Axes:
    """Return the axes of a panel, with its labels, without its cells, on the whole figure."""
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    start, stop = columns.start, max(columns.stop, columns.start + 1)
    axes.set(xlim=(start - 0.5, stop - 0.5), ylim=(max(len(targets), 1) - 0.5, -0.5))
    axes.tick_params(length=0, pad=3, top=True, labeltop=True, bottom=False, labelbottom=False)
    # A dollar sign is a dollar sign: no formulas.
    axes.set_xticks(
        columns[::step],
        [sources[column] for column in columns[::step]],
        fontproperties=font,
        parse_math=False,
        rotation=45,
        ha="left",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(0, len(targets), step), targets[::step], fontproperties=font, parse_math=False)
    axes.set_xlabel("source", size=_LETTERS - 1, loc="left", style="italic")
    axes.xaxis.set_label_position("bottom")
    axes.set_ylabel("translation", size=_LETTERS - 1, style="italic")
    return axes
