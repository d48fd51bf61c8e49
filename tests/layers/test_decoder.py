"""The decoder and the bridge: against NumPy, one step against all at once, and that padding does not matter."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.bridge import Bridge
from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.decoder import RecurrentDecoder
from tests.layers import equations
from tests.layers.equations import Floats

BATCH, SOURCE, TARGET, UNITS, WIDTH, CONTEXT = 3, 5, 4, 6, 3, 8
LENGTHS = np.array([5, 1, 3])
MASK = np.arange(SOURCE) < LENGTHS[:, None]

KINDS: dict[str, dict[str, Any]] = {
    "context at the start": {"attention": None, "readout_units": 5},
    "context at each step": {"attention": None, "sees_context": True, "readout_units": 5},
    "context at each step, no readout": {"attention": None, "sees_context": True},
    "additive, fed": {"attention": "additive", "attention_units": 4, "readout_units": 5},
    "additive, fed, asked by the input too": {"attention": "additive", "attention_units": 4, "query_input": True},
    "general, fed": {"attention": "general", "readout_units": 5},
    "dot, fed, no readout": {"attention": "dot"},
    "additive, after": {"attention": "additive", "input_feeding": False, "readout_units": 5},
    "dot, after": {"attention": "dot", "input_feeding": False},
    "normalised": {"attention": "additive", "normalise": True, "readout_units": 5},
}


def _draw(*shape: int, seed: int = 1) -> Any:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _decoder(cell: Any, layers: int, kind: dict[str, Any], **more: Any) -> RecurrentDecoder:
    decoder = RecurrentDecoder(cell, UNITS, layers=layers, **kind, **more)
    decoder.build((None, None, WIDTH), (None, None, UNITS), (None, CONTEXT))
    random = np.random.default_rng(2)
    for weight in decoder.weights:
        weight.assign(random.normal(scale=0.6, size=weight.shape))
    return decoder


def _initial(cell: str, layers: int) -> list[States]:
    return [
        tuple(tf.constant(_draw(BATCH, UNITS, seed=10 + 2 * layer + part)) for part in range(CELLS[cell].parts))
        for layer in range(layers)
    ]


VALUES, LAST, INPUTS = _draw(BATCH, SOURCE, UNITS, seed=3), _draw(BATCH, CONTEXT, seed=4), _draw(BATCH, TARGET, WIDTH)


def _normalised(x: Floats, norm: Any) -> Floats:
    gamma, beta = norm.get_weights()
    return np.asarray((x - x.mean()) / np.sqrt(x.var() + 1e-5) * gamma + beta)


def _by_hand(decoder: RecurrentDecoder, row: int, initial: list[States]) -> tuple[Floats, Floats]:
    """Return the outputs and attention weights of one sentence, by the equations of the papers."""
    values = VALUES[row, : LENGTHS[row]].astype(np.float64)
    states = [tuple(np.asarray(part[row], np.float64) for part in layer) for layer in initial]
    outputs, all_weights = [], []
    for x in INPUTS[row].astype(np.float64):
        below, context = x, np.zeros(0)
        if decoder.attention is None and decoder.sees_context:
            context = LAST[row].astype(np.float64)
        for number, cell in enumerate(decoder.cells):
            if number == 0 and decoder.feeds:
                assert decoder.attend is not None
                asking, parts = states[0][0], decoder.attend.get_weights()
                if decoder.query_input:
                    # Both queries side by side are one, whose kernels stand one below the other.
                    of_layer = {weight.name: weight for weight in decoder.attend.weights}
                    parts = [np.asarray(of_layer[name]) for name in ("keys", "query", "energy")]
                    parts[1] = np.concatenate([parts[1], np.asarray(decoder.query_kernel)])
                    asking = np.concatenate([asking, x])
                weights = equations.SCORES[decoder.attend.score](asking, values, parts)
                context = weights @ values
            if number == 0 and (decoder.feeds or decoder.attention is None):
                below = np.concatenate([x, context])
            states[number] = equations.STEPS[decoder.cell](below, states[number], cell.get_weights())
            below = states[number][0]
            if decoder.normalise:
                below = _normalised(below, decoder.norms[number])
        if decoder.attend is not None and not decoder.feeds:
            weights = equations.SCORES[decoder.attend.score](below, values, decoder.attend.get_weights())
            context = weights @ values
        seen = np.concatenate([below, context])
        if decoder.readout is not None:
            kernel, bias = decoder.readout.get_weights()
            summed = np.concatenate([seen, x]) @ kernel + bias
            seen = np.tanh(_normalised(summed, decoder.readout_norm) if decoder.readout_norm else summed)
        outputs.append(seen)
        all_weights.append(weights if decoder.attend is not None else np.zeros(0))
    return np.array(outputs), np.array(all_weights)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("cell", CELLS)
def test_equations_and_single_steps(cell: str, kind: dict[str, Any], layers: int) -> None:
    decoder, initial = _decoder(cell, layers, kind), _initial(cell, layers)
    source = decoder.look_at(tf.constant(VALUES), tf.constant(MASK), tf.constant(LAST))
    decoded = decoder(tf.constant(INPUTS), source, initial)
    # Of other lengths, whose order is not its own inverse, and with a step that nobody reads.
    targets = [1, 3, 2]
    shorter = decoder(tf.constant(INPUTS), source, initial, tf.sequence_mask(targets, TARGET))
    for row, length in enumerate(LENGTHS):
        outputs, weights = _by_hand(decoder, row, initial)
        for found, steps_of_row in ((decoded, TARGET), (shorter, targets[row])):
            np.testing.assert_allclose(found.outputs[row, :steps_of_row], outputs[:steps_of_row], atol=2e-5)
            if found.weights is not None:
                of_row = found.weights[row, :steps_of_row, :length]
                np.testing.assert_allclose(of_row, weights[:steps_of_row], atol=2e-5)
    state, steps = initial, decoder.steps()
    known = steps.look_at(source)
    for time in range(TARGET):
        of_step, weights_of_step, state = steps(tf.constant(INPUTS[:, time]), known, state)
        np.testing.assert_allclose(of_step, decoded.outputs[:, time], atol=2e-6)
        assert (weights_of_step is None) == (decoded.weights is None) == (kind["attention"] is None)
        if weights_of_step is not None:
            np.testing.assert_allclose(weights_of_step, decoded.weights[:, time], atol=2e-6)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_padding_of_either_side_does_not_matter(kind: dict[str, Any]) -> None:
    decoder, initial = _decoder("lstm", 2, kind), _initial("lstm", 2)

    def outputs(values: Any, mask: Any, inputs: Any) -> Any:
        source = decoder.look_at(tf.constant(values), tf.constant(mask), tf.constant(LAST))
        return decoder(tf.constant(inputs), source, initial).outputs

    wider = np.concatenate(
        [np.where(MASK[..., None], VALUES, 7.0), np.full((BATCH, 3, UNITS), -9.0, np.float32)], axis=1
    )
    longer = np.concatenate([INPUTS, np.full((BATCH, 2, WIDTH), 5.0, np.float32)], axis=1)
    wider_mask = np.concatenate([MASK, np.zeros((BATCH, 3), np.bool_)], axis=1)
    expected = outputs(VALUES, MASK, INPUTS)
    np.testing.assert_allclose(outputs(wider, wider_mask, longer)[:, :TARGET], expected, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_weight_has_a_gradient_in_a_graph_of_unknown_shape(kind: dict[str, Any]) -> None:
    decoder = _decoder("gru", 2, kind)
    initial = _initial("gru", 2)

    @tf.function(input_signature=[tf.TensorSpec([None, None, WIDTH])])
    def gradients(inputs: tf.Tensor) -> Any:
        with tf.GradientTape() as tape:
            source = decoder.look_at(tf.constant(VALUES), tf.constant(MASK), tf.constant(LAST))
            total = tf.reduce_sum(tf.square(decoder(inputs, source, initial).outputs))
        return tape.gradient(total, [weight.value for weight in decoder.trainable_weights])

    for weight, gradient in zip(decoder.trainable_weights, gradients(INPUTS), strict=True):
        assert float(tf.reduce_max(tf.abs(tf.convert_to_tensor(gradient)))) > 0.0, weight.path


def test_in_bfloat16_steps_and_all_at_once_agree() -> None:
    kind = KINDS["normalised"]
    decoder = _decoder("lstm", 2, kind, dtype="mixed_bfloat16")
    exact = _decoder("lstm", 2, kind)
    initial, inputs = _initial("lstm", 2), tf.cast(INPUTS, tf.bfloat16)
    source = decoder.look_at(tf.cast(VALUES, tf.bfloat16), tf.constant(MASK), tf.constant(LAST))
    outputs = decoder(inputs, source, initial).outputs
    assert outputs.dtype == tf.bfloat16
    expected = exact(tf.constant(INPUTS), exact.look_at(VALUES, tf.constant(MASK), LAST), initial).outputs
    np.testing.assert_allclose(tf.cast(outputs, tf.float32), expected, atol=0.1)
    state, steps = initial, decoder.steps()
    known = steps.look_at(source)
    for time in range(TARGET):
        one, _, state = steps(inputs[:, time], known, state)
        np.testing.assert_allclose(tf.cast(one, tf.float32), tf.cast(outputs[:, time], tf.float32), atol=0.02)


def test_dropout_drops_in_training_alone() -> None:
    decoder = _decoder("gru", 2, KINDS["additive, fed"], dropout_between=0.5, dropout_readout=0.5, seed=3)
    initial = _initial("gru", 2)
    source = decoder.look_at(tf.constant(VALUES), tf.constant(MASK), tf.constant(LAST))
    plain = _decoder("gru", 2, KINDS["additive, fed"])(tf.constant(INPUTS), source, initial).outputs
    np.testing.assert_array_equal(decoder(tf.constant(INPUTS), source, initial).outputs, plain)
    dropped = decoder(tf.constant(INPUTS), source, initial, training=True).outputs
    assert 0.2 < float(tf.reduce_mean(tf.cast(dropped == 0.0, tf.float32))) < 0.8


def test_a_decoder_comes_back_from_its_configuration() -> None:
    decoder = _decoder("lstm", 2, KINDS["additive, fed"], dropout_between=0.1)
    config = decoder.get_config()
    again = RecurrentDecoder.from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    again.build((None, None, WIDTH), (None, None, UNITS), (None, CONTEXT))
    assert [weight.path for weight in again.weights] == [weight.path for weight in decoder.weights]


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        ("lstm", {"layers": 0}),
        ("transformer", {}),
        ("gru", {"attention": "dot", "query_input": True}),
        ("gru", {"input_feeding": False, "query_input": True}),
    ],
)
def test_a_decoder_that_cannot_be_is_refused(cell: Any, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Received"):
        RecurrentDecoder(cell, UNITS, **settings)


def _ends(cell: str, layers: int, width: int) -> list[States]:
    parts = range(CELLS[cell].parts)
    return [
        tuple(tf.constant(_draw(BATCH, width, seed=20 + 2 * layer + part)) for part in parts) for layer in range(layers)
    ]


def _shapes(ends: list[States]) -> list[list[Any]]:
    return [[part.shape for part in layer] for layer in ends]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("kind", "learned"), [("zero", False), ("zero", True), ("copy", False), ("dense", False)])
def test_bridges(cell: str, kind: Any, learned: bool) -> None:
    ends = _ends(cell, 2, UNITS)
    bridge = Bridge(kind, cell, UNITS, 2, learned=learned)
    bridge.build(_shapes(ends))
    states = bridge(ends)
    assert [[part.shape for part in layer] for layer in states] == _shapes(ends)
    flat = np.array([part.numpy() for layer in states for part in layer])
    if kind == "copy":
        expected = np.array([part.numpy() for layer in ends for part in layer])
    elif kind == "dense":
        last = np.concatenate([part.numpy() for part in ends[-1]], axis=1)
        weights = bridge.get_weights()
        pairs = zip(weights[::2], weights[1::2], strict=True)
        expected = np.array([np.tanh(last @ kernel + bias) for kernel, bias in pairs])
    else:
        expected = np.zeros_like(flat)
    np.testing.assert_allclose(flat, expected, atol=1e-6)
    assert len(bridge.weights) == {"zero": int(learned), "copy": 0, "dense": 4 * CELLS[cell].parts}[kind]
    if learned:
        bridge.weights[0].assign(_draw(2, CELLS[cell].parts, UNITS))
        np.testing.assert_array_equal(bridge(ends)[1][0][2], bridge.weights[0][1, 0])
    config = bridge.get_config()
    assert Bridge.from_config(config).get_config() == config


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        (_ends("lstm", 1, UNITS), "expected an encoder of 2 layers, whose ends can be copied. Received: 1"),
        (_ends("lstm", 2, 5), r"expected 2 states of 6 units, which can be copied. Received: \[5, 5\]"),
        (_ends("gru", 2, UNITS), r"expected 2 states of 6 units, which can be copied. Received: \[6\]"),
    ],
)
def test_ends_that_cannot_be_copied(ends: list[States], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Bridge("copy", "lstm", UNITS, 2).build(_shapes(ends))
