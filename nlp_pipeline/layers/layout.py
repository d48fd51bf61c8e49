"""Where the words of a batch stand: without any padding, step by step as recurrences read them.

A batch of B sentences of up to L words has B x L places, of which N are words: a third of them may be padding, where
sentences were put together by their subwords, and half, where they were drawn at random. What is computed of words is
computed of N rows, in the order of `nlp_pipeline.layers.steps`: the first words of all sentences, longest sentence
first, then the second ones, and so on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import tensorflow as tf

from nlp_pipeline.layers.steps import EqualSteps, Steps

_EQUAL: ContextVar[bool] = ContextVar("equal_steps", default=False)


@contextmanager
def equal_steps() -> Iterator[None]:
    """Let all layouts that are made meanwhile count padding for words, for what compiles them, such as XLA.

    Their sentences are not sorted, all B x L places are words, and what comes back from them has numbers on padding.
    """
    token = _EQUAL.set(True)
    try:
        yield
    finally:
        _EQUAL.reset(token)


@dataclass(frozen=True)
class Layout:
    """The words of a batch.

    Attributes:
        shape: int32 `[2]`: B and L.
        lengths: int32 `[B]`: the words of each sentence.
        order: int32 `[B]`: the sentences, longest first (but for `equal_steps`): the rows of the steps.
        places: int32 `[N, 2]`: the sentence of each word, and its place there.
        steps: in which the words are read.
    """

    shape: tf.Tensor
    lengths: tf.Tensor
    order: tf.Tensor
    places: tf.Tensor
    steps: Steps

    @classmethod
    def of(cls, padding_mask: tf.Tensor) -> Layout:
        """Return the layout of a mask, bool `[B, L]`, True where there is a word: on the left of each row.

        Of a batch of padding alone the first place counts as a word, for nothing can be gathered from no rows.
        """
        shape = tf.shape(padding_mask)
        none = tf.logical_not(tf.reduce_any(padding_mask))
        first = tf.reshape(tf.equal(tf.range(tf.size(padding_mask)), 0), shape)
        words = tf.logical_or(padding_mask, tf.logical_and(first, none))
        lengths = tf.reduce_sum(tf.cast(words, tf.int32), axis=1)
        if _EQUAL.get():
            order = tf.range(shape[0])
            steps: Steps = EqualSteps.of(lengths, shape[1])
        else:
            order = tf.argsort(lengths, direction="DESCENDING", stable=True)
            steps = Steps.of(tf.gather(lengths, order), shape[1])
        times, rows = tf.unstack(steps.places, axis=1)
        return cls(shape, lengths, order, tf.stack([tf.gather(order, rows), times], axis=1), steps)

    @property
    def words(self) -> tf.Tensor:
        """N: how many there are."""
        return tf.shape(self.places)[0]

    @property
    def sentences(self) -> tf.Tensor:
        """The sentence of each word, int32 `[N]`."""
        return self.places[:, 0]

    @property
    def numbers(self) -> tf.Tensor:
        """The number of the word at each place, from 1, and 0 on padding: int32 `[B, L]`."""
        return self.padded(tf.range(1, self.words + 1))

    def packed(self, padded: tf.Tensor) -> tf.Tensor:
        """Return the words' rows `[N, ...]` of `[B, L, ...]`."""
        return tf.gather_nd(padded, self.places)

    def padded(self, words: tf.Tensor) -> tf.Tensor:
        """Return `[B, L, ...]` of the words' rows `[N, ...]`, with zeros where there is no word."""
        return tf.scatter_nd(self.places, words, tf.concat([self.shape, tf.shape(words)[1:]], axis=0))

    def one_behind_the_other(self, words: tf.Tensor) -> tf.Tensor:
        """Return the words' rows `[N, ...]` sentence by sentence."""
        numbers = tf.reshape(self.numbers, [-1])
        return tf.gather(words, tf.boolean_mask(numbers, numbers > 0) - 1)

    def by_length(self, sentences: tf.Tensor) -> tf.Tensor:
        """Return what there is of each sentence `[B, ...]`, for the rows of the steps."""
        return _permuted(sentences, self.order, tf.math.invert_permutation(self.order))

    def restored(self, rows: tf.Tensor) -> tf.Tensor:
        """Return what there is of each row of the steps, for the sentences `[B, ...]`."""
        return _permuted(rows, tf.math.invert_permutation(self.order), self.order)


def _permuted(values: tf.Tensor, order: tf.Tensor, inverse: tf.Tensor) -> tf.Tensor:
    """Return values in another order. TensorFlow does not know that the gradient of a permutation is its inverse."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def permuted(values: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return tf.gather(values, order), lambda upstream: tf.gather(upstream, inverse)

    found: tf.Tensor = permuted(values)
    return found
