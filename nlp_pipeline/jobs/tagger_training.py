"""The training of a tagger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nlp_pipeline.devices import multiplies_bfloat16
from nlp_pipeline.evaluation.entities import EntityScores, known_entities_of, score_entities
from nlp_pipeline.inputs.tagging import TaggingInputs, build_vocabularies
from nlp_pipeline.jobs.card import model_card
from nlp_pipeline.jobs.encoded_sentences import EncodedSentences
from nlp_pipeline.jobs.prepare import PreparedCorpus
from nlp_pipeline.jobs.tagger_scoring import TaggerScoring
from nlp_pipeline.jobs.training_task import TrainingTask
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.serving.precision import DEV_BFLOAT16
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.encoders import find_encoder
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.training.loop import Scoring
from nlp_pipeline.training.progress import EpochResult

DECISIVE = "f1"


class TaggerTraining(TrainingTask):
    """The training of a tagger.

    Args:
        recipe: what to do.
        prepared: its corpora.

    Raises:
        EncoderError: where there is no such encoder.
    """

    def __init__(self, recipe: TaggingRecipe, prepared: PreparedCorpus[Sentence]) -> None:
        self.recipe: TaggingRecipe = recipe
        self.prepared = prepared
        self.encoder = recipe.encoder
        self.encoder_folder = None if recipe.encoder is None else find_encoder(recipe.encoder.name)
        train = prepared.splits["train"]
        types = sorted({entity.entity_type for sentence in train for entity in sentence.entities})
        tokenizer = None
        if self.encoder_folder is not None and recipe.encoder is not None:
            tokenizer = CheckpointTokenizer(
                self.encoder_folder, max_subwords_of_word=recipe.encoder.max_subwords_of_word
            )
        tag_set = TagSet(types, Scheme(recipe.decoder.scheme))
        self.inputs = TaggingInputs(recipe, tag_set, build_vocabularies(train, recipe), tokenizer)
        self.gold = [sentence.tags or () for sentence in prepared.splits["dev"]]

    def build_network(self, use_cudnn: bool | str = "auto") -> Tagger:
        """Return the network."""
        self.network = Tagger.for_inputs(self.inputs, self.encoder_folder, use_cudnn, from_checkpoint=True)
        return self.network

    def encode(self) -> Mapping[str, EncodedSentences]:
        """Return `train` and `dev` as numbers."""
        splits = self.prepared.splits
        return {name: EncodedSentences(self.inputs, self.inputs.encode(splits[name])) for name in ("train", "dev")}

    def scoring(self, dev: EncodedSentences) -> Scoring:
        """Return how the network is scored: by F1, over all and per type."""
        dev_scoring = TaggerScoring(self.network, dev, self.prepared.splits["dev"])
        return Scoring(dev_scoring.score, DECISIVE, dev_scoring.show)

    def write_bundle(self, folder: Path, metrics: dict[str, Any], best: EpochResult) -> list[str]:
        """Write the bundle; its scores come from the way it will be used, not from kept vectors."""
        splits = self.prepared.splits.items()
        metrics["sentences"] = {name: len(sentences) for name, sentences in splits}
        metrics["words"] = {name: sum(len(one.words) for one in sentences) for name, sentences in splits}
        metrics["entities"] = {name: sum(len(one.entities) for one in sentences) for name, sentences in splits}
        known = known_entities_of(self.prepared.splits["train"])
        bundle = TaggerBundle(self.recipe, self.inputs, self.network, self.encoder_folder, known, metrics, card="")
        scores = self._scores_of(bundle)
        metrics["dev"] = scores.to_json()
        if self.recipe.training.precision == "float32" and self.encoder is not None and multiplies_bfloat16():
            metrics[DEV_BFLOAT16] = self._scores_of(bundle.in_precision("bfloat16")).to_json()
        card = model_card(self.recipe, metrics, self.inputs.tag_set)
        replace(bundle, metrics=metrics, card=card).write(folder)
        found = scores.conlleval.f1
        told = [f"dev F1 {100 * found:.2f} (conlleval, micro) from epoch {best.epoch}; bundle in {folder}"]
        if not found:
            told.append(
                "warning: it finds no entity of the dev corpus; more training.epochs, or a higher rate, may help"
            )
        return told

    def _scores_of(self, bundle: TaggerBundle) -> EntityScores:
        """Return what the dev corpus scores."""
        dev = self.prepared.splits["dev"]
        predicted = [one.tags for one in LoadedTagger(bundle).tag_stream(dev)]
        return score_entities(self.gold, predicted, [sentence.words for sentence in dev], bundle.known_entities)
