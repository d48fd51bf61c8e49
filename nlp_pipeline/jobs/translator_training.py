"""The training of a translator."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.evaluation.fonts import FontWarning
from nlp_pipeline.evaluation.translations import bleu_of
from nlp_pipeline.inputs.batches import batches_by_length
from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.inputs.tagging import Batch
from nlp_pipeline.inputs.translation import EncodedPair, TranslationInputs, train_tokenizers
from nlp_pipeline.inputs.vectors import KeptVectors
from nlp_pipeline.jobs.attention import aligned_translation
from nlp_pipeline.jobs.prepare import PreparedCorpus
from nlp_pipeline.jobs.training_task import TrainingTask
from nlp_pipeline.jobs.translator_card import translator_card
from nlp_pipeline.models.search import search
from nlp_pipeline.models.translator import Translator
from nlp_pipeline.recipe.translation import TranslationRecipe
from nlp_pipeline.serving.translator import LoadedTranslator, copies_of
from nlp_pipeline.serving.translator_bundle import TranslatorBundle
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.encoders import find_encoder
from nlp_pipeline.text.pair import SentencePair
from nlp_pipeline.text.segmentation import segment
from nlp_pipeline.training.loop import Scoring
from nlp_pipeline.training.progress import EpochResult

# Dev pairs whose heat maps TensorBoard shows, and how many subwords they have at the most.
_SHOWN = 4
_LONGEST_SHOWN = 40
# Of how many sources sentences are counted.
_LOOKED_AT = 5_000


@dataclass(frozen=True)
class EncodedPairs:
    """A split as numbers, with the kept vectors of a frozen BERT encoder where there are any."""

    inputs: TranslationInputs
    pairs: list[EncodedPair]
    vectors: KeptVectors | None = None

    @property
    def costs(self) -> list[int]:
        """What each pair takes of a batch."""
        return [pair.cost for pair in self.pairs]

    @property
    def words(self) -> list[int]:
        """How many subwords each target has, its end included."""
        return [len(pair.target_ids) + 1 for pair in self.pairs]

    @property
    def encoded_words(self) -> Sequence[Sequence[Sequence[int]]]:
        """For each source, for each place that is attended to, the ids of its subwords."""
        return [pair.source.subwords for pair in self.pairs]

    def kept(self, indices: Sequence[int]) -> list[Any] | None:
        """Return the kept vectors of some pairs."""
        return None if self.vectors is None else [self.vectors.of(index) for index in indices]

    def batch(self, indices: Sequence[int], for_training: bool = False) -> Batch:
        """Return the batch of some of its pairs."""
        return self.inputs.batch([self.pairs[index] for index in indices], self.kept(indices), for_training)

    def source_batch(self, indices: Sequence[int]) -> Batch:
        """Return the batch of the sources of some of its pairs."""
        return self.inputs.source_batch([self.pairs[index].source for index in indices], self.kept(indices))

    def with_vectors(self, vectors: KeptVectors | None) -> EncodedPairs:
        """Return the split with an encoder's kept vectors, or without."""
        return replace(self, vectors=vectors)


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
        self.sources = [pair.source for pair in prepared.splits["dev"]]
        self.references = [self.inputs.normalise(pair.target) for pair in prepared.splits["dev"]]

    def build_network(self, use_cudnn: bool | str = "auto") -> Translator:
        """Return the network."""
        self.network = Translator.for_inputs(self.inputs, self.encoder_folder, use_cudnn, from_checkpoint=True)
        return self.network

    def encode(self) -> Mapping[str, EncodedPairs]:
        """Return `train` and `dev` as numbers."""
        splits = self.prepared.splits
        encoded = {name: EncodedPairs(self.inputs, self.inputs.encode(splits[name])) for name in ("train", "dev")}
        seen = _with_what_was_seen(self.recipe, encoded["train"].pairs, splits["train"])
        self.bundle = TranslatorBundle(seen, self.inputs, self.network, self.encoder_folder)
        self.shown = _shown_pairs(encoded["dev"].pairs, splits["dev"])
        return encoded

    def scoring(self, dev: EncodedPairs) -> Scoring:
        """Return how the network is scored: by BLEU of greedy translations, and by its loss a subword."""
        draw = partial(_heat_maps, LoadedTranslator(self.bundle), self.shown)
        return replace(_scoring(self.network, dev, self.sources, self.references), draw=draw)

    def write_bundle(self, folder: Path, metrics: dict[str, Any], best: EpochResult) -> list[str]:
        """Write the bundle; its scores are those of the epoch."""
        metrics["pairs"] = {name: len(pairs) for name, pairs in self.prepared.splits.items()}
        metrics["vocabulary"] = {"target": len(self.inputs.target_tokenizer)}
        if self.inputs.source_tokenizer is not None:
            metrics["vocabulary"]["source"] = len(self.inputs.source_tokenizer)
        metrics["dev"] = dict(best.scores)
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


def _shown_pairs(encoded: Sequence[EncodedPair], pairs: Sequence[SentencePair]) -> list[SentencePair]:
    """Return a few pairs from all over a corpus, none of them so long that its heat map is a poster."""
    short = [index for index, pair in enumerate(encoded) if 1 < pair.cost <= _LONGEST_SHOWN]
    count = min(_SHOWN, len(short))
    return [pairs[short[number * len(short) // count]] for number in range(count)]


def _heat_maps(translator: LoadedTranslator, pairs: Sequence[SentencePair]) -> dict[str, NDArray[np.uint8]]:
    """Return where the decoder looks while it writes the given targets, by names that sort; none without attention.

    The targets stay the same from epoch to epoch, so that what changes is the attention alone.
    """
    if translator.bundle.recipe.decoder.attention is None:
        return {}
    with warnings.catch_warnings():
        # A script that this machine has no font for is shown as boxes; there is no need to say so after each epoch.
        warnings.simplefilter("ignore", FontWarning)
        return {
            f"attention/dev_{number}": aligned_translation(translator, pair.source, pair.target).figure_array()
            for number, pair in enumerate(pairs, 1)
        }


def _scoring(network: Translator, dev: EncodedPairs, sources: Sequence[str], references: Sequence[str]) -> Scoring:
    """Return how the dev corpus is scored: by BLEU of greedy translations, and by its loss a subword."""
    recipe, tokenizer = network.recipe, dev.inputs.target_tokenizer

    # Whole words that are not known are copied from the source, as they will be in use.
    copies = tokenizer.kind == "words" and recipe.decoder.attention is not None
    places = [dev.inputs.source_places(source) for source in sources] if copies else []

    def greedy(batch: Any) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        found = search(network, batch, 1, longest=recipe.search.longest)
        weights = tf.zeros([]) if found.weights is None or not copies else found.weights[:, 0]
        return found.ids[:, 0], found.lengths[:, 0], weights

    translate = tf.function(greedy, input_signature=[signature_of(dev.source_batch([0]))])
    losses = tf.function(network.losses_of, input_signature=[signature_of(dev.batch([0]))])
    batches = batches_by_length(dev.costs, 2 * recipe.training.batch_subwords)

    def score() -> Mapping[str, float]:
        texts = [""] * len(references)
        loss = 0.0
        for indices in batches:
            ids, lengths, weights = (one.numpy() for one in translate(dev.source_batch(indices)))
            for row, index in enumerate(indices):
                own = ids[row, : max(0, lengths[row])].tolist()
                copied = {}
                if copies:
                    attended = weights[row, :, : len(places[index].subwords)]
                    copied = copies_of(own, attended, places[index])
                texts[index] = tokenizer.decode_with(own, copied)
            loss += float(tf.reduce_sum(losses(dev.batch(indices))))
        subwords = sum(len(pair.target_ids) + 1 for pair in dev.pairs)
        # The loss is told as its negative, too, since the highest score is the best.
        scores = {name: value / 100 for name, value in bleu_of(references, texts).items()}
        return {**scores, "loss": loss / subwords, "likelihood": -loss / subwords}

    return Scoring(score, {"bleu": "bleu", "loss": "likelihood"}[recipe.training.score])
