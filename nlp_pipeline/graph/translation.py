"""Sources become a translator's batches, and ids become text, in a graph: the twin of `inputs.translation`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, splits_of
from nlp_pipeline.graph.segmentation import Segmenter
from nlp_pipeline.graph.subwords import SubwordGraph
from nlp_pipeline.graph.tables import CodePointTable, is_alphanumeric, is_space
from nlp_pipeline.graph.texts import strings_of, texts_of
from nlp_pipeline.graph.windows import WindowArrays
from nlp_pipeline.graph.wordpieces import WordPieces
from nlp_pipeline.inputs.translation import TranslationInputs
from nlp_pipeline.subwords.pieces import SPACE, SWAP
from nlp_pipeline.subwords.trained_tokenizer import TrainedTokenizer
from nlp_pipeline.text.special import END_ID, PADDING_ID, UNKNOWN_ID


class Sources(NamedTuple):
    """N sources as numbers.

    Attributes:
        ids: subwords: trained ones with the end, or BERT's.
        place_splits: where the subwords of each place begin to which the decoder can attend, int32 `[P + 1]`.
        splits: where the places of each source begin, the end of a source not among them, int32 `[N + 1]`.
        costs: how much of a batch each takes, int32 `[N]`.
        known: whether anything of each is in the vocabulary, bool `[N]`.
        shown: the places as they are shown, string `[P]`.
        texts: what stands there in the text, with `▁` for a space before, string `[P]`.
    """

    ids: Rows
    place_splits: tf.Tensor
    splits: tf.Tensor
    costs: tf.Tensor
    known: tf.Tensor
    shown: tf.Tensor
    texts: tf.Tensor


class TrainedSources(tf.Module):
    """Reads sources by trained subwords.

    Args:
        inputs: the twin.
    """

    def __init__(self, inputs: TranslationInputs) -> None:
        super().__init__(name="sources")
        tokenizer = inputs.source_tokenizer
        assert tokenizer is not None
        self._subwords = SubwordGraph(tokenizer.parts())
        self._means = np.array([tokenizer.knows_any([one]) for one in range(len(tokenizer))])
        self._shown = [tokenizer.subword(one) for one in range(len(tokenizer))]

    def costs(self, texts: Rows) -> tf.Tensor:
        """Return how much of a batch normalised texts take, int32 `[N]`."""
        return self._subwords(texts).ids.lengths + 1

    def __call__(self, texts: Rows) -> Sources:
        """Read normalised texts."""
        found = self._subwords(texts)
        ids = found.ids
        with_end = splits_of(ids.lengths + 1)
        places = ids.places + tf.gather(with_end, ids.of_values)
        values = tf.tensor_scatter_nd_update(tf.fill([with_end[-1]], END_ID), places[:, tf.newaxis], ids.values)
        means = tf.cast(tf.gather(tf.constant(self._means), ids.values), tf.int32)
        known = tf.math.unsorted_segment_sum(means, ids.of_values, ids.count) > 0
        unknown = tf.equal(ids.values, UNKNOWN_ID)
        shown = tf.tensor_scatter_nd_update(
            tf.gather(tf.constant(self._shown), ids.values),
            tf.where(unknown),
            found.pieces.surfaces(texts, found.begins, unknown),
        )
        each = tf.range(tf.size(ids.values) + 1)
        return Sources(Rows(values, with_end), each, ids.splits, ids.lengths + 1, known, shown, shown)

    def batch(self, sources: Sources, chosen: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return a batch, as `TranslationInputs.source_batch` makes it, of some of the sources."""
        rows = sources.ids.gather(chosen)
        width = tf.reduce_max(rows.lengths)
        return {"source_mask": tf.sequence_mask(rows.lengths, width), "source_ids": rows.padded(width, PADDING_ID)}


class BertSources(tf.Module):
    """Reads sources by a BERT encoder's subwords, or by words of these.

    Args:
        inputs: the twin.
        segment: finds the words.

    Raises:
        EncoderError: where the encoder's tokenizer does what a graph cannot.
    """

    def __init__(self, inputs: TranslationInputs, segment: Segmenter) -> None:
        super().__init__(name="sources")
        tokenizer, settings = inputs.bert_tokenizer, inputs.recipe.bert
        assert tokenizer is not None
        assert settings is not None
        self._segment = segment
        self._pieces = WordPieces(tokenizer)
        self._arrays = WindowArrays(settings, tokenizer)
        self._by_word = settings.level == "word"
        self._unknown_id = tokenizer.unknown_id
        parts = tokenizer.parts()
        self._beginnings = list(parts.vocabulary)
        self._further = [subword.removeprefix(parts.prefix) for subword in parts.vocabulary]
        self._spaces = CodePointTable.of(is_space, np.uint8)

    def costs(self, texts: Rows) -> tf.Tensor:
        """Return how much of a batch normalised texts take, int32 `[N]`."""
        words = self._segment(texts)
        subwords = self._pieces(texts.spans(words.starts, words.ends))
        return Rows(subwords.values, tf.gather(subwords.splits, words.splits)).lengths + 2

    def __call__(self, texts: Rows) -> Sources:
        """Read normalised texts."""
        words = self._segment(texts)
        subwords = self._pieces(texts.spans(words.starts, words.ends))
        by_text = Rows(subwords.values, tf.gather(subwords.splits, words.splits))
        means = tf.cast(tf.not_equal(by_text.values, self._unknown_id), tf.int32)
        known = tf.math.unsorted_segment_sum(means, by_text.of_values, by_text.count) > 0
        # A space that stands before a word, or would if it were not the first.
        before = tf.gather(tf.concat([[ord(" ")], texts.values], axis=0), words.starts)
        first = tf.equal(words.starts, tf.gather(texts.splits, Rows(words.starts, words.splits).of_values))
        spaced = first | (self._spaces(before) > 0)
        surfaces = tf.strings.join([tf.where(spaced, SPACE, ""), strings_of(texts.spans(words.starts, words.ends))])
        begins = tf.equal(subwords.places, 0)
        if not self._by_word:
            shown = tf.gather(tf.constant(self._beginnings), subwords.values)
            each = tf.range(tf.size(subwords.values) + 1)
            of_subwords = tf.gather(surfaces, subwords.of_values)
            return Sources(subwords, each, by_text.splits, by_text.lengths + 2, known, shown, of_subwords)
        parts = tf.where(
            begins,
            tf.gather(tf.constant(self._beginnings), subwords.values),
            tf.gather(tf.constant(self._further), subwords.values),
        )
        shown = tf.strings.unsorted_segment_join(parts, subwords.of_values, subwords.count)
        return Sources(subwords, subwords.splits, words.splits, by_text.lengths + 2, known, shown, surfaces)

    def batch(self, sources: Sources, chosen: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return a batch, as `TranslationInputs.source_batch` makes it, of some of the sources."""
        starts, ends = tf.gather(sources.splits, chosen), tf.gather(sources.splits, chosen + 1)
        places = tf.ragged.range(starts, ends).values
        subwords = Rows(sources.ids.values, sources.place_splits).gather(places)
        width = tf.reduce_max(ends - starts)
        arrays = self._arrays(subwords, splits_of(ends - starts), width)
        return {"source_mask": tf.sequence_mask(ends - starts, width), **arrays}


class TargetGraph:
    """Turns ids into text, as `TrainedTokenizer.decode_with` does.

    Args:
        tokenizer: the twin.
    """

    def __init__(self, tokenizer: TrainedTokenizer) -> None:
        subwords = tokenizer.parts().subwords
        self._copies = tokenizer.kind == "words"
        self._texts = [subword.translate(SWAP) for subword in subwords]
        self._shown = [tokenizer.subword(one) for one in range(len(subwords))]
        self._ends_a_word = np.array([text[-1:].isalnum() for text in self._texts])
        self._alnum = CodePointTable.of(is_alphanumeric, np.uint8)

    def __call__(self, ids: Rows, attended: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the texts, string `[N]`, and the subwords as they are shown, string `[M]`.

        Args:
            ids: of the targets, without their ends.
            attended: for each of them the text of the place that was attended to most, string `[M]`, which stands for
                unknown words in a whole-word model; None without attention.
        """
        texts = tf.gather(tf.constant(self._texts), ids.values)
        shown = tf.gather(tf.constant(self._shown), ids.values)
        if self._copies and attended is not None:
            unknown = tf.equal(ids.values, UNKNOWN_ID)
            shown = tf.where(unknown, attended, shown)
            texts = tf.where(unknown, self._copied(attended, ids, unknown), texts)
        joined = tf.strings.unsorted_segment_join(texts, ids.of_values, ids.count)
        return tf.strings.regex_replace(joined, "^ ", ""), shown

    def _copied(self, attended: tf.Tensor, ids: Rows, unknown: tf.Tensor) -> tf.Tensor:
        """Return what is put for unknown words: with the space before them, and one where two words would touch."""
        points, _ = texts_of(attended)
        first = tf.gather(tf.concat([points.values, [0]], axis=0), points.splits[:-1])
        last = tf.gather(tf.concat([[0], points.values], axis=0), points.splits[1:])
        ends = tf.where(unknown, self._alnum(last) > 0, tf.gather(tf.constant(self._ends_a_word), ids.values))
        before = tf.concat([[False], ends], axis=0)[:-1] & (ids.places > 0)
        spaced = tf.equal(first, ord(SPACE))
        plain = tf.strings.regex_replace(attended, f"^{SPACE}", "")
        touches = before & (self._alnum(first) > 0)
        return tf.strings.join([tf.where(spaced | touches, " ", ""), plain])
