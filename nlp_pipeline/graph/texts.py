"""Texts as rows of code points, and back."""

from __future__ import annotations

import tensorflow as tf

from nlp_pipeline.graph.rows import Rows


def texts_of(strings: tf.Tensor) -> tuple[Rows, tf.Tensor]:
    """Return strings `[N]` as code points, and the byte at which each code point begins in its string, int32 `[C]`.

    What is not UTF-8 becomes U+FFFD.
    """
    points, offsets = tf.strings.unicode_decode_with_offsets(strings, "UTF-8", replacement_char=0xFFFD)
    return Rows(points.values, tf.cast(points.row_splits, tf.int32)), tf.cast(offsets.values, tf.int32)


def strings_of(texts: Rows) -> tf.Tensor:
    """Return texts of code points as UTF-8, string `[N]`."""
    return tf.strings.unicode_encode(tf.RaggedTensor.from_row_splits(texts.values, texts.splits), "UTF-8")
