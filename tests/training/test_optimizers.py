"""Optimizers: the schedule's numbers, a rate a group, and what does not decay."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nlp_pipeline.layers.crf import CRF
from nlp_pipeline.training.optimizers import GroupedOptimizer, WarmupThenDecay, WeightGroup


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


def test_each_group_learns_at_its_rate() -> None:
    slow, fast = _variable((2, 2)), _variable((2, 2))
    groups = [WeightGroup("slow", [slow], 0.01), WeightGroup("fast", [fast], 0.1)]
    optimizer = GroupedOptimizer.adamw(groups, 100, 0, "constant", 0.0)
    assert optimizer.weights == [slow, fast]
    assert optimizer.learning_rates() == pytest.approx({"slow": 0.01, "fast": 0.1})
    # Adam's first step is one learning rate against the gradient's sign, whatever its size.
    optimizer.apply([np.full((2, 2), 5.0, np.float32), np.full((2, 2), -0.3, np.float32)])
    np.testing.assert_allclose(slow.numpy(), 0.99, rtol=1e-5)
    np.testing.assert_allclose(fast.numpy(), 1.1, rtol=1e-5)


def test_matrices_decay_and_biases_and_transitions_do_not() -> None:
    crf = CRF(3, name="decoder")
    matrix, bias = _variable((2, 3)), _variable((3,))
    weights = [matrix, bias, *crf.weights]
    before = [weight.numpy() for weight in weights]
    optimizer = GroupedOptimizer.adamw([WeightGroup("all", weights, 0.1)], 10, 0, "constant", 0.5)
    optimizer.apply([np.zeros(weight.shape, np.float32) for weight in weights])
    np.testing.assert_allclose(matrix.numpy(), before[0] * (1 - 0.1 * 0.5), rtol=1e-6)
    for weight, value in list(zip(weights, before, strict=True))[1:]:
        np.testing.assert_array_equal(weight.numpy(), value, err_msg=weight.path)
