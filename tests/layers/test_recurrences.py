"""The recurrences and their gradients against TensorFlow's tape over plain loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.recurrences import recur

LENGTH, BATCH, UNITS = 5, 3, 4


def plain_step(cell: str, x: tf.Tensor, of_state: tf.Tensor, before: States) -> States:
    """Return what a cell is in after a step, as its paper has it."""
    if cell == "rnn":
        return (tf.tanh(x + of_state),)
    if cell == "gru":
        of_input, of_state = tf.split(x, 3, 1), tf.split(of_state, 3, 1)
        update, reset = tf.sigmoid(of_input[0] + of_state[0]), tf.sigmoid(of_input[1] + of_state[1])
        return (update * before[0] + (1.0 - update) * tf.tanh(of_input[2] + reset * of_state[2]),)
    enter, forget, new, out = tf.split(x + of_state, 4, 1)
    memory = tf.sigmoid(forget) * before[1] + tf.sigmoid(enter) * tf.tanh(new)
    return tf.sigmoid(out) * tf.tanh(memory), memory


def plain(
    cell: str, projected: tf.Tensor, kernel: tf.Tensor, initial: States, bias: tf.Tensor, state_mask: tf.Tensor
) -> list[tf.Tensor]:
    """Run a cell over time, step by step."""
    state, sequence = initial, []
    for x in tf.unstack(projected):
        state = plain_step(cell, x, (state[0] * state_mask) @ kernel + bias, state)
        sequence.append(state)
    return [tf.stack(part) for part in zip(*sequence, strict=True)]


def arguments(cell: str, length: int = LENGTH) -> list[tf.Tensor]:
    """Return inputs, kernel, the GRU's second bias, and the first states."""
    random = np.random.default_rng(1)
    sums = CELLS[cell].gates * UNITS
    shapes = [(length, BATCH, sums), (UNITS, sums), (sums,), *[(BATCH, UNITS)] * CELLS[cell].parts]
    return [tf.constant(random.normal(size=shape), tf.float32) for shape in shapes]


def ours(cell: str, values: Sequence[tf.Tensor], mask: tf.Tensor | None = None) -> States:
    projected, kernel, bias, *initial = values
    return recur(CELLS[cell], projected, kernel, initial, bias, mask)


def theirs(cell: str, values: Sequence[tf.Tensor], mask: tf.Tensor | None = None) -> list[tf.Tensor]:
    projected, kernel, bias, *initial = values
    return plain(cell, projected, kernel, tuple(initial), bias, tf.ones((BATCH, UNITS)) if mask is None else mask)


def with_gradients(run: Callable[[], Sequence[tf.Tensor]], values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Return the outputs, and the gradients of a sum in which every output has another weight."""
    random = np.random.default_rng(2)
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = run()
        total = tf.add_n([tf.reduce_sum(output * random.normal(size=output.shape)) for output in outputs])
    return [*outputs, *tape.gradient(total, values)]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("length", [1, LENGTH])
def test_outputs_and_gradients(cell: str, masked: bool, length: int) -> None:
    mask = tf.constant(np.random.default_rng(3).choice([0.0, 2.0], size=(BATCH, UNITS)), tf.float32) if masked else None
    values = arguments(cell, length)
    received = with_gradients(lambda: ours(cell, values, mask), values)
    expected = with_gradients(lambda: theirs(cell, values, mask), values)
    assert len(received) == CELLS[cell].parts + len(values)
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_left_out_states_and_biases_are_zero(cell: str) -> None:
    projected, kernel, bias, *initial = arguments(cell)
    zeros = [tf.zeros_like(one) for one in (bias, *initial)]
    for one, other in zip(recur(CELLS[cell], projected, kernel), ours(cell, [projected, kernel, *zeros]), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("cell", CELLS)
def test_in_bfloat16(cell: str) -> None:
    """The factors of each product are rounded, to 8 bits; the states in between are not."""
    values = arguments(cell)
    values[1] = tf.cast(values[1], tf.bfloat16)
    in_full = [tf.cast(value, tf.float32) for value in values]
    received = with_gradients(lambda: ours(cell, values), values)
    expected = with_gradients(lambda: theirs(cell, in_full), in_full)
    assert [value.dtype for value in received[CELLS[cell].parts :]] == [value.dtype for value in values]
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(tf.cast(one, tf.float32), other, rtol=0.02, atol=0.03)


@pytest.mark.parametrize("cell", CELLS)
def test_in_a_graph_of_unknown_shape(cell: str) -> None:
    values = arguments(cell)
    projected, kernel, bias, *initial = values
    batch_of_any = [tf.TensorSpec([None, UNITS])] * len(initial)
    open_shapes = [tf.TensorSpec([None, None, projected.shape[2]]), *map(_shape, (kernel, bias)), *batch_of_any]

    @tf.function(input_signature=open_shapes)
    def in_graph(*values: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(values)
            total = tf.add_n([tf.reduce_sum(tf.square(output)) for output in ours(cell, values)])
        return tape.gradient(total, list(values))

    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.add_n([tf.reduce_sum(tf.square(output)) for output in theirs(cell, values)])
    for one, other in zip(in_graph(*values), tape.gradient(total, values), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=5e-6)


def _shape(value: tf.Tensor) -> tf.TensorSpec:
    return tf.TensorSpec(value.shape)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_time_against_finite_differences(cell: str) -> None:
    """How the last state moves with the first inputs, ten steps before: back-propagation through time."""
    projected, kernel, bias, *initial = arguments(cell, length=10)
    kernel = kernel * 0.5
    random = np.random.default_rng(4)
    weights = tf.constant(random.normal(size=(BATCH, UNITS)), tf.float32)

    def last(projected: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(ours(cell, [projected, kernel, bias, *initial])[0][-1] * weights)

    with tf.GradientTape() as tape:
        tape.watch(projected)
        total = last(projected)
    gradient = tape.gradient(total, projected).numpy()
    for place in [(0, 0, 0), (0, 2, 3), (4, 1, 2), (9, 2, 1)]:
        nudge = np.zeros(projected.shape, np.float32)
        nudge[place] = 2e-2
        slope = float(last(projected + nudge) - last(projected - nudge)) / 4e-2
        assert gradient[place] == pytest.approx(slope, rel=2e-2, abs=2e-5)
    assert np.abs(gradient[0]).max() > 1e-5
