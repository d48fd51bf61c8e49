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


def dropped(inputs: tf.Tensor, rate: float, generator: Any) -> tf.Tensor:
    """Drop numbers (Srivastava et al. 2014), and make the others larger, so that the mean stays.

    Keras draws a random number of 32 bits for each; these are of 16, which takes half the time. The rate is kept to
    one part in 131,072, and the mean exactly.

    Args:
        inputs: `[...]`.
        rate: the share that is dropped, from 0 to less than 1.
        generator: a `keras.random.SeedGenerator`.
    """
    count = tf.size(inputs)
    seed = tf.cast(of_replica(generator).next(), tf.int32)
    bits = tf.random.stateless_uniform([(count + 1) // 2], seed, minval=None, maxval=None, dtype=tf.uint32)
    drawn = tf.reshape(tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[:count], tf.shape(inputs))
    below = min(round(rate * _NUMBERS), _NUMBERS - 1)
    scaled = inputs * tf.cast(_NUMBERS / (_NUMBERS - below), inputs.dtype)
    return tf.where(drawn >= tf.constant(below, tf.uint16), scaled, tf.zeros([], inputs.dtype))


# How many different ones 16 bits are.
_NUMBERS = 65_536


class Dropout(keras.layers.Dropout):
    """Dropout, with other units dropped on each replica, and at each step.

    Args:
        rate: share of the numbers that is dropped in training.
        seed: drawn from Keras' global seed when left out.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, seed=seed, **kwargs)

    def call(self, inputs: tf.Tensor, training: bool | None = False) -> tf.Tensor:
        """Drop numbers of `[...]` in training."""
        return dropped(inputs, self.rate, self.seed_generator) if training and self.rate else inputs

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {key: value for key, value in super().get_config().items() if key != "noise_shape"}
