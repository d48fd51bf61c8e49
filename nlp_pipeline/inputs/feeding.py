"""Batches become a `tf.data` pipeline that is one step ahead of the device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import tensorflow as tf

# Of these keys the last dimensions belong to the network, not to the batch, and stay known.
KNOWN_DIMENSIONS = {"word_vectors": 2}


def signature_of(batch: Mapping[str, Any]) -> dict[str, tf.TensorSpec]:
    """Return the types of a batch, with every dimension open that differs from batch to batch.

    One graph serves all batches then; without it each new length would be traced anew.
    """
    signature = {}
    for key, value in batch.items():
        known = KNOWN_DIMENSIONS.get(key, 0)
        shape = [None] * (value.ndim - known) + list(value.shape[value.ndim - known :])
        signature[key] = tf.TensorSpec(shape, tf.as_dtype(value.dtype), name=key)
    return signature


def feed(
    make_batches: Callable[[], Iterable[Mapping[str, Any]]],
    signature: dict[str, tf.TensorSpec],
    strategy: tf.distribute.Strategy,
    ahead: int = 4,
) -> Any:
    """Return a dataset that iterates over batches, made in another thread while the device computes.

    Args:
        make_batches: starts anew with each call. With n replicas, n batches in a row are one global batch, and their
            number is a multiple of n.
        signature: as `signature_of` gives it.
        strategy: over whose replicas the batches are dealt.
        ahead: how many batches are kept ready.
    """
    options = tf.data.Options()
    # There is nothing to tune here, and the thread that tunes sleeps for 10 ms, 20 ms, 40 ms and so on, up to a minute:
    # an iterator that comes to its end waits until it wakes up (TensorFlow 2.21).
    options.autotune.enabled = False
    dataset = tf.data.Dataset.from_generator(make_batches, output_signature=signature).prefetch(ahead)
    dataset = dataset.with_options(options)
    if strategy.num_replicas_in_sync == 1:
        return dataset
    return strategy.distribute_datasets_from_function(lambda _context: dataset)
