"""How a tagger is scored after an epoch, and what there is to see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from nlp_pipeline.evaluation.calibration import entity_calibration_of, word_calibration_of
from nlp_pipeline.evaluation.confusion import confusion_matrix_of
from nlp_pipeline.evaluation.confusion_picture import confusion_pixels
from nlp_pipeline.evaluation.entities import f1_of
from nlp_pipeline.evaluation.shown_examples import spread, tagged_table
from nlp_pipeline.evaluation.tagged_example import TaggedExample
from nlp_pipeline.inputs.batches import batches_by_length
from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.jobs.encoded_sentences import EncodedSentences
from nlp_pipeline.jobs.gradient_shown import longest_of, nothing_fits, tagger_gradient_shown
from nlp_pipeline.jobs.shown_network import shown_network
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.text.schemes import Scheme, entities_from_tags, tags_from_entities
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.training.shown import Shown

# Of how many words a sentence that is shown has at the most, where there are enough of them.
_LONGEST_SHOWN = 40


class TaggerScoring:
    """Scores a tagger on its dev corpus.

    Args:
        network: the tagger, whose weights move from epoch to epoch.
        dev: the corpus as numbers.
        sentences: the same as it is.
    """

    def __init__(self, network: Tagger, dev: EncodedSentences, sentences: Sequence[Sentence]) -> None:
        self.network = network
        self.recipe = network.recipe
        self.dev = dev
        self.sentences = list(sentences)
        self.judge = tf.function(network.judged, input_signature=[signature_of(dev.batch([0]))])
        self.examples: list[TaggedExample] = []
        short = [number for number, one in enumerate(self.sentences) if len(one.words) <= _LONGEST_SHOWN]
        short = short or list(range(len(self.sentences)))
        telling = [number for number in short if self.sentences[number].entities]
        self.shown = spread(telling or short, self.recipe.dashboard.examples)

    def score(self) -> Mapping[str, float]:
        """Return F1, over all and per type, and the loss a word, in nats."""
        dev, tag_set = self.dev, self.network.tag_set
        examples: dict[int, TaggedExample] = {}
        loss = 0.0
        most = 2 * self.recipe.training.batch_subwords
        by_words = dev.pads_words
        batches = batches_by_length(dev.words, most) if by_words else batches_by_length(dev.costs, most, dev.words)
        for indices in batches:
            tag_ids, confidences, losses = (one.numpy() for one in self.judge(dev.batch(indices)))
            loss += float(np.sum(losses, dtype=np.float64))
            for row, index in enumerate(indices):
                sentence = self.sentences[index]
                length = len(sentence.words)
                names = tag_set.tags(tag_ids[row, :length].tolist())
                entities = entities_from_tags(names, tag_set.scheme)
                predicted = tuple(tags_from_entities(entities, length, Scheme.IOB2))
                examples[index] = TaggedExample(sentence, predicted, tuple(confidences[row, :length].tolist()))
        self.examples = [examples[index] for index in range(len(self.sentences))]
        scores = f1_of([one.gold for one in self.examples], [one.predicted for one in self.examples])
        return {**scores, "loss": loss / sum(dev.words)}

    def show(self) -> Shown:
        """Return what there is to look at, of what was scored last."""
        texts = {f"text/dev_{number}": tagged_table(self.examples[index]) for number, index in enumerate(self.shown, 1)}
        matrix = confusion_matrix_of(self.examples, self.network.tag_set.entity_types)
        pictures = {"images/confusion": confusion_pixels(matrix, "entities of the dev corpus")}
        calibrations = {}
        if all(np.isfinite(one.confidences).all() for one in self.examples):
            calibrations = {
                "words": ("words", word_calibration_of(self.examples)),
                "entities": ("entities", entity_calibration_of(self.examples)),
            }
        settings = self.recipe.dashboard
        return shown_network(
            self.network, self.judge, texts, pictures, calibrations, self._gradient(), settings.histograms
        )

    def _gradient(self) -> Shown | None:
        settings = self.recipe.dashboard
        if not settings.gradient_through_time or self.network.recurrent is None:
            return None
        number = longest_of(self.dev.words, settings.gradient_step)
        if number is None:
            return nothing_fits("words", settings.gradient_step)
        words = self.sentences[number].words
        return tagger_gradient_shown(self.network, self.dev.batch([number]), words, settings.gradient_step)
