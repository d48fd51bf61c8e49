"""Attention against its equations in NumPy, and the recurrence with attention against TensorFlow's tape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.attention import SCORES, Annotations, Attention
from nlp_pipeline.layers.attentive_recurrence import AttentiveKernels, attentive_recur, attentive_step
from nlp_pipeline.layers.cells import CELLS, Cell, States
from nlp_pipeline.layers.steps import EqualSteps, Steps
from tests.layers import equations

BATCH, SOURCE, STEPS, UNITS = 3, 5, 4, 6
LENGTHS = np.array([5, 1, 3])
MASK = np.arange(SOURCE) < LENGTHS[:, None]
# Of what is written, longest first; the last ones may be empty.
TARGETS = {"alike": [4, 4, 4], "single steps": [1, 1, 1], "ragged": [4, 3, 1], "one empty": [3, 1, 0]}


def _attention(score: Any, depth: int = UNITS, seed: int = 1) -> Attention:
    layer = Attention(score, 4 if score == "additive" else UNITS)
    layer.build((None, UNITS), (None, None, depth))
    random = np.random.default_rng(seed)
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer


def _values(depth: int = UNITS) -> Any:
    return np.random.default_rng(2).normal(size=(BATCH, SOURCE, depth)).astype(np.float32)


@pytest.mark.parametrize("score", SCORES)
def test_weights_and_contexts(score: str) -> None:
    depth = UNITS if score == "dot" else 7
    layer, values = _attention(score, depth), _values(depth)
    queries = np.random.default_rng(3).normal(size=(BATCH, STEPS, UNITS)).astype(np.float32)
    annotations = layer.annotate(values, MASK)
    contexts, weights = layer(queries, annotations)
    for row, length in enumerate(LENGTHS):
        for step in range(STEPS):
            expected = equations.SCORES[score](queries[row, step], values[row, :length], layer.get_weights())
            np.testing.assert_allclose(weights[row, step, :length], expected, atol=1e-5)
            np.testing.assert_array_equal(weights[row, step, length:], 0.0)
            np.testing.assert_allclose(contexts[row, step], expected @ values[row, :length], atol=1e-5)
        one_context, one_weights = layer(queries[:, 1], annotations)
        np.testing.assert_allclose(one_context, contexts[:, 1], atol=1e-6)
        np.testing.assert_allclose(one_weights, weights[:, 1], atol=1e-6)


def test_what_stands_on_padding_is_not_seen() -> None:
    layer, values = _attention("additive"), _values()
    query = np.ones((BATCH, UNITS), np.float32)
    context, _ = layer(query, layer.annotate(values, MASK))
    np.testing.assert_array_equal(
        context, layer(query, layer.annotate(np.where(MASK[..., None], values, 1e6), MASK))[0]
    )


def test_it_comes_back_from_its_configuration() -> None:
    layer = _attention("additive")
    again = Attention.from_config(layer.get_config())
    again.build((None, UNITS), (None, None, UNITS))
    again.set_weights(layer.get_weights())
    query = np.ones((BATCH, UNITS), np.float32)
    one, other = (each(query, each.annotate(_values(), MASK))[0] for each in (layer, again))
    np.testing.assert_array_equal(one, other)


def test_in_bfloat16_the_energies_stay_in_float32() -> None:
    layer = _attention("additive")
    mixed = Attention("additive", 4, dtype="mixed_bfloat16")
    mixed.build((None, UNITS), (None, None, UNITS))
    mixed.set_weights(layer.get_weights())
    query = np.ones((BATCH, UNITS), np.float32)
    context, weights = mixed(query, mixed.annotate(_values(), MASK))
    assert (context.dtype, weights.dtype) == (tf.float32, tf.float32)
    np.testing.assert_allclose(context, layer(query, layer.annotate(_values(), MASK))[0], atol=0.05)
    np.testing.assert_allclose(tf.reduce_sum(weights, axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "shapes", "message"),
    [
        (("cosine", 4), None, "expected a score of additive, general, dot. Received: 'cosine'"),
        (("dot", 4), ((None, 4), (None, None, 5)), "expected queries and values of 4 units. Received: 4 and 5"),
        (("general", 4), ((None, 3), (None, None, 5)), "expected queries of 4 units. Received: 3"),
    ],
)
def test_what_does_not_fit_is_refused(settings: Any, shapes: Any, message: str) -> None:
    def make() -> None:
        layer = Attention(*settings)
        layer.build(*shapes)

    with pytest.raises(ValueError, match=message.replace(".", r"\.")):
        make()


def _case(
    name: str, score: str, lengths: Sequence[int] = TARGETS["ragged"]
) -> tuple[tf.Tensor, AttentiveKernels, Annotations, States]:
    random = np.random.default_rng(4)

    def draw(*shape: int) -> tf.Tensor:
        return tf.constant(random.normal(size=shape, scale=0.5), tf.float32)

    sums, depth, keys = CELLS[name].gates * UNITS, 7, 4 if score == "additive" else UNITS
    kernels = AttentiveKernels(
        draw(UNITS, sums),
        draw(depth, sums),
        draw(3, sums),
        draw(UNITS, keys) if score == "additive" else None,
        draw(keys) if score == "additive" else None,
        draw(sums) if name == "gru" else None,
    )
    annotations = Annotations(draw(BATCH, SOURCE, keys), draw(BATCH, SOURCE, depth), tf.constant(MASK))
    return draw(sum(lengths), sums), kernels, annotations, tuple(draw(BATCH, UNITS) for _ in range(CELLS[name].parts))


def _step_by_step(
    cell: Cell,
    projected: tf.Tensor,
    kernels: AttentiveKernels,
    lengths: Sequence[int],
    annotations: Annotations,
    initial: Sequence[tf.Tensor],
    asking: tf.Tensor | None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Run the recurrence sentence by sentence, and put what is found in the order of `Steps`."""
    places = [(time, row) for time in range(max(lengths)) for row in range(BATCH) if time < lengths[row]]
    found: dict[tuple[int, int], Any] = {}
    # Of the values themselves the weighted sum is the context.
    added = tf.concat([annotations.values @ kernels.context, annotations.values], axis=2)
    for row, length in enumerate(lengths):
        here = slice(row, row + 1)
        held, state = Annotations(*(one[here] for one in annotations)), tuple(one[here] for one in initial)
        for time in range(length):
            word = places.index((time, row))
            of_input, more = (None if one is None else one[word : word + 1] for one in (projected, asking))
            state, context, weights = attentive_step(cell, of_input, kernels, held, added[here], state, more)
            found[time, row] = (state[0], context, weights)
    states, contexts, weights = (tf.concat([found[place][part] for place in places], axis=0) for part in range(3))
    return states, contexts, weights


@pytest.mark.parametrize("kind", [Steps, EqualSteps])
@pytest.mark.parametrize("lengths", TARGETS.values(), ids=TARGETS)
@pytest.mark.parametrize("asks", [False, True])
@pytest.mark.parametrize("score", ["additive", "general"])
@pytest.mark.parametrize("name", CELLS)
def test_the_recurrence_is_its_steps_and_so_is_its_gradient(
    name: str, score: str, asks: bool, lengths: list[int], kind: type[Steps]
) -> None:
    projected, kernels, annotations, initial = _case(name, score, lengths)
    random = np.random.default_rng(5)
    words, width = sum(lengths), annotations.keys.shape[2]
    asking = tf.constant(random.normal(size=(words, width)), tf.float32) if asks else None
    steps = kind.of(tf.constant(lengths), max(lengths))
    here = tf.where(tf.reshape(steps.inside, [-1]))

    def ours(cell: Cell, projected: tf.Tensor, *others: Any) -> Sequence[tf.Tensor]:
        kernels, _, annotations, initial, asking = others
        if kind is Steps:
            return attentive_recur(cell, projected, kernels, steps, annotations, initial, asking)
        # What stands on padding is not zero, so that it is seen where it should not be.
        projected, asking = (
            None
            if one is None
            else tf.tensor_scatter_nd_update(tf.fill([max(lengths) * BATCH, one.shape[1]], 3.0), here, one)
            for one in (projected, asking)
        )
        found = attentive_recur(cell, projected, kernels, steps, annotations, initial, asking)
        return [tf.gather_nd(one, here) for one in found]

    # The inputs' kernel is used before the recurrence.
    of_loop = [one for key, one in kernels._asdict().items() if key != "inputs"]
    given = [projected, *of_loop, annotations.keys, annotations.values, *initial, asking]
    given = [one for one in given if one is not None]
    of_states = random.normal(size=(words, UNITS))
    of_contexts = random.normal(size=(words, 7))
    results = []
    for run in (ours, _step_by_step):
        with tf.GradientTape() as tape:
            tape.watch(given)
            states, contexts, weights = run(CELLS[name], projected, kernels, lengths, annotations, initial, asking)
            total = tf.reduce_sum(states * of_states) + tf.reduce_sum(contexts * of_contexts)
        results.append([states, contexts, weights, *map(tf.convert_to_tensor, tape.gradient(total, given))])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_recurrence_in_a_graph_of_unknown_shape() -> None:
    projected, kernels, annotations, initial = _case("lstm", "additive")
    open_shapes = [
        tf.TensorSpec([None], tf.int32),
        tf.TensorSpec([None, projected.shape[1]]),
        tf.TensorSpec([None, None, 4]),
        tf.TensorSpec([None, None, 7]),
        tf.TensorSpec([None, None], tf.bool),
        tf.TensorSpec([None, UNITS]),
        tf.TensorSpec([None, UNITS]),
    ]

    def square(
        lengths: tf.Tensor,
        projected: tf.Tensor,
        keys: tf.Tensor,
        values: tf.Tensor,
        mask: tf.Tensor,
        *initial: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch([projected, keys])
            steps = Steps.of(lengths, tf.reduce_max(lengths))
            found = attentive_recur(CELLS["lstm"], projected, kernels, steps, Annotations(keys, values, mask), initial)
            total = tf.reduce_sum(tf.square(found[0])) + tf.reduce_sum(found[1])
        gradients: tuple[tf.Tensor, tf.Tensor] = tape.gradient(total, (projected, keys))
        return gradients

    values = (tf.constant(TARGETS["ragged"]), projected, *annotations, *initial)
    for one, other in zip(tf.function(square, input_signature=open_shapes)(*values), square(*values), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
