"""Products of the words of a batch, whose number is rounded up where nothing is trained.

Words stand without padding (`nlp_pipeline.layers.layout`), so hardly two batches have as many. For each number of rows
that it meets, and in each thread, TensorFlow on a CPU keeps the machine code of a product in bfloat16, a quarter of a
MiB, until there are a thousand: a process that serves would grow with what it reads.
"""

from __future__ import annotations

import tensorflow as tf

ROWS = 32
"""Of what the numbers of rows are multiples: a batch for serving has 500 to 1,500 words."""


def of_words(words: tf.Tensor, kernel: tf.Tensor, training: bool | None) -> tf.Tensor:
    """Return `words @ kernel` `[N, outputs]`.

    Args:
        words: `[N, inputs]`.
        kernel: `[inputs, outputs]`.
        training: whether they are multiplied as they are; otherwise with zeros behind them.
    """
    if training:
        return tf.matmul(words, kernel)
    count = tf.shape(words)[0]
    return tf.matmul(tf.pad(words, [[0, -count % ROWS], [0, 0]]), kernel)[:count]
