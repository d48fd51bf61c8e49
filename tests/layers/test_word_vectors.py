"""Pooling, mixing and dropping of word vectors."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.word_vectors import LayerMix, WordDropout, WordPooling
from tests.layers.conftest import LayerCheck


def pool(vectors: Any, word_of_subword: Any, words: int) -> tf.Tensor:
    return WordPooling()(np.asarray(vectors, np.float32), np.asarray(word_of_subword, np.int32), words=words)


def test_pooling_against_a_loop() -> None:
    random = np.random.default_rng(1)
    vectors = random.normal(size=(4, 9, 5))
    word_of_subword = random.integers(0, 7, (4, 9))
    expected = np.zeros((6, 5))
    for word in range(6):
        expected[word] = vectors[word_of_subword == word + 1].mean(axis=0)
    np.testing.assert_allclose(pool(vectors, word_of_subword, 6), expected, rtol=1e-5, atol=1e-6)


def test_pooling_of_one_named_subword_is_that_subword() -> None:
    """The first subword of three words, in two windows."""
    vectors = np.arange(16.0).reshape(2, 4, 2)
    pooled = pool(vectors, [[0, 1, 0, 2], [0, 3, 0, 0]], 3)
    np.testing.assert_array_equal(pooled, [vectors[0, 1], vectors[0, 3], vectors[1, 1]])


def test_pooling_gives_zeros_to_words_without_subwords() -> None:
    np.testing.assert_array_equal(pool(np.ones((1, 3, 2)), [[0, 0, 0]], 4), np.zeros((4, 2)))


def test_pooling_sends_gradients_to_what_was_pooled() -> None:
    vectors = tf.ones((1, 4, 1))
    with tf.GradientTape() as tape:
        tape.watch(vectors)
        total = tf.reduce_sum(pool_of(vectors, [[0, 1, 1, 2]]) * [[3.0], [5.0]])
    np.testing.assert_allclose(tape.gradient(total, vectors)[0, :, 0], [0.0, 1.5, 1.5, 5.0])


def pool_of(vectors: tf.Tensor, word_of_subword: Any) -> tf.Tensor:
    return WordPooling()(vectors, tf.constant(word_of_subword), words=2)


def test_pooling_in_bfloat16_adds_up_in_float32() -> None:
    """In bfloat16, 256 + 1 is 256: a mean of 300 ones would be 256 / 300."""
    pooled = WordPooling(dtype="mixed_bfloat16")(tf.ones((1, 300, 1)), tf.ones((1, 300), tf.int32), words=1)
    assert pooled.dtype == tf.bfloat16
    assert float(pooled[0, 0]) == 1.0


def test_mix_starts_as_the_mean() -> None:
    inputs = np.random.default_rng(2).normal(size=(2, 3, 4, 5)).astype(np.float32)
    np.testing.assert_allclose(LayerMix()(inputs), inputs.mean(axis=2), atol=1e-6)


def test_mix_is_a_scaled_sum_with_softmax_weights() -> None:
    inputs = np.random.default_rng(3).normal(size=(2, 3, 4, 5)).astype(np.float32)
    mix = LayerMix()
    mix.build(inputs.shape)
    scores = np.array([0.5, -1.0, 2.0, 0.0])
    mix.layer_scores.assign(scores)
    mix.gamma.assign(1.5)
    weights = np.exp(scores) / np.exp(scores).sum()
    expected = 1.5 * sum(weights[layer] * inputs[:, :, layer] for layer in range(4))
    np.testing.assert_allclose(mix(inputs), expected, rtol=1e-5, atol=1e-6)


def test_word_dropout_drops_words_whole_and_leaves_the_others_alone() -> None:
    inputs = np.random.default_rng(4).normal(size=(20, 50, 8)).astype(np.float32)
    dropped = WordDropout(0.3, seed=5)(inputs, training=True).numpy()
    is_zero = np.all(dropped == 0.0, axis=2)
    np.testing.assert_array_equal(dropped[~is_zero], inputs[~is_zero])
    assert is_zero.mean() == pytest.approx(0.3, abs=0.05)
    assert len({tuple(row) for row in is_zero.tolist()}) == 20


def test_dropouts_are_off_in_use_and_at_rate_zero() -> None:
    inputs = tf.ones((2, 3, 4))
    for output in (
        WordDropout(0.5)(inputs),
        WordDropout(0.5)(inputs, training=False),
        WordDropout(0.0)(inputs, training=True),
    ):
        np.testing.assert_array_equal(output, inputs)


def test_same_seed_same_numbers() -> None:
    def run(seed: int) -> Any:
        layer = WordDropout(0.5, seed=seed)
        in_graph = tf.function(lambda inputs: layer(inputs, training=True))
        return np.stack([in_graph(tf.ones((4, 10, 8))) for _ in range(3)])

    np.testing.assert_array_equal(run(7), run(7))
    assert np.any(run(7) != run(8))
    assert np.any(run(7)[0] != run(7)[1])


def test_global_seed_decides_where_none_is_given() -> None:
    def run() -> Any:
        keras.utils.set_random_seed(9)
        return np.stack([WordDropout(0.5)(tf.ones((4, 10, 8)), training=True) for _ in range(3)])

    np.testing.assert_array_equal(run(), run())


def test_pooling_layer(check_layer: LayerCheck) -> None:
    inputs = {
        "vectors": np.random.default_rng(10).normal(size=(2, 4, 3)).astype(np.float32),
        "word_of_subword": np.array([[0, 1, 2, 2], [0, 3, 0, 0]], np.int32),
        "words": np.array(6, np.int32),
    }
    assert check_layer(WordPooling(), inputs).shape == (6, 3)


def test_mix_layer(check_layer: LayerCheck) -> None:
    inputs = np.random.default_rng(11).normal(size=(2, 3, 4, 5)).astype(np.float32)
    assert check_layer(LayerMix(), {"inputs": inputs}).shape == (2, 3, 5)


def test_dropout_layer(check_layer: LayerCheck) -> None:
    inputs = np.random.default_rng(12).normal(size=(2, 3, 4)).astype(np.float32)
    assert check_layer(WordDropout(0.5), {"inputs": inputs}).shape == (2, 3, 4)
