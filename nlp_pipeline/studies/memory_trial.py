"""Trainings of the memory study: one network at one distance, from several seeds, with and without clipping.

All steps between two looks at the clock are one compiled program. A network's program is made once for a distance, and
the weights are set to those of each seed in turn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.layers.layout import equal_steps
from nlp_pipeline.studies.memory_settings import BLOCK, MemorySettings
from nlp_pipeline.studies.networks import FORMS
from nlp_pipeline.studies.recall import recall_examples
from nlp_pipeline.studies.recall_network import RecallNetwork

# How often the answers of a block of steps must be right for the task to be solved.
SOLVED = 0.99
GRADIENT_EXAMPLES = 256

Floats = NDArray[np.float32]
Weights = list[Floats]
# What is drawn with a seed, each from a stream of its own.
_TRAINING, _TEST, _GRADIENT = range(3)


class GradientShares(NamedTuple):
    """How much of the error reaches each state before the question, as `RecallNetwork.gradient_by_distance` gives it.

    Attributes:
        states: `[distance + 1]`.
        memories: likewise of an LSTM's memory; None of other cells.
    """

    states: Floats
    memories: Floats | None


class Trial(NamedTuple):
    """What one training came to.

    Attributes:
        network: its name.
        distance: at which it was trained.
        seed: of its weights and examples.
        clipped: whether the gradient was.
        accuracy: share of right answers to new examples.
        steps: of training.
        solved: whether it ended since the task was.
        finite: whether the loss stayed a number.
        largest_norm: of the gradient of all weights over the training, before clipping.
        long_share: share of the steps whose gradient was longer than the settings' `clip_norm`.
        before: how much of the error reached each state before training, where that was measured.
        after: likewise after training.
    """

    network: str
    distance: int
    seed: int
    clipped: bool
    accuracy: float
    steps: int
    solved: bool
    finite: bool
    largest_norm: float
    long_share: float
    before: GradientShares | None = None
    after: GradientShares | None = None


class Trainer:
    """Trains one network at one distance.

    Args:
        name: of the network.
        distance: how many distractors.
        settings: of the study.
    """

    def __init__(self, name: str, distance: int, settings: MemorySettings) -> None:
        self.name = name
        self.distance = distance
        self.settings = settings
        self.network = RecallNetwork(FORMS[name], settings.units)
        self.weights = self.network.trainable_weights
        self.optimizer = keras.optimizers.Adam(settings.learning_rate)
        self.optimizer.build(self.weights)
        self._block = _compiled(self._block_of)
        self._gradient = _compiled(self.network.gradient_by_distance)

    def train(self, seed: int, clipped: bool, check: Callable[[], None] = lambda: None) -> Trial:
        """Train from a seed's weights, on a seed's examples, and test.

        Examples depend on the seed and the distance alone: they are the same for every network, clipped or not.

        Args:
            seed: of weights and examples.
            clipped: whether the gradient is shortened to `clip_norm` (Pascanu et al. 2013, algorithm 1).
            check: is called before each block of steps; what it raises ends the training.
        """
        check()
        for weight, value in zip(self.weights, initial_weights(self.name, self.settings.units, seed), strict=True):
            weight.assign(value)
        before = self._shares(seed)
        self._set_learning_rate(self.settings.learning_rate)
        clip_norm = self.settings.clip_norm if clipped else math.inf
        random = self._random(seed, _TRAINING)
        steps, long_steps, largest, solved, finite = 0, 0.0, 0.0, False, True
        while steps < self.settings.steps and not solved and finite:
            check()
            accuracy, norm, count, finite = self._run(random, clip_norm)
            steps, long_steps, largest = steps + BLOCK, long_steps + count, max(largest, norm)
            solved = accuracy >= SOLVED
        # With a learning rate of zero the program of a block is that of a test.
        after = self._shares(seed)
        self._set_learning_rate(0.0)
        accuracy = self._run(self._random(seed, _TEST), clip_norm)[0]
        return Trial(
            *(self.name, self.distance, seed, clipped, accuracy, steps, solved, finite, largest, long_steps / steps),
            before=before,
            after=after,
        )

    def _set_learning_rate(self, rate: float) -> None:
        """Set the learning rate, and forget what the optimizer has seen."""
        for variable in self.optimizer.variables:
            variable.assign(tf.zeros_like(variable.value))
        self.optimizer.learning_rate = rate

    def _random(self, seed: int, stream: int) -> np.random.Generator:
        return np.random.default_rng([seed, self.distance, stream])

    def _run(self, random: np.random.Generator, clip_norm: float) -> tuple[float, float, float, bool]:
        """Run a block; return the accuracy, the largest norm, how many were longer than `clip_norm`, and if finite."""
        examples = recall_examples(random, self.distance, BLOCK, self.settings.batch)
        told = self._block(*map(tf.constant, examples), tf.constant(clip_norm, tf.float32))
        accuracy, norm, count, loss = (float(one) for one in told)
        return accuracy, norm, count, math.isfinite(loss)

    def _block_of(self, symbol_ids: tf.Tensor, answers: tf.Tensor, clip_norm: tf.Tensor) -> tuple[tf.Tensor, ...]:
        """Take a step for each batch of `[BLOCK, B, ...]`; every example is answered before it is learnt from."""
        values = [weight.value for weight in self.weights]

        def step(
            number: tf.Tensor, right: tf.Tensor, largest: tf.Tensor, count: tf.Tensor, losses: tf.Tensor
        ) -> tuple[tf.Tensor, ...]:
            with tf.GradientTape() as tape:
                scores = self.network(symbol_ids[number])
                loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(answers[number], scores))
            gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(loss, values)]
            norm = tf.linalg.global_norm(gradients)
            factor = tf.minimum(1.0, clip_norm / norm)
            self.optimizer.apply([gradient * factor for gradient in gradients], self.weights)
            found = tf.argmax(scores, axis=1, output_type=tf.int32) == answers[number]
            right += tf.reduce_mean(tf.cast(found, tf.float32))
            longer = tf.cast(norm > self.settings.clip_norm, tf.float32)
            return number + 1, right, tf.maximum(largest, norm), count + longer, losses + loss

        begun = (tf.constant(0), *(tf.constant(0.0) for _ in range(4)))
        _, right, largest, count, losses = tf.while_loop(lambda number, *_: number < BLOCK, step, begun)
        return right / BLOCK, largest, count, losses / BLOCK

    def _shares(self, seed: int) -> GradientShares | None:
        if self.distance != self.settings.gradient_at:
            return None
        examples = recall_examples(self._random(seed, _GRADIENT), self.distance, GRADIENT_EXAMPLES)
        states, memories = self._gradient(*map(tf.constant, examples))
        return GradientShares(states.numpy(), None if memories is None else memories.numpy())


def initial_weights(name: str, units: int, seed: int) -> Weights:
    """Return the weights that a network begins with: Keras' initialisation, from the seed alone."""
    keras.utils.set_random_seed(seed)
    return [np.asarray(weight) for weight in RecallNetwork(FORMS[name], units).trainable_weights]


def _compiled(function: Callable[..., Any]) -> Any:
    """Return a function as XLA compiles it, which has to know how many rows each step of a recurrence has."""
    return tf.function(equal_steps()(function), jit_compile=True, autograph=False)
