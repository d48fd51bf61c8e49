"""A checkpoint's tokenizer in a graph: words become the ids of their subwords.

The twin of `subwords.checkpoint_tokenizer`. The checkpoint's normaliser is asked for every code point, and so is its
pre-tokenizer; what is left is WordPiece: the longest subword first, again and again (Wu et al. 2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, count_splits, places_of, splits_of
from nlp_pipeline.graph.tables import CodePointMapping, CodePointTable
from nlp_pipeline.graph.trie import NOWHERE, ROOT, Trie
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer

_INSIDE, _OUTSIDE, _ALONE = range(3)


class WordPieces(tf.Module):
    """Turns words into subword ids, as the checkpoint's tokenizer does.

    Args:
        tokenizer: the checkpoint's.

    Raises:
        EncoderError: where it does what a graph cannot: see `CheckpointTokenizer.parts`.
    """

    def __init__(self, tokenizer: CheckpointTokenizer) -> None:
        super().__init__(name="wordpieces")
        parts = tokenizer.parts()
        self._normalised = CodePointMapping.of_all(parts.normalised)
        kinds = {"inside": _INSIDE, "outside": _OUTSIDE, "alone": _ALONE}
        self._kinds = CodePointTable.of_all(lambda every: [kinds[kind] for kind in parts.kinds(every)], np.uint8)
        self._longest = parts.longest
        self._unknown_id = tokenizer.unknown_id
        self._most = tokenizer.max_subwords_of_word
        self._trie = Trie({subword: number for number, subword in enumerate(parts.vocabulary) if subword})
        # Where a subword begins that does not begin its piece.
        self._further = self._trie.node_of(parts.prefix)

    def __call__(self, words: Rows) -> Rows:
        """Return the ids of each word's subwords, at least one."""
        pieces, of_word = self._pieces_of(words)
        known = pieces.lengths <= self._longest
        # A piece that is too long is unknown however it goes on.
        short = pieces.spans(pieces.splits[:-1], pieces.splits[:-1] + tf.where(known, pieces.lengths, 0))
        ids = self._or_unknown(*self._subwords_of(short))
        words_of_subwords = tf.gather(of_word, ids.of_values)
        counts = tf.math.unsorted_segment_sum(tf.ones_like(words_of_subwords), words_of_subwords, words.count)
        first = tf.gather(splits_of(counts), words_of_subwords)
        keeps = tf.range(ids.splits[-1]) - first < self._most
        kept = Rows(tf.boolean_mask(ids.values, keeps), splits_of(tf.minimum(counts, self._most)))
        return self._or_unknown(*kept)

    def _or_unknown(self, ids: tf.Tensor, splits: tf.Tensor) -> Rows:
        """Return rows of ids, the unknown one for a row without any."""
        rows = Rows(ids, splits)
        filled = splits_of(tf.maximum(rows.lengths, 1))
        places = rows.places + tf.gather(filled, rows.of_values)
        unknown = tf.fill([filled[-1]], self._unknown_id)
        return Rows(tf.tensor_scatter_nd_update(unknown, places[:, tf.newaxis], ids), filled)

    def _pieces_of(self, words: Rows) -> tuple[Rows, tf.Tensor]:
        """Return the pieces into which words fall, normalised, and of which word each is one."""
        mapped = self._normalised(words.values)
        rows = tf.gather(words.of_values, mapped.origins)
        kinds = self._kinds(mapped.code_points)
        alone, keeps = tf.equal(kinds, _ALONE), tf.not_equal(kinds, _OUTSIDE)
        # A piece begins with its word, behind a space, and on both sides of what stands alone.
        behind = tf.concat([[True], tf.logical_or(alone, ~keeps)], axis=0)[:-1]
        first = tf.not_equal(rows, tf.concat([[-1], rows], axis=0)[:-1])
        begins = keeps & (first | behind | alone)
        code_points = tf.boolean_mask(mapped.code_points, keeps)
        starts = places_of(tf.boolean_mask(begins, keeps))
        return Rows(code_points, tf.concat([starts, [tf.size(code_points)]], axis=0)), tf.boolean_mask(rows, begins)

    def _subwords_of(self, pieces: Rows) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the ids of each piece's subwords, and where each piece's begin; none of one that cannot be cut.

        All pieces walk at once. Where one can go no further, it goes back to where a subword ended last and goes on
        from there as a new one; where none ended, it cannot be cut.
        """
        characters = self._trie.characters(pieces.values)
        length = tf.size(pieces.values)
        ends = pieces.splits[1:]

        def walk(ids: tf.Tensor, failed: tf.Tensor, walkers: Any) -> Any:
            piece, start, place, node, found, found_end = walkers
            end = tf.gather(ends, piece)
            node = tf.where(place < end, node, tf.constant(NOWHERE, tf.int64))
            node = self._trie.step(node, tf.gather(characters, tf.minimum(place, length - 1)))
            goes_on = node >= 0
            subword = self._trie.ids(node)
            found, found_end = (
                tf.where(subword >= 0, new, old) for new, old in ((subword, found), (place + 1, found_end))
            )
            stuck = ~goes_on & (found < 0)
            turns = ~goes_on & ~stuck
            ids = tf.tensor_scatter_nd_update(
                ids, tf.boolean_mask(start, turns)[:, tf.newaxis], tf.boolean_mask(found, turns)
            )
            failed = tf.tensor_scatter_nd_update(
                failed,
                tf.boolean_mask(piece, stuck)[:, tf.newaxis],
                tf.ones([tf.reduce_sum(tf.cast(stuck, tf.int32))], tf.bool),
            )
            walkers = (
                piece,
                tf.where(turns, found_end, start),
                tf.where(turns, found_end, place + 1),
                tf.where(turns, tf.constant(self._further, tf.int64), node),
                tf.where(turns, -1, found),
                found_end,
            )
            left = goes_on | (turns & (found_end < end))
            return ids, failed, tuple(tf.boolean_mask(one, left) for one in walkers)

        count = pieces.count
        piece = tf.boolean_mask(tf.range(count), pieces.lengths > 0)
        start = tf.gather(pieces.splits, piece)
        nothing = tf.fill([tf.size(piece)], -1)
        walkers = (piece, start, start, tf.fill([tf.size(piece)], tf.constant(ROOT, tf.int64)), nothing, nothing)
        vector = tf.TensorShape([None])
        ids, failed, _ = tf.while_loop(
            lambda _ids, _failed, walkers: tf.size(walkers[0]) > 0,
            walk,
            (tf.fill([length], -1), tf.zeros([count], tf.bool), walkers),
            shape_invariants=(vector, vector, (vector,) * 6),
        )
        rows = pieces.of_values
        keeps = (ids >= 0) & ~tf.gather(failed, rows)
        return tf.boolean_mask(ids, keeps), count_splits(keeps, pieces.splits)
