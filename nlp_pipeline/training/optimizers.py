"""AdamW over groups of weights that learn at different rates, on a schedule that rises and falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import keras
import tensorflow as tf

Decay = Literal["linear", "cosine", "constant"]


@keras.saving.register_keras_serializable("nlp_pipeline")
class WarmupThenDecay(keras.optimizers.schedules.LearningRateSchedule):
    """A learning rate that rises in a line to its peak and then falls to zero, in a line or a half cosine, or stays.

    Args:
        peak: the highest rate.
        steps: after how many steps it has fallen to zero.
        warmup_steps: in how many steps it rises; the first step is not at zero.
        decay: how it falls.
    """

    def __init__(self, peak: float, steps: int, warmup_steps: int, decay: Decay) -> None:
        self.peak = peak
        self.steps = steps
        self.warmup_steps = warmup_steps
        self.decay = decay

    def __call__(self, step: Any) -> tf.Tensor:
        """Return the rate of a step, counted from zero."""
        done = tf.cast(step, tf.float32)
        rise = (done + 1.0) / max(1.0, self.warmup_steps)
        left = (self.steps - done) / max(1.0, float(self.steps - self.warmup_steps))
        left = tf.clip_by_value(left, 0.0, 1.0)
        fall = {"linear": left, "cosine": 0.5 - 0.5 * tf.cos(math.pi * left), "constant": tf.ones_like(left)}[
            self.decay
        ]
        return self.peak * tf.minimum(rise, fall)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {"peak": self.peak, "steps": self.steps, "warmup_steps": self.warmup_steps, "decay": self.decay}


@dataclass(frozen=True)
class WeightGroup:
    """Weights that learn together.

    Attributes:
        name: how the group is called in TensorBoard.
        weights: at least one Keras variable.
        peak: its highest learning rate.
    """

    name: str
    weights: Sequence[Any]
    peak: float


@dataclass(frozen=True)
class GroupedOptimizer:
    """One AdamW (Loshchilov and Hutter 2019) a group.

    Attributes:
        groups: disjoint groups, which together are all that is trained.
        optimizers: one for each group, in order.
    """

    groups: Sequence[WeightGroup]
    optimizers: Sequence[Any]

    @classmethod
    def adamw(
        cls, groups: Sequence[WeightGroup], steps: int, warmup_steps: int, decay: Decay, weight_decay: float
    ) -> GroupedOptimizer:
        """Return the optimizers of the groups, all on the same schedule. Call it in the strategy's scope.

        Biases, normalisations and transition scores (every weight of fewer than two dimensions, and the CRF's) do not
        decay: a decay towards zero says nothing sensible of them.
        """
        optimizers = []
        for group in groups:
            schedule = WarmupThenDecay(group.peak, steps, warmup_steps, decay)
            optimizer = keras.optimizers.AdamW(schedule, weight_decay=weight_decay, epsilon=1e-8, name=group.name)
            spared = [w for w in group.weights if len(w.shape) < 2 or "decoder/" in w.path]
            if spared:
                optimizer.exclude_from_weight_decay(var_list=spared)
            optimizer.build(list(group.weights))
            optimizers.append(optimizer)
        return cls(groups, optimizers)

    @property
    def weights(self) -> list[Any]:
        """All that is trained, group by group."""
        return [weight for group in self.groups for weight in group.weights]

    def apply(self, gradients: Sequence[Any]) -> None:
        """Apply gradients given in the order of `weights`."""
        start = 0
        for group, optimizer in zip(self.groups, self.optimizers, strict=True):
            end = start + len(group.weights)
            optimizer.apply(list(gradients[start:end]), list(group.weights))
            start = end

    def learning_rates(self) -> dict[str, float]:
        """Return each group's learning rate as it now is."""
        named = zip(self.groups, self.optimizers, strict=True)
        return {group.name: float(optimizer.learning_rate) for group, optimizer in named}
