"""A moving average of the weights, which scores better than the weights of any one step (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import tensorflow as tf


class WeightAverage:
    """Keeps `average <- m average + (1 - m) weight`, with a momentum m that grows towards its final value.

    Early in training the momentum is `(1 + steps) / (10 + steps)`, so that the first weights, which are random, are
    soon forgotten. Weights that have been trained before are not: an average of what an encoder knew and what it has
    learnt since is better on text of another kind than either (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
    models").

    Args:
        weights: the Keras variables to be averaged.
        momentum: the final momentum, between 0 and 1.
        trained: whether the weights have been trained before.
    """

    def __init__(self, weights: Sequence[Any], momentum: float, trained: bool = False) -> None:
        self.weights = list(weights)
        self.momentum = momentum
        self.trained = trained
        self.steps = tf.Variable(
            0.0, trainable=False, name="average_steps", aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )
        self.averages = [
            tf.Variable(weight.value, trainable=False, aggregation=tf.VariableAggregation.MEAN)
            for weight in self.weights
        ]

    @property
    def variables(self) -> list[Any]:
        """All that is kept from step to step, in a lasting order."""
        return [self.steps, *self.averages]

    def move(self) -> None:
        """Take the weights of one more step into the average. Call it in the strategy's cross-replica context."""
        extended = tf.distribute.get_strategy().extended
        momentum = tf.constant(self.momentum)
        if not self.trained:
            momentum = tf.minimum(momentum, (1.0 + self.steps) / (10.0 + self.steps))
        self.steps.assign_add(1.0)

        def update(average: Any, weight: tf.Tensor, momentum: tf.Tensor) -> None:
            # Subtracts the share and writes in one pass.
            difference = average - tf.cast(weight, average.dtype)
            tf.raw_ops.ResourceApplyGradientDescent(var=average.handle, alpha=1.0 - momentum, delta=difference)

        for average, weight in zip(self.averages, self.weights, strict=True):
            extended.update(average, update, args=(weight.value, momentum), group=False)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Put the averages in the place of the weights for a while."""
        kept = [weight.numpy() for weight in self.weights]
        for average, weight in zip(self.averages, self.weights, strict=True):
            weight.assign(average)
        try:
            yield
        finally:
            for weight, value in zip(self.weights, kept, strict=True):
                weight.assign(value)
