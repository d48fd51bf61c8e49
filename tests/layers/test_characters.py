"""Words from characters, against NumPy and against what padding could do to them."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.layers.characters import CharacterCNN, CharacterLSTM
from tests.layers.conftest import LayerCheck

Floats = NDArray[Any]

# A long word, a word of one character, one of two, padding alone, and a word as long as the batch is wide.
WORDS = np.array([[1, 2, 3, 4, 0, 0], [5, 0, 0, 0, 0, 0], [6, 7, 0, 0, 0, 0], [0] * 6, [3, 3, 8, 1, 2, 9]], np.int32)
VOCABULARY, SIZE, UNITS = 10, 4, 3


def make(kind: str, **settings: Any) -> Any:
    if kind == "lstm":
        return CharacterLSTM(VOCABULARY, SIZE, UNITS, **settings)
    return CharacterCNN(VOCABULARY, SIZE, UNITS, (1, 2, 3, 4), **settings)


def with_random_weights(layer: Any) -> Any:
    layer(WORDS)
    random = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(random.normal(size=weight.shape))
    return layer


KINDS = ["lstm", "cnn"]


def last_state_of_lstm(inputs: Floats, weights: list[Floats]) -> Floats:
    kernel, recurrent, bias = weights
    state, memory = np.zeros(UNITS), np.zeros(UNITS)
    for x in inputs:
        entry, forget, new, out = np.split(x @ kernel + state @ recurrent + bias, 4)
        memory = memory / (1 + np.exp(-forget)) + np.tanh(new) / (1 + np.exp(-entry))
        state = np.tanh(memory) / (1 + np.exp(-out))
    return state


def test_lstm_gives_the_last_state_of_each_direction() -> None:
    layer = with_random_weights(make("lstm"))
    table = layer.embedding.get_weights()[0]
    forward, backward = (
        direction[0].get_weights() for direction in (layer.recurrent.forward_layers, layer.recurrent.backward_layers)
    )
    for vector, word in zip(layer(WORDS).numpy(), WORDS, strict=True):
        characters = table[word[word > 0]]
        expected = [last_state_of_lstm(characters, forward), last_state_of_lstm(characters[::-1], backward)]
        np.testing.assert_allclose(vector, np.concatenate(expected), atol=1e-6)


def test_cnn_gives_the_maximum_over_the_word() -> None:
    layer = with_random_weights(make("cnn"))
    table = layer.embedding.get_weights()[0]
    for vector, word in zip(layer(WORDS).numpy(), WORDS, strict=True):
        characters, expected = table[word[word > 0]], []
        for kernel, bias in zip(map(np.asarray, layer.kernels), map(np.asarray, layer.biases), strict=True):
            before = (len(kernel) - 1) // 2
            around = np.pad(characters, ((before, len(kernel) - 1 - before), (0, 0)))
            values = [
                np.tensordot(around[start : start + len(kernel)], kernel, 2) + bias for start in range(len(characters))
            ]
            expected.append(np.maximum(np.max(values, axis=0), 0.0) if values else np.zeros(UNITS))
        np.testing.assert_allclose(vector, np.concatenate(expected), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_batching_change_nothing(kind: str) -> None:
    layer = with_random_weights(make(kind))
    together = layer(WORDS)
    wider = np.pad(WORDS, ((0, 2), (0, 5)))
    np.testing.assert_allclose(layer(wider)[: len(WORDS)], together, atol=1e-6)
    for row, word in enumerate(WORDS):
        alone = word[word > 0] if np.any(word) else word[:1]
        np.testing.assert_allclose(layer(alone[None])[0], together[row], atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_never_wins(kind: str) -> None:
    """Whatever stands in the table for padding, and however high a bias lifts it."""
    layer = with_random_weights(make(kind))
    before = layer(WORDS)
    table = layer.embedding.embeddings
    table.assign(tf.tensor_scatter_nd_update(table.value, [[0]], [[1e3] * SIZE]))
    np.testing.assert_array_equal(layer(WORDS), before)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_alone_gives_zeros_and_no_gradient(kind: str) -> None:
    layer = with_random_weights(make(kind))
    with tf.GradientTape() as tape:
        outputs = layer(np.zeros((2, 3), np.int32))
        total = tf.reduce_sum(tf.square(outputs - 1.0))
    np.testing.assert_array_equal(outputs, 0.0)
    for gradient in tape.gradient(total, [weight.value for weight in layer.weights]):
        assert gradient is None or np.all(tf.convert_to_tensor(gradient) == 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_same_seed_same_numbers(kind: str) -> None:
    def run(seed: int, training: bool = True) -> Floats:
        layer = with_random_weights(make(kind, dropout=0.5, seed=seed))
        return np.asarray(layer(WORDS, training=training))

    np.testing.assert_array_equal(run(2), run(2))
    assert np.any(run(2) != run(3))
    np.testing.assert_array_equal(run(2, training=False), run(3, training=False))
    np.testing.assert_array_equal(run(2)[3], 0.0)


@pytest.mark.parametrize("kind", KINDS)
def test_learns_a_suffix(kind: str) -> None:
    """Which words end in 1, 2, whatever their length and wherever else 1 or 2 stand."""
    keras.utils.set_random_seed(4)
    random = np.random.default_rng(5)
    lengths = random.integers(2, 9, 256)
    words = np.where(np.arange(8) < lengths[:, None], random.integers(1, 5, (256, 8)), 0).astype(np.int32)
    chosen = np.arange(256) % 2 == 0
    words[chosen, lengths[chosen] - 2], words[chosen, lengths[chosen] - 1] = 1, 2
    ends = np.array(
        [word[length - 2] == 1 and word[length - 1] == 2 for word, length in zip(words, lengths, strict=True)]
    )
    gold = tf.constant(ends, tf.float32)
    layer = CharacterLSTM(5, 8, 16) if kind == "lstm" else CharacterCNN(5, 8, 16, (2, 3, 4))
    score = keras.layers.Dense(1)
    score(layer(words))
    weights = layer.trainable_weights + score.trainable_weights
    optimizer = keras.optimizers.Adam(0.03)

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(gold, score(layer(words))[:, 0]))
        gradients = tape.gradient(loss, [weight.value for weight in weights])
        optimizer.apply([tf.convert_to_tensor(gradient) for gradient in gradients], weights)
        return loss

    for _ in range(60):
        step()
    assert np.mean((score(layer(words)).numpy()[:, 0] > 0) == ends) > 0.97


@pytest.mark.parametrize("kind", KINDS)
def test_layer(kind: str, check_layer: LayerCheck) -> None:
    output = check_layer(with_random_weights(make(kind)), {"character_ids": WORDS})
    assert output.shape == (len(WORDS), 2 * UNITS if kind == "lstm" else 4 * UNITS)


@pytest.mark.parametrize("widths", [(), (3, 0)])
def test_widths_that_make_no_sense(widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected `widths` of one character or more\. Received: "):
        CharacterCNN(VOCABULARY, SIZE, UNITS, widths)


def test_xla_compiles_convolutions_with_dropout() -> None:
    """How many characters there are, without padding, is not known to it beforehand."""
    layer = CharacterCNN(20, 4, 5, (3,), dropout=0.3, seed=1)
    layer.build((None, None))

    def gradients(character_ids: tf.Tensor) -> tuple[tf.Tensor, Any]:
        with tf.GradientTape() as tape:
            found = layer(character_ids, training=True)
            total = tf.reduce_sum(found)
        return found, tape.gradient(total, [weight.value for weight in layer.trainable_weights])

    found, of_weights = tf.function(gradients, jit_compile=True)(tf.constant([[3, 4, 5], [6, 0, 0]]))
    assert found.shape == (2, 5)
    assert all(np.isfinite(tf.convert_to_tensor(one)).all() for one in (found, *of_weights))
