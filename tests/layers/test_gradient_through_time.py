"""The gradient through time against the product of Jacobians, finite differences, and what must not change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.gradient_through_time import gradient_norms, gradient_through_time
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.recurrent import RecurrentStack
from tests.layers import equations

Floats = NDArray[Any]

UNITS, WIDTH, LENGTH, BATCH = 3, 4, 7, 2
MASK = tf.ones([BATCH, LENGTH], tf.bool)


def read(
    stack: RecurrentStack, inputs: tf.Tensor, mask: tf.Tensor, nudges: Sequence[States] | None
) -> tuple[tf.Tensor, list[States]]:
    layout = Layout.of(mask)
    words, ends = stack.read(layout.packed(inputs), layout, nudges=nudges)
    return layout.padded(words), ends


def stack_of(cell: Any, **settings: Any) -> RecurrentStack:
    stack = RecurrentStack(cell, UNITS, **settings)
    stack.build((None, None, WIDTH))
    random = np.random.default_rng(2)
    for weight in stack.weights:
        weight.assign(random.normal(scale=0.6, size=weight.shape))
    return stack


def inputs_of(seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(size=(BATCH, LENGTH, WIDTH)).astype(np.float32)


def loss_of(width: int = UNITS) -> Callable[[tf.Tensor], tf.Tensor]:
    weights = tf.constant(np.random.default_rng(3).normal(size=width), tf.float32)
    return lambda outputs: tf.reduce_sum(tf.sin(outputs) * weights, axis=1)


@pytest.mark.parametrize("step", [LENGTH - 1, 4, 0])
def test_a_vanilla_rnn_against_the_product_of_jacobians(step: int) -> None:
    """Pascanu et al. 2013, equation 5, in float64."""
    stack, inputs = stack_of("rnn", bidirectional=False), inputs_of()
    received = gradient_through_time(stack, tf.constant(inputs), MASK, step, loss_of())
    assert received.memories is None
    assert received.states.shape == (1, BATCH, step + 1)
    weights = stack.forward_layers[0].get_weights()
    of_outputs = np.random.default_rng(3).normal(size=UNITS)
    for row in range(BATCH):
        states = np.array([state[0] for state in equations.run("rnn", inputs[row], weights, (np.zeros(UNITS),))])
        gradient = np.cos(states[step]) * of_outputs
        for distance in range(step + 1):
            expected = np.linalg.norm(gradient)
            assert float(received.states[0, row, distance]) == pytest.approx(expected, rel=2e-5), distance
            slopes = 1.0 - states[step - distance] ** 2
            gradient = weights[1] @ (slopes * gradient)  # h_t = tanh(x W + h_t-1 U + b): the row vector times U^T


def slopes_of(
    stack: RecurrentStack, losses_of: Callable[[Sequence[States]], tf.Tensor], layer: int, part: int
) -> Floats:
    """Return the norms [B, L] of central differences of the loss, nudging one number of one state at a time."""
    width = UNITS * (2 if stack.bidirectional else 1)
    nudge = 1e-2
    found = np.zeros((BATCH, LENGTH, width))
    shape = (stack.layers, CELLS[stack.cell].parts, BATCH, LENGTH, width)
    for step in range(LENGTH):
        for unit in range(width):
            losses = []
            for size in (nudge, -nudge):
                moved = np.zeros(shape, np.float32)
                moved[layer, part, :, step, unit] = size
                losses.append(losses_of([tuple(tf.unstack(one)) for one in tf.constant(moved)]).numpy())
            found[:, step, unit] = (losses[0] - losses[1]) / (2 * nudge)
    return np.asarray(np.linalg.norm(found, axis=2))


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        ("rnn", {"bidirectional": False, "layers": 2}),
        ("gru", {"bidirectional": False}),
        ("lstm", {"bidirectional": False}),
        ("lstm", {"bidirectional": True}),
        ("gru", {"bidirectional": True, "layers": 2}),
        ("lstm", {"bidirectional": False, "layers": 2}),
    ],
)
def test_against_finite_differences(cell: str, settings: dict[str, Any]) -> None:
    stack = stack_of(cell, **settings)
    lengths = tf.constant([LENGTH, LENGTH - 2])
    mask = tf.sequence_mask(lengths, LENGTH)
    width = UNITS * (2 if stack.bidirectional else 1)

    @tf.function(autograph=False)
    def losses_of(nudges: Sequence[States]) -> tf.Tensor:
        outputs, ends = read(stack, tf.constant(inputs_of()), mask, nudges)
        return loss_of(width)(outputs[:, 3]) + loss_of(width)(ends[-1][0])

    received = gradient_norms(stack, BATCH, LENGTH, losses_of)
    parts = [received.states] if received.memories is None else [received.states, received.memories]
    assert len(parts) == CELLS[cell].parts
    for part, norms in enumerate(parts):
        for layer in range(stack.layers):
            expected = slopes_of(stack, losses_of, layer, part)
            np.testing.assert_allclose(norms[layer], expected, rtol=5e-3, atol=2e-4)
            np.testing.assert_array_equal(norms[layer, 1, LENGTH - 2 :], 0.0)  # padding
            assert float(tf.reduce_min(norms[layer, :, 3])) > 1e-3 or part == 1


@pytest.mark.parametrize("cell", CELLS)
def test_nudges_of_zero_change_nothing(cell: str) -> None:
    stack = stack_of(cell, layers=2)
    inputs = tf.constant(inputs_of())
    zeros = tf.zeros([BATCH, LENGTH, 2 * UNITS])
    nudges = [(zeros,) * CELLS[cell].parts] * 2

    def run(nudges: Sequence[States] | None) -> list[tf.Tensor]:
        weights = [weight.value for weight in stack.weights]
        with tf.GradientTape() as tape:
            outputs, ends = read(stack, inputs, tf.constant(MASK), nudges)
            loss = tf.reduce_sum(tf.square(outputs)) + tf.reduce_sum(ends[0][0])
        return [outputs, *ends[1], *tape.gradient(loss, weights)]

    for one, other in zip(run(nudges), run(None), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_nudge_moves_what_comes_after_it() -> None:
    stack, inputs = stack_of("lstm", bidirectional=False), tf.constant(inputs_of())
    moved = np.zeros((BATCH, LENGTH, UNITS), np.float32)
    moved[:, 3] = 0.5
    before = stack(inputs, MASK).numpy()
    after = read(stack, inputs, tf.constant(MASK), [(tf.constant(moved), tf.zeros_like(moved))])[0].numpy()
    np.testing.assert_array_equal(after[:, :3], before[:, :3])
    np.testing.assert_allclose(after[:, 3], before[:, 3] + 0.5, atol=1e-6)
    assert (np.abs(after[:, 4:] - before[:, 4:]).max(axis=2) > 1e-4).all()


def test_the_gradient_of_a_two_way_layer_is_of_both_directions() -> None:
    """At the last step the backward direction has read one word: no state of it before has a share."""
    inputs = tf.constant(inputs_of())
    both = stack_of("gru", bidirectional=True)
    forward = RecurrentStack("gru", UNITS, bidirectional=False)
    forward.build((None, None, WIDTH))
    forward.forward_layers[0].set_weights(both.forward_layers[0].get_weights())
    of_two = gradient_through_time(both, inputs, MASK, LENGTH - 1, lambda out: loss_of()(out[:, :UNITS]))
    of_one = gradient_through_time(forward, inputs, MASK, LENGTH - 1, loss_of())
    np.testing.assert_allclose(of_two.states, of_one.states, rtol=1e-6)
    backward = gradient_through_time(both, inputs, MASK, LENGTH - 1, lambda out: loss_of()(out[:, UNITS:]))
    np.testing.assert_array_equal(backward.states[:, :, 1:], 0.0)
    assert (backward.states[:, :, 0].numpy() > 0).all()


@pytest.mark.parametrize("step", [-1, LENGTH])
def test_a_step_that_is_not_there(step: int) -> None:
    with pytest.raises(ValueError, match=rf"expected a step from 0 to 6\. Received: {step}"):
        gradient_through_time(stack_of("rnn"), tf.constant(inputs_of()), MASK, step, loss_of(2 * UNITS))
