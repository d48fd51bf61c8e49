"""Where the words of a batch stand: one behind the other without any padding, or at the steps of a recurrence.

A batch of B sentences of up to L words has B x L places, of which N are words: a third of them may be padding, where
sentences were put together by their subwords. What is computed of each word by itself is computed of N rows; a
recurrence alone needs all sentences side by side, and gathers its rows by the numbers that are told here.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf


class Order(NamedTuple):
    """In which order a recurrence reads the words.

    Attributes:
        rows: int32 `[L, B]`: which of the N words each sentence reads at each step; 0 once it has ended.
        places: int32 `[N, 2]`: the step at which each word is read, and its sentence.
    """

    rows: tf.Tensor
    places: tf.Tensor


class Layout(NamedTuple):
    """The words of a batch, in the order of the sentences.

    Attributes:
        shape: int32 `[2]`: B and L.
        lengths: int32 `[B]`: the words of each sentence.
        places: int32 `[N, 2]`: the sentence of each word, and its place there.
    """

    shape: tf.Tensor
    lengths: tf.Tensor
    places: tf.Tensor

    @classmethod
    def of(cls, padding_mask: tf.Tensor) -> Layout:
        """Return the layout of a mask, bool `[B, L]`, True where there is a word: on the left of each row.

        Of a batch of padding alone the first place counts as a word, for nothing can be gathered from no rows.
        """
        shape = tf.shape(padding_mask)
        none = tf.logical_not(tf.reduce_any(padding_mask))
        first = tf.reshape(tf.equal(tf.range(tf.size(padding_mask)), 0), shape)
        words = tf.logical_or(padding_mask, tf.logical_and(first, none))
        return cls(shape, tf.reduce_sum(tf.cast(words, tf.int32), axis=1), tf.cast(tf.where(words), tf.int32))

    @property
    def words(self) -> tf.Tensor:
        """N: how many there are. Of a shape, not of the mask, for XLA takes what it needs of a mask for a constant."""
        return tf.shape(self.places)[0]

    @property
    def sentences(self) -> tf.Tensor:
        """The sentence of each word, int32 `[N]`."""
        return self.places[:, 0]

    def packed(self, padded: tf.Tensor) -> tf.Tensor:
        """Return the words' rows `[N, ...]` of `[B, L, ...]`."""
        return tf.gather_nd(padded, self.places)

    def padded(self, words: tf.Tensor) -> tf.Tensor:
        """Return `[B, L, ...]` of the words' rows `[N, ...]`, with zeros on padding."""
        return tf.scatter_nd(self.places, words, tf.concat([self.shape, tf.shape(words)[1:]], axis=0))

    def forward(self) -> Order:
        """Return the order from the first word of each sentence to its last."""
        step = tf.range(self.shape[1])[:, tf.newaxis]
        return self._order(step, self.places[:, 1])

    def backward(self) -> Order:
        """Return the order from the last word of each sentence to its first."""
        step = self.lengths - 1 - tf.range(self.shape[1])[:, tf.newaxis]
        return self._order(step, tf.gather(self.lengths, self.sentences) - 1 - self.places[:, 1])

    def _order(self, words: tf.Tensor, steps: tf.Tensor) -> Order:
        """Return the order in which at each step a word of each sentence is read [L, B], each word at its step [N]."""
        inside = tf.range(self.shape[1])[:, tf.newaxis] < self.lengths
        rows = tf.where(inside, tf.cumsum(self.lengths, exclusive=True) + words, 0)
        return Order(rows, tf.stack([steps, self.sentences], axis=1))
