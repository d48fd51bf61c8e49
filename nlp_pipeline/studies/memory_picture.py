"""The figure of the memory study, drawn by matplotlib without its global state: as pixels, and panel by panel."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.pictures import pixels_of_figure
from nlp_pipeline.studies.memory_results import MemoryStudy
from nlp_pipeline.studies.networks import FORMS
from nlp_pipeline.studies.recall import CHANCE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK = "#010203"  # stands for the colour of the text around a panel in a page
_GRID = "#8a8f94"
_PNG_DPI = 110
FLOOR = 1e-12  # what a gradient that is zero in float32 is drawn as
# What matplotlib says of a file, and names of groups, which would be there in each panel of a page.
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_IDS = re.compile(r'<g id="[^"]*">')


@dataclass(frozen=True)
class Panel:
    """One panel of the figure.

    Attributes:
        name: for files and TensorBoard.
        title: what is above it.
        draw: draws it.
    """

    name: str
    title: str
    draw: Callable[[Axes, MemoryStudy], None]


def _accuracy(axes: Axes, study: MemoryStudy, clipped: bool) -> None:
    distances = study.settings.distances
    for network in study.settings.networks:
        values = study.table(network, clipped, "accuracy")
        _line(axes, network, distances, values.mean(axis=1), values.min(axis=1), values.max(axis=1))
    axes.axhline(CHANCE, color=_GRID, linewidth=1.0, linestyle=":")
    _note(axes, "chance", CHANCE)
    axes.set(ylim=(0.0, 1.05), ylabel="accuracy")
    _distance_axis(axes, study)


def _norms(axes: Axes, study: MemoryStudy) -> None:
    distances = study.settings.distances
    for network in study.settings.networks:
        values = study.table(network, False, "largest_norm")
        _logarithmic_line(axes, network, distances, values.T)
    axes.axhline(study.settings.clip_norm, color=_GRID, linewidth=1.0, linestyle=":")
    _note(axes, "clipped above", study.settings.clip_norm)
    axes.set(yscale="log", ylabel="norm of the weights' gradient")
    _write_powers_plainly(axes)
    _distance_axis(axes, study)


def _gradient(axes: Axes, study: MemoryStudy, clipped: bool, moment: str) -> None:
    from matplotlib.ticker import MaxNLocator

    back = np.arange(1, study.settings.gradient_at + 2)
    for network in study.settings.networks:
        shares = study.shares(network, clipped, moment)
        assert shares is not None
        _logarithmic_line(axes, network, back, np.maximum(shares, FLOOR))
    axes.axhline(1.0, color=_GRID, linewidth=1.0, linestyle=":")
    axes.set(yscale="log", xlabel="steps back from the question", ylabel="share of the error that arrives")
    _write_powers_plainly(axes)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


PANELS = (
    Panel("accuracy_clipped", "Accuracy, with clipping", lambda axes, study: _accuracy(axes, study, True)),
    Panel("accuracy", "Accuracy, without clipping", lambda axes, study: _accuracy(axes, study, False)),
    Panel("largest_norm", "Largest gradient in training, unclipped", _norms),
    Panel(
        "gradient_before",
        "Gradient through time, untrained",
        lambda axes, study: _gradient(axes, study, True, "before"),
    ),
    Panel(
        "gradient_clipped",
        "Gradient through time, trained with clipping",
        lambda axes, study: _gradient(axes, study, True, "after"),
    ),
    Panel(
        "gradient", "Gradient through time, trained without", lambda axes, study: _gradient(axes, study, False, "after")
    ),
)


def png_of(study: MemoryStudy) -> bytes:
    """Return the whole figure as a PNG file: six panels and one legend, on white."""
    stream = io.BytesIO()
    # Without the version of matplotlib, so that the same study gives the same bytes.
    whole_figure(study).savefig(stream, format="png", dpi=_PNG_DPI, metadata={"Software": None})
    return stream.getvalue()


def pixels_of(study: MemoryStudy) -> NDArray[np.uint8]:
    """Return the picture of `png_of` as RGB `[H, W, 3]`."""
    return pixels_of_figure(whole_figure(study), _PNG_DPI)


def whole_figure(study: MemoryStudy) -> Figure:
    """Return the figure of all panels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12.6, 7.4), facecolor="white", layout="constrained")
    grid = figure.subplots(2, 3)
    for axes in grid[1, 1:]:
        axes.sharey(grid[1, 0])
    for panel, axes in zip(PANELS, grid.flat, strict=True):
        _draw(axes, panel, study)
        axes.set_title(panel.title, fontsize=11, color=_INK, loc="left")
    handles, names = grid.flat[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=6, frameon=False, fontsize=10)
    return figure


def svg_of(panel: Panel, study: MemoryStudy) -> str:
    """Return a panel and its legend, without a title, as an SVG element in the colour of the text around it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.4, 4.0), layout="constrained")
    figure.patch.set_visible(False)
    axes = figure.subplots()
    _draw(axes, panel, study)
    axes.patch.set_visible(False)
    handles, names = axes.get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=3, frameon=False, fontsize=9, labelcolor=_INK, columnspacing=1
    )
    stream = io.StringIO()
    # The salt makes the names of what is drawn the same each time, and others in each panel of a page.
    with mpl.rc_context({"svg.hashsalt": panel.name, "svg.fonttype": "none"}):
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    drawn = stream.getvalue()
    drawn = _METADATA.sub("", drawn[drawn.index("<svg") :])
    drawn = _IDS.sub("<g>", drawn).replace(_INK, "currentColor")
    return drawn.replace("<svg ", f'<svg role="img" aria-label="{panel.title}" ', 1).strip()


def _draw(axes: Axes, panel: Panel, study: MemoryStudy) -> None:
    panel.draw(axes, study)
    axes.grid(color=_GRID, alpha=0.25, linewidth=0.6)
    axes.tick_params(colors=_INK, which="both", labelsize=9)
    axes.xaxis.label.set(color=_INK, size=10)
    axes.yaxis.label.set(color=_INK, size=10)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_INK)


def _line(
    axes: Axes,
    network: str,
    places: NDArray[np.int64] | tuple[int, ...],
    middle: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> None:
    colour, marker, line = FORMS[network].look
    often = max(1, len(middle) // 8)
    axes.plot(
        *(places, middle),
        color=colour,
        marker=marker,
        markevery=often,
        markersize=7 if marker == "*" else 5,
        linestyle=line,
        linewidth=1.6,
        label=FORMS[network].label,
    )
    axes.fill_between(places, low, high, color=colour, alpha=0.15, linewidth=0)


def _write_powers_plainly(axes: Axes) -> None:
    """Write 1e-06 at a logarithmic axis: the raised exponent of a power is too small to read."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _logarithmic_line(
    axes: Axes, network: str, places: NDArray[np.int64] | tuple[int, ...], of_seeds: NDArray[np.float64]
) -> None:
    """Draw the geometric mean and the range of what each seed gave `[seeds, places]`; what is no number is left out."""
    known = np.ma.masked_invalid(of_seeds)
    if known.count():
        middle = np.ma.exp(np.ma.log(known).mean(axis=0))
        drawn = (np.ma.filled(one, np.nan) for one in (middle, known.min(axis=0), known.max(axis=0)))
        _line(axes, network, places, *drawn)


def _note(axes: Axes, text: str, height: float) -> None:
    """Write what a dotted line is, below its left end: what is drawn begins above."""
    places = ("axes fraction", "data")
    axes.annotate(
        text, (0.0, height), (3, -5), xycoords=places, textcoords="offset points", va="top", color=_INK, fontsize=9
    )


def _distance_axis(axes: Axes, study: MemoryStudy) -> None:
    distances = study.settings.distances
    if len(distances) > 1:
        axes.set_xscale("log")
    axes.set_xticks(distances, [str(distance) for distance in distances])
    axes.set_xticks([], minor=True)
    axes.set_xlabel("distractors between the symbol and the question")
