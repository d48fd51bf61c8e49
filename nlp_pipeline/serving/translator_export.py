"""A translator as a SavedModel: ids or raw text in, translations out, by TensorFlow alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

from nlp_pipeline.graph.normalisation import NormalisationGraph
from nlp_pipeline.graph.parts import PartsGraph
from nlp_pipeline.graph.rows import Rows, left_mask, places_of, splits_of
from nlp_pipeline.graph.segmentation import Segmenter
from nlp_pipeline.graph.texts import strings_of, texts_of
from nlp_pipeline.graph.translation import BertSources, Sources, TargetGraph, TrainedSources
from nlp_pipeline.graph.windows import WindowArrays
from nlp_pipeline.models.search import Hypotheses, search
from nlp_pipeline.serving.saved_model import SIGNATURES, Exported, function_of
from nlp_pipeline.serving.translator import BATCH_SUBWORDS, batch_subwords
from nlp_pipeline.serving.translator_bundle import TranslatorBundle

_SETTINGS = {
    "beam_size": tf.TensorSpec([], tf.int32, "beam_size"),
    "length_penalty": tf.TensorSpec([], tf.float32, "length_penalty"),
}


class Found(NamedTuple):
    """The best translations of P parts.

    Attributes:
        ids: of the target's subwords, without the end.
        scores: what they were ranked by `[P]`.
        log_probabilities: of the subwords and the end `[P]`.
        weights: attention weights of each part, one row of target times source after the other; none without attention.
    """

    ids: Rows
    scores: tf.Tensor
    log_probabilities: tf.Tensor
    weights: Rows


class TranslatorExport:
    """The functions of a translator's SavedModel.

    Args:
        bundle: the translator, built without cuDNN.
        kinds: of `ids` and `text`.

    Raises:
        EncoderError: where a BERT encoder's tokenizer does what a graph cannot, and texts are to be taken.
    """

    def __init__(self, bundle: TranslatorBundle, kinds: list[str]) -> None:
        self._network = bundle.network
        self._inputs = bundle.inputs
        self._settings = bundle.recipe.search
        self._shortlist = bundle.shortlist_of(self._settings.shortlist)
        self._attends = bundle.recipe.decoder.attention is not None
        parts: list[tf.Module] = []
        if "text" in kinds:
            segment = Segmenter()
            self._normalise = NormalisationGraph(bundle.inputs.normalise)
            is_bert = bundle.inputs.bert_tokenizer is not None
            self._sources = BertSources(bundle.inputs, segment) if is_bert else TrainedSources(bundle.inputs)
            self._targets = TargetGraph(bundle.inputs.target_tokenizer)
            self._parts = PartsGraph(self._normalise, segment, self._fits, bool(self._settings.sentences))
            parts = [self._normalise, self._sources]
        made = {"ids": ("ids", self._of_ids), "text": ("translate", self._of_text)}
        signatures = {SIGNATURES[name]: make() for kind, (name, make) in made.items() if kind in kinds}
        self.exported = Exported(self._network, parts, signatures)

    def assets(self) -> dict[str, str]:
        """Return the vocabularies in the order of their ids, a subword a line, as it is shown."""
        target, source = self._inputs.target_tokenizer, self._inputs.source_tokenizer
        found = {"target.txt": [target.subword(one) for one in range(len(target))]}
        if source is not None and source is not target:
            found["source.txt"] = [source.subword(one) for one in range(len(source))]
        if self._inputs.bert_tokenizer is not None:
            found["source.txt"] = list(self._inputs.bert_tokenizer.parts().vocabulary)
        return {name: "".join(f"{line}\n" for line in lines) for name, lines in found.items()}

    def _fits(self, texts: Rows) -> tf.Tensor:
        longest = self._settings.part
        return tf.ones([texts.count], tf.bool) if longest is None else self._sources.costs(texts) <= longest

    def _of_ids(self) -> Any:
        recipe = self._inputs.recipe
        signature = {"source_mask": tf.TensorSpec([None, None], tf.bool, "source_mask"), **_SETTINGS}
        arrays = None
        if recipe.bert is not None and self._inputs.bert_tokenizer is not None:
            arrays = WindowArrays(recipe.bert, self._inputs.bert_tokenizer)
            signature["subword_ids"] = tf.TensorSpec([None, None, None], tf.int32, "subword_ids")
        else:
            signature["source_ids"] = tf.TensorSpec([None, None], tf.int32, "source_ids")

        def translate_ids(**given: tf.Tensor) -> dict[str, tf.Tensor]:
            mask = left_mask(given["source_mask"], "source_mask")
            batch = {"source_mask": mask}
            if arrays is None:
                batch["source_ids"] = given["source_ids"]
            else:
                subwords = tf.boolean_mask(given["subword_ids"], mask)
                counts = tf.reduce_sum(tf.cast(subwords >= 0, tf.int32), axis=1)
                rows = Rows(tf.boolean_mask(subwords, subwords >= 0), splits_of(counts))
                sources = splits_of(tf.reduce_sum(tf.cast(mask, tf.int32), axis=1))
                batch |= arrays(rows, sources, tf.shape(mask)[1])
            found = self._search(batch, tf.maximum(1, given["beam_size"]), given["length_penalty"])
            named = {name: value for name, value in found._asdict().items() if value is not None}
            if "weights" in named:
                named["alignment"] = named.pop("weights")
            return named

        return function_of(translate_ids, signature)

    def _search(self, batch: dict[str, tf.Tensor], beam_size: tf.Tensor, length_penalty: tf.Tensor) -> Hypotheses:
        settings = self._settings
        penalties = (length_penalty, settings.coverage_penalty)
        return search(self._network, batch, beam_size, *penalties, settings.longest, self._shortlist)

    def _of_text(self) -> Any:
        def translate_text(text: tf.Tensor, beam_size: tf.Tensor, length_penalty: tf.Tensor) -> dict[str, tf.Tensor]:
            texts = self._normalise(texts_of(text)[0])
            starts, ends = self._parts(texts)
            parts = texts.spans(starts, ends)
            of_text = tf.searchsorted(texts.splits, starts, side="right") - 1
            sources = self._sources(parts)
            found = self._translate(sources, tf.maximum(1, beam_size), length_penalty)
            attended = self._attended(sources, found) if self._attends else None
            written, target_subwords = self._targets(found.ids, attended)
            # Where nothing is known, a part stands as it is, and so does a text where all its parts do.
            written = tf.where(sources.known, written, strings_of(parts))
            count = tf.size(text)
            some = tf.not_equal(written, "")
            joined = tf.strings.unsorted_segment_join(
                tf.boolean_mask(written, some), tf.boolean_mask(of_text, some), count, " "
            )
            known = tf.math.unsorted_segment_max(tf.cast(sources.known, tf.int32), of_text, count)
            of_parts = splits_of(tf.math.unsorted_segment_sum(tf.ones_like(of_text), of_text, count))
            as_it_is = (of_parts[1:] > of_parts[:-1]) & (known < 1)
            source_rows = Rows(sources.shown, tf.gather(sources.splits, of_parts))
            target_rows = Rows(target_subwords, tf.gather(found.ids.splits, of_parts))
            outputs = {
                "text": tf.where(as_it_is, text, joined),
                "score": tf.math.unsorted_segment_sum(found.scores, of_text, count),
                "log_probability": tf.math.unsorted_segment_sum(found.log_probabilities, of_text, count),
                "source_subwords": source_rows.padded(_longest(source_rows), ""),
                "target_subwords": target_rows.padded(_longest(target_rows), ""),
            }
            if self._attends:
                # As wide as a part: over the whole source, it would grow with the square of a text's length.
                outputs["alignment"] = _blocks(found, sources, of_text, target_rows)
                outputs["alignment_starts"] = _begins(found, sources, of_text, target_rows, source_rows)
            return outputs

        return function_of(translate_text, {"text": tf.TensorSpec([None], tf.string, "text"), **_SETTINGS})

    def _translate(self, sources: Sources, beam_size: tf.Tensor, length_penalty: tf.Tensor) -> Found:
        """Translate parts, as `LoadedTranslator` does: those of one length together, the longest first."""
        known = places_of(sources.known)
        order = tf.gather(known, tf.argsort(tf.gather(sources.costs, known), direction="DESCENDING", stable=True))
        ordered = tf.gather(sources.costs, order)
        lengths = sources.splits[1:] - sources.splits[:-1]
        budget = tf.minimum(batch_subwords(1, self._settings.shortlist), tf.maximum(1, BATCH_SUBWORDS // beam_size))

        def translate_batch(number: tf.Tensor, done: tf.Tensor, arrays: Any) -> Any:
            chosen = order[done : done + tf.maximum(1, budget // ordered[done])]
            best = self._search(self._sources.batch(sources, chosen), beam_size, length_penalty)
            targets = best.lengths[:, 0]
            written = tf.sequence_mask(targets, tf.shape(best.ids)[2])
            kept = [tf.boolean_mask(best.ids[:, 0], written), targets, best.scores[:, 0], best.log_probabilities[:, 0]]
            if best.weights is not None:
                own = tf.gather(lengths, chosen)
                weights = best.weights[:, 0, :-1]
                there = tf.sequence_mask(own, tf.shape(weights)[2])[:, tf.newaxis] & written[:, :, tf.newaxis]
                kept += [tf.boolean_mask(weights, there), targets * own]
            arrays = tuple(array.write(number, one) for array, one in zip(arrays, kept, strict=True))
            return number + 1, done + tf.size(chosen), arrays

        kinds = [tf.int32, tf.int32, tf.float32, tf.float32, *([tf.float32, tf.int32] if self._attends else [])]
        empty = tuple(
            tf.TensorArray(kind, 1, dynamic_size=True, infer_shape=False, element_shape=[None]).write(
                0, tf.zeros([0], kind)
            )
            for kind in kinds
        )
        _, _, arrays = tf.while_loop(
            lambda _number, done, _arrays: done < tf.size(order),
            translate_batch,
            (tf.constant(1), tf.constant(0), empty),
            shape_invariants=(tf.TensorShape([]), tf.TensorShape([]), (tf.TensorShape(None),) * len(kinds)),
            parallel_iterations=1,
        )
        ids, counts, scores, log_probabilities, *weights = [array.concat() for array in arrays]
        # Back into the order of the parts; those of which nothing is known have nothing.
        place = tf.scatter_nd(order[:, tf.newaxis], tf.range(1, tf.size(order) + 1), tf.shape(sources.costs))

        def back(values: tf.Tensor) -> tf.Tensor:
            return tf.gather(tf.concat([tf.zeros([1], values.dtype), values], axis=0), place)

        def back_rows(values: tf.Tensor, counts: tf.Tensor) -> Rows:
            return Rows(values, splits_of(tf.concat([[0], counts], axis=0))).gather(place)

        found = back_rows(*weights) if weights else Rows(tf.zeros([0]), tf.zeros_like(splits_of(place)))
        return Found(back_rows(ids, counts), back(scores), back(log_probabilities), found)

    def _attended(self, sources: Sources, found: Found) -> tf.Tensor:
        """Return for each subword of the targets the text of the place that it attended to most, string."""
        own = sources.splits[1:] - sources.splits[:-1]
        part = found.ids.of_values
        width = tf.maximum(1, _longest_of(own))
        # A row for each subword of a target, as wide as the longest source.
        counts = tf.gather(own, part)
        rows = Rows(found.weights.values, splits_of(counts))
        best = tf.argmax(rows.padded(width, -1), axis=1, output_type=tf.int32)
        places = tf.gather(sources.splits, part) + best
        return tf.gather(tf.concat([sources.texts, [""]], axis=0), places)


def _blocks(found: Found, sources: Sources, of_text: tf.Tensor, targets: Rows) -> tf.Tensor:
    """Return the attention weights of whole texts `[N, T, P]`, over the part of the source that each target is of."""
    part = found.weights.of_values
    own = sources.splits[1:] - sources.splits[:-1]
    width = tf.maximum(1, tf.gather(own, part))
    place = found.weights.places
    text = tf.gather(of_text, part)
    target = tf.gather(found.ids.splits, part) - tf.gather(targets.splits, text) + place // width
    shape = [targets.count, _longest(targets), tf.maximum(0, _longest_of(tf.boolean_mask(own, sources.known)))]
    return tf.scatter_nd(tf.stack([text, target, place % width], axis=1), found.weights.values, shape)


def _begins(found: Found, sources: Sources, of_text: tf.Tensor, targets: Rows, shown: Rows) -> tf.Tensor:
    """Return for each target the place of the text's source where its part begins, int32 `[N, T]`."""
    begins = tf.gather(sources.splits, found.ids.of_values)
    of_shown = tf.gather(shown.splits, tf.gather(of_text, found.ids.of_values))
    return Rows(begins - of_shown, targets.splits).padded(_longest(targets), 0)


def _longest(rows: Rows) -> tf.Tensor:
    return _longest_of(rows.lengths)


def _longest_of(lengths: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(tf.concat([[0], lengths], axis=0))
