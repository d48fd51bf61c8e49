"""Recurrent layers against the equations in NumPy, the laws of padding and reversal, and a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.layers.cells import CELLS
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.recurrent import RecurrentStack
from tests.layers import equations
from tests.layers.conftest import LayerCheck

Floats = NDArray[Any]

UNITS, WIDTH, LENGTH = 3, 4, 6
# Sorted they change places in a ring.
LENGTHS = np.array([3, 6, 1, 5])
MASK = np.arange(LENGTH) < LENGTHS[:, None]


def random_inputs(seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(size=(len(LENGTHS), LENGTH, WIDTH)).astype(np.float32)


def random_stack(cell: Any, **settings: Any) -> RecurrentStack:
    stack = RecurrentStack(cell, UNITS, **settings)
    stack.build((None, None, WIDTH))
    random = np.random.default_rng(2)
    for weight in stack.weights:
        weight.assign(random.normal(scale=0.7, size=weight.shape))
    return stack


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_equations(cell: str, bidirectional: bool, layers: int) -> None:
    stack, inputs = random_stack(cell, layers=layers, bidirectional=bidirectional), random_inputs()
    outputs = stack(inputs, padding_mask=MASK).numpy()

    def compute(states: Floats, weights: list[Floats]) -> Floats:
        return np.array([state[0] for state in equations.run(cell, states, weights, equations.zeros(cell, UNITS))])

    for row, length in enumerate(LENGTHS):
        states = inputs[row, :length].astype(np.float64)
        for number in range(layers):
            forward = compute(states, stack.forward_layers[number].get_weights())
            if bidirectional:
                backward = compute(states[::-1], stack.backward_layers[number].get_weights())[::-1]
                forward = np.concatenate([forward, backward], axis=1)
            states = forward
        np.testing.assert_allclose(outputs[row, :length], states, atol=2e-6)
        np.testing.assert_array_equal(outputs[row, length:], 0.0)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_beginnings_and_ends(cell: str, bidirectional: bool) -> None:
    stack, inputs = random_stack(cell, layers=2, bidirectional=bidirectional), random_inputs()
    parts, ways = CELLS[cell].parts, 2 if bidirectional else 1
    random = np.random.default_rng(8)
    initial = [
        tuple(random.normal(size=(len(LENGTHS), ways * UNITS)).astype(np.float32) for _ in range(parts)) for _ in "ab"
    ]
    layout = Layout.of(tf.constant(MASK))
    words, ends = stack.read(layout.packed(inputs), layout, initial)
    outputs = layout.padded(words).numpy()
    assert [len(end) for end in ends] == [parts] * 2
    for row, length in enumerate(LENGTHS):
        states = inputs[row, :length].astype(np.float64)
        for number, begin in enumerate(initial):
            sides, expected_ends = [], []
            for way, layers in enumerate((stack.forward_layers, stack.backward_layers)[:ways]):
                first = tuple(part[row, way * UNITS : (way + 1) * UNITS] for part in begin)
                turned = states[:: -1 if way else 1]
                sequence = equations.run(cell, turned, layers[number].get_weights(), first)
                sides.append(np.array([state[0] for state in sequence])[:: -1 if way else 1])
                expected_ends.append(sequence[-1])
            states = np.concatenate(sides, axis=1)
            for part in range(parts):
                expected = np.concatenate([end[part] for end in expected_ends])
                np.testing.assert_allclose(ends[number][part][row], expected, atol=2e-6)
        np.testing.assert_allclose(outputs[row, :length], states, atol=2e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_outputs_alone_are_the_same_and_have_the_same_gradients(cell: str) -> None:
    stack, layout = random_stack(cell, layers=2), Layout.of(tf.constant(MASK))
    inputs = layout.packed(random_inputs())
    found = []
    for alone in (False, True):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = stack.outputs_of(inputs, layout) if alone else stack.read(inputs, layout)[0]
            loss = tf.reduce_sum(tf.sin(outputs))
        variables = [weight.value for weight in stack.trainable_variables]
        found.append([outputs, *tape.gradient(loss, [inputs, *variables])])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_agrees_with_keras_and_a_mask(cell: str) -> None:
    """Keras' own way, a mask and `go_backwards`: the same outputs, and the same gradients of everything."""
    stack, inputs = random_stack(cell), tf.constant(random_inputs())
    layer = {"rnn": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}[cell]
    reference = keras.layers.Bidirectional(layer(UNITS, return_sequences=True))
    reference.build(inputs.shape)
    reference.set_weights(stack.get_weights())
    upstream = np.random.default_rng(3).normal(size=(*MASK.shape, 2 * UNITS)) * MASK[:, :, None]

    def run(layer: keras.layers.Layer, **mask: Any) -> list[tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = tf.where(MASK[:, :, None], layer(inputs, **mask), 0.0)
            total = tf.reduce_sum(outputs * upstream)
        return [outputs, *tape.gradient(total, [inputs, *(weight.value for weight in layer.weights)])]

    for ours, theirs in zip(run(stack, padding_mask=MASK), run(reference, mask=MASK), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("cell", ["gru", "lstm"])
def test_with_cudnn_keras_layers_do_the_same(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way that is taken where there is a GPU; Keras itself then finds none here, and runs its loop."""
    stack, inputs = random_stack(cell, layers=2), random_inputs()
    expected = stack(inputs, padding_mask=MASK)
    monkeypatch.setattr(stack, "_has_cudnn", lambda: True)
    np.testing.assert_allclose(stack(inputs, padding_mask=MASK), expected, atol=1e-6)


def test_cudnn_is_for_what_it_can_do(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not random_stack("lstm")._has_cudnn()
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda _kind: ["GPU:0"])
    assert random_stack("lstm", use_cudnn=False)._has_cudnn() is False
    assert random_stack("lstm", dropout_recurrent=0.1)._has_cudnn() is False
    assert RecurrentStack("rnn", UNITS)._has_cudnn() is False
    assert RecurrentStack("gru", UNITS)._has_cudnn() is True


@pytest.mark.parametrize("cell", CELLS)
def test_a_saved_model_gives_the_same(cell: str, tmp_path: Path) -> None:
    module = tf.Module()
    module.stack = random_stack(cell, layers=2)
    signature = [tf.TensorSpec([None, None, WIDTH]), tf.TensorSpec([None, None], tf.bool)]
    module.read = tf.function(lambda inputs, mask: module.stack(inputs, padding_mask=mask), input_signature=signature)
    expected = module.read(random_inputs(), MASK)
    tf.saved_model.save(module, str(tmp_path))
    loaded = tf.saved_model.load(str(tmp_path))
    np.testing.assert_array_equal(loaded.read(random_inputs(), MASK), expected)


@pytest.mark.parametrize("cell", CELLS)
def test_backward_direction_is_a_forward_one_over_reversed_sequences(cell: str) -> None:
    two_way, one_way = random_stack(cell), random_stack(cell, bidirectional=False)
    one_way.set_weights(two_way.backward_layers[0].get_weights())
    inputs = random_inputs()
    backward = two_way(inputs, padding_mask=MASK).numpy()[:, :, UNITS:]
    for row, length in enumerate(LENGTHS):
        turned = inputs[[row], :length][:, ::-1]
        alone = one_way(turned, padding_mask=np.ones((1, length), bool)).numpy()
        np.testing.assert_allclose(backward[row, :length], alone[0, ::-1], atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_padding_and_batching_change_nothing(cell: str) -> None:
    stack, inputs = random_stack(cell, layers=2), random_inputs()
    outputs = stack(inputs, padding_mask=MASK)
    other = np.where(MASK[:, :, None], inputs, 1e3).astype(np.float32)
    np.testing.assert_array_equal(stack(other, padding_mask=MASK), outputs)
    for row, length in enumerate(LENGTHS):
        alone = stack(inputs[[row], :length], padding_mask=MASK[[row], :length])
        np.testing.assert_allclose(alone[0], outputs[row, :length], atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_padding_gets_no_gradient(cell: str) -> None:
    stack, inputs = random_stack(cell, layers=2), tf.constant(random_inputs())
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        total = tf.reduce_sum(tf.square(stack(inputs, padding_mask=MASK)))
    gradient = tape.gradient(total, inputs).numpy()
    np.testing.assert_array_equal(gradient[~MASK], 0.0)
    assert np.all(np.any(gradient[MASK] != 0.0, axis=-1))


def test_a_row_without_words_gives_zeros() -> None:
    mask = MASK.copy()
    mask[1] = False
    outputs = random_stack("lstm")(random_inputs(), padding_mask=mask)
    np.testing.assert_array_equal(outputs[1], 0.0)


def losses_of_telling_the_last_word(bidirectional: bool) -> float:
    """Learn to say, at every word, which of two the row's last word was; give the loss on other rows."""
    keras.utils.set_random_seed(3)
    random = np.random.default_rng(4)

    def draw() -> tuple[Floats, Floats, Floats]:
        lengths = random.integers(2, 8, 64)
        mask = np.arange(7) < lengths[:, None]
        words = random.integers(0, 2, (64, 7))
        last = words[np.arange(64), lengths - 1]
        return np.eye(2, dtype=np.float32)[words], mask, np.repeat(last[:, None], 7, 1)

    stack, emission = RecurrentStack("gru", 8, bidirectional=bidirectional), keras.layers.Dense(2)
    inputs, mask, _ = draw()
    emission(stack(inputs, padding_mask=mask))
    weights = stack.trainable_weights + emission.trainable_weights
    optimizer = keras.optimizers.Adam(0.03)

    def loss_of_first_word(inputs: tf.Tensor, mask: tf.Tensor, gold: tf.Tensor) -> tf.Tensor:
        scores = emission(stack(inputs, padding_mask=mask))[:, 0]
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(gold[:, 0], scores))

    @tf.function
    def step(inputs: tf.Tensor, mask: tf.Tensor, gold: tf.Tensor) -> None:
        with tf.GradientTape() as tape:
            loss = loss_of_first_word(inputs, mask, gold)
        gradients = tape.gradient(loss, [weight.value for weight in weights], unconnected_gradients="zero")
        optimizer.apply(gradients, weights)

    for _ in range(80):
        step(*map(tf.constant, draw()))
    return float(loss_of_first_word(*draw()))


def test_only_a_two_way_stack_learns_what_stands_on_the_right() -> None:
    assert losses_of_telling_the_last_word(bidirectional=True) < 0.1
    assert losses_of_telling_the_last_word(bidirectional=False) > 0.5


@pytest.mark.parametrize("variational", [False, True])
@pytest.mark.parametrize("place", ["inputs", "between"])
def test_dropout_of_inputs(place: str, variational: bool) -> None:
    """The same units at every step if variational, others otherwise; in each row others."""
    settings: dict[str, Any] = {f"dropout_{place}": 0.5}
    stack = RecurrentStack("rnn", UNITS, layers=2, variational=variational, seed=5, **settings)
    layout = Layout.of(tf.ones((40, 10), tf.bool))
    number = 0 if place == "inputs" else 1
    words = stack._dropped(number, tf.ones((400, 8)), layout, training=True)
    dropped = layout.padded(words).numpy()
    assert set(np.unique(dropped)) == {0.0, 2.0}
    assert np.mean(dropped == 0.0) == pytest.approx(0.5, abs=0.1)
    assert bool(np.all(dropped == dropped[:, :1])) == variational
    assert np.any(dropped[0] != dropped[1])
    np.testing.assert_array_equal(stack._dropped(1 - number, words, layout, training=True), words)
    np.testing.assert_array_equal(stack._dropped(number, words, layout, training=False), words)


def test_recurrent_dropout_drops_the_same_units_at_every_step() -> None:
    """A unit whose own state is dropped forgets each step; where it is not, the state grows from step to step."""
    stack = RecurrentStack("rnn", 50, bidirectional=False, dropout_recurrent=0.5, seed=6)
    stack.build((None, None, 50))
    stack.forward_layers[0].set_weights([np.eye(50), 0.5 * np.eye(50), np.zeros(50)])
    outputs = stack(np.full((1, 6, 50), 0.1, np.float32), padding_mask=np.ones((1, 6), bool), training=True).numpy()[0]
    forgets = np.isclose(outputs, np.tanh(0.1), atol=1e-6)
    grows = np.diff(outputs, axis=0) > 0
    assert 10 < np.sum(forgets.all(axis=0)) < 40
    assert np.all(forgets.all(axis=0) | grows.all(axis=0))


@pytest.mark.parametrize("cell", CELLS)
def test_same_seed_same_numbers(cell: str) -> None:
    def run(seed: int, training: bool = True) -> Floats:
        settings = {"dropout_inputs": 0.3, "dropout_between": 0.3, "dropout_recurrent": 0.3}
        stack = random_stack(cell, layers=2, seed=seed, **settings)
        first = stack(random_inputs(), padding_mask=MASK, training=training).numpy()
        second = stack(random_inputs(), padding_mask=MASK, training=training).numpy()
        return np.stack([first, second])

    np.testing.assert_array_equal(run(7), run(7))
    assert np.any(run(7) != run(8))
    assert np.any(run(7)[0] != run(7)[1])
    np.testing.assert_array_equal(run(7, training=False), run(8, training=False))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_layer(cell: Any, bidirectional: bool, check_layer: LayerCheck) -> None:
    stack = RecurrentStack(cell, UNITS, layers=2, bidirectional=bidirectional)
    output = check_layer(stack, {"inputs": random_inputs(), "padding_mask": MASK})
    assert output.shape == (len(LENGTHS), LENGTH, UNITS * (2 if bidirectional else 1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "mgu", "units": 3}, "expected a cell of rnn, gru, lstm. Received: 'mgu'"),
        ({"cell": "gru", "units": 0}, "expected at least one unit and one layer. Received: units=0, layers=1"),
        ({"cell": "gru", "units": 3, "layers": 0}, "Received: units=3, layers=0"),
    ],
)
def test_settings_that_make_no_sense(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RecurrentStack(**settings)
