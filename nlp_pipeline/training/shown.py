"""What there is to look at after an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.training.layer_names import shown_path


@dataclass(frozen=True)
class Shown:
    """What an epoch gives to look at, all by the names that TensorBoard shows it under.

    Attributes:
        scalars: numbers that are no scores.
        texts: Markdown.
        pictures: pixels, RGB, [H, W, 3].
        histograms: numbers of any shape, whose distribution is shown.
        graph: the network's, as TensorFlow has it; the same after each epoch.
    """

    scalars: Mapping[str, float] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)
    histograms: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    graph: Any = None


def histograms_of(weights: Sequence[Any], network: str) -> dict[str, NDArray[np.float32]]:
    """Return the numbers of a network's weights, by the names that they are shown under.

    Args:
        weights: Keras' variables.
        network: the network's name.
    """
    return {f"histograms/{shown_path(weight.path, network)}": np.asarray(weight.numpy()) for weight in weights}
