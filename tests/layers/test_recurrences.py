"""The recurrences and their gradients against TensorFlow's tape over plain loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.recurrences import recur
from nlp_pipeline.layers.steps import EqualSteps, Steps

BATCH, UNITS = 3, 4
# Of sentences, longest first; the last ones may be empty.
LENGTHS = {"alike": [5, 5, 5], "single words": [1, 1, 1], "ragged": [5, 3, 1], "one empty": [4, 2, 0]}
KINDS = [Steps, EqualSteps]


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
    cell: str,
    values: Sequence[tf.Tensor],
    lengths: Sequence[int],
    is_backward: bool = False,
    state_mask: tf.Tensor | None = None,
) -> list[tf.Tensor]:
    """Run a cell over each sentence by itself; the words, and what it gives, stand as in `Steps`."""
    projected, kernel, bias, *initial = values
    state_mask = tf.ones((BATCH, UNITS)) if state_mask is None else state_mask
    places = [(time, row) for time in range(max(lengths)) for row in range(BATCH) if time < lengths[row]]
    found: dict[tuple[int, int], States] = {}
    for row, length in enumerate(lengths):
        state = tuple(one[row : row + 1] for one in initial)
        for time in range(length)[:: -1 if is_backward else 1]:
            word = places.index((time, row))
            of_state = (state[0] * state_mask[row]) @ kernel + bias
            found[time, row] = state = plain_step(cell, projected[word : word + 1], of_state, state)
    return [tf.concat([found[place][part] for place in places], axis=0) for part in range(len(initial))]


def arguments(cell: str, lengths: Sequence[int]) -> list[tf.Tensor]:
    """Return inputs, kernel, the GRU's second bias, and the first states."""
    random = np.random.default_rng(1)
    sums = CELLS[cell].gates * UNITS
    shapes = [(sum(lengths), sums), (UNITS, sums), (sums,), *[(BATCH, UNITS)] * CELLS[cell].parts]
    return [tf.constant(random.normal(size=shape), tf.float32) for shape in shapes]


def ours(
    cell: str,
    values: Sequence[tf.Tensor],
    lengths: Sequence[int] | tf.Tensor,
    is_backward: bool = False,
    state_mask: tf.Tensor | None = None,
    kind: type[Steps] = Steps,
    memories: bool = True,
) -> States:
    projected, kernel, bias, *initial = values
    steps = kind.of(tf.constant(lengths), max(lengths))
    if kind is EqualSteps:
        # What stands on padding is not zero, so that it is seen where it should not be.
        here = tf.where(tf.reshape(steps.inside, [-1]))
        projected = tf.tensor_scatter_nd_update(
            tf.fill([max(lengths) * BATCH, projected.shape[1]], 3.0), here, projected
        )
    found = recur(CELLS[cell], projected, kernel, steps, is_backward, initial, bias, state_mask, memories=memories)
    return found if kind is Steps else tuple(tf.gather_nd(one, here) for one in found)


def with_gradients(run: Callable[[], Sequence[tf.Tensor]], values: list[tf.Tensor]) -> list[tf.Tensor]:
    """Return the outputs, and the gradients of a sum in which every output has another weight."""
    random = np.random.default_rng(2)
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = run()
        total = tf.add_n([tf.reduce_sum(output * random.normal(size=output.shape)) for output in outputs])
    return [*outputs, *tape.gradient(total, values)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
@pytest.mark.parametrize("is_backward", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_and_gradients(
    cell: str, masked: bool, is_backward: bool, lengths: list[int], kind: type[Steps]
) -> None:
    mask = tf.constant(np.random.default_rng(3).choice([0.0, 2.0], size=(BATCH, UNITS)), tf.float32) if masked else None
    values = arguments(cell, lengths)
    received = with_gradients(lambda: ours(cell, values, lengths, is_backward, mask, kind), values)
    expected = with_gradients(lambda: plain(cell, values, lengths, is_backward, mask), values)
    assert len(received) == CELLS[cell].parts + len(values)
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(one, tf.convert_to_tensor(other), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_backward", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_without_memories_the_gradients_are_those_of_the_states(
    cell: str, is_backward: bool, kind: type[Steps]
) -> None:
    lengths = LENGTHS["ragged"]
    values = arguments(cell, lengths)
    received = with_gradients(lambda: ours(cell, values, lengths, is_backward, None, kind, memories=False), values)
    expected = with_gradients(lambda: plain(cell, values, lengths, is_backward)[:1], values)
    assert len(received) == 1 + len(values)
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(one, tf.convert_to_tensor(other), rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_left_out_states_and_biases_are_zero(cell: str) -> None:
    lengths = LENGTHS["ragged"]
    projected, kernel, bias, *initial = arguments(cell, lengths)
    zeros = [tf.zeros_like(one) for one in (bias, *initial)]
    steps = Steps.of(tf.constant(lengths), max(lengths))
    expected = ours(cell, [projected, kernel, *zeros], lengths)
    for one, other in zip(recur(CELLS[cell], projected, kernel, steps), expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("precision", "rtol", "atol"), [(tf.bfloat16, 0.02, 0.03), (tf.float16, 0.0025, 0.004)])
@pytest.mark.parametrize("cell", CELLS)
def test_in_16_bits(cell: str, precision: tf.DType, rtol: float, atol: float) -> None:
    """The factors of each product are rounded, to 8 or 11 bits; the states in between are not."""
    lengths = LENGTHS["ragged"]
    values = arguments(cell, lengths)
    values[1] = tf.cast(values[1], precision)
    in_full = [tf.cast(value, tf.float32) for value in values]
    received = with_gradients(lambda: ours(cell, values, lengths), values)
    expected = with_gradients(lambda: plain(cell, in_full, lengths), in_full)
    assert [value.dtype for value in received[CELLS[cell].parts :]] == [value.dtype for value in values]
    for one, other in zip(received, expected, strict=True):
        np.testing.assert_allclose(tf.cast(one, tf.float32), tf.convert_to_tensor(other), rtol=rtol, atol=atol)


@pytest.mark.parametrize("is_backward", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_in_a_graph_of_unknown_shape(cell: str, is_backward: bool) -> None:
    lengths = LENGTHS["ragged"]
    values = arguments(cell, lengths)
    projected, kernel, bias, *initial = values
    rows_of_any = [tf.TensorSpec([None, UNITS])] * len(initial)
    open_shapes = [tf.TensorSpec([None, projected.shape[1]]), *map(_shape, (kernel, bias)), *rows_of_any]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32), *open_shapes])
    def in_graph(lengths: tf.Tensor, *values: tf.Tensor) -> Any:
        projected, kernel, bias, *initial = values
        steps = Steps.of(lengths, tf.reduce_max(lengths))
        with tf.GradientTape() as tape:
            tape.watch(values)
            outputs = recur(CELLS[cell], projected, kernel, steps, is_backward, initial, bias)
            total = tf.add_n([tf.reduce_sum(tf.square(output)) for output in outputs])
        return tape.gradient(total, list(values))

    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs = plain(cell, values, lengths, is_backward)
        total = tf.add_n([tf.reduce_sum(tf.square(output)) for output in outputs])
    for one, other in zip(in_graph(tf.constant(lengths), *values), tape.gradient(total, values), strict=True):
        np.testing.assert_allclose(one, tf.convert_to_tensor(other), rtol=1e-4, atol=5e-6)


def _shape(value: tf.Tensor) -> tf.TensorSpec:
    return tf.TensorSpec(value.shape)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_through_time_against_finite_differences(cell: str) -> None:
    """How the last state moves with the first inputs, ten steps before: back-propagation through time."""
    lengths = [10] * BATCH
    projected, kernel, bias, *initial = arguments(cell, lengths)
    kernel = kernel * 0.5
    random = np.random.default_rng(4)
    weights = tf.constant(random.normal(size=(BATCH, UNITS)), tf.float32)

    def last(projected: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(ours(cell, [projected, kernel, bias, *initial], lengths)[0][-BATCH:] * weights)

    with tf.GradientTape() as tape:
        tape.watch(projected)
        total = last(projected)
    gradient = tape.gradient(total, projected).numpy()
    for time, row, number in [(0, 0, 0), (0, 2, 3), (4, 1, 2), (9, 2, 1)]:
        place = (time * BATCH + row, number)
        nudge = np.zeros(projected.shape, np.float32)
        nudge[place] = 2e-2
        slope = float(last(projected + nudge) - last(projected - nudge)) / 4e-2
        assert gradient[place] == pytest.approx(slope, rel=2e-2, abs=2e-5)
    assert np.abs(gradient[:BATCH]).max() > 1e-5
