"""Trained subwords in a graph: the twin of `subwords.trained_tokenizer`.

Each model takes pieces and returns for each of their code points the id of the subword that begins there, or -1.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from nlp_pipeline.graph.pieces import Pieces, Splitter
from nlp_pipeline.graph.rows import Rows, count_splits, places_of
from nlp_pipeline.graph.tables import CodePointTable
from nlp_pipeline.graph.texts import strings_of
from nlp_pipeline.graph.trie import NOWHERE, ROOT, Trie
from nlp_pipeline.subwords.trained_tokenizer import TokenizerParts
from nlp_pipeline.text.special import UNKNOWN_ID

NONE = -1


class Model(Protocol):
    """Cuts pieces into subwords."""

    def __call__(self, pieces: Rows) -> tf.Tensor:
        """Return the ids of the subwords that begin at the pieces' code points, int32 `[C]`."""


class WholeWords(tf.Module):
    """Every piece is one subword, known or not."""

    def __init__(self, parts: TokenizerParts) -> None:
        super().__init__(name="whole_words")
        known = [(subword, number) for number, subword in enumerate(parts.subwords) if subword]
        initializer = tf.lookup.KeyValueTensorInitializer(
            tf.constant([subword for subword, _ in known], tf.string), tf.constant([one for _, one in known], tf.int64)
        )
        self._ids: Any = tf.lookup.StaticHashTable(initializer, UNKNOWN_ID)

    def __call__(self, pieces: Rows) -> tf.Tensor:
        """Return the ids, as `Model` does."""
        ids = tf.cast(self._ids.lookup(strings_of(pieces)), tf.int32)
        return tf.tensor_scatter_nd_update(tf.fill([tf.size(pieces.values)], NONE), pieces.splits[:-1, tf.newaxis], ids)


class BytePairs(tf.Module):
    """Merges the pair of neighbours that was learned first, again and again (Sennrich et al. 2016, section 3.2)."""

    def __init__(self, parts: TokenizerParts) -> None:
        super().__init__(name="byte_pairs")
        self._size = len(parts.subwords)
        ids = {ord(subword): number for number, subword in enumerate(parts.subwords) if len(subword) == 1}
        self._characters = CodePointTable.of_some(ids, UNKNOWN_ID)
        self._merged = np.array([0, *(merged for _, _, merged in parts.merges)], np.int32)
        initializer = tf.lookup.KeyValueTensorInitializer(
            tf.constant([one * self._size + two for one, two, _ in parts.merges], tf.int64),
            tf.constant(range(1, len(parts.merges) + 1), tf.int64),
        )
        self._never = len(parts.merges) + 1
        self._ranks: Any = tf.lookup.StaticHashTable(initializer, self._never)

    def __call__(self, pieces: Rows) -> tf.Tensor:
        """Return the ids, as `Model` does."""
        size = tf.size(pieces.values)
        characters, rows, count = self._characters(pieces.values), pieces.of_values, pieces.count

        def ranks_of(ids: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
            """Return the rank of each subword with the next one of its piece."""
            keys = tf.cast(ids[:-1], tf.int64) * self._size + tf.cast(ids[1:], tf.int64)
            ranks = tf.where(tf.equal(rows[:-1], rows[1:]), self._ranks.lookup(keys), self._never)
            return tf.concat([ranks, tf.fill([tf.minimum(tf.size(rows), 1)], tf.cast(self._never, tf.int64))], axis=0)

        def merge(ids: tf.Tensor, places: tf.Tensor, rows: tf.Tensor, ranks: tf.Tensor, done: tf.Tensor) -> Any:
            # The lowest rank of each piece, and the first pair that has it.
            length = tf.cast(tf.size(ids), tf.int64)
            keys = ranks * length + tf.range(length)
            best = tf.math.unsorted_segment_min(keys, rows, count)
            merges = tf.equal(keys, tf.gather(best, rows)) & (ranks < self._never)
            ids = tf.where(merges, tf.gather(tf.constant(self._merged), tf.where(merges, ranks, 0)), ids)
            goes = tf.concat([[False], merges], axis=0)[:-1]
            # What no merge is left for is written down and forgotten.
            ids, places, rows = (tf.boolean_mask(one, ~goes) for one in (ids, places, rows))
            ranks = ranks_of(ids, rows)
            left = tf.math.unsorted_segment_min(ranks, rows, count) < self._never
            ends = ~tf.gather(left, rows)
            done = tf.tensor_scatter_nd_update(
                done, tf.boolean_mask(places, ends)[:, tf.newaxis], tf.boolean_mask(ids, ends)
            )
            return (*(tf.boolean_mask(one, ~ends) for one in (ids, places, rows, ranks)), done)

        # Unknown neighbours are one.
        unknown = tf.equal(characters, UNKNOWN_ID)
        again = unknown & tf.concat([[False], unknown], axis=0)[:-1]
        again &= tf.equal(rows, tf.concat([[-1], rows], axis=0)[:-1])
        ids, places, rows = (tf.boolean_mask(one, ~again) for one in (characters, tf.range(size), rows))
        nothing = tf.fill([size], NONE)
        # All are written down, so that those are too for which there is nothing to merge.
        begun = tf.tensor_scatter_nd_update(nothing, places[:, tf.newaxis], ids)
        ranks = ranks_of(ids, rows)
        left = tf.gather(tf.math.unsorted_segment_min(ranks, rows, count) < self._never, rows)
        begun = tf.tensor_scatter_nd_update(
            begun, tf.boolean_mask(places, left)[:, tf.newaxis], tf.boolean_mask(tf.fill(tf.shape(ids), NONE), left)
        )
        loop = (*(tf.boolean_mask(one, left) for one in (ids, places, rows, ranks)), begun)
        vector = tf.TensorShape([None])
        return tf.while_loop(lambda ids, *_: tf.size(ids) > 0, merge, loop, shape_invariants=(vector,) * 5)[-1]


class UnigramPaths(tf.Module):
    """Takes the likeliest way to put a piece together (Viterbi 1967; Kudo 2018, section 3.1)."""

    def __init__(self, parts: TokenizerParts) -> None:
        super().__init__(name="unigram_paths")
        self._trie = Trie({subword: number for number, subword in enumerate(parts.subwords) if subword})
        self._scores = np.array(parts.scores, np.float64)
        self._unknown = parts.unknown_score

    def __call__(self, pieces: Rows) -> tf.Tensor:
        """Return the ids, as `Model` does."""
        ids, scores = self._subwords_from(pieces)
        lengths = self._best_lengths(pieces, scores)
        size = tf.size(pieces.values)

        def back(ends: tf.Tensor, starts: tf.Tensor, begins: tf.Tensor) -> Any:
            length = tf.gather(lengths, ends - 1)
            begin = ends - length
            found = tf.gather_nd(ids, tf.stack([begin, length - 1], axis=1))
            begins = tf.tensor_scatter_nd_update(begins, begin[:, tf.newaxis], found)
            left = begin > starts
            return tf.boolean_mask(begin, left), tf.boolean_mask(starts, left), begins

        vector = tf.TensorShape([None])
        loop = (pieces.splits[1:], pieces.splits[:-1], tf.fill([size], NONE))
        begins = tf.while_loop(lambda ends, *_: tf.size(ends) > 0, back, loop, shape_invariants=(vector,) * 3)[-1]
        # Unknown neighbours are one: a subword begins where the one before it is not unknown, too.
        places = places_of(begins >= 0)
        unknown = tf.equal(tf.gather(begins, places), UNKNOWN_ID)
        rows = tf.gather(pieces.of_values, places)
        again = unknown & tf.concat([[False], unknown], axis=0)[:-1]
        again = tf.boolean_mask(places, again & tf.equal(rows, tf.concat([[-1], rows], axis=0)[:-1]))
        return tf.tensor_scatter_nd_update(begins, again[:, tf.newaxis], tf.fill(tf.shape(again), NONE))

    def _subwords_from(self, pieces: Rows) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the subwords that begin at each code point, by their length: ids and scores `[C, K]`, -inf for none.

        A code point that is no subword by itself is an unknown one.
        """
        characters = self._trie.characters(pieces.values)
        ends = tf.gather(pieces.splits, pieces.of_values + 1)
        start = tf.range(tf.size(characters))
        node = tf.fill(tf.shape(characters), tf.constant(ROOT, tf.int64))
        found = []
        for length in range(self._trie.longest):
            here = start + length
            node = tf.where(here < ends, node, tf.constant(NOWHERE, tf.int64))
            node = self._trie.step(node, tf.gather(characters, tf.minimum(here, tf.size(characters) - 1)))
            found.append(self._trie.ids(node))
        ids = tf.stack(found, axis=1)
        known = tf.gather(tf.constant(self._scores), tf.maximum(ids, 0))
        scores = tf.where(ids >= 0, known, tf.constant(-np.inf, tf.float64))
        alone = tf.range(self._trie.longest) < 1
        unknown = alone & (ids < 0)
        return tf.where(unknown, UNKNOWN_ID, ids), tf.where(unknown, tf.constant(self._unknown, tf.float64), scores)

    def _best_lengths(self, pieces: Rows, scores: tf.Tensor) -> tf.Tensor:
        """Return how long the last subword is of the best way to each code point's end, int32 `[C]`."""
        longest = self._trie.longest
        # From the longest to the shortest: of equals, the library takes the first.
        lengths = tf.range(longest, 0, -1)

        def reach(place: tf.Tensor, rows: Any, totals: tf.Tensor, best: tf.Tensor) -> Any:
            start, end = rows
            here = start + place
            begins = here[:, tf.newaxis] + 1 - lengths
            there = begins >= start[:, tf.newaxis]
            safe = tf.maximum(begins, 0)
            before = tf.where(
                tf.equal(begins, start[:, tf.newaxis]),
                tf.constant(0.0, tf.float64),
                tf.gather(totals, tf.maximum(begins - 1, 0)),
            )
            own = tf.gather_nd(scores, tf.stack([safe, tf.broadcast_to(lengths - 1, tf.shape(safe))], axis=2))
            ways = tf.where(there, own + before, tf.constant(-np.inf, tf.float64))
            chosen = tf.argmax(ways, axis=1, output_type=tf.int32)
            totals = tf.tensor_scatter_nd_update(totals, here[:, tf.newaxis], tf.reduce_max(ways, axis=1))
            best = tf.tensor_scatter_nd_update(best, here[:, tf.newaxis], longest - chosen)
            left = here + 1 < end
            return place + 1, tuple(tf.boolean_mask(one, left) for one in rows), totals, best

        vector = tf.TensorShape([None])
        size = tf.size(pieces.values)
        return tf.while_loop(
            lambda _place, rows, *_: tf.size(rows[0]) > 0,
            reach,
            (
                tf.constant(0),
                (pieces.splits[:-1], pieces.splits[1:]),
                tf.zeros([size], tf.float64),
                tf.zeros([size], tf.int32),
            ),
            shape_invariants=(tf.TensorShape([]), (vector, vector), vector, vector),
        )[-1]


_MODELS = {"words": WholeWords, "bpe": BytePairs, "unigram": UnigramPaths}


class Subwords(NamedTuple):
    """The subwords of N texts.

    Attributes:
        ids: of each text.
        begins: where each subword begins among the code points of the pieces, int32 `[M]`.
        pieces: that were cut.
    """

    ids: Rows
    begins: tf.Tensor
    pieces: Pieces


class SubwordGraph(tf.Module):
    """Cuts texts into subwords, as `TrainedTokenizer.encode` does.

    Args:
        parts: of the tokenizer.
    """

    def __init__(self, parts: TokenizerParts) -> None:
        super().__init__(name="subwords")
        self._split = Splitter(parts)
        self._model: Any = _MODELS[parts.kind](parts)

    def __call__(self, texts: Rows) -> Subwords:
        """Return the subwords of normalised texts, none of an empty one."""
        pieces = self._split(texts)
        ids = self._model(pieces.pieces)
        begins = ids >= 0
        by_piece = count_splits(begins, pieces.pieces.splits)
        found = Rows(tf.boolean_mask(ids, begins), tf.gather(by_piece, pieces.splits))
        return Subwords(found, places_of(begins), pieces)
