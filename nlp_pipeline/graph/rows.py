"""Rows of different lengths, one after the other: texts of code points, words of subwords.

What `tf.RaggedTensor` is, for functions that work on all values at once. Much of that one rests on `tf.repeat`, which
makes a table of all rows by the longest one: no good where a word of 300,000 characters is among thousands.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


def left_mask(mask: tf.Tensor, name: str) -> tf.Tensor:
    """Return a mask `[B, L]` that is true at the left of each row alone.

    Raises:
        tf.errors.InvalidArgumentError: where the mask has a hole, or does not begin on the left.
    """
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    message = f"expected a {name} that is true at the left of each row alone"
    with tf.control_dependencies(
        [tf.debugging.assert_equal(mask, tf.sequence_mask(lengths, tf.shape(mask)[1]), message)]
    ):
        return tf.identity(mask)


class Rows(NamedTuple):
    """N rows.

    Attributes:
        values: of all rows `[C]`.
        splits: where each begins among them, and where the last one ends, int32 `[N + 1]`.
    """

    values: tf.Tensor
    splits: tf.Tensor

    @property
    def count(self) -> tf.Tensor:
        """N."""
        return tf.size(self.splits) - 1

    @property
    def lengths(self) -> tf.Tensor:
        """How many values each row has, int32 `[N]`."""
        return self.splits[1:] - self.splits[:-1]

    @property
    def of_values(self) -> tf.Tensor:
        """Which row each value belongs to, int32 `[C]`."""
        return rows_of(self.splits)

    def spans(self, starts: tf.Tensor, ends: tf.Tensor) -> Rows:
        """Return spans of the values as rows of their own.

        Args:
            starts: places among the values of all rows, int32 `[M]`.
            ends: likewise; half-open.
        """
        return Rows(tf.gather(self.values, tf.ragged.range(starts, ends).values), splits_of(ends - starts))

    def gather(self, rows: tf.Tensor) -> Rows:
        """Return some of the rows, in the order asked for."""
        return self.spans(tf.gather(self.splits, rows), tf.gather(self.splits, rows + 1))

    def keep(self, kept: tf.Tensor) -> Rows:
        """Return the rows with only some of their values, bool `[C]`."""
        return Rows(tf.boolean_mask(self.values, kept), count_splits(kept, self.splits))

    def padded(self, width: tf.Tensor, filler: int | str) -> tf.Tensor:
        """Return the rows as one tensor `[N, width]`, none of them longer than that."""
        places = tf.stack([self.of_values, self.places], axis=1)
        table = tf.fill([self.count, width], tf.constant(filler, self.values.dtype))
        return tf.tensor_scatter_nd_update(table, places, self.values)

    @property
    def places(self) -> tf.Tensor:
        """At which place of its row each value stands, int32 `[C]`."""
        return tf.range(self.splits[-1]) - tf.gather(self.splits, self.of_values)


def splits_of(lengths: tf.Tensor) -> tf.Tensor:
    """Return where rows of these lengths begin, and where the last one ends, int32 `[N + 1]`."""
    return tf.concat([[0], tf.cumsum(lengths)], axis=0)


def count_splits(flags: tf.Tensor, splits: tf.Tensor) -> tf.Tensor:
    """Return where rows begin if only the values that are flagged, bool `[C]`, count, int32 `[N + 1]`."""
    return tf.gather(splits_of(tf.cast(flags, tf.int32)), splits)


def rows_of(splits: tf.Tensor) -> tf.Tensor:
    """Return which row each value belongs to, int32 `[C]`, from where the rows begin."""
    borders = tf.scatter_nd(splits[1:, tf.newaxis], tf.ones_like(splits[1:]), [splits[-1] + 1])
    return tf.cumsum(borders)[:-1]


def places_of(flags: tf.Tensor) -> tf.Tensor:
    """Return where flags are set, int32."""
    return tf.cast(tf.where(flags)[:, 0], tf.int32)
