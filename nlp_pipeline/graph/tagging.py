"""Words become a tagger's batches in a graph: the twin of `inputs.tagging`."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, left_mask, splits_of
from nlp_pipeline.graph.spelling import Casings, Lookup, Spellings
from nlp_pipeline.graph.texts import strings_of, texts_of
from nlp_pipeline.graph.windows import WindowArrays
from nlp_pipeline.graph.wordpieces import WordPieces
from nlp_pipeline.inputs.tagging import TaggingInputs

_FEATURES = ("character_ids", "casing_ids", "word_ids")


class SeenWords(NamedTuple):
    """W words of which D are distinct, and what a tagger sees of each.

    Attributes:
        index: which distinct word each is, int32 `[W]`.
        features: of the distinct words, those of `TaggingInputs.batch` that the recipe wants, each with a row 0 for
            padding, int32 `[D + 1, ...]`.
        subwords: of the distinct words; None without an encoder.
        costs: how much of a batch each word takes, int32 `[W]`.
    """

    index: tf.Tensor
    features: dict[str, tf.Tensor]
    subwords: Rows | None
    costs: tf.Tensor


class TaggingGraph(tf.Module):
    """Turns words into batches for a tagger.

    Args:
        inputs: the twin.

    Raises:
        EncoderError: where the encoder's tokenizer does what a graph cannot.
    """

    def __init__(self, inputs: TaggingInputs) -> None:
        super().__init__(name="tagging")
        recipe, tokenizer = inputs.recipe, inputs.tokenizer
        self._pieces = None if tokenizer is None else WordPieces(tokenizer)
        self._features: dict[str, Any] = {}
        if recipe.characters is not None:
            spellings = Spellings(inputs.vocabularies["characters"], recipe.characters.longest)
            self._features["character_ids"] = spellings
        if recipe.casing is not None:
            self._features["casing_ids"] = Casings()
        if recipe.words is not None:
            self._features["word_ids"] = Lookup(inputs.vocabularies["words"], recipe.words.lowercase)
        self._arrays = arrays_for(inputs)

    def see(self, words: Rows) -> SeenWords:
        """Look at words, given as code points."""
        distinct, index = tf.unique(strings_of(words))
        spelled, _ = texts_of(distinct)
        features = {}
        for name, feature in self._features.items():
            ids = feature(spelled)
            features[name] = tf.pad(ids, [[1, 0], *[[0, 0]] * (len(ids.shape) - 1)])
        subwords = None if self._pieces is None else self._pieces(spelled)
        costs = tf.ones_like(index) if subwords is None else tf.gather(subwords.lengths, index)
        return SeenWords(index, features, subwords, costs)

    def batch(self, seen: SeenWords, sentence_splits: tf.Tensor, chosen: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return a batch, as `TaggingInputs.batch` makes it, of some of the sentences.

        Args:
            seen: the words of all sentences.
            sentence_splits: where each sentence's words begin; each has at least one.
            chosen: the numbers of the sentences, int32 `[B]`, at least one.
        """
        starts, ends = tf.gather(sentence_splits, chosen), tf.gather(sentence_splits, chosen + 1)
        index = tf.gather(seen.index, tf.ragged.range(starts, ends).values)
        distinct, local = tf.unique(index)
        splits = splits_of(ends - starts)
        length = tf.reduce_max(ends - starts)
        with_padding = tf.concat([[0], distinct + 1], axis=0)
        batch = {name: tf.gather(table, with_padding) for name, table in seen.features.items()}
        if "character_ids" in batch:
            batch["character_ids"] = _without_padding(batch["character_ids"])
        batch["padding_mask"] = tf.sequence_mask(ends - starts, length)
        batch["word_index"] = Rows(local + 1, splits).padded(length, 0)
        if seen.subwords is not None and self._arrays is not None:
            batch |= self._arrays(seen.subwords.gather(index), splits, length)
        return batch


def arrays_for(inputs: TaggingInputs) -> WindowArrays | None:
    """Return what makes an encoder's arrays, where there is an encoder."""
    if inputs.tokenizer is None or inputs.recipe.encoder is None:
        return None
    return WindowArrays(inputs.recipe.encoder, inputs.tokenizer)


def batch_of_ids(arrays: WindowArrays | None, given: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Return a batch of what was looked up elsewhere.

    Args:
        arrays: as `arrays_for` gives it.
        given: padding_mask bool `[B, L]`, True on the left of each row, where there is a word; subword_ids `[B, L, P]`
            int32, -1 on padding; character_ids `[B, L, C]`, casing_ids `[B, L]` and word_ids `[B, L]` int32, as the
            recipe wants them.

    Raises:
        tf.errors.InvalidArgumentError: where the mask has a hole, or does not begin on the left.
    """
    mask = left_mask(given["padding_mask"], "padding_mask")
    rows, length = tf.unstack(tf.shape(mask))
    batch = {"padding_mask": mask}
    # Every place counts as a word of its own.
    batch["word_index"] = tf.reshape(tf.range(1, rows * length + 1), [rows, length])
    for name in _FEATURES:
        if name in given:
            table = given[name]
            flat = tf.reshape(table, tf.concat([[rows * length], tf.shape(table)[2:]], axis=0))
            batch[name] = tf.pad(flat, [[1, 0], *[[0, 0]] * (len(table.shape) - 2)])
    if arrays is not None:
        subwords = tf.boolean_mask(given["subword_ids"], mask)
        there = subwords >= 0
        counts = tf.reduce_sum(tf.cast(there, tf.int32), axis=1)
        sentences = splits_of(tf.reduce_sum(tf.cast(mask, tf.int32), axis=1))
        batch |= arrays(Rows(tf.boolean_mask(subwords, there), splits_of(counts)), sentences, length)
    return batch


def _without_padding(ids: tf.Tensor) -> tf.Tensor:
    """Return ids `[W, C]` as wide as the longest row needs."""
    return ids[:, : tf.maximum(1, tf.reduce_max(tf.reduce_sum(tf.cast(ids > 0, tf.int32), axis=1)))]
