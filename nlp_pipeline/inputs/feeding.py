"""Batches become a `tf.data` pipeline that is ahead of the device."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.inputs.steps import places_by_steps

Arrays = Mapping[str, NDArray[Any]]

# Of these keys the last dimensions belong to the network, not to the batch, and stay known.
KNOWN_DIMENSIONS = {"word_vectors": 2}
# What a batch is told with: when it was ready, in seconds of this process's clock.
MADE_AT = "made_at"
# These hold numbers of words of the batch.
NUMBERED_WORDS = {"word_of_subword", "whole_words"}
# These are the rows of subwords that an encoder reads [R, S].
OF_SUBWORDS = {"subword_ids", "subword_mask", *NUMBERED_WORDS}


def signature_of(batch: Arrays) -> dict[str, tf.TensorSpec]:
    """Return the types of a batch, with every dimension open that differs from batch to batch.

    One graph serves all batches then; without it each new length would be traced anew.
    """
    signature = {}
    for key, value in batch.items():
        known = KNOWN_DIMENSIONS.get(key, 0)
        shape = [None] * (value.ndim - known) + list(value.shape[value.ndim - known :])
        signature[key] = tf.TensorSpec(shape, tf.as_dtype(value.dtype), name=key)
    return signature


def few_shapes(batch: Arrays, window: int | None = None, least: int = 8) -> dict[str, NDArray[Any]]:
    """Return a batch padded so that few shapes occur: every open dimension becomes a power of two, at least `least`.

    What compiles a graph for each shape, as XLA does, would not get to training otherwise. Equal dimensions stay equal.
    Zeros are added, which are padding in every array of a batch.

    Args:
        batch: as the inputs make it.
        window: how many subwords an encoder reads at the most, which need not be a power of two.
        least: what no dimension is below.
    """
    mask = "source_mask" if "source_mask" in batch else "padding_mask"

    def open_to(size: int) -> int:
        return max(least, 1 << (size - 1).bit_length())

    padded = {}
    for key, value in batch.items():
        opened = value.ndim - KNOWN_DIMENSIONS.get(key, 0)
        shape = [open_to(size) for size in value.shape[:opened]] + list(value.shape[opened:])
        if window is not None and key in OF_SUBWORDS:
            shape[1] = min(shape[1], window)
        if key == "word_vectors":
            padded[key] = _in_equal_steps(value, batch[mask], *map(open_to, batch[mask].shape))
            continue
        padded[key] = np.zeros(shape, value.dtype)
        padded[key][tuple(slice(0, size) for size in value.shape)] = value
    for key in NUMBERED_WORDS & batch.keys():
        # Words are numbered row by row, from 1, and the rows have become longer.
        numbers, length, longer = padded[key], batch[mask].shape[1], padded[mask].shape[1]
        padded[key] = np.where(numbers > 0, numbers + (numbers - 1) // length * (longer - length), 0).astype(np.int32)
    return padded


def _in_equal_steps(vectors: NDArray[Any], padding_mask: NDArray[np.bool_], rows: int, length: int) -> NDArray[Any]:
    """Return vectors `[N, ...]` with zeros for padding `[length * rows, ...]`, as `EqualSteps` reads them."""
    sentences, times = places_by_steps(padding_mask.sum(axis=1)).T
    padded = np.zeros((length * rows, *vectors.shape[1:]), vectors.dtype)
    padded[times * rows + sentences] = vectors
    return padded


def feed(
    make: Callable[[int], Arrays],
    signature: dict[str, tf.TensorSpec],
    strategy: tf.distribute.Strategy,
    first: int = 0,
    ahead: int = 4,
    threads: int = 2,
) -> Any:
    """Return an endless dataset of batches, made in other threads while the device computes.

        make(0)  make(1)  |  make(2)  make(3)  |  ...         for two replicas on this machine
        replica 0       1          0        1

    Beside what `make` gives, a batch holds `MADE_AT`. The dataset has no end, since `tf.distribute` asks all replicas
    whether they have more before each batch of one that has. Who takes from it knows when to stop.

    Args:
        make: makes a batch, which depends on its number alone; must not fail for numbers that will not be taken.
        signature: as `signature_of` gives it.
        strategy: over whose replicas on this machine the batches are dealt, in order.
        first: the number of the first batch.
        ahead: how many batches are kept ready.
        threads: how many batches are made at once.
    """
    keys = list(signature)

    def made(number: np.int64) -> list[NDArray[Any]]:
        batch = make(int(number))
        return [*(batch[key] for key in keys), np.array(monotonic())]

    def load(number: tf.Tensor) -> dict[str, tf.Tensor]:
        kinds = [*(signature[key].dtype for key in keys), tf.float64]
        # Where operations are deterministic, TensorFlow takes threads and prefetching from what has a state.
        *arrays, made_at = tf.numpy_function(made, [number], kinds, stateful=False)
        for array, key in zip(arrays, keys, strict=True):
            array.set_shape(signature[key].shape)
        return {**dict(zip(keys, arrays, strict=True)), MADE_AT: tf.ensure_shape(made_at, [])}

    options = tf.data.Options()
    # There is nothing to tune here, and the thread that tunes sleeps for 10 ms, 20 ms, 40 ms and so on, up to a minute:
    # an iterator that comes to its end waits until it wakes up (TensorFlow 2.21).
    options.autotune.enabled = False
    numbers = tf.data.Dataset.counter(first)
    dataset = numbers.map(load, num_parallel_calls=threads, deterministic=True).prefetch(ahead).with_options(options)
    if not isinstance(strategy, tf.distribute.MirroredStrategy | tf.distribute.MultiWorkerMirroredStrategy):
        return dataset
    return strategy.distribute_datasets_from_function(lambda _context: dataset)
