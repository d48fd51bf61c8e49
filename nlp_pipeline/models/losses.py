"""The loss of a choice among many subwords, with its gradient written out."""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def negative_log_likelihoods(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Return how improbable each target is, in nats: `log sum_v exp(logits_v) - logits_target`, `[N]` float32.

    Can be differentiated once: the gradient of the logits is their softmax, less one at the target. Where operations
    are deterministic, TensorFlow computes its own by a logarithm of all probabilities, and its gradient by sums over
    segments; this is as deterministic, and goes over what is as wide as the vocabulary half as often.

    Args:
        logits: `[N, V]`, float32.
        targets: int32 `[N]`.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def run(logits: tf.Tensor) -> tuple[tf.Tensor, Any]:
        highest = tf.reduce_max(logits, axis=1, keepdims=True)
        raised = tf.exp(logits - highest)
        totals = tf.reduce_sum(raised, axis=1, keepdims=True)
        places = tf.stack([tf.range(tf.size(targets)), tf.cast(targets, tf.int32)], axis=1)
        losses = (tf.math.log(totals) + highest)[:, 0] - tf.gather_nd(logits, places)

        def gradient(of_losses: tf.Tensor) -> tf.Tensor:
            return tf.tensor_scatter_nd_sub(raised * (of_losses[:, tf.newaxis] / totals), places, of_losses)

        return losses, gradient

    return run(logits)
