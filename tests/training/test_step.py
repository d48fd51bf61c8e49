"""Training steps on a toy: whatever shares, replicas, parts and steps at once, the numbers are those of one device."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.inputs.feeding import feed, signature_of
from nlp_pipeline.training.loss_scale import LossScale
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.step import Outcome, TrainingStep

PROGRAM = """
import numpy as np
import keras
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
from nlp_pipeline.inputs.feeding import feed, signature_of
from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.step import TrainingStep

def train(strategy, shares, accumulate, at_once):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(7, 4, 3)).astype(np.float32)
    lengths = np.array([4, 1, 3, 2, 4, 1, 1])
    examples = {"x": values, "padding_mask": np.arange(4)[None] < lengths[:, None]}
    def make(number):
        rows, counted = shares[number % len(shares)]
        batch = {key: value[rows] for key, value in examples.items()}
        return {**batch, "counted": np.full(len(rows), counted), "step_words": np.array(16.0, np.float32)}
    with strategy.scope():
        weight = keras.Variable(np.array([[0.5], [-1.0], [2.0]], np.float32), name="w")
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        optimizer.build([weight])
        average = WeightAverage([weight], 0.9)
    def losses_of(batch, training):
        error = tf.square(tf.squeeze(batch["x"] @ weight.value, -1) - 1.0)
        return tf.reduce_sum(tf.where(batch["padding_mask"], error, 0.0), -1)
    grouped = GroupedOptimizer([WeightGroup("all", [weight], 0.1)], [optimizer], 0.01)
    with strategy.scope():
        step = TrainingStep(losses_of, grouped, strategy, 3.0, average, accumulate)
    data = iter(feed(make, signature_of(make(0)), strategy))
    results = [result for _ in range(6 // at_once) for result in step(data, at_once).results]
    assert all(result.words == 16 for result in results), results
    assert all(result.waited >= 0.0 for result in results), results
    for result in results:
        np.testing.assert_allclose(np.sqrt(sum(result.squares)), result.gradient_norm, rtol=1e-6)
        assert result.clipped == (result.gradient_norm > 3.0)
    numbers = np.array([(result.loss, result.gradient_norm, *result.squares) for result in results])
    return weight.numpy(), average.averages[0].numpy(), numbers

whole = [([0, 1, 2, 3, 4, 5, 6], True)]
alone = train(tf.distribute.get_strategy(), whole, 1, 1)
mirrored = tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices("CPU")])
# Uneven shares, among them one of an example that is another's.
three = [([0, 3, 6], True), ([1, 2, 4, 5], True), ([0], False)]
six = [([0], True), ([3], True), ([6], True), ([1], True), ([2, 4, 5], True), ([2], False)]
ways = [
    train(tf.distribute.get_strategy(), three, 3, 2),
    train(mirrored, three, 1, 1),
    train(mirrored, three, 1, 3),
    train(mirrored, six, 2, 2),
]
for way in ways:
    for expected, received in zip(alone, way):
        np.testing.assert_allclose(received, expected, rtol=2e-6)
print("equal", alone[2][0][1] > 3.0)
"""


def test_uneven_and_empty_shares_give_the_same_steps() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # The first gradient was longer than clip_norm, so that clipping was part of what is equal.
    assert done.stdout.strip() == "equal True"


def _scaled(slopes: list[float], initial: float, patience: int) -> tuple[TrainingStep, Iterator[Any], Any]:
    """Return a step whose loss is a weight times a slope; the gradient is taken in float16."""
    weight = keras.Variable(np.zeros((), np.float32))
    sgd = keras.optimizers.SGD(1.0)
    sgd.build([weight])

    def losses_of(batch: Mapping[str, Any], training: bool) -> tf.Tensor:
        assert training
        half = tf.cast(weight.value, tf.float16)
        return tf.cast(half, tf.float32) * batch["slope"]

    def make(number: int) -> dict[str, Any]:
        slope = np.array([slopes[min(number, len(slopes) - 1)]], np.float32)
        mask = {"padding_mask": np.ones((1, 1), np.bool_), "counted": np.ones(1, np.bool_)}
        return {**mask, "slope": slope, "step_words": np.array(1.0, np.float32)}

    strategy = tf.distribute.get_strategy()
    grouped = GroupedOptimizer([WeightGroup("all", [weight], 1.0)], [sgd])
    step = TrainingStep(losses_of, grouped, strategy, loss_scale=LossScale(initial, patience))
    return step, iter(feed(make, signature_of(make(0)), strategy)), weight


def test_a_gradient_too_large_for_float16_lowers_the_scale_and_a_good_run_raises_it() -> None:
    # float16 ends at 65504: 4 x 2^14 does not fit, 4 x 2^13 does.
    step, data, weight = _scaled([4.0], 2.0**15, 3)
    results = step(data, 7).results
    done, rescaled = Outcome.DONE, Outcome.RESCALED
    assert [result.outcome for result in results] == [rescaled, rescaled, done, done, done, rescaled, done]
    assert [np.log2(result.loss_scale) for result in results] == [15, 14, 13, 13, 13, 14, 13]
    assert weight.numpy() == -4.0 * 4
    # So many times did the weight move after each of them.
    assert [result.later for result in results] == [4, 4, 3, 2, 1, 1, 0]


def test_small_gradients_are_not_lost() -> None:
    # The least number of float16 is 6e-8; without a scale this gradient is nothing.
    step, data, weight = _scaled([1e-9], 2.0**15, 100)
    step(data, 1)
    np.testing.assert_allclose(weight.numpy(), -1e-9, rtol=1e-2)


def test_the_gradient_of_each_weight_is_told_before_it_is_clipped() -> None:
    two = [keras.Variable(np.zeros(2, np.float32)), keras.Variable(np.zeros((), np.float32))]
    sgd = keras.optimizers.SGD(1.0)
    sgd.build(two)

    def losses_of(batch: Mapping[str, Any], training: bool) -> tf.Tensor:
        return batch["slope"] * (3.0 * two[0].value[0] + 4.0 * two[0].value[1] + 12.0 * two[1].value)

    def make(number: int) -> dict[str, Any]:
        mask = {"padding_mask": np.ones((1, 1), np.bool_), "counted": np.ones(1, np.bool_)}
        return {**mask, "slope": np.array([number + 1.0], np.float32), "step_words": np.array(1.0, np.float32)}

    strategy = tf.distribute.get_strategy()
    grouped = GroupedOptimizer([WeightGroup("all", two, 1.0)], [sgd])
    step = TrainingStep(losses_of, grouped, strategy, clip_norm=20.0)
    results = step(iter(feed(make, signature_of(make(0)), strategy)), 2).results
    assert [result.squares for result in results] == [[25.0, 144.0], [100.0, 576.0]]
    assert [result.gradient_norm for result in results] == [13.0, 26.0]
    assert [result.clipped for result in results] == [False, True]
    np.testing.assert_allclose(two[1].numpy(), -12.0 - 24.0 * 20.0 / 26.0, rtol=1e-6)


@pytest.mark.parametrize(("slope", "initial"), [(np.inf, 2.0**15), (1e6, 1.0)])
def test_what_no_scale_can_help_is_no_number(slope: float, initial: float) -> None:
    step, data, weight = _scaled([slope], initial, 100)
    done = step(data, 3)
    assert [result.outcome for result in done.results] == [Outcome.NOT_FINITE]
    assert weight.numpy() == 0.0


@pytest.mark.parametrize("stop", [None, signal.SIGINT, signal.SIGTERM])
def test_the_signal_that_a_worker_got_comes_back(stop: int | None) -> None:
    step, data, _ = _scaled([1.0], 1.0, 100)
    assert step(data, 2, stop).stop == stop


@pytest.mark.parametrize(("made_at", "waited"), [(7.5, 2.5), (4.0, 0.0)])
def test_a_step_has_waited_until_its_batch_was_made(
    made_at: float, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nlp_pipeline.inputs.feeding.monotonic", lambda: made_at)
    monkeypatch.setattr("nlp_pipeline.training.step.monotonic", lambda: 5.0)
    step, data, _ = _scaled([1.0], 1.0, 100)
    assert [result.waited for result in step(data, 2).results] == [waited] * 2
