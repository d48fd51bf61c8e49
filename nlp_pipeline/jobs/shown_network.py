"""What there is to see of a network after an epoch, of whichever task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.calibration import Calibration
from nlp_pipeline.evaluation.calibration_picture import calibration_pixels
from nlp_pipeline.models.network import Network
from nlp_pipeline.training.shown import Shown, histograms_of


def shown_network(
    network: Network,
    judge: Any,
    texts: Mapping[str, str],
    pictures: Mapping[str, NDArray[np.uint8]],
    calibrations: Mapping[str, tuple[str, Calibration]],
    gradient: Shown | None,
    with_histograms: bool,
) -> Shown:
    """Return what a task has to show, and beside it what all have: calibration, gradient, weights and graph.

    Args:
        network: what is trained.
        judge: the function that judges it, whose graph is shown.
        texts: the task's own.
        pictures: the task's own.
        calibrations: by what they are of, as it is named and as it is told.
        gradient: the gradient through time, where it is wanted.
        with_histograms: whether the weights' numbers are shown.
    """
    shown: dict[str, NDArray[np.uint8]] = dict(pictures)
    scalars: dict[str, float] = {}
    for name, (title, calibration) in calibrations.items():
        shown[f"images/calibration/{name}"] = calibration_pixels(calibration, title)
        if calibration.error is not None:
            scalars[f"quality/calibration_error/{name}"] = calibration.error
    if gradient is not None:
        scalars.update(gradient.scalars)
        shown.update(gradient.pictures)
        texts = {**texts, **gradient.texts}
    histograms = histograms_of(network.trainable_weights, network.name) if with_histograms else {}
    return Shown(scalars, texts, shown, histograms, judge.get_concrete_function().graph)
