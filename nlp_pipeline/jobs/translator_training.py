"""The training of a translator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nlp_pipeline.devices import multiplies_bfloat16
from nlp_pipeline.inputs.translation import EncodedPair, TranslationInputs, train_tokenizers
from nlp_pipeline.jobs.encoded_pairs import EncodedPairs
from nlp_pipeline.jobs.prepare import PreparedCorpus
from nlp_pipeline.jobs.training_task import TrainingTask
from nlp_pipeline.jobs.translator_card import translator_card
from nlp_pipeline.jobs.translator_scoring import TranslatorScoring
from nlp_pipeline.models.shortlist import Shortlist
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.serving.precision import DEV_BFLOAT16
from nlp_pipeline.serving.translator_bundle import TranslatorBundle
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.encoders import find_encoder
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.training.loop import Scoring
from nlp_pipeline.training.progress import EpochResult

# Of how many sources sentences are counted.
_LOOKED_AT = 5_000


class TranslatorTraining(TrainingTask):
    """The training of a translator.

    Args:
        recipe: what to do.
        prepared: its corpora.

    Raises:
        EncoderError: where there is no such encoder.
    """

    def __init__(self, recipe: TranslationRecipe, prepared: PreparedCorpus[SentencePair]) -> None:
        self.recipe: TranslationRecipe = recipe
        self.prepared = prepared
        self.encoder = recipe.bert
        self.encoder_folder = bert_tokenizer = None
        if recipe.bert is not None:
            self.encoder_folder = find_encoder(recipe.bert.name)
            longest = recipe.bert.max_subwords_of_word
            bert_tokenizer = CheckpointTokenizer(self.encoder_folder, max_subwords_of_word=longest)
        tokenizers = train_tokenizers(recipe, prepared.splits["train"])
        self.inputs = TranslationInputs(recipe, *tokenizers, bert_tokenizer)

    def build_network(self, use_cudnn: bool | str = "auto") -> Translator:
        """Return the network."""
        self.network = Translator.for_inputs(self.inputs, self.encoder_folder, use_cudnn, from_checkpoint=True)
        return self.network

    def encode(self) -> Mapping[str, EncodedPairs]:
        """Return `train` and `dev` as numbers."""
        splits = self.prepared.splits
        encoded = {name: EncodedPairs(self.inputs, self.inputs.encode(splits[name])) for name in ("train", "dev")}
        seen = _with_what_was_seen(self.recipe, encoded["train"].pairs, splits["train"])
        self.bundle = TranslatorBundle(
            seen, self.inputs, self.network, self.encoder_folder, self._shortlist(encoded["train"].pairs)
        )
        return encoded

    def _shortlist(self, pairs: Sequence[EncodedPair]) -> Shortlist | None:
        source, target = self.inputs.source_tokenizer, self.inputs.target_tokenizer
        if source is None:
            return None
        sides = [pair.source.ids for pair in pairs], [pair.target_ids for pair in pairs]
        return Shortlist.learned(*sides, len(source), len(target))

    def scoring(self, dev: EncodedPairs) -> Scoring:
        """Return how the network is scored: by BLEU of greedy translations, and by its loss a subword."""
        self.dev = dev.with_vectors(None)
        dev_scoring = TranslatorScoring(self.bundle, dev, self.prepared.splits["dev"])
        decisive = {"bleu": "bleu", "loss": "likelihood"}[self.recipe.training.score]
        return Scoring(dev_scoring.score, decisive, dev_scoring.show)

    def write_bundle(self, folder: Path, metrics: dict[str, Any], best: EpochResult) -> list[str]:
        """Write the bundle; its scores are those of the epoch."""
        metrics["pairs"] = {name: len(pairs) for name, pairs in self.prepared.splits.items()}
        metrics["vocabulary"] = {"target": len(self.inputs.target_tokenizer)}
        if self.inputs.source_tokenizer is not None:
            metrics["vocabulary"]["source"] = len(self.inputs.source_tokenizer)
        metrics["dev"] = dict(best.scores)
        if self.recipe.training.precision == "float32" and multiplies_bfloat16():
            # As it will be used: a BERT encoder computes in bfloat16, too.
            rounded = TranslatorScoring(self.bundle.in_precision("bfloat16"), self.dev, self.prepared.splits["dev"])
            metrics[DEV_BFLOAT16] = {"bleu": rounded.score()["bleu"]}
        replace(self.bundle, metrics=metrics, card=translator_card(self.recipe, metrics)).write(folder)
        bleu = f"dev BLEU {100 * best.scores['bleu']:.2f} (greedy, cased, 13a)"
        return [f"{bleu} from epoch {best.epoch}; bundle in {folder}"]


def _with_what_was_seen(
    recipe: TranslationRecipe, encoded: Sequence[EncodedPair], pairs: Sequence[SentencePair]
) -> TranslationRecipe:
    """Return the recipe with what its search leaves to the train corpus: how long sources are, and if in sentences."""
    looked_at = pairs[:: max(1, len(pairs) // _LOOKED_AT)]
    several = sum(len(segment(pair.source)) > 1 for pair in looked_at)
    found = {"part": 2 * max(pair.source.cost for pair in encoded), "sentences": 100 * several < len(looked_at)}
    unsaid = {key: value for key, value in found.items() if getattr(recipe.search, key) is None}
    return recipe.model_copy(update={"search": recipe.search.model_copy(update=unsaid)})
