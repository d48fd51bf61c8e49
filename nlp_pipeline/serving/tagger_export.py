"""A tagger as a SavedModel: ids, words or raw text in, tags out, by TensorFlow alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, splits_of
from nlp_pipeline.graph.segmentation import Segmenter
from nlp_pipeline.graph.tagging import TaggingGraph, arrays_for, batch_of_ids
from nlp_pipeline.graph.texts import strings_of, texts_of
from nlp_pipeline.serving.saved_model import SIGNATURES, Exported, function_of
from nlp_pipeline.serving.tagger import BATCH_SUBWORDS
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.text.tagset import TagSet


class Tagged(NamedTuple):
    """Tags of W words, and how probable each is, `[W]`."""

    tags: tf.Tensor
    scores: tf.Tensor


class TaggerExport:
    """The functions of a tagger's SavedModel.

    Args:
        bundle: the tagger, built without cuDNN.
        kinds: of `ids`, `words` and `text`.

    Raises:
        EncoderError: where the encoder's tokenizer does what a graph cannot, and words or texts are to be taken.
    """

    def __init__(self, bundle: TaggerBundle, kinds: list[str]) -> None:
        self._network = bundle.network
        self._inputs = bundle.inputs
        self._arrays = arrays_for(bundle.inputs)
        self._names = _iob2_names(bundle.inputs.tag_set)
        self._graph = TaggingGraph(bundle.inputs) if {"words", "text"} & set(kinds) else None
        self._segment = Segmenter() if "text" in kinds else None
        made = {"ids": self._of_ids, "words": self._of_words, "text": self._of_text}
        signatures = {SIGNATURES[kind]: make() for kind, make in made.items() if kind in kinds}
        parts: list[tf.Module] = [] if self._graph is None else [self._graph]
        self.exported = Exported(self._network, parts, signatures)

    def assets(self) -> dict[str, str]:
        """Return the tags and vocabularies in the order of their ids, one a line."""
        found = {"tags.txt": self._inputs.tag_set.names}
        found |= {f"{name}.txt": ("", "", *items.items) for name, items in self._inputs.vocabularies.items()}
        if self._inputs.tokenizer is not None:
            found["subwords.txt"] = self._inputs.tokenizer.parts().vocabulary
        return {name: "".join(f"{line}\n" for line in lines) for name, lines in found.items()}

    def _of_ids(self) -> Any:
        kinds = {
            "character_ids": self._inputs.recipe.characters,
            "casing_ids": self._inputs.recipe.casing,
            "word_ids": self._inputs.recipe.words,
            "subword_ids": self._inputs.recipe.encoder,
        }
        ranks = {"character_ids": 3, "subword_ids": 3}
        signature = {"padding_mask": tf.TensorSpec([None, None], tf.bool, "padding_mask")}
        for name, settings in kinds.items():
            if settings is not None:
                signature[name] = tf.TensorSpec([None] * ranks.get(name, 2), tf.int32, name)

        def tag_ids(**given: tf.Tensor) -> dict[str, tf.Tensor]:
            mask = given["padding_mask"]
            ids, scores = self._network.best_tags(batch_of_ids(self._arrays, given))
            tags = tf.where(mask, tf.gather(tf.constant(self._names), ids), "")
            return {"tag_ids": ids, "tags": tags, "scores": scores}

        return function_of(tag_ids, signature)

    def _of_words(self) -> Any:
        def tag_words(words: tf.Tensor) -> dict[str, tf.Tensor]:
            there = tf.not_equal(words, "")
            texts, _ = texts_of(tf.boolean_mask(words, there))
            counts = tf.reduce_sum(tf.cast(there, tf.int32), axis=1)
            tagged = self._tag(texts, splits_of(tf.boolean_mask(counts, counts > 0)))
            places = tf.cast(tf.where(there), tf.int32)
            shape = tf.shape(words)
            return {
                "tags": tf.tensor_scatter_nd_update(tf.fill(shape, ""), places, tagged.tags),
                "scores": tf.scatter_nd(places, tagged.scores, shape),
            }

        return function_of(tag_words, {"words": tf.TensorSpec([None, None], tf.string, "words")})

    def _of_text(self) -> Any:
        def tag_text(text: tf.Tensor) -> dict[str, tf.Tensor]:
            assert self._segment is not None
            texts, offsets = texts_of(text)
            found = self._segment(texts)
            words = texts.spans(found.starts, found.ends)
            tagged = self._tag(words, found.sentence_splits)
            # Where a code point ends is where the next one begins, or the text ends.
            ends = tf.tensor_scatter_nd_update(
                tf.concat([offsets, [0]], axis=0)[1:],
                tf.boolean_mask(texts.splits[1:] - 1, texts.lengths > 0)[:, tf.newaxis],
                tf.boolean_mask(tf.strings.length(text), texts.lengths > 0),
            )
            first = tf.gather(found.text_splits, Rows(found.starts, found.splits).of_values)
            sentences = Rows(found.starts, found.sentence_splits).of_values - first
            width = tf.reduce_max(tf.concat([[0], found.splits[1:] - found.splits[:-1]], axis=0))

            def padded(values: tf.Tensor, filler: Any) -> tf.Tensor:
                return Rows(values, found.splits).padded(width, filler)

            return {
                "words": padded(strings_of(words), ""),
                "tags": padded(tagged.tags, ""),
                "scores": padded(tagged.scores, 0),
                "starts": padded(tf.gather(offsets, found.starts), -1),
                "ends": padded(tf.gather(ends, found.ends - 1), -1),
                "sentences": padded(sentences, -1),
            }

        return function_of(tag_text, {"text": tf.TensorSpec([None], tf.string, "text")})

    def _tag(self, words: Rows, sentence_splits: tf.Tensor) -> Tagged:
        """Tag words, as `LoadedTagger` does: sentences of one length together, the longest first.

        Args:
            words: code points.
            sentence_splits: where the words of each sentence begin; each has at least one.
        """
        assert self._graph is not None
        graph = self._graph
        seen = graph.see(words)
        specials = 0 if seen.subwords is None else 2
        totals = splits_of(seen.costs)
        costs = tf.gather(totals, sentence_splits[1:]) - tf.gather(totals, sentence_splits[:-1]) + specials
        order = tf.argsort(costs, direction="DESCENDING", stable=True)
        ordered = tf.gather(costs, order)

        def tag_batch(done: tf.Tensor, ids: tf.Tensor, scores: tf.Tensor) -> Any:
            count = tf.maximum(1, BATCH_SUBWORDS // ordered[done])
            chosen = order[done : done + count]
            batch = graph.batch(seen, sentence_splits, chosen)
            found = self._network.best_tags(batch)
            starts, ends = tf.gather(sentence_splits, chosen), tf.gather(sentence_splits, chosen + 1)
            places = tf.ragged.range(starts, ends).values[:, tf.newaxis]
            ids, scores = (
                tf.tensor_scatter_nd_update(all_, places, tf.boolean_mask(of_batch, batch["padding_mask"]))
                for all_, of_batch in zip((ids, scores), found, strict=True)
            )
            return done + tf.size(chosen), ids, scores

        vector = tf.TensorShape([None])
        _, ids, scores = tf.while_loop(
            lambda done, *_: done < tf.size(order),
            tag_batch,
            (tf.constant(0), tf.zeros_like(seen.index), tf.zeros_like(seen.index, tf.float32)),
            shape_invariants=(tf.TensorShape([]), vector, vector),
            parallel_iterations=1,
        )
        return Tagged(tf.gather(tf.constant(self._names), ids), scores)


def _iob2_names(tag_set: TagSet) -> list[str]:
    """Return what each tag is in IOB2: in a decoder's schemes, a tag has one meaning wherever it stands."""
    meanings = {"B": "B", "S": "B", "U": "B", "I": "I", "E": "I", "L": "I"}
    parts = [name.partition("-") for name in tag_set.names]
    return [f"{meanings[prefix]}-{entity_type}" if dash else prefix for prefix, dash, entity_type in parts]
