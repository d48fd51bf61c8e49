"""The loss of a choice among many: TensorFlow's own is the oracle, and what it must not do at the ends of float32."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.models.losses import negative_log_likelihoods


def _both(logits: tf.Tensor, targets: tf.Tensor, weights: tf.Tensor) -> list[tuple[tf.Tensor, tf.Tensor]]:
    found = []
    for loss in (negative_log_likelihoods, lambda x, y: tf.nn.sparse_softmax_cross_entropy_with_logits(y, x)):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = loss(logits, targets)
            total = tf.reduce_sum(losses * weights)
        found.append((losses, tape.gradient(total, logits)))
    return found


@pytest.mark.parametrize(("rows", "width"), [(0, 5), (1, 1), (7, 3), (40, 500)])
def test_losses_and_gradients_are_those_of_tensorflow(rows: int, width: int) -> None:
    random = np.random.default_rng(rows)
    logits = tf.constant(random.normal(size=(rows, width), scale=3.0), tf.float32)
    targets = tf.constant(random.integers(width, size=rows), tf.int32)
    (losses, gradient), (expected, of_expected) = _both(
        logits, targets, tf.constant(random.normal(size=rows), tf.float32)
    )
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gradient, of_expected, rtol=1e-5, atol=1e-6)


def test_scores_far_apart_give_finite_losses() -> None:
    logits = tf.constant([[3e37, 0.0, -3e37], [-1e30, -1e30, 0.0]])
    losses, gradient = _both(logits, tf.constant([0, 2]), tf.ones([2]))[0]
    np.testing.assert_array_equal(losses, [0.0, 0.0])
    np.testing.assert_array_equal(gradient, np.zeros((2, 3)))


def test_a_score_that_is_no_number_is_not_hidden() -> None:
    losses = negative_log_likelihoods(tf.constant([[np.nan, 0.0], [1.0, 1.0]]), tf.constant([1, 1]))
    assert np.isnan(losses[0])
    np.testing.assert_allclose(losses[1], np.log(2.0), rtol=1e-6)
