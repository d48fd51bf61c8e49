"""Windows over long sentences in a graph: the twin of `inputs.windows`."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nlp_pipeline.graph.rows import Rows
from nlp_pipeline.recipe import Encoder
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer


class Windows(NamedTuple):
    """R windows, in the order of their sentences; words are counted through all sentences. All int32 `[R]`.

    Attributes:
        sentences: of which sentence each is one.
        starts, ends: the words that are encoded together, half-open.
        kept_starts, kept_ends: those of them that are kept.
    """

    sentences: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor
    kept_starts: tf.Tensor
    kept_ends: tf.Tensor


def windows_of(subword_splits: tf.Tensor, sentence_splits: tf.Tensor, room: int, overlap: int) -> Windows:
    """Cut sentences into windows at word borders, those of a sentence about as long as each other.

    Args:
        subword_splits: where the subwords of each of W words begin, int32 `[W + 1]`; each has at least one.
        sentence_splits: where the words of each sentence begin, int32 `[B + 1]`; one that has none has one window.
        room: how many subwords a window holds, without special tokens.
        overlap: how many subwords neighbours may share.
    """
    rooms = _room_of_each(subword_splits, sentence_splits, room, overlap)

    def cut(number: tf.Tensor, state: Any, found: Any) -> Any:
        sentence, start, kept_start = state
        last = tf.gather(sentence_splits, sentence + 1)
        # Where the subwords of a word begin tells which word they belong to.
        filled = tf.gather(subword_splits, start) + tf.gather(rooms, sentence)
        full = tf.searchsorted(subword_splits, filled, side="right") - 1
        end = tf.minimum(full, last)
        shared = tf.searchsorted(subword_splits, tf.gather(subword_splits, end) - overlap, side="left")
        shared = tf.maximum(shared, start + 1)
        is_last = tf.equal(end, last)
        kept_end = tf.where(is_last, end, (shared + end + 1) // 2)
        found = tuple(
            array.write(number, one)
            for array, one in zip(found, (sentence, start, end, kept_start, kept_end), strict=True)
        )
        state = tuple(tf.boolean_mask(one, ~is_last) for one in (sentence, shared, kept_end))
        return number + 1, state, found

    def array() -> tf.TensorArray:
        return tf.TensorArray(tf.int32, 0, dynamic_size=True, infer_shape=False, element_shape=[None])

    first = sentence_splits[:-1]
    state = (tf.range(tf.size(first)), first, first)
    vector = tf.TensorShape([None])
    _, _, arrays = tf.while_loop(
        lambda _number, state, _found: tf.size(state[0]) > 0,
        cut,
        (tf.constant(0), state, tuple(array() for _ in Windows._fields)),
        shape_invariants=(tf.TensorShape([]), (vector,) * 3, (tf.TensorShape(None),) * 5),
    )
    found = [one.concat() for one in arrays]
    order = tf.argsort(found[0], stable=True)
    return Windows(*(tf.gather(one, order) for one in found))


def _room_of_each(subword_splits: tf.Tensor, sentence_splits: tf.Tensor, room: int, overlap: int) -> tf.Tensor:
    """Return how many subwords each window of each sentence holds, int32 `[B]`."""
    begins = tf.gather(subword_splits, sentence_splits)
    totals = begins[1:] - begins[:-1]
    words = Rows(subword_splits[1:] - subword_splits[:-1], sentence_splits)
    longest = tf.math.unsorted_segment_max(words.values, words.of_values, words.count)
    longest = tf.maximum(longest, 1)  # which of no word is the lowest number
    beyond = totals - overlap
    counts = -(-beyond // (room - overlap))
    of_each = tf.minimum(room, -(-beyond // tf.maximum(counts, 1)) + overlap + longest - 1)
    return tf.where(totals <= room, room, of_each)


class WindowArrays:
    """Returns what an encoder reads, and the word that each subword counts for: the twin of `window_arrays`.

    Args:
        settings: the encoder's.
        tokenizer: the encoder's.
    """

    def __init__(self, settings: Encoder, tokenizer: CheckpointTokenizer) -> None:
        self._settings = settings
        self._start_id, self._end_id, self._padding_id = tokenizer.start_id, tokenizer.end_id, tokenizer.padding_id

    def __call__(self, subwords: Rows, sentence_splits: tf.Tensor, length: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return subword_ids, subword_mask and word_of_subword, `[R, S]` each.

        Args:
            subwords: of each word.
            sentence_splits: where the words of each of B sentences begin, int32 `[B + 1]`; one may have none.
            length: L, the places that each sentence has in the batch.
        """
        windows = windows_of(subwords.splits, sentence_splits, self._settings.window - 2, self._settings.overlap)
        starts, ends = tf.gather(subwords.splits, windows.starts), tf.gather(subwords.splits, windows.ends)
        rows = subwords.spans(starts, ends)
        inner = Rows(tf.ragged.range(starts, ends).values, rows.splits)
        words = tf.gather(subwords.of_values, inner.values)
        window = inner.of_values
        sentence = tf.gather(windows.sentences, window)
        number = sentence * length + words - tf.gather(sentence_splits, sentence) + 1
        counts = (words >= tf.gather(windows.kept_starts, window)) & (words < tf.gather(windows.kept_ends, window))
        if self._settings.pooling != "mean":
            edge = subwords.splits[:-1] if self._settings.pooling == "first" else subwords.splits[1:] - 1
            counts &= tf.equal(inner.values, tf.gather(edge, words))
        width = tf.reduce_max(rows.lengths) + 2
        places = tf.stack([window, inner.places + 1], axis=1)
        shape = [rows.count, width]
        ids = tf.tensor_scatter_nd_update(tf.fill(shape, self._padding_id), places, rows.values)
        behind = tf.range(width)[tf.newaxis] - rows.lengths[:, tf.newaxis] - 1
        ids = tf.where(tf.equal(behind, 0), self._end_id, ids)
        ids = tf.where(tf.range(width) > 0, ids, self._start_id)
        return {
            "subword_ids": ids,
            "subword_mask": behind <= 0,
            "word_of_subword": tf.scatter_nd(places, tf.where(counts, number, 0), shape),
        }
