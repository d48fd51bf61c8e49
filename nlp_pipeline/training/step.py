"""One step of training, the same on one device and on many.

Keras' own `fit` fails under several workers (keras issue 20585): it reduces a per-replica value eagerly, and the
epoch's metrics over axis 0 of a scalar. Here the global batch's number of words is all-reduced first, each replica's
loss is a sum divided by that number, and the gradients are summed: a batch gives the same gradient however many
replicas share it, uneven ones included.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import tensorflow as tf

from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.optimizers import GroupedOptimizer

Tensors = Mapping[str, Any]


class StepResult(NamedTuple):
    """What a step gives, over all replicas.

    Attributes:
        loss: summed over the words, in nats.
        words: real words in the global batch.
        gradient_norm: of the gradient of the mean loss a word, before clipping.
    """

    loss: float
    words: float
    gradient_norm: float


class TrainingStep:
    """A training step under a `tf.distribute` strategy.

    Args:
        losses_of: `losses_of(batch, training=True)` gives the losses of the sentences [B], summed over their words.
        optimizer: what it moves.
        strategy: where it runs; the weights were made in its scope.
        clip_norm: the largest norm of the whole gradient; longer ones are shortened to it. None leaves them.
        signature: the types of a batch, as the distributed dataset's `element_spec` gives them: one graph for all.
        average: moved after each step, if given.
    """

    def __init__(
        self,
        losses_of: Callable[..., tf.Tensor],
        optimizer: GroupedOptimizer,
        strategy: tf.distribute.Strategy,
        clip_norm: float | None,
        signature: Any,
        average: WeightAverage | None = None,
    ) -> None:
        self.losses_of = losses_of
        self.optimizer = optimizer
        self.strategy = strategy
        self.clip_norm = clip_norm
        self.average = average
        self._run = tf.function(self._over_replicas, input_signature=[signature])

    def __call__(self, batch: Any) -> StepResult:
        """Run one step on a (distributed) batch."""
        loss, words, norm = self._run(batch)
        return StepResult(float(loss), float(words), float(norm))

    def _over_replicas(self, batch: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        losses, words, norms = self.strategy.run(self._in_replica, args=(batch,))
        # axis=None: these are scalars of each replica; reducing over an axis of theirs is what breaks Keras.
        loss = self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)
        total = self.strategy.reduce(tf.distribute.ReduceOp.SUM, words, axis=None)
        return loss, total, self.strategy.reduce(tf.distribute.ReduceOp.MEAN, norms, axis=None)

    def _in_replica(self, batch: Tensors) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        context = tf.distribute.get_replica_context()
        words = tf.reduce_sum(tf.cast(batch["padding_mask"], tf.float32))
        all_words = context.all_reduce(tf.distribute.ReduceOp.SUM, words)
        weights = self.optimizer.weights
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(self.losses_of(batch, training=True))
            share = loss / all_words
        gradients = tape.gradient(share, [weight.value for weight in weights])
        gradients = [
            tf.zeros_like(weight) if gradient is None else tf.convert_to_tensor(gradient)
            for gradient, weight in zip(gradients, weights, strict=True)
        ]
        gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, gradients)
        norm = tf.linalg.global_norm(gradients)
        if self.clip_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, self.clip_norm, use_norm=norm)
        # Clipping needs the whole gradient, so it is summed here; Keras' optimizer sums once more over the replicas.
        replicas = self.strategy.num_replicas_in_sync
        if replicas > 1:
            gradients = [gradient / replicas for gradient in gradients]
        self.optimizer.apply(gradients)
        if self.average is not None:
            self.average.move()
        return loss, words, norm
