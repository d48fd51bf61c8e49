"""A reliability diagram as pixels, drawn by matplotlib without its global state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.calibration import Calibration
from nlp_pipeline.pictures import pixels_of_figure

_DPI = 96


def calibration_pixels(calibration: Calibration, of: str = "predictions") -> NDArray[np.uint8]:
    """Return a picture as RGB, [H, W, 3]: the share of right predictions by confidence, and how many there are.

    On the diagonal a tagger is as sure as it is right; below it is too sure. Bars stand at the mean confidence of their
    bin and not at its middle.

    Args:
        calibration: what is drawn.
        of: what was predicted, such as `entities`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, 4.8), dpi=_DPI, facecolor="white", layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    bins = [one for one in calibration.bins if one.count and one.right is not None and one.confidence is not None]
    confidences, right = [one.confidence or 0.0 for one in bins], [one.right or 0.0 for one in bins]
    above.plot((0, 1), (0, 1), color="black", linestyle="dashed", linewidth=1, label="as sure as right")
    above.bar(
        [(one.low + one.high) / 2 for one in calibration.bins],
        [one.right or 0.0 for one in calibration.bins],
        [one.high - one.low for one in calibration.bins],
        color="#cde8f8",
        edgecolor="#333333",
        linewidth=0.6,
        label="right, by bin",
    )
    above.plot(confidences, right, color="#0b3d91", marker="o", markersize=4, linewidth=1, label="at mean confidence")
    error = "" if calibration.error is None else f"\nexpected calibration error {100 * calibration.error:.1f} %"
    above.set_title(f"{calibration.count:,} {of}{error}", fontsize=9)
    above.set(xlim=(0, 1), ylim=(0, 1))
    above.set_ylabel("share that is right", fontsize=9)
    above.legend(fontsize=8, loc="upper left")
    below.bar(
        [(one.low + one.high) / 2 for one in calibration.bins],
        [one.count for one in calibration.bins],
        [one.high - one.low for one in calibration.bins],
        color="#b8b8b8",
        edgecolor="#333333",
        linewidth=0.6,
    )
    below.set_xlabel("confidence (probability of what was predicted)", fontsize=9)
    below.set_ylabel("how many", fontsize=9)
    most = max(one.count for one in calibration.bins)
    below.set_ylim(0, max(1.1 * most, 1))
    if most >= 1000:
        below.set_yscale("symlog", linthresh=1)
    for axes in (above, below):
        axes.tick_params(labelsize=8)
    return pixels_of_figure(figure, _DPI)
