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
from typing import Any, Protocol

import tensorflow as tf

Tensors = Sequence[tf.Tensor]


class Step(Protocol):
    """What is read at a step."""

    def at(self, words: tf.Tensor) -> tf.Tensor:
        """Return what is read, of the words `[N, E]`."""

    def reading(self, rows: tf.Tensor) -> tf.Tensor:
        """Return of rows `[R, ...]`, or of those of an earlier step, those that have a word."""

    def more(self, rows: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        """Return the rows of the step after this one, and behind them those that end here, of the others `[R, ...]`."""


class _Slices:
    """A step whose words are a slice. Where it is, which all that read it share, is computed once.

    Args:
        start: where its words begin.
        count: how many rows have one.
    """

    def __init__(self, start: tf.Tensor, count: tf.Tensor) -> None:
        self.count = count
        self.begin, self.size = tf.stack([start, 0]), tf.stack([count, -1])

    def at(self, words: tf.Tensor) -> tf.Tensor:
        read = tf.slice(words, self.begin, self.size)
        read.set_shape([None, words.shape[1]])
        return read

    def reading(self, rows: tf.Tensor) -> tf.Tensor:
        return rows[: self.count]

    def more(self, rows: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        return tf.concat([rows, others[tf.shape(rows)[0] : self.count]], axis=0)


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

    def step(self, time: tf.Tensor) -> Step:
        """Return one of the steps."""
        # Not gathered: on a GPU these numbers, which slices want on the host, would be computed on the device.
        return _Slices(self.starts[time], self.counts[time])

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
            body: computes a step, as `body(step, rows, sums)`, with the rows that have a word there: gives the rows and
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

        def compute(time: tf.Tensor, rows: Tensors, sums: Tensors, arrays: Any) -> tuple[Any, ...]:
            step = self.step(time)
            if is_backward:
                rows = [step.more(one, new) for one, new in zip(rows, initial, strict=True)]
            else:
                rows = [step.reading(one) for one in rows]
            rows, sums, found = body(step, rows, sums)
            written = tuple(into.write(time, one) for into, one in zip(arrays, found, strict=True))
            return time - 1 if is_backward else time + 1, tuple(rows), tuple(sums), written

        def goes_on(time: tf.Tensor, *_: Any) -> tf.Tensor:
            return time >= 0 if is_backward else time <= final

        arrays = tuple(
            tf.TensorArray(tf.float32, self.length, infer_shape=False, element_shape=[None, width]) for width in widths
        )
        begun = tuple(map(self.step(start).reading, initial))
        scalar = tf.TensorShape([])
        shapes = (tuple(map(self._shape_of, begun)), tuple(one.shape for one in sums), tuple(scalar for _ in arrays))
        # One step waits for the other as it is; to have several under way takes time.
        _, rows, sums, arrays = tf.while_loop(
            goes_on, compute, (start, begun, tuple(sums), arrays), (scalar, *shapes), parallel_iterations=1
        )
        found = tuple(
            tf.ensure_shape(array.concat(), [None, width]) for array, width in zip(arrays, widths, strict=True)
        )
        return rows, sums, found

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

    def step(self, time: tf.Tensor) -> Step:
        """Return one of the steps."""
        return _Equal(self, time)

    def _shape_of(self, rows: tf.Tensor) -> tf.TensorShape:
        return rows.shape


class _Equal:
    """A step that reads all rows; those that have no word there are zeros.

    Args:
        steps: all of them.
        time: which.
    """

    def __init__(self, steps: EqualSteps, time: tf.Tensor) -> None:
        after = tf.minimum(time + 1, steps.length - 1)
        self.steps, self.time, self.inside, self.going_on = steps, time, steps.inside[time], steps.inside[after]

    def at(self, words: tf.Tensor) -> tf.Tensor:
        read = tf.reshape(words, [self.steps.length, self.steps.rows, -1])[self.time]
        return tf.ensure_shape(read, [None, words.shape[1]])

    def reading(self, rows: tf.Tensor) -> tf.Tensor:
        return _where(self.inside, rows, tf.zeros([], rows.dtype))

    def more(self, rows: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
        return _where(self.going_on, rows, others)


def _where(inside: tf.Tensor, rows: tf.Tensor, others: tf.Tensor) -> tf.Tensor:
    """Return the rows inside `[R]`, and the others of the others `[R, ...]`."""
    return tf.where(tf.reshape(inside, [-1, *[1] * (len(rows.shape) - 1)]), rows, others)
