"""How a translator is scored after an epoch, and what there is to see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.evaluation.calibration import calibration_of
from nlp_pipeline.evaluation.shown_examples import spread, translated_table
from nlp_pipeline.evaluation.translations import bleu_of
from nlp_pipeline.inputs.batches import batches_by_length
from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.jobs.attention import aligned_translation
from nlp_pipeline.jobs.encoded_pairs import EncodedPairs
from nlp_pipeline.jobs.gradient_shown import longest_of, nothing_fits, translator_gradient_shown
from nlp_pipeline.jobs.shown_network import shown_network
from nlp_pipeline.models.search import search
from nlp_pipeline.serving.translator import LoadedTranslator, copies_of
from nlp_pipeline.serving.translator_bundle import TranslatorBundle
from nlp_pipeline.subwords.pieces import SPACE
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.training.shown import Shown

# How many subwords a source that is shown has at the most, so that its heat map is no poster.
_LONGEST_SHOWN = 40
_END = "(end)"  # of a source, which the encoder reads as well


class TranslatorScoring:
    """Scores a translator on its dev corpus.

    Args:
        bundle: the translator, whose weights move from epoch to epoch.
        dev: the corpus as numbers.
        pairs: the same as it is.
    """

    def __init__(self, bundle: TranslatorBundle, dev: EncodedPairs, pairs: Sequence[SentencePair]) -> None:
        self.network = network = bundle.network
        self.recipe = recipe = network.recipe
        self.dev = dev
        self.pairs = list(pairs)
        self.references = [dev.inputs.normalise(pair.target) for pair in pairs]
        self.translator = LoadedTranslator(bundle)
        # Whole words that are not known are copied from the source, as they will be in use.
        self.copies = dev.inputs.target_tokenizer.kind == "words" and recipe.decoder.attention is not None
        self.places = [dev.inputs.source_places(pair.source) for pair in pairs] if self.copies else []

        shortlist = bundle.shortlist_of(recipe.search.shortlist)

        def greedy(batch: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            found = search(network, batch, 1, longest=recipe.search.longest, shortlist=shortlist)
            weights = tf.zeros([]) if found.weights is None or not self.copies else found.weights[:, 0]
            return found.ids[:, 0], found.lengths[:, 0], weights

        self.translate = tf.function(greedy, input_signature=[signature_of(dev.source_batch([0]))])
        self.judge = tf.function(network.judged, input_signature=[signature_of(dev.batch([0]))])
        short = [number for number, pair in enumerate(dev.pairs) if 1 < pair.cost <= _LONGEST_SHOWN and pair.target_ids]
        self.shown = spread(short, recipe.dashboard.examples)
        self.translations: list[str] = []
        self.confidences: NDArray[np.float32] = np.zeros(0, np.float32)
        self.right: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def score(self) -> Mapping[str, float]:
        """Return BLEU and chrF of greedy translations, and the loss a subword, in nats."""
        dev, tokenizer = self.dev, self.dev.inputs.target_tokenizer
        texts = [""] * len(self.pairs)
        confidences, right = [], []
        loss = 0.0
        size = 2 * self.recipe.training.batch_subwords
        for indices in batches_by_length(dev.costs, size, of_a_batch=size):
            ids, lengths, weights = (one.numpy() for one in self.translate(dev.source_batch(indices)))
            for row, index in enumerate(indices):
                own = ids[row, : max(0, lengths[row])].tolist()
                copied = {}
                if self.copies:
                    attended = weights[row, :, : len(self.places[index].subwords)]
                    copied = copies_of(own, attended, self.places[index])
                texts[index] = tokenizer.decode_with(own, copied)
            losses, sure, hits = self.judge(dev.batch(indices))
            loss += float(tf.reduce_sum(losses))
            confidences.append(sure.numpy())
            right.append(hits.numpy())
        self.translations = texts
        self.confidences, self.right = np.concatenate(confidences), np.concatenate(right)
        subwords = sum(dev.words)
        # The loss is told as its negative, too, since the highest score is the best.
        scores = {name: value / 100 for name, value in bleu_of(self.references, texts).items()}
        return {**scores, "loss": loss / subwords, "likelihood": -loss / subwords}

    def show(self) -> Shown:
        """Return what there is to look at, of what was scored last."""
        texts = {
            f"text/dev_{number}": translated_table(
                self.pairs[index].source, self.references[index], self.translations[index]
            )
            for number, index in enumerate(self.shown, 1)
        }
        calibrations = {}
        if np.isfinite(self.confidences).all():
            calibrations["subwords"] = (
                "subwords of the references",
                calibration_of(self.confidences, self.right),
            )
        settings = self.recipe.dashboard
        return shown_network(
            self.network, self.judge, texts, self._alignments(), calibrations, self._gradient(), settings.histograms
        )

    def _gradient(self) -> Shown | None:
        settings = self.recipe.dashboard
        if not settings.gradient_through_time:
            return None
        # One with fewer subwords than the chosen one has no such step.
        least = settings.gradient_step or 1
        lengths = [
            max(len(pair.target_ids), pair.source.length) if len(pair.target_ids) >= least else 0
            for pair in self.dev.pairs
        ]
        index = longest_of(lengths, settings.gradient_step)
        if index is None:
            return nothing_fits("subwords", settings.gradient_step)
        pair, inputs = self.dev.pairs[index], self.dev.inputs
        places = [*inputs.source_places(self.pairs[index].source).subwords, _END][: pair.source.length]
        target = [inputs.target_tokenizer.subword(one) for one in pair.target_ids]
        source, target = ([text.removeprefix(SPACE) or SPACE for text in side] for side in (places, target))
        batch = self.dev.batch([index])
        return translator_gradient_shown(self.network, batch, source, target, settings.gradient_step)

    def _alignments(self) -> dict[str, NDArray[np.uint8]]:
        """Return where the decoder looks while it writes the given targets, by words; none without attention.

        The targets stay the same from epoch to epoch, so that what changes is the attention alone.
        """
        if self.recipe.decoder.attention is None:
            return {}
        drawn = {}
        for number, index in enumerate(self.shown, 1):
            source, target = self.pairs[index].source, self.pairs[index].target
            aligned = aligned_translation(self.translator, source, target, by_words=True)
            drawn[f"images/alignment_{number}"] = aligned.figure_array()
        return drawn
