"""Products whose number of rows is rounded up, where nothing is trained.

Words stand without padding (`nlp_pipeline.layers.layout`), so hardly two batches have as many. For each number of rows
that it meets, and in each thread, TensorFlow on a CPU keeps the machine code of a product in bfloat16, a quarter of a
MiB, until there are a thousand: a process that serves would grow with what it reads.
"""

from __future__ import annotations

import tensorflow as tf

ROWS = 32
"""Of what the numbers of rows are multiples: a batch for serving has 500 to 1,500 words."""


def of_rounded_rows(rows: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Return `rows @ kernel` `[N, outputs]`, of rows `[N, inputs]`, computed with zeros behind the rows."""
    count = tf.shape(rows)[0]
    return tf.matmul(tf.pad(rows, [[0, -count % ROWS], [0, 0]]), kernel)[:count]
