"""Optimizers: the schedule's numbers, a rate a group, and what does not decay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import keras
import numpy as np
import pytest

from nlp_pipeline.layers.crf import CRF
from nlp_pipeline.training.optimizers import Decay, GroupedOptimizer, WarmupThenDecay, WeightGroup


def _variable(shape: tuple[int, ...], value: float = 1.0) -> keras.Variable:
    return keras.Variable(np.full(shape, value, np.float32))


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        # Ten steps, two of them warming up: half the peak, the peak, then down over eight.
        ("linear", [0.5, 1.0, 1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125, 0.0, 0.0]),
        ("constant", [0.5] + [1.0] * 11),
        ("cosine", [0.5, 1.0] + [0.5 + 0.5 * np.cos(np.pi * step / 8) for step in range(9)] + [0.0]),
    ],
)
def test_the_rate_of_each_step(decay: str, expected: list[float]) -> None:
    schedule = WarmupThenDecay(3.0, 10, 2, decay)  # type: ignore[arg-type]
    np.testing.assert_allclose([schedule(step) for step in range(12)], 3.0 * np.array(expected), atol=1e-6)


def test_without_warm_up_the_first_step_is_at_the_peak() -> None:
    assert float(WarmupThenDecay(2.0, 4, 0, "linear")(0)) == 2.0


def test_a_schedule_comes_back_from_its_configuration() -> None:
    schedule = WarmupThenDecay(2.0, 7, 3, "cosine")
    again = WarmupThenDecay.from_config(schedule.get_config())
    assert [float(again(step)) for step in range(9)] == [float(schedule(step)) for step in range(9)]


@dataclass(frozen=True)
class Settings:
    """What a recipe says, as far as optimizers are concerned."""

    optimizer: Literal["adamw", "sgd"] = "adamw"
    momentum: float = 0.9
    decay: Decay = "constant"
    weight_decay: float = 0.0


def test_each_group_learns_at_its_rate() -> None:
    slow, fast = _variable((2, 2)), _variable((2, 2))
    groups = [WeightGroup("slow", [slow], 0.01), WeightGroup("fast", [fast], 0.1)]
    optimizer = GroupedOptimizer.of(Settings(), groups, 100, 0)
    assert optimizer.weights == [slow, fast]
    assert optimizer.learning_rates() == pytest.approx({"slow": 0.01, "fast": 0.1})
    # Adam's first step is one learning rate against the gradient's sign, whatever its size.
    optimizer.apply([np.full((2, 2), 5.0, np.float32), np.full((2, 2), -0.3, np.float32)])
    np.testing.assert_allclose(slow.numpy(), 0.99, rtol=1e-5)
    np.testing.assert_allclose(fast.numpy(), 1.1, rtol=1e-5)


def test_the_rates_of_steps_ago_are_told() -> None:
    group = WeightGroup("all", [_variable((2, 2))], 0.5)
    optimizer = GroupedOptimizer.of(Settings(decay="linear"), [group], 10, 0)
    then = []
    for _ in range(4):
        then.append(optimizer.learning_rates())
        optimizer.apply([np.ones((2, 2), np.float32)])
    assert [optimizer.learning_rates(4 - number) for number in range(4)] == then
    assert len({rates["all"] for rates in then}) == 4


def test_matrices_decay_and_biases_and_transitions_do_not() -> None:
    crf = CRF(3, name="decoder")
    matrix, bias = _variable((2, 3)), _variable((3,))
    weights = [matrix, bias, *crf.weights]
    before = [weight.numpy() for weight in weights]
    optimizer = GroupedOptimizer.of(Settings(weight_decay=0.5), [WeightGroup("all", weights, 0.1)], 10, 0)
    optimizer.apply([np.zeros(weight.shape, np.float32) for weight in weights])
    np.testing.assert_allclose(matrix.numpy(), before[0] * (1 - 0.1 * 0.5), rtol=1e-6)
    for weight, value in list(zip(weights, before, strict=True))[1:]:
        np.testing.assert_array_equal(weight.numpy(), value, err_msg=weight.path)


def test_adamw_is_that_of_keras() -> None:
    generator = np.random.default_rng(0)
    ours, theirs = _variable((3, 2)), _variable((3, 2))
    schedule = WarmupThenDecay(0.1, 6, 2, "linear")
    oracle = keras.optimizers.AdamW(schedule, weight_decay=0.3, epsilon=1e-8)
    settings = Settings(decay="linear", weight_decay=0.3)
    optimizer = GroupedOptimizer.of(settings, [WeightGroup("all", [ours], 0.1)], 6, 2)
    for _ in range(6):
        gradient = generator.normal(size=(3, 2)).astype(np.float32)
        optimizer.apply([gradient])
        oracle.apply([gradient], [theirs])
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=3e-6)


def test_plain_descent_with_momentum() -> None:
    weight = _variable((1, 1))
    optimizer = GroupedOptimizer.of(Settings("sgd", momentum=0.5), [WeightGroup("all", [weight], 0.1)], 9, 0)
    expected, velocity = 1.0, 0.0
    for gradient in (1.0, -2.0, 0.5):
        optimizer.apply([np.full((1, 1), gradient, np.float32)])
        velocity = 0.5 * velocity - 0.1 * gradient
        expected += velocity
        np.testing.assert_allclose(weight.numpy(), expected, rtol=1e-6)
