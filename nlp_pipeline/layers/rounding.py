"""Weights in the precision that products are computed in.

Under a mixed precision the weights are float32, and rounded at each batch: in training they change from batch to batch.
Where they stay as they are, once is enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras
import tensorflow as tf

Rounded = dict[tuple[int, str], tf.Tensor]
"""Weights that have been rounded, by their identity and the precision."""

_STAY: ContextVar[Rounded | None] = ContextVar("weights_stay", default=None)


@contextmanager
def weights_stay(known: Rounded) -> Iterator[None]:
    """Let what is traced within round the weights now, once; it will not see what is assigned to them later.

    Args:
        known: holds what has been rounded, for whatever else is traced of the same network, which must outlive it.
    """
    token = _STAY.set(known)
    try:
        yield
    finally:
        _STAY.reset(token)


def rounded(weight: keras.Variable, dtype: str | tf.DType) -> tf.Tensor:
    """Return a float32 weight in a precision, as a tensor: TensorFlow's cast to float32 would give the variable."""
    known, name = _STAY.get(), tf.as_dtype(dtype).name
    if known is None or name == "float32":
        return tf.cast(tf.convert_to_tensor(weight.value), dtype)
    if (id(weight), name) not in known:
        # Outside the graph that is being made, which gets the rounded weight as one of its inputs.
        with tf.init_scope():
            known[id(weight), name] = tf.cast(tf.convert_to_tensor(weight.value), dtype)
    return known[id(weight), name]
