"""Which words a recurrence reads together.

Words stand step by step, and in each step the longest sentence first:

    the old man sleeps          the  old  man  sleeps
    a dog                 ->    a    dog              ->   the a she | old dog | man | sleeps
    she                         she                         step 0     step 1     2     3

At each step, what has no word any more would be at the end. So a step's words are a slice, the states that go on are a
slice of those before, and nothing is computed for padding, forth or back. A recurrence from the last words to the first
meets the same steps in the other direction, and its states become more.

A compiler such as XLA wants to know how many rows there are. For it, `EqualSteps` count all places for words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

Tensors = Sequence[tf.Tensor]


@dataclass(frozen=True)
class Steps:
    """The steps of R sentences of up to L words, N in all, of which each step reads those of the first rows.

    Attributes:
        lengths: int32 `[R]`: the words of each sentence, longest first (but for `EqualSteps`).
        counts: int32 `[L]`: how many rows are read at each step.
        starts: int32 `[L]`: where the words of each step begin.
        places: int32 `[N, 2]`: the step of each word, and its row.
        inside: bool `[L, R]`: where there is a word.
    """

    lengths: tf.Tensor
    counts: tf.Tensor
    starts: tf.Tensor
    places: tf.Tensor
    inside: tf.Tensor

    @classmethod
    def of(cls, lengths: tf.Tensor, length: tf.Tensor | int) -> Steps:
        """Return the steps of sentences of these lengths, longest first, int32 `[R]`, the longest of up to L words."""
        inside = tf.range(length)[:, tf.newaxis] < lengths
        counts = tf.reduce_sum(tf.cast(inside, tf.int32), axis=1)
        return cls(lengths, counts, tf.cumsum(counts, exclusive=True), tf.cast(tf.where(inside), tf.int32), inside)

    @property
    def length(self) -> tf.Tensor:
        """L: how many steps there are."""
        return tf.shape(self.counts)[0]

    @property
    def rows(self) -> tf.Tensor:
        """R: how many sentences there are."""
        return tf.shape(self.lengths)[0]

    def at(self, words: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        """Return what is read at a step, of the words `[N, E]`."""
        here = tf.slice(words, [self.starts[time], 0], [self.counts[time], -1])
        return tf.ensure_shape(here, [None, words.shape[1]])

    def reading(self, rows: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        """Return of rows `[R, ...]`, or of those of an earlier step, those that have a word at a step."""
        return rows[: self.counts[time]]

    def loop(
        self,
        body: Callable[..., tuple[Tensors, Tensors, Tensors]],
        initial: Tensors,
        widths: Sequence[int | None],
        sums: Tensors = (),
        is_backward: bool = False,
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Go through the steps. The rows become fewer on the way, and on the way back more.

        Args:
            body: computes a step, as `body(time, rows, sums)`, with the rows that have a word there: gives the rows and
                the sums as they are afterwards, and what is found `[rows, width]` each, float32.
            initial: what each row is before its first step, `[R, ...]` each.
            widths: of what is found.
            sums: as they are before the first step.
            is_backward: whether to begin with the last step.

        Returns:
            The rows of the final step and the sums as they are then, and what was found, `[N, width]` each.
        """
        final = self.length - 1
        start = final if is_backward else tf.constant(0)

        def step(time: tf.Tensor, rows: Tensors, sums: Tensors, arrays: Any) -> tuple[Any, ...]:
            if is_backward:
                after = tf.minimum(time + 1, final)
                rows = [self._more(one, after, time, new) for one, new in zip(rows, initial, strict=True)]
            else:
                rows = [self.reading(one, time) for one in rows]
            rows, sums, found = body(time, rows, sums)
            written = tuple(into.write(time, one) for into, one in zip(arrays, found, strict=True))
            return time - 1 if is_backward else time + 1, tuple(rows), tuple(sums), written

        def goes_on(time: tf.Tensor, *_: Any) -> tf.Tensor:
            return time >= 0 if is_backward else time <= final

        arrays = tuple(
            tf.TensorArray(tf.float32, self.length, infer_shape=False, element_shape=[None, width]) for width in widths
        )
        begun = tuple(self.reading(one, start) for one in initial)
        scalar = tf.TensorShape([])
        shapes = (tuple(map(self._shape_of, begun)), tuple(one.shape for one in sums), tuple(scalar for _ in arrays))
        # One step waits for the other as it is; to have several under way takes time.
        _, rows, sums, arrays = tf.while_loop(
            goes_on, step, (start, begun, tuple(sums), arrays), (scalar, *shapes), parallel_iterations=1
        )
        found = tuple(
            tf.ensure_shape(array.concat(), [None, width]) for array, width in zip(arrays, widths, strict=True)
        )
        return rows, sums, found

    def _more(self, rows: tf.Tensor, after: tf.Tensor, time: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """Return the rows of the step after a step, and after them those that end there, of the others `[R, ...]`."""
        return tf.concat([rows, others[self.counts[after] : self.counts[time]]], axis=0)

    def _shape_of(self, rows: tf.Tensor) -> tf.TensorShape:
        return tf.TensorShape([None, *rows.shape[1:]])

    def before(self, initial: tf.Tensor, states: tf.Tensor, is_backward: bool) -> tf.Tensor:
        """Return for each word the state before it `[N, U]`.

        Args:
            initial: of each row `[R, U]`.
            states: after each word `[N, U]`.
            is_backward: whether sentences are read from their ends.
        """
        times, rows = tf.unstack(self.places, axis=1)
        other = times + 1 if is_backward else times - 1
        margin = tf.zeros_like(self.inside[:1])
        begun = tf.gather_nd(tf.concat([margin, self.inside, margin], axis=0), tf.stack([other + 1, rows], axis=1))
        index = self.rows + tf.gather(self.starts, tf.clip_by_value(other, 0, self.length - 1)) + rows
        return tf.gather(tf.concat([initial, states], axis=0), tf.where(begun, index, rows))

    def ends(self, words: tf.Tensor, is_first: bool) -> tf.Tensor:
        """Return of the words `[N, ...]` the last or the first one of each sentence `[R, ...]`.

        Of an empty one that of another.
        """
        last = tf.gather(self.starts, tf.maximum(self.lengths - 1, 0))
        index = tf.range(self.rows) + (tf.zeros_like(last) if is_first else last)
        return tf.gather(words, tf.minimum(index, tf.shape(words)[0] - 1))

    def side_by_side(self, words: tf.Tensor) -> tf.Tensor:
        """Return the words `[N, ...]`, sentence by sentence `[R, L, ...]`, with zeros where there is none."""
        shape = tf.concat([[self.rows, self.length], tf.shape(words)[1:]], axis=0)
        return tf.scatter_nd(self.places[:, ::-1], words, shape)


class EqualSteps(Steps):
    """Steps of which each reads all rows, as if all sentences were as long as the longest.

    What stands on padding must be finite, and must not matter to the loss; it has no gradient then. The sentences need
    not be sorted.
    """

    @classmethod
    def of(cls, lengths: tf.Tensor, length: tf.Tensor | int) -> EqualSteps:
        """Return the steps of sentences of these lengths, int32 `[R]`, the longest of up to L words."""
        inside = tf.range(length)[:, tf.newaxis] < lengths
        rows = tf.shape(lengths)[0]
        counts = tf.repeat(rows, length)
        words = tf.range(rows * length)
        places = tf.stack([words // rows, words % rows], axis=1)
        return cls(lengths, counts, tf.range(length) * rows, places, inside)

    def at(self, words: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        """Return what is read at a step, of the words `[N, E]`."""
        here = tf.reshape(words, [self.length, self.rows, -1])[time]
        return tf.ensure_shape(here, [None, words.shape[1]])

    def reading(self, rows: tf.Tensor, time: tf.Tensor) -> tf.Tensor:
        """Return the rows, with zeros for those that have no word at a step."""
        return self._where(time, rows, tf.zeros([], rows.dtype))

    def _more(self, rows: tf.Tensor, after: tf.Tensor, time: tf.Tensor, others: tf.Tensor) -> tf.Tensor:  # noqa: ARG002
        return self._where(after, rows, others)

    def _shape_of(self, rows: tf.Tensor) -> tf.TensorShape:
        return rows.shape

    def _where(self, time: tf.Tensor, rows: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """Return the rows of sentences that have a word at a step, and the others of the others."""
        inside = tf.reshape(self.inside[time], [-1, *[1] * (len(rows.shape) - 1)])
        return tf.where(inside, rows, others)
