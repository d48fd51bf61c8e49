"""Long texts in parts, in a graph: the twin of `text.parts`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from nlp_pipeline.graph.normalisation import NormalisationGraph
from nlp_pipeline.graph.rows import Rows, places_of, rows_of, splits_of
from nlp_pipeline.graph.segmentation import Segmenter

Fits = Callable[[Rows], tf.Tensor]


class PartsGraph:
    """Cuts texts into parts that fit.

    Args:
        normalisation: knows what is white space.
        segment: finds the ends of sentences.
        fits: tells which texts are short enough, bool `[N]`.
        by_sentence: whether no part holds more than one sentence.
    """

    def __init__(self, normalisation: NormalisationGraph, segment: Segmenter, fits: Fits, by_sentence: bool) -> None:
        self._normalisation = normalisation
        self._segment = segment
        self._fits = fits
        self._by_sentence = by_sentence

    def __call__(self, texts: Rows) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the starts and ends of all parts, among the code points of all texts, in order, int32 `[P]`.

        Args:
            texts: blank ones have no part.
        """
        fits = self._fits(texts)
        whole = tf.zeros_like(fits) if self._by_sentence else fits
        some = texts.gather(places_of(~whole))
        starts, ends, of_text = self._sentences(some)
        if self._by_sentence:
            sentences = tf.math.unsorted_segment_sum(tf.ones_like(of_text), of_text, some.count)
            whole = fits & (sentences < 2)
            cut = tf.gather(~whole, of_text)
            starts, ends, of_text = (tf.boolean_mask(one, cut) for one in (starts, ends, of_text))
        starts, ends, of_text, is_sentence = self._halved(some, starts, ends, of_text)
        if not self._by_sentence:
            starts, ends = self._together(some, starts, ends, of_text, is_sentence)
        # Back from those texts that are cut to all texts.
        first = tf.gather(texts.splits, places_of(~whole)) if not self._by_sentence else some.splits[:-1]
        shift = tf.gather(first - some.splits[:-1], rows_of_spans(some, starts))
        starts, ends = (
            tf.concat([tf.boolean_mask(edge, whole), own + shift], axis=0)
            for edge, own in ((texts.splits[:-1], starts), (texts.splits[1:], ends))
        )
        order = tf.argsort(starts, stable=True)
        starts, ends = tf.gather(starts, order), tf.gather(ends, order)
        seen = ~self._normalisation.are_blank(texts.spans(starts, ends))
        return tf.boolean_mask(starts, seen), tf.boolean_mask(ends, seen)

    def _sentences(self, texts: Rows) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return the sentences without the white space around them, and of which text each is one."""
        words = self._segment(texts)
        starts = tf.gather(words.starts, words.sentence_splits[:-1])
        ends = tf.gather(words.ends, words.sentence_splits[1:] - 1)
        starts, ends = self._normalisation.without_space(texts, starts, ends)
        seen = ends > starts
        return tuple(tf.boolean_mask(one, seen) for one in (starts, ends, rows_of(words.text_splits)))

    def _halved(self, texts: Rows, starts: tf.Tensor, ends: tf.Tensor, of_text: tf.Tensor) -> Any:
        """Cut spans in halves, and those again, until each fits.

        Returns:
            starts, ends, texts of the spans in order, and which of them are as they were.
        """
        spaces = self._normalisation.spaces_of(texts)
        places = tf.concat([places_of(spaces), [0]], axis=0)
        before = splits_of(tf.cast(spaces, tf.int32))

        def settled(starts: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
            return (ends - starts < 2) | self._fits(texts.spans(starts, ends))

        def halve(starts: tf.Tensor, ends: tf.Tensor, of_text: tf.Tensor, is_whole: tf.Tensor, done: tf.Tensor) -> Any:
            middle = (starts + ends) // 2
            # The nearest white space: at or before the middle, and at or behind it.
            upto = tf.gather(before, middle + 1)
            left = tf.where(upto > 0, tf.gather(places, tf.maximum(upto - 1, 0)), -1)
            left = tf.maximum(left, starts)
            from_here = tf.gather(before, middle)
            right = tf.where(from_here < before[-1], tf.gather(places, from_here), ends)
            right = tf.minimum(right, ends)
            cut = tf.where(middle - left <= right - middle, left, right)
            cut = tf.where((cut > starts) & (cut < ends), cut, middle)
            old = [tf.boolean_mask(one, done) for one in (starts, ends, of_text, is_whole)]
            open_starts, open_ends, cuts, texts_of_open = (
                tf.boolean_mask(one, ~done) for one in (starts, ends, cut, of_text)
            )
            new_starts, new_ends = self._normalisation.without_space(
                texts, tf.concat([open_starts, cuts], axis=0), tf.concat([cuts, open_ends], axis=0)
            )
            seen = new_ends > new_starts
            new = [
                tf.boolean_mask(one, seen)
                for one in (
                    new_starts,
                    new_ends,
                    tf.concat([texts_of_open, texts_of_open], axis=0),
                    tf.zeros_like(new_starts, tf.bool),
                )
            ]
            flags = tf.concat([tf.ones_like(old[0], tf.bool), settled(new[0], new[1])], axis=0)
            both = [tf.concat(pair, axis=0) for pair in zip(old, new, strict=True)]
            order = tf.argsort(both[0], stable=True)
            return (*(tf.gather(one, order) for one in both), tf.gather(flags, order))

        done = settled(starts, ends)
        loop = (starts, ends, of_text, tf.identity(done), done)
        vector = tf.TensorShape([None])
        found = tf.while_loop(lambda *state: ~tf.reduce_all(state[-1]), halve, loop, shape_invariants=(vector,) * 5)
        return found[:4]

    def _together(
        self, texts: Rows, starts: tf.Tensor, ends: tf.Tensor, of_text: tf.Tensor, is_sentence: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Put neighbours together while they fit: a sentence to the part before it, in the order of each text."""
        counts = tf.math.unsorted_segment_sum(tf.ones_like(of_text), of_text, texts.count)
        first = splits_of(counts)
        most = tf.reduce_max(tf.concat([[0], counts], axis=0))

        def take(number: tf.Tensor, begins: tf.Tensor, part_starts: tf.Tensor) -> Any:
            rows = places_of(counts > number)
            here = tf.gather(first, rows) + number
            start, end = tf.gather(part_starts, rows), tf.gather(ends, here)
            joins = tf.gather(is_sentence, here) & self._fits(texts.spans(start, end))
            part_starts = tf.tensor_scatter_nd_update(
                part_starts, rows[:, tf.newaxis], tf.where(joins, start, tf.gather(starts, here))
            )
            begins = tf.tensor_scatter_nd_update(begins, here[:, tf.newaxis], ~joins)
            return number + 1, begins, part_starts

        vector = tf.TensorShape([None])
        safe = tf.concat([starts, [0]], axis=0)
        _, begins, _ = tf.while_loop(
            lambda number, *_: number < most,
            take,
            (tf.constant(1), tf.ones_like(starts, tf.bool), tf.gather(safe, first[:-1])),
            shape_invariants=(tf.TensorShape([]), vector, vector),
        )
        # A part ends where the last of its sentences does.
        last = tf.concat([begins[1:], [True]], axis=0)[: tf.size(begins)]
        return tf.boolean_mask(starts, begins), tf.boolean_mask(ends, last)


def rows_of_spans(texts: Rows, starts: tf.Tensor) -> tf.Tensor:
    """Return which text each span begins in."""
    return tf.searchsorted(texts.splits, starts, side="right") - 1
