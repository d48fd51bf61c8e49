"""The segmentation of `text.segmentation` in a graph: raw text becomes sentences of words."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, count_splits, places_of, splits_of
from nlp_pipeline.graph.tables import CodePointTable
from nlp_pipeline.graph.texts import strings_of
from nlp_pipeline.text import segmentation as plain
from nlp_pipeline.text.code_points import LINE_END, SPACE, class_of

# Stands behind each word while they are looked for; no class is written so.
_BORDER = "\x01"


class Words(NamedTuple):
    """The words of N texts, W in all, in order.

    Attributes:
        starts: the first code point of each, among those of all texts, int32 `[W]`.
        ends: likewise, half-open.
        splits: where the words of each text begin, int32 `[N + 1]`.
        sentence_splits: where the words of each of the S sentences begin, int32 `[S + 1]`.
        text_splits: where the sentences of each text begin, int32 `[N + 1]`.
    """

    starts: tf.Tensor
    ends: tf.Tensor
    splits: tf.Tensor
    sentence_splits: tf.Tensor
    text_splits: tf.Tensor


class Segmenter:
    """Cuts texts into sentences and words, in the very places where `text.segmentation.segment` does."""

    def __init__(self) -> None:
        self._classes = CodePointTable.of(_class_number, np.uint8)

    def __call__(self, texts: Rows) -> Words:
        """Cut texts."""
        classes = tf.cast(self._classes(texts.values), tf.int32)
        shown = strings_of(Rows(classes, texts.splits))
        # RE2 finds where each match ends without looking into it, in time linear in the text.
        bordered = tf.strings.unicode_decode(
            tf.strings.regex_replace(shown, plain.WORD_EXPRESSION, rf"\0{_BORDER}"), "UTF-8"
        ).values
        is_class = tf.not_equal(bordered, ord(_BORDER))
        ends_word = tf.boolean_mask(~tf.concat([is_class[1:], [True]], axis=0), is_class)
        # All that is not space is in a word: one begins behind a space, behind another word, and with the text.
        is_word = ~_is_in(classes, SPACE + LINE_END)
        behind = tf.concat([[True], tf.logical_or(ends_word, ~is_word)[:-1]], axis=0)[: tf.size(classes)]
        begins_text = tf.scatter_nd(texts.splits[:-1, tf.newaxis], tf.ones([texts.count]), [tf.size(classes) + 1]) > 0
        begins_word = is_word & (behind | begins_text[:-1])
        starts = places_of(begins_word)
        ends = places_of(ends_word) + 1
        splits = count_splits(begins_word, texts.splits)
        borders = self._borders(classes, starts, ends, splits)
        sentence_splits = tf.concat([places_of(borders), [tf.size(starts)]], axis=0)
        text_splits = count_splits(borders, splits)
        return Words(starts, ends, splits, sentence_splits, text_splits)

    def _borders(self, classes: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, splits: tf.Tensor) -> tf.Tensor:
        """Return which words begin a sentence, bool `[W]`."""
        words = tf.size(starts)
        first = tf.gather(classes, starts)
        begins_text = tf.scatter_nd(splits[:-1, tf.newaxis], tf.ones([tf.size(splits) - 1]), [words + 1])[:-1] > 0
        before = tf.concat([[0], ends], axis=0)[:-1]
        lines = splits_of(tf.cast(tf.equal(classes, ord(LINE_END)), tf.int32))
        new_line = tf.gather(lines, starts) > tf.gather(lines, before)
        touches = tf.equal(starts, before) & ~begins_text
        begins = _is_in(first, "".join(plain.BEGINNING))
        # A terminator, and the closing marks that touch it, can end a sentence; what comes of a mark is decided by the
        # last word that is none.
        is_closing = touches & tf.equal(ends - starts, 1) & _is_in(first, "".join(plain.CLOSING))
        deciding = tf.gather(places_of(~is_closing), tf.cumsum(tf.cast(~is_closing, tf.int32)) - 1)
        terminates = _is_in(first, "".join(plain.ENDING))
        is_wide = terminates & tf.equal(tf.gather(classes, ends - 1), ord(plain.WIDE))
        wide = tf.gather(is_wide, deciding)
        # Behind an ideographic terminator, a closing mark that can open as well begins a sentence.
        opens = splits_of(tf.cast(is_closing & wide & begins, tf.int32))
        none_opened = tf.equal(opens[1:], tf.gather(opens, deciding))
        can_end = tf.gather(terminates, deciding) & none_opened
        could_end, was_wide = (tf.concat([[False], flags], axis=0)[:-1] for flags in (can_end, can_end & wide))
        return begins_text | new_line | (could_end & (~touches | was_wide) & begins)


def _is_in(classes: tf.Tensor, wanted: str) -> tf.Tensor:
    """Return which classes are among those that are wanted, in their shape."""
    flags = np.zeros(128, np.bool_)
    flags[[ord(one) for one in wanted]] = True
    return tf.gather(tf.constant(flags), classes)


def _class_number(code_point: int) -> int:
    return ord(class_of(code_point))
