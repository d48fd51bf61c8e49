"""The loss scale of float16, whose smallest numbers would lose small gradients.

Micikevicius et al. 2018, "Mixed Precision Training", section 3.2: the loss is multiplied before the gradient is taken,
and the gradient divided afterwards. The factor is halved whenever the gradient is too large, and doubled after many
steps in which it was not.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


class LossScale:
    """A power of two that finds its size. Make it in the strategy's scope.

    Args:
        initial: the first factor.
        patience: after how many good steps in a row it is doubled.
    """

    def __init__(self, initial: float = 2.0**15, patience: int = 2000) -> None:
        self.patience = patience
        only_first = tf.VariableAggregation.ONLY_FIRST_REPLICA
        self._scale = tf.Variable(initial, trainable=False, name="loss_scale", aggregation=only_first)
        self._good = tf.Variable(0, trainable=False, name="good_steps", aggregation=only_first)

    @property
    def value(self) -> tf.Tensor:
        """The factor."""
        return tf.convert_to_tensor(self._scale)

    @property
    def variables(self) -> list[Any]:
        """All that is kept from step to step, in a lasting order."""
        return [self._scale, self._good]

    def can_fall(self) -> tf.Tensor:
        """Return whether the factor is above one: if it is not, a gradient is too large of itself."""
        return self._scale > 1.0

    def follow(self, finite: tf.Tensor) -> None:
        """Move the factor after a step, in the strategy's cross-replica context."""
        good = tf.where(finite, self._good + 1, 0)
        grown = good >= self.patience
        risen = tf.where(grown, self._scale * 2.0, self._scale)
        self._scale.assign(tf.where(finite, risen, tf.maximum(1.0, self._scale / 2.0)))
        self._good.assign(tf.where(grown, 0, good))
