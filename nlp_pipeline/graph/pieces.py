"""Marked text and its pieces in a graph: the twin of `subwords.pieces`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, places_of, splits_of
from nlp_pipeline.graph.tables import CodePointMapping, CodePointTable
from nlp_pipeline.graph.texts import strings_of
from nlp_pipeline.subwords.pieces import SPACE
from nlp_pipeline.subwords.trained_tokenizer import TokenizerParts

_OTHER, _ALONE, _MARK = range(3)
_SPACE, _SHOWN = ord(" "), ord(SPACE)


class Pieces(NamedTuple):
    """The pieces of N texts, P in all.

    Attributes:
        pieces: code points, with a mark for a space.
        splits: where the pieces of each text begin, int32 `[N + 1]`.
        origins: for each code point of the pieces its place among those of all texts, int32 `[C]`. A mark has the place
            before that of what follows it.
    """

    pieces: Rows
    splits: tf.Tensor
    origins: tf.Tensor

    def surfaces(self, texts: Rows, begins: tf.Tensor, wanted: tf.Tensor) -> tf.Tensor:
        """Return how the texts spell some subwords, with a mark for the space before, string.

        Args:
            texts: that were cut.
            begins: where subwords begin among the pieces' code points, int32 `[M]`.
            wanted: bool `[M]`.
        """
        ends = tf.concat([begins[1:], [tf.size(self.origins)]], axis=0)[: tf.size(begins)]
        starts, ends = tf.boolean_mask(begins, wanted), tf.boolean_mask(ends, wanted)
        spaced = tf.equal(tf.gather(self.pieces.values, starts), _SHOWN)
        behind = tf.gather(self.origins, ends - 1) + 1
        is_lone = spaced & tf.equal(ends - starts, 1)
        first = tf.where(
            is_lone, behind, tf.gather(self.origins, tf.minimum(starts + tf.cast(spaced, tf.int32), ends - 1))
        )
        return tf.strings.join([tf.where(spaced, SPACE, ""), strings_of(texts.spans(first, behind))])


class Splitter:
    """Cuts texts into the pieces that a model then cuts into subwords.

    Args:
        parts: of the tokenizer.
    """

    def __init__(self, parts: TokenizerParts) -> None:
        self._kinds = CodePointTable.of_all(lambda every: _kinds_of(every, parts), np.uint8)
        self._longest = parts.longest
        self._lower = None if parts.lower is None else CodePointMapping.of_all(parts.lower)

    def __call__(self, texts: Rows) -> Pieces:
        """Cut normalised texts."""
        # A mark at the beginning of each text that is not empty, and marks for spaces.
        filled = tf.cast(texts.lengths > 0, tf.int32)
        splits = splits_of(texts.lengths + filled)
        shift = tf.gather(splits[:-1] - texts.splits[:-1] + filled, texts.of_values)
        swapped = tf.where(
            tf.equal(texts.values, _SPACE), _SHOWN, tf.where(tf.equal(texts.values, _SHOWN), _SPACE, texts.values)
        )
        marked = Rows(tf.fill([splits[-1]], _SHOWN), splits)
        own = tf.range(tf.size(texts.values))
        marked = marked._replace(
            values=tf.tensor_scatter_nd_update(marked.values, (own + shift)[:, tf.newaxis], swapped)
        )
        # Where in the text each place of the marked text is; the first mark stands before its beginning.
        origins = tf.range(splits[-1]) - tf.gather(splits[:-1] - texts.splits[:-1] + filled, marked.of_values)
        rows = marked.of_values
        if self._lower is not None:
            mapped = self._lower(marked.values)
            origins, rows = tf.gather(origins, mapped.origins), tf.gather(rows, mapped.origins)
            lengths = tf.math.unsorted_segment_sum(tf.ones_like(rows), rows, marked.count)
            marked = Rows(mapped.code_points, splits_of(lengths))
        starts = places_of(self._begins(marked))
        counts = tf.math.unsorted_segment_sum(tf.ones_like(starts), tf.gather(rows, starts), marked.count)
        # The pieces tile the marked text.
        return Pieces(
            Rows(marked.values, tf.concat([starts, [tf.size(marked.values)]], axis=0)), splits_of(counts), origins
        )

    def _begins(self, marked: Rows) -> tf.Tensor:
        """Return where a piece begins: at each mark, and around what stands alone, unless a mark stands before it."""
        kinds = self._kinds(marked.values)
        before = tf.concat([[_MARK], tf.cast(kinds, tf.int32)], axis=0)[:-1]
        is_mark, is_other = tf.equal(kinds, _MARK), tf.equal(kinds, _OTHER)
        # A long run of other characters is cut; it begins behind whatever is none.
        place = tf.range(tf.size(kinds))
        runs = places_of(~is_other)
        number = tf.cumsum(tf.cast(~is_other, tf.int32)) - 1
        # Each text begins with a mark, so that there always is one before.
        in_run = place - tf.gather(tf.concat([runs, [0]], axis=0), tf.maximum(number, 0)) - 1
        cut = is_other & (in_run > 0) & tf.equal(in_run % self._longest, 0)
        return is_mark | cut | (tf.not_equal(before, _MARK) & ~(is_other & tf.equal(before, _OTHER)))


def _kinds_of(characters: list[str], parts: TokenizerParts) -> list[int]:
    """Return what each character is; a mark binds what follows it, and so is not asked for."""
    found = parts.kinds(["x" if character == SPACE else character for character in characters])
    kinds = [_OTHER if kind == "inside" else _ALONE for kind in found]
    kinds[characters.index(SPACE)] = _MARK
    return kinds
