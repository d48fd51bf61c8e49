"""The moving average: its numbers, and that it stands in for the weights and goes again."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from nlp_pipeline.training.average import WeightAverage


def test_the_average_forgets_its_start_and_then_moves_slowly() -> None:
    weight = keras.Variable(np.zeros(2, np.float32))
    average = WeightAverage([weight], 0.5)
    expected, steps = np.zeros(2), 0
    for value in ([1.0, 2.0], [3.0, -1.0], [0.5, 0.5], *([[4.0, 8.0]] * 10)):
        weight.assign(np.array(value, np.float32))
        average.move()
        momentum = min(0.5, (1 + steps) / (10 + steps))
        expected = momentum * expected + (1 - momentum) * np.array(value)
        steps += 1
    np.testing.assert_allclose(average.averages[0].numpy(), expected, rtol=1e-6)
    assert steps > 9, "the last steps were at the full momentum"


def test_the_average_stands_in_for_a_while() -> None:
    weight = keras.Variable(np.zeros(2, np.float32))
    average = WeightAverage([weight], 0.5)
    weight.assign([2.0, 4.0])
    average.move()
    np.testing.assert_allclose(average.averages[0].numpy(), [1.8, 3.6], rtol=1e-6)
    with average.in_place():
        np.testing.assert_array_equal(weight.numpy(), average.averages[0].numpy())
    np.testing.assert_array_equal(weight.numpy(), [2.0, 4.0])
    with pytest.raises(KeyError), average.in_place():
        raise KeyError
    np.testing.assert_array_equal(weight.numpy(), [2.0, 4.0])


def test_of_weights_that_were_trained_before_nothing_is_forgotten_in_haste() -> None:
    weight = keras.Variable(np.ones(1, np.float32))
    average = WeightAverage([weight], 0.9, trained=True)
    weight.assign([0.0])
    for steps in range(1, 4):
        average.move()
        np.testing.assert_allclose(average.averages[0].numpy(), [0.9**steps], rtol=1e-6)
