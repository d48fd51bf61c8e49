"""All that changes while a network is trained: what a checkpoint has to hold for a run to go on as if nothing was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.training.checkpoints import arrays_of, assign
from nlp_pipeline.training.step import TrainingStep

_BEST = "best"


class TrainingState:
    """The variables of a training step, and the best weights so far.

    Args:
        step: the training step.
        network_variables: the network's variables, but for weights that are never trained: among them the states of its
            random generators.
    """

    def __init__(self, step: TrainingStep, network_variables: Sequence[Any]) -> None:
        self.weights = step.optimizer.weights
        self.variables: dict[str, list[Any]] = {
            "network": list(network_variables),
            "optimizer": step.optimizer.variables,
            "average": [] if step.average is None else step.average.variables,
            "loss_scale": [] if step.loss_scale is None else step.loss_scale.variables,
        }
        self.best: list[NDArray[Any]] = []

    def keep_best(self) -> None:
        """Keep the weights as they stand."""
        self.best = [np.array(weight.numpy()) for weight in self.weights]

    def take_best(self) -> None:
        """Put the best weights in the place of the weights."""
        if self.best:
            for weight, value in zip(self.weights, self.best, strict=True):
                weight.assign(value)

    def to_tensors(self) -> dict[str, NDArray[Any]]:
        """Return everything by name."""
        best = {f"{_BEST}/{number}": value for number, value in enumerate(self.best)}
        return arrays_of(self.variables) | best

    def take(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        """Take what `to_tensors` gave.

        Raises:
            ValueError: where something is missing, left over or of another shape. Nothing is taken then.
        """
        names = [f"{_BEST}/{number}" for number in range(len(self.weights))]
        best = [tensors[name] for name in names if name in tensors]
        if best and [value.shape for value in best] != [tuple(weight.shape) for weight in self.weights]:
            raise ValueError("expected the best weights of this run, received others")
        assign(self.variables, {name: value for name, value in tensors.items() if name not in names})
        self.best = best
