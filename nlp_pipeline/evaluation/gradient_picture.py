"""How much of a loss's gradient reaches each state, as pixels, drawn by matplotlib without its global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.fonts import box_of_labels, fonts_for, glyph_remarks_as_one, label
from nlp_pipeline.pictures import pixels_of_figure

_DPI = 96
_LETTERS = 9.0  # points
_STEP = 0.24  # inches, of a token
_WIDEST = 16.0  # inches, of all of them; beyond that not every token keeps its label
# Inches, of the lines with the title above them, and of what is at their left and below them where labels are short.
_HEIGHT = 3.2
_BESIDE = 1.0
_BELOW = 1.0
_COLOURS = ("#0b3d91", "#c1440e", "#1b7f5c", "#7b3fa0", "#8a6d00", "#444444")
_MARKS = "osv^Dx"  # tells lines apart where colours do not


def gradient_pixels(
    tokens: Sequence[str], norms: Mapping[str, NDArray[np.float32]], chosen: int | None, title: str
) -> NDArray[np.uint8]:
    """Return a picture as RGB, [H, W, 3]: tokens across, the norm at each of them up, on a logarithmic scale.

    A norm of 0, which no way leads from, has no point.

    Args:
        tokens: N texts.
        norms: for each layer [N].
        chosen: the token that the loss is of, which a line marks; None where it is none of them.
        title: says of what.

    Warns:
        FontWarning: where no font of this machine has a glyph for a character.
    """
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    shown = [label(token) for token in tokens]
    families = fonts_for((*shown, title))
    font = FontProperties(family=list(families), size=_LETTERS)
    width = min(max(_STEP * len(tokens), 4.5), _WIDEST)
    every = ceil(_STEP * len(tokens) / _WIDEST)
    figure = Figure(figsize=(width + _BESIDE, _HEIGHT + _BELOW), dpi=_DPI, facecolor="white", layout="constrained")
    axes = figure.subplots()
    if chosen is not None:
        axes.axvline(chosen, color="#999999", linewidth=6, alpha=0.4, label="the loss is of this one")
    for number, (name, values) in enumerate(norms.items()):
        seen = np.where(np.isfinite(values) & (values > 0), values, np.nan)
        colour, mark = _COLOURS[number % len(_COLOURS)], _MARKS[number % len(_MARKS)]
        axes.plot(range(len(tokens)), seen, color=colour, marker=mark, linewidth=1.2, markersize=4, label=name)
    if any((np.isfinite(values) & (values > 0)).any() for values in norms.values()):
        axes.set_yscale("log")
    axes.set_xlim(-0.5, len(tokens) - 0.5)
    axes.set_xticks(
        range(0, len(tokens), every),
        shown[::every],
        fontproperties=font,
        parse_math=False,
        rotation=60,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_title(title, fontproperties=font, parse_math=False, wrap=True)
    axes.set_ylabel("norm of the gradient of the loss", fontsize=_LETTERS)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.tick_params(axis="y", labelsize=_LETTERS - 1)
    axes.legend(fontsize=_LETTERS - 1)
    # Long labels, which lean to the left, get room of their own: they would leave none to the lines.
    labels = box_of_labels(axes.xaxis)
    beside, below = (axes.bbox.x0 - labels.x0) / _DPI, labels.height / _DPI
    figure.set_size_inches(width + max(_BESIDE, beside), _HEIGHT + max(_BELOW, below))
    with glyph_remarks_as_one((*shown, title)):
        return pixels_of_figure(figure, _DPI)
