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

_STAY: ContextVar[bool] = ContextVar("weights_stay", default=False)


@contextmanager
def weights_stay() -> Iterator[None]:
    """Let what is traced within round the weights now, once; it will not see what is assigned to them later."""
    token = _STAY.set(True)
    try:
        yield
    finally:
        _STAY.reset(token)


def rounded(weight: keras.Variable, dtype: str | tf.DType) -> tf.Tensor:
    """Return a float32 weight in a precision, as a tensor: TensorFlow's cast to float32 would give the variable."""
    if not _STAY.get() or tf.as_dtype(dtype) == tf.float32:
        return tf.cast(tf.convert_to_tensor(weight.value), dtype)
    # Outside the graph that is being made, which gets the rounded weight as one of its inputs.
    with tf.init_scope():
        return tf.cast(tf.convert_to_tensor(weight.value), dtype)
