"""The recurrences and their gradients against TensorFlow's tape over plain loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers import recurrences

LENGTH, BATCH, UNITS = 5, 3, 4


def plain_vanilla(projected: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor) -> tf.Tensor:
    state, states = tf.zeros((BATCH, UNITS)), []
    for x in tf.unstack(projected):
        state = tf.tanh(x + (state * state_mask) @ kernel)
        states.append(state)
    return tf.stack(states)


def plain_gru(projected: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, state_mask: tf.Tensor) -> tf.Tensor:
    state, states = tf.zeros((BATCH, UNITS)), []
    for x in tf.unstack(projected):
        of_input, of_state = tf.split(x, 3, 1), tf.split((state * state_mask) @ kernel + bias, 3, 1)
        update, reset = tf.sigmoid(of_input[0] + of_state[0]), tf.sigmoid(of_input[1] + of_state[1])
        state = update * state + (1.0 - update) * tf.tanh(of_input[2] + reset * of_state[2])
        states.append(state)
    return tf.stack(states)


def plain_lstm(projected: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor) -> tf.Tensor:
    state, cell, states = tf.zeros((BATCH, UNITS)), tf.zeros((BATCH, UNITS)), []
    for x in tf.unstack(projected):
        enter, forget, new, out = tf.split(x + (state * state_mask) @ kernel, 4, 1)
        cell = tf.sigmoid(forget) * cell + tf.sigmoid(enter) * tf.tanh(new)
        state = tf.sigmoid(out) * tf.tanh(cell)
        states.append(state)
    return tf.stack(states)


Run = Callable[..., tf.Tensor]
CASES: list[tuple[Run, Run, int]] = [
    (recurrences.vanilla, plain_vanilla, 1),
    (recurrences.gru, plain_gru, 3),
    (recurrences.lstm, plain_lstm, 4),
]
NAMES = ["vanilla", "gru", "lstm"]


def arguments(gates: int, length: int = LENGTH) -> list[tf.Tensor]:
    random = np.random.default_rng(1)
    made = [random.normal(size=(length, BATCH, gates * UNITS)), random.normal(size=(UNITS, gates * UNITS))]
    if gates == 3:
        made.append(random.normal(size=(gates * UNITS,)))
    return [tf.constant(values, tf.float32) for values in made]


def with_gradients(run: Run, values: list[tf.Tensor], *rest: Any) -> list[tf.Tensor]:
    """Return the outputs, and the gradients of a sum in which every output has another weight."""
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = run(*values, *rest)
        weights = np.random.default_rng(2).normal(size=outputs.shape)
        total = tf.reduce_sum(outputs * weights)
    return [outputs, *tape.gradient(total, values)]


@pytest.mark.parametrize(("run", "plain", "gates"), CASES, ids=NAMES)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("length", [1, LENGTH])
def test_outputs_and_gradients(run: Run, plain: Run, gates: int, masked: bool, length: int) -> None:
    mask = tf.constant(np.random.default_rng(3).choice([0.0, 2.0], size=(BATCH, UNITS)), tf.float32)
    values = arguments(gates, length)
    received = with_gradients(run, values, mask if masked else None)
    expected = with_gradients(plain, values, mask if masked else tf.ones((BATCH, UNITS)))
    for ours, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize(("run", "plain", "gates"), CASES, ids=NAMES)
def test_in_bfloat16(run: Run, plain: Run, gates: int) -> None:
    """The factors of each product are rounded, with 8 bits; the states in between are not."""
    projected, kernel, *bias = arguments(gates)
    rounded = [projected, tf.cast(kernel, tf.bfloat16), *bias]
    received = with_gradients(run, rounded)
    expected = with_gradients(plain, [projected, tf.cast(rounded[1], tf.float32), *bias], tf.ones((BATCH, UNITS)))
    assert [value.dtype for value in received[1:]] == [value.dtype for value in rounded]
    for ours, theirs in zip(received, expected, strict=True):
        np.testing.assert_allclose(tf.cast(ours, tf.float32), theirs, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(("run", "plain", "gates"), CASES, ids=NAMES)
def test_in_a_graph_of_unknown_shape(run: Run, plain: Run, gates: int) -> None:
    values = arguments(gates)
    signature = [tf.TensorSpec([None, None, gates * UNITS]), *(tf.TensorSpec(value.shape) for value in values[1:])]

    @tf.function(input_signature=signature)
    def in_graph(*values: tf.Tensor) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = tf.reduce_sum(tf.square(run(*values)))
        gradients: list[tf.Tensor] = tape.gradient(total, list(values))
        return gradients

    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(tf.square(plain(*values, tf.ones((BATCH, UNITS)))))
    for ours, theirs in zip(in_graph(*values), tape.gradient(total, values), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-6)
