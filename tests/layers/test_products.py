"""Products whose number of rows is rounded up: the same numbers, and few shapes."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.products import ROWS, of_words


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("count", [0, 1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 5])
def test_the_product_is_that_of_the_rows(count: int, dtype: str, training: bool) -> None:
    random = np.random.default_rng(count)
    rows = tf.cast(random.integers(-4, 5, [count, 7]), dtype)
    kernel = tf.cast(random.integers(-4, 5, [7, 3]), dtype)
    received = of_words(rows, kernel, training)
    assert received.dtype == rows.dtype
    np.testing.assert_array_equal(tf.cast(received, tf.float32), tf.cast(tf.matmul(rows, kernel), tf.float32))


@pytest.mark.parametrize("training", [False, True])
def test_the_gradient_is_that_of_the_rows(training: bool) -> None:
    random = np.random.default_rng(1)
    rows, kernel = (tf.constant(random.normal(size=shape), tf.float32) for shape in ([5, 7], [7, 3]))
    upstream = tf.constant(random.normal(size=[5, 3]), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch([rows, kernel])
        received = tf.reduce_sum(of_words(rows, kernel, training) * upstream)
    of_rows, of_kernel = tape.gradient(received, [rows, kernel])
    np.testing.assert_allclose(of_rows, upstream @ tf.transpose(kernel), rtol=1e-5)
    np.testing.assert_allclose(of_kernel, tf.transpose(rows) @ upstream, rtol=1e-5)


def test_what_is_multiplied_has_few_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = set()
    product = tf.matmul

    def watched(rows: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        seen.add(rows.shape[0])
        return product(rows, kernel)

    monkeypatch.setattr(tf, "matmul", watched)
    for count in range(1, 3 * ROWS + 1):
        of_words(tf.ones([count, 2]), tf.ones([2, 2]), training=False)
    assert seen == {ROWS, 2 * ROWS, 3 * ROWS}
    of_words(tf.ones([ROWS - 1, 2]), tf.ones([2, 2]), training=True)
    assert ROWS - 1 in seen
