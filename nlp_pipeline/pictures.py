"""Figures of matplotlib's as pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pixels_of_figure(figure: Any, dpi: int) -> NDArray[np.uint8]:
    """Return a figure as RGB, [H, W, 3], as TensorBoard takes pictures; it must have a ground, or is black without.

    Args:
        figure: matplotlib's.
        dpi: pixels an inch.
    """
    figure.set_dpi(dpi)
    stream = io.BytesIO()
    figure.savefig(stream, format="rgba", dpi=dpi)
    width, height = figure.canvas.get_width_height()
    return np.frombuffer(stream.getvalue(), np.uint8).reshape(height, width, 4)[:, :, :3].copy()
