"""What holds of every decoder, and what the softmax is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.crf import CRF, Decoder, SoftmaxDecoder
from tests.layers.conftest import LayerCheck
from tests.layers.paths import (
    CONSTRAINTS,
    LENGTH,
    LENGTHS,
    MASK,
    TAGS,
    BruteForce,
    adversarial_emissions,
    is_allowed,
    padded,
)

DECODERS: list[Callable[..., Decoder]] = [CRF, SoftmaxDecoder]


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_a_forbidden_path_cannot_come_out(decoder_type: Callable[..., Any]) -> None:
    random = np.random.default_rng(5)
    decoder = decoder_type(5, **CONSTRAINTS)
    for weight in decoder.weights:
        weight.assign(random.uniform(-1e3, 1e3, size=weight.shape))
    for _ in range(10):
        for emissions in adversarial_emissions(random):
            tag_ids, scores = decoder.best_path(emissions, MASK)
            for row, length in enumerate(LENGTHS):
                assert is_allowed(tuple(tag_ids.numpy()[row, :length].tolist()))
            assert np.all(tag_ids.numpy()[~MASK] == 0)
            assert np.all(np.isfinite(scores))


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_padding_and_batching_change_nothing(decoder_type: Callable[..., Any]) -> None:
    random = np.random.default_rng(7)
    decoder = decoder_type(5, **CONSTRAINTS)
    emissions = random.normal(size=(len(LENGTHS), LENGTH, 5)).astype(np.float32)
    gold, _ = decoder.best_path(random.normal(size=emissions.shape), MASK)
    tag_ids, scores = decoder.best_path(emissions, MASK)
    losses = decoder.negative_log_likelihood(emissions, gold, MASK)
    confidences = decoder.confidences(emissions, tag_ids, MASK)

    rubbish = np.where(MASK[:, :, None], emissions, np.nan)
    np.testing.assert_array_equal(decoder.best_path(rubbish, MASK)[0], tag_ids)
    np.testing.assert_array_equal(decoder.negative_log_likelihood(rubbish, gold, MASK), losses)
    np.testing.assert_array_equal(decoder.confidences(rubbish, tag_ids, MASK), confidences)
    for row, length in enumerate(LENGTHS):
        alone, mask = emissions[[row], :length], MASK[[row], :length]
        path, score = decoder.best_path(alone, mask)
        np.testing.assert_array_equal(path[0], tag_ids[row, :length])
        np.testing.assert_allclose(score[0], scores[row], rtol=1e-5)
        loss = decoder.negative_log_likelihood(alone, gold[row : row + 1, :length], mask)
        np.testing.assert_allclose(loss[0], losses[row], rtol=1e-4, atol=1e-5)
        of_words = decoder.confidences(alone, path, mask)
        np.testing.assert_allclose(of_words[0], confidences[row, :length], atol=1e-6)
        np.testing.assert_array_equal(confidences[row, length:], 0.0)


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_a_sentence_without_words(decoder_type: Callable[..., Any]) -> None:
    decoder = decoder_type(5, **CONSTRAINTS)
    emissions, mask = tf.random.stateless_normal((2, 3, 5), (1, 2)), np.array([[False] * 3, [True] * 3])
    tag_ids = np.array([[0, 0, 0], [1, 2, 0]], np.int32)
    with tf.GradientTape() as tape:
        tape.watch(emissions)
        losses = decoder.negative_log_likelihood(emissions, tag_ids, mask)
    assert float(losses[0]) == 0.0
    np.testing.assert_array_equal(tape.gradient(losses, emissions)[0], 0.0)
    path, scores = decoder.best_path(emissions, mask)
    np.testing.assert_array_equal(path[0], 0)
    assert float(scores[0]) == 0.0
    np.testing.assert_array_equal(decoder.confidences(emissions, path, mask)[0], 0.0)


def test_softmax_loss_and_confidences() -> None:
    random = np.random.default_rng(10)
    emissions = random.normal(size=(len(LENGTHS), LENGTH, TAGS))
    tag_ids = random.integers(0, TAGS, MASK.shape)
    logarithms = emissions - np.logaddexp.reduce(emissions, axis=2)[:, :, None]
    of_tags = np.where(MASK, np.take_along_axis(logarithms, tag_ids[:, :, None], axis=2)[:, :, 0], 0.0)
    decoder = SoftmaxDecoder(TAGS)
    np.testing.assert_allclose(decoder.negative_log_likelihood(emissions, tag_ids, MASK), -of_tags.sum(1), rtol=1e-5)
    expected = np.where(MASK, np.exp(of_tags), 0.0)
    np.testing.assert_allclose(decoder.confidences(emissions, tag_ids, MASK), expected, rtol=1e-5)


def test_softmax_best_path_is_the_most_probable_allowed_one() -> None:
    emissions = np.random.default_rng(11).normal(size=(len(LENGTHS), LENGTH, 5))
    logarithms = emissions - np.logaddexp.reduce(emissions, axis=2)[:, :, None]
    nothing = np.zeros((5, 5)), np.zeros(5), np.zeros(5)
    brute = [BruteForce(logarithms[row, :length], nothing, True) for row, length in enumerate(LENGTHS)]
    tag_ids, scores = SoftmaxDecoder(5, **CONSTRAINTS).best_path(emissions, MASK)
    np.testing.assert_array_equal(tag_ids, padded([sentence.best for sentence in brute], (LENGTH,)))
    np.testing.assert_allclose(scores, [sentence.scores.max() for sentence in brute], rtol=1e-5)


def test_a_crf_without_scores_is_a_softmax() -> None:
    random = np.random.default_rng(12)
    emissions, tag_ids = random.normal(size=(*MASK.shape, TAGS)), random.integers(0, TAGS, MASK.shape).astype(np.int32)
    crf, softmax = CRF(TAGS), SoftmaxDecoder(TAGS)
    for weight in crf.weights:
        weight.assign(tf.zeros_like(weight))
    for method in ("negative_log_likelihood", "confidences"):
        ours, theirs = (getattr(decoder, method)(emissions, tag_ids, MASK) for decoder in (crf, softmax))
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(crf.best_path(emissions, MASK)[0], softmax.best_path(emissions, MASK)[0])


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_everything_is_float32_under_every_policy(decoder_type: Callable[..., Any]) -> None:
    """Emissions of 300.25 and 300.5 are the same number in bfloat16."""
    decoder = decoder_type(2, dtype="mixed_bfloat16")
    for weight in decoder.weights:
        assert weight.dtype == "float32"
        weight.assign(tf.zeros_like(weight))
    emissions, mask = tf.constant([[[300.25, 300.5]]]), np.array([[True]])
    assert decoder(emissions, padding_mask=mask).dtype == tf.float32
    loss = decoder.negative_log_likelihood(emissions, np.array([[1]], np.int32), mask)
    assert float(loss[0]) == pytest.approx(np.log1p(np.exp(-0.25)), abs=1e-4)


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_in_a_graph_of_unknown_shape(decoder_type: Callable[..., Any]) -> None:
    decoder = decoder_type(5, **CONSTRAINTS)
    signature = [tf.TensorSpec([None, None, 5]), tf.TensorSpec([None, None], tf.bool)]

    @tf.function(input_signature=signature)
    def run(emissions: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, ...]:
        tag_ids, scores = decoder.best_path(emissions, mask)
        with tf.GradientTape() as tape:
            tape.watch(emissions)
            losses = decoder.negative_log_likelihood(emissions, tag_ids, mask)
        return tag_ids, scores, losses, decoder.confidences(emissions, tag_ids, mask), tape.gradient(losses, emissions)

    random = np.random.default_rng(13)
    for rows, length in ((1, 1), (3, 4), (2, 9)):
        emissions = random.normal(size=(rows, length, 5)).astype(np.float32)
        mask = np.arange(length) < random.integers(1, length + 1, rows)[:, None]
        tag_ids, scores, losses, confidences, _ = run(emissions, mask)
        eager_ids, eager_scores = decoder.best_path(emissions, mask)
        np.testing.assert_array_equal(tag_ids, eager_ids)
        np.testing.assert_allclose(scores, eager_scores, rtol=1e-5)
        np.testing.assert_allclose(
            losses, decoder.negative_log_likelihood(emissions, tag_ids, mask), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(confidences, decoder.confidences(emissions, tag_ids, mask), atol=1e-6)


@pytest.mark.parametrize("decoder_type", DECODERS)
def test_layer(decoder_type: Callable[..., Any], check_layer: LayerCheck) -> None:
    emissions = np.random.default_rng(14).normal(size=(*MASK.shape, 5)).astype(np.float32)
    tag_ids = np.zeros(MASK.shape, np.int32)

    def loss(decoder: keras.layers.Layer, inputs: dict[str, tf.Tensor]) -> tf.Tensor:
        return tf.reduce_mean(decoder.negative_log_likelihood(inputs["emissions"], tag_ids, inputs["padding_mask"]))

    inputs = {"emissions": emissions, "padding_mask": MASK}
    output = check_layer(decoder_type(5, **CONSTRAINTS), inputs, output_dtype="float32", loss=loss)
    np.testing.assert_array_equal(output, np.where(MASK[:, :, None], emissions, 0.0))
