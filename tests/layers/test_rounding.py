"""Weights in another precision: rounded at each call, or once where they stay."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.rounding import Rounded, rounded, weights_stay


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("stay", [False, True])
def test_a_weight_in_a_precision(dtype: str, stay: bool) -> None:
    """A rounded weight that stays is an input of the graph, which then casts nothing; two graphs have the same one."""
    weight = keras.Variable(np.random.default_rng(1).normal(size=1000).astype(np.float32))
    known: Rounded = {}

    @tf.function(autograph=False)
    def twice() -> tf.Tensor:
        if not stay:
            return 2 * rounded(weight, dtype)
        with weights_stay(known):
            return 2 * rounded(weight, dtype)

    expected = 2 * tf.cast(weight.value, dtype)
    received = twice()
    assert received.dtype == tf.as_dtype(dtype)
    np.testing.assert_array_equal(tf.cast(received, tf.float32), tf.cast(expected, tf.float32))
    casts = [one for one in twice.get_concrete_function().graph.get_operations() if one.type == "Cast"]
    assert len(casts) == (0 if stay or dtype == "float32" else 1)

    assert len(known) == (1 if stay and dtype != "float32" else 0)
    captured = twice.get_concrete_function().graph.external_captures
    assert all(any(one is held for held in captured) for one in known.values())

    weight.assign(np.full(1000, 5.0))
    again = tf.fill([1000], 10.0) if not known else tf.cast(expected, tf.float32)
    np.testing.assert_array_equal(tf.cast(twice(), tf.float32), again)


def test_what_is_traced_afterwards_rounds_at_each_call_again() -> None:
    weight = keras.Variable(np.ones(2, np.float32))
    with pytest.raises(ZeroDivisionError), weights_stay({}):
        1 / 0  # noqa: B018
    traced = tf.function(lambda: rounded(weight, "bfloat16"), autograph=False)
    traced()
    weight.assign([2.0, 3.0])
    assert traced().numpy().tolist() == [2.0, 3.0]
