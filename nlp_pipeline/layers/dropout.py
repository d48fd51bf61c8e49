"""Randomness that differs from replica to replica, while its state stays one for all of them."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf


class _OfReplica(keras.random.SeedGenerator):
    """A generator's seeds, moved by the number of the replica that asks; those of the first are the generator's own.

    Args:
        own: keeps the state, which is the same on all replicas.
    """

    def __init__(self, own: Any) -> None:
        # Without a state of its own, it is nothing that Keras would have to keep track of.
        self.own = own

    def next(self, ordered: bool = True) -> tf.Tensor:
        """Return the next seed [2]."""
        seed = self.own.next(ordered)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return seed
        replica = tf.cast(context.replica_id_in_sync_group, tf.uint32)
        return tf.cast(seed, tf.uint32) + tf.stack([tf.constant(0, tf.uint32), replica * tf.constant(_ODD, tf.uint32)])


# 2^32 by the golden ratio: the replicas' seeds lie far apart, and are not met by those of the steps that follow.
_ODD = 2_654_435_769


def of_replica(generator: Any) -> Any:
    """Return what draws a replica's own numbers: with a mirrored state alone, all replicas would draw the same.

    Args:
        generator: a `keras.random.SeedGenerator`.
    """
    return _OfReplica(generator)


class Dropout(keras.layers.Dropout):
    """Keras' dropout (Srivastava et al. 2014), with other units dropped on each replica."""

    def call(self, inputs: tf.Tensor, training: bool | None = False, rows: tf.Tensor | None = None) -> tf.Tensor:
        """Drop numbers in training.

        Args:
            inputs: `[...]`.
            training: whether to drop any.
            rows: how many rows the inputs `[rows, E]` have, where that is known before they are computed: what is to be
                dropped is drawn then, while a core has nothing else to do.
        """
        if not training or self.rate == 0:
            return inputs
        noise_shape = self.noise_shape if rows is None else [rows, inputs.shape[1]]
        return keras.random.dropout(inputs, self.rate, noise_shape=noise_shape, seed=of_replica(self.seed_generator))
