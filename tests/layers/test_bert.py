from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.layers.bert import BertEmbeddings, BertEncoder
from nlp_pipeline.layers.bert_block import ACTIVATIONS, BertBlock, BertNorm, BertSelfAttention

FORM: dict[str, Any] = {
    "vocabulary_size": 30,
    "units": 16,
    "layers": 2,
    "heads": 4,
    "inner_units": 24,
    "positions": 12,
}


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(1)


def make_encoder(**form: Any) -> BertEncoder:
    """Return an encoder whose weights are large enough for every part to matter."""
    encoder = BertEncoder(**{**FORM, **form})
    encoder.build()
    random = np.random.default_rng(3)
    for weight in encoder.weights:
        centre = 1.0 if weight.path.endswith("scale") else 0.0
        weight.assign(random.normal(centre, 0.3, weight.shape))
    return encoder


def make_batch(*lengths: int, width: int = 0) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    random = np.random.default_rng(4)
    mask = np.arange(max(*lengths, width))[np.newaxis] < np.array(lengths)[:, np.newaxis]
    return random.integers(0, FORM["vocabulary_size"], mask.shape).astype(np.int32), mask


def last(encoder: BertEncoder, ids: NDArray[np.int32], mask: NDArray[np.bool_], **more: Any) -> NDArray[np.float32]:
    states: NDArray[np.float32] = encoder(ids, mask, **more)[-1].numpy()
    return states


def test_padding_changes_nothing() -> None:
    encoder = make_encoder()
    ids, mask = make_batch(5, 3, 1)
    wide = np.concatenate([ids, np.full((3, 6), 7, np.int32)], axis=1)
    wide[1, 3:] = 9
    received = last(encoder, wide, np.concatenate([mask, np.zeros((3, 6), bool)], axis=1))
    np.testing.assert_allclose(received[:, :5][mask], last(encoder, ids, mask)[mask], atol=1e-6)


def test_a_batch_equals_its_sequences_one_by_one() -> None:
    encoder = make_encoder()
    ids, mask = make_batch(6, 2, 4, 1)
    together = last(encoder, ids, mask)
    for row, length in enumerate(mask.sum(axis=1)):
        alone = last(encoder, ids[row : row + 1, :length], mask[row : row + 1, :length])
        np.testing.assert_allclose(together[row, :length], alone[0], atol=1e-6)


def test_every_real_position_is_seen_by_every_other() -> None:
    encoder = make_encoder(layers=1)
    ids, mask = make_batch(5)
    before = last(encoder, ids, mask)
    ids[0, 4] = (ids[0, 4] + 1) % FORM["vocabulary_size"]
    assert (np.abs(last(encoder, ids, mask) - before).max(axis=-1) > 1e-4).all()


def test_attention_is_the_formula() -> None:
    layer = BertSelfAttention(units=6, heads=2)
    states = np.random.default_rng(5).normal(size=(2, 4, 6)).astype(np.float32)
    mask = np.array([[True, True, True, False], [True, True, False, False]])
    layer.build(states.shape)
    for weight in layer.weights:
        weight.assign(np.random.default_rng(6).normal(size=weight.shape))
    query, key, value = np.split(states @ layer.kernel.numpy() + layer.bias.numpy(), 3, axis=-1)
    context = np.zeros_like(states)
    for row in range(2):
        for head in (slice(0, 3), slice(3, 6)):
            for position in range(4):
                scores = [q @ query[row, position, head] / math.sqrt(3) for q in key[row, mask[row], head]]
                weights = np.exp(scores) / np.exp(scores).sum()
                context[row, position, head] = weights @ value[row, mask[row], head]
    expected = context @ layer.output_kernel.numpy() + layer.output_bias.numpy()
    np.testing.assert_allclose(layer(states, mask), expected, atol=1e-5)


def test_normalisation_is_the_formula() -> None:
    layer = BertNorm(epsilon=0.1)
    states = np.random.default_rng(5).normal(3.0, 2.0, size=(2, 3, 8)).astype(np.float32)
    layer.build(states.shape)
    layer.scale.assign(np.arange(8))
    layer.offset.assign(np.ones(8))
    normal = (states - states.mean(-1, keepdims=True)) / np.sqrt(states.var(-1, keepdims=True) + 0.1)
    np.testing.assert_allclose(layer(states), normal * np.arange(8) + 1, atol=1e-5)


def test_activations_are_what_their_names_say() -> None:
    values = np.linspace(-4, 4, 33)
    exact = np.array([0.5 * x * (1 + math.erf(x / math.sqrt(2))) for x in values])
    approximate = 0.5 * values * (1 + np.tanh(math.sqrt(2 / math.pi) * (values + 0.044715 * values**3)))
    expected = {
        **dict.fromkeys(("gelu", "gelu_python"), exact),
        **dict.fromkeys(("gelu_new", "gelu_fast", "gelu_pytorch_tanh"), approximate),
        **dict.fromkeys(("silu", "swish"), values / (1 + np.exp(-values))),
        "relu": np.maximum(values, 0),
        "tanh": np.tanh(values),
    }
    assert expected.keys() == ACTIVATIONS.keys()
    for name, outputs in expected.items():
        np.testing.assert_allclose(ACTIVATIONS[name](tf.constant(values)), outputs, atol=1e-6, err_msg=name)


def test_a_row_without_a_real_subword_is_finite() -> None:
    for policy in ("float32", "mixed_bfloat16", "mixed_float16"):
        encoder = make_encoder(dtype=policy)
        ids, mask = make_batch(4, 0)
        for states in encoder(ids, mask):
            assert np.isfinite(tf.cast(states, tf.float32)).all()


def test_segments_are_zero_when_left_out() -> None:
    encoder = make_encoder()
    ids, mask = make_batch(5, 3)
    without = last(encoder, ids, mask)
    np.testing.assert_array_equal(without, last(encoder, ids, mask, segment_ids=np.zeros_like(ids)))
    assert np.abs(without - last(encoder, ids, mask, segment_ids=np.ones_like(ids))).max() > 1e-2


def test_upper_layers_that_are_not_wanted_are_not_there() -> None:
    whole = make_encoder()
    ids, mask = make_batch(5, 3)
    expected = whole(ids, mask)
    assert len(expected) == 3
    for up_to_layer in (0, 1, 2):
        encoder = make_encoder(up_to_layer=up_to_layer)
        weights = {weight.path.split("/", 1)[1]: weight for weight in whole.weights}
        for weight in encoder.weights:
            weight.assign(weights[weight.path.split("/", 1)[1]])
        received = encoder(ids, mask)
        assert len(received) == up_to_layer + 1 == len(encoder.compute_output_shape((2, 5)))
        for layer, states in enumerate(received):
            np.testing.assert_array_equal(states, expected[layer])
    with pytest.raises(ValueError, match=r"from 0 to 2\. Received: 3"):
        BertEncoder(**FORM, up_to_layer=3)


def test_more_subwords_than_positions_are_refused() -> None:
    encoder = make_encoder()
    last(encoder, *make_batch(12))
    with pytest.raises(ValueError, match=r"at most 12 subwords .* Received: a batch of shape \(1, 13\)"):
        encoder(*make_batch(13))

    signature = [tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None, None), tf.bool)]
    encode = tf.function(encoder, input_signature=signature, autograph=False)
    encode(*make_batch(12))
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected at most 12 subwords"):
        encode(*make_batch(13))


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="Received: units=16, heads=3"):
        BertEncoder(**{**FORM, "heads": 3})
    with pytest.raises(ValueError, match=r"expected an activation of gelu, .* Received: 'elu'"):
        BertEncoder(**FORM, activation="elu")


@pytest.mark.parametrize(
    "layer",
    [
        BertNorm(1e-3, name="a"),
        BertEmbeddings(9, 8, positions=7, segments=3, epsilon=1e-5, dropout=0.3),
        BertSelfAttention(8, 2, dropout=0.2, dtype="mixed_bfloat16"),
        BertBlock(8, 2, 5, activation="relu", epsilon=1e-5, dropout=0.1, attention_dropout=0.2),
        BertEncoder(
            **FORM, segments=1, activation="relu", epsilon=1e-5, dropout=0.1, attention_dropout=0.2, up_to_layer=1
        ),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_configurations_go_there_and_back(layer: keras.layers.Layer) -> None:
    config = layer.get_config()
    again = type(layer).from_config(config)
    assert again.get_config() == config
    for name in config.keys() - {"dtype"}:
        assert getattr(again, name) == getattr(layer, name), name
    assert again.dtype_policy == layer.dtype_policy


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy: str) -> None:
    encoder = make_encoder(dtype=policy)
    assert {weight.dtype for weight in encoder.weights} == {"float32"}
    ids, mask = make_batch(6, 3)
    states = encoder(ids, mask)
    assert {outputs.dtype.name for outputs in states} == {"float32"}
    exact = make_encoder()(ids, mask)
    np.testing.assert_array_equal(states[0], exact[0])  # Nothing is multiplied by a kernel yet.
    for layer, (low, high) in enumerate(zip(states[1:], exact[1:], strict=True)):
        difference = np.abs(low - high)[mask]
        assert 0 < difference.max() < 0.1, layer


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_symbolic_shapes_are_those_of_the_results(policy: str) -> None:
    encoder = make_encoder(dtype=policy)
    ids, mask = keras.Input((None,), dtype="int32"), keras.Input((None,), dtype="bool")
    outputs = encoder(ids, mask)
    assert [output.shape for output in outputs] == [(None, None, 16)] * 3
    assert {output.dtype for output in outputs} == {"float32"}
    states, padding = keras.Input((None, 16)), keras.Input((None,), dtype="bool")
    assert encoder.blocks[0](states, padding).dtype == "float32"
    assert encoder.embeddings(ids).dtype == "float32"
    model = keras.Model([ids, mask], outputs)
    batch = make_batch(6, 3)
    np.testing.assert_array_equal(model(batch)[-1], last(encoder, *batch))

    signature = [tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None, None), tf.bool)]
    traced = tf.function(encoder, input_signature=signature, autograph=False).get_concrete_function()
    assert [output.shape.as_list() for output in traced.outputs] == [[None, None, 16]] * 3


def test_a_compiled_encoder_gives_the_same() -> None:
    encoder = make_encoder()
    batch = make_batch(6, 3)
    compiled = tf.function(encoder, jit_compile=True, autograph=False)(*map(tf.constant, batch))
    np.testing.assert_allclose(compiled[-1][batch[1]], last(encoder, *batch)[batch[1]], atol=1e-5)


def test_dropout_is_for_training_alone() -> None:
    encoder = make_encoder(dropout=0.5, attention_dropout=0.5)
    batch = make_batch(6, 3)
    expected = last(make_encoder(), *batch)
    np.testing.assert_array_equal(last(encoder, *batch), expected)
    np.testing.assert_array_equal(last(encoder, *batch, training=False), expected)
    first, second = (last(encoder, *batch, training=True) for _ in range(2))
    assert np.abs(first - second).max() > 1e-2


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16"])
def test_it_learns_which_sequences_hold_a_subword(policy: str) -> None:
    """What the first state must come to tell is only to be had through the attention."""
    encoder = BertEncoder(**FORM, dtype=policy)
    head = keras.layers.Dense(1, dtype="float32")
    random = np.random.default_rng(7)
    ids = random.integers(2, FORM["vocabulary_size"], (64, 8)).astype(np.int32)
    answers = random.integers(0, 2, (64, 1)).astype(np.float32)
    rows = np.flatnonzero(answers)
    ids[rows, random.integers(1, 8, rows.size)] = 1
    mask = np.ones_like(ids, dtype=bool)
    optimizer = keras.optimizers.Adam(3e-3)

    @tf.function(autograph=False)
    def step() -> tuple[tf.Tensor, list[tf.Tensor]]:
        with tf.GradientTape() as tape:
            scores = head(encoder(ids, mask, training=True)[-1][:, 0])
            loss = tf.reduce_mean(keras.losses.binary_crossentropy(answers, scores, from_logits=True))
        weights = encoder.trainable_weights + head.trainable_weights
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        optimizer.apply(gradients, weights)
        return loss, [tf.norm(tf.convert_to_tensor(gradient)) for gradient in gradients]

    encoder.build()
    head.build((None, 16))
    optimizer.build(encoder.trainable_weights + head.trainable_weights)
    _, norms = step()
    # A key's bias moves every score of a softmax alike, so a part of the fused bias has no gradient; the whole has one.
    assert all(float(norm) > 0 for norm in norms)
    for _ in range(150):
        loss, _ = step()
    assert float(loss) < 0.1
