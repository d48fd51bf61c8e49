"""AdamW over groups of weights that learn at different rates, on a schedule that rises and falls."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, Protocol

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


class OptimizerSettings(Protocol):
    """What a recipe says of the optimizer."""

    @property
    def optimizer(self) -> Literal["adamw", "sgd"]:
        """Which one."""

    @property
    def momentum(self) -> float:
        """Of stochastic gradient descent."""

    @property
    def decay(self) -> Decay:
        """How the learning rate falls."""

    @property
    def weight_decay(self) -> float:
        """How fast weights decay."""


@dataclass(frozen=True)
class GroupedOptimizer:
    """One optimizer a group.

    Attributes:
        groups: disjoint groups, which together are all that is trained.
        optimizers: one of Keras' for each group, in order, built on its weights.
        weight_decay: the share of a weight that is taken from it in each step, for a learning rate of one.
    """

    groups: Sequence[WeightGroup]
    optimizers: Sequence[Any]
    weight_decay: float = 0.0

    @classmethod
    def of(
        cls, settings: OptimizerSettings, groups: Sequence[WeightGroup], steps: int, warmup_steps: int
    ) -> GroupedOptimizer:
        """Return the optimizers of the groups, all on the same schedule. Call it in the strategy's scope.

        Args:
            settings: AdamW (Loshchilov and Hutter 2019), or stochastic gradient descent with momentum.
            groups: what is trained.
            steps: after how many steps the learning rate has fallen to zero.
            warmup_steps: in how many steps it rises.
        """
        optimizers = []
        for group in groups:
            schedule = WarmupThenDecay(group.peak, steps, warmup_steps, settings.decay)
            if settings.optimizer == "sgd":
                optimizer = keras.optimizers.SGD(schedule, momentum=settings.momentum, name=group.name)
            else:
                optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.0, epsilon=1e-8, name=group.name)
            optimizer.build(list(group.weights))
            optimizers.append(optimizer)
        return cls(groups, optimizers, settings.weight_decay)

    @property
    def weights(self) -> list[Any]:
        """All that is trained, group by group."""
        return [weight for group in self.groups for weight in group.weights]

    @property
    def variables(self) -> list[Any]:
        """All that the optimizers keep from step to step, in a lasting order."""
        return [variable for optimizer in self.optimizers for variable in optimizer.variables]

    def apply(self, gradients: Sequence[Any]) -> None:
        """Apply gradients given in the order of `weights`. Call it in the strategy's cross-replica context.

        Keras' own `apply` sums the gradients over the replicas; here that has been done, since clipping needs the sum.
        Every replica moves its copy of each weight by the same gradient.

        Biases, normalisations and transition scores (every weight of fewer than two dimensions, and the CRF's) do not
        decay: a decay towards zero says nothing sensible of them.

        Args:
            gradients: summed over the replicas; of several replicas, one tensor each.
        """
        extended = tf.distribute.get_strategy().extended
        given = iter(gradients)
        for group, optimizer in zip(self.groups, self.optimizers, strict=True):
            rate = tf.convert_to_tensor(optimizer.learning_rate)
            is_adam = isinstance(optimizer, keras.optimizers.AdamW)
            powers = _powers_of(optimizer) if is_adam else ()
            for number, weight in enumerate(group.weights):
                spared = len(weight.shape) < 2 or "decoder/" in weight.path
                decay = 0.0 if spared else self.weight_decay
                if is_adam:
                    kept = [moments[number].value for moments in (optimizer._momentums, optimizer._velocities)]
                    update, more = partial(_adam_step, optimizer, decay), (*powers, *kept)
                else:
                    update, more = partial(_keras_step, optimizer, decay), ()
                extended.update(weight.value, update, args=(next(given), rate, *more), group=False)
            optimizer.iterations.assign_add(1)

    def learning_rates(self, steps_ago: int = 0) -> dict[str, float]:
        """Return each group's learning rate as it now is, or as it was some steps ago."""
        rates = {}
        for group, optimizer in zip(self.groups, self.optimizers, strict=True):
            rate = optimizer._learning_rate
            if isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
                rates[group.name] = float(rate(optimizer.iterations - steps_ago))
            else:
                rates[group.name] = float(optimizer.learning_rate)
        return rates


def _powers_of(optimizer: Any) -> tuple[tf.Tensor, tf.Tensor]:
    """Return Adam's two rates of decay to the power of the coming step's number."""
    step = tf.cast(optimizer.iterations + 1, tf.float32)
    return tf.pow(optimizer.beta_1, step), tf.pow(optimizer.beta_2, step)


def _decay(variable: Any, decay: float, rate: tf.Tensor) -> None:
    if decay:
        variable.assign_sub(variable * decay * rate)


def _adam_step(
    optimizer: Any,
    decay: float,
    variable: Any,
    gradient: tf.Tensor,
    rate: tf.Tensor,
    first_power: tf.Tensor,
    second_power: tf.Tensor,
    momentum: Any,
    velocity: Any,
) -> None:
    """Do what the `update_step` of Keras' Adam does, but for rounding, in one pass over the weights, not ten."""
    _decay(variable, decay, rate)
    tf.raw_ops.ResourceApplyAdam(
        var=variable.handle,
        m=momentum.handle,
        v=velocity.handle,
        beta1_power=first_power,
        beta2_power=second_power,
        lr=rate,
        beta1=optimizer.beta_1,
        beta2=optimizer.beta_2,
        epsilon=optimizer.epsilon,
        grad=gradient,
    )


def _keras_step(optimizer: Any, decay: float, variable: Any, gradient: tf.Tensor, rate: tf.Tensor) -> None:
    _decay(variable, decay, rate)
    optimizer.update_step(gradient, variable, rate)
