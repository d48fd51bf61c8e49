"""The training of a tagger: from a recipe to a bundle."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf
from rich.console import Console

from nlp_pipeline.evaluation.entities import f1_of, known_entities_of, score_entities
from nlp_pipeline.inputs.batches import shuffled_batches
from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.inputs.tagging import Batch, EncodedSentence, TaggingInputs, build_vocabularies
from nlp_pipeline.inputs.vectors import KeptVectors
from nlp_pipeline.jobs.card import model_card
from nlp_pipeline.jobs.prepare import PreparedCorpus
from nlp_pipeline.jobs.prepare_tagging import check_corpora
from nlp_pipeline.jobs.stages import Scoring, fit_stage, stages_of
from nlp_pipeline.jobs.train import (
    Corpus,
    Trained,
    count_weights,
    keep_vectors_of,
    open_folder,
    refuse_other_folder,
    say_to,
    set_up,
)
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.serving.tagger_bundle import TaggerBundle
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.encoders import find_encoder
from nlp_pipeline.text.schemes import Scheme, entities_from_tags, tags_from_entities
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.training.loop import History

DECISIVE = "f1"


@dataclass(frozen=True)
class EncodedSplit:
    """A split as numbers, with the kept vectors of a frozen encoder where there are any."""

    inputs: TaggingInputs
    sentences: list[EncodedSentence]
    vectors: KeptVectors | None = None

    @property
    def costs(self) -> list[int]:
        """What each sentence takes of a batch."""
        return [sentence.cost for sentence in self.sentences]

    def batch(self, indices: Sequence[int], for_training: bool = False) -> Batch:
        """Return the batch of some of its sentences."""
        kept = None if self.vectors is None else [self.vectors.of(index) for index in indices]
        return self.inputs.batch([self.sentences[index] for index in indices], kept, for_training)


def train_tagger(
    recipe: TaggingRecipe, output: Path, console: Console, prepared: PreparedCorpus[Sentence] | None = None
) -> Trained:
    """Train a tagger, and leave a bundle in `output/bundle`.

    Args:
        recipe: what to do.
        output: the run's folder. It gets the prepared corpus, the resolved recipe, TensorBoard's logs and the bundle.
        console: where progress is shown.
        prepared: the recipe's corpora, where they have been checked already.

    Raises:
        CorpusError, EncoderError, OutputError, TrainingError: as the parts that it calls.
    """
    started = time.monotonic()
    say = say_to(console)
    refuse_other_folder(output)
    if prepared is None:
        prepared = check_corpora(recipe, output / "corpus", say)
    strategy = set_up(recipe, recipe.training, console)
    encoder_folder = None if recipe.encoder is None else find_encoder(recipe.encoder.name)
    inputs = _inputs_of(recipe, prepared, encoder_folder)
    with strategy.scope():
        network = Tagger.for_inputs(inputs, encoder_folder, from_checkpoint=True)
    # From here on all that was given is known to be right, and the run's folder is written to.
    prepared.keep()
    logs = open_folder(recipe, output)
    splits = {name: EncodedSplit(inputs, inputs.encode(prepared.splits[name])) for name in ("train", "dev")}
    corpora = {
        name: Corpus([sentence.subwords for sentence in split.sentences], split.costs, split.batch)
        for name, split in splits.items()
    }
    vectors = keep_vectors_of(corpora, network.bert, recipe.encoder, recipe.training, encoder_folder, console)
    gold = [sentence.tags or () for sentence in prepared.splits["dev"]]
    history = History()
    for stage in stages_of(recipe.training, network):
        if stage.name:
            say(stage.name)
        kept = vectors if stage.frozen else {}
        train, dev = (EncodedSplit(inputs, splits[name].sentences, kept.get(name)) for name in ("train", "dev"))
        scoring = _scoring(network, dev, gold, 2 * recipe.training.batch_subwords)
        fit_stage(stage, recipe.training, recipe.seed, network, train, scoring, strategy, logs, console, history)

    metrics: dict[str, Any] = {
        "seconds": round(time.monotonic() - started, 1),
        "best_epoch": history.best.epoch,
        "epochs": len(history.epochs),
        "seed": recipe.seed,
        "sentences": {name: len(sentences) for name, sentences in prepared.splits.items()},
        "weights": count_weights(network),
    }
    known = known_entities_of(prepared.splits["train"])
    bundle = TaggerBundle(recipe, inputs, network, encoder_folder, known, metrics, card="")
    # The scores that stand in the bundle come from the way it will be used, not from kept float16 vectors.
    tagger = LoadedTagger(bundle)
    sentences = prepared.splits["dev"]
    predicted = [one.tags for one in tagger.tag_stream(sentences)]
    scores = score_entities(gold, predicted, [sentence.words for sentence in sentences], known)
    metrics["dev"] = scores.to_json()
    card = model_card(recipe, metrics, inputs.tag_set)
    TaggerBundle(recipe, inputs, network, encoder_folder, known, metrics, card).write(output / "bundle")
    say(
        f"dev F1 {100 * scores.conlleval.f1:.2f} (conlleval, micro) from epoch {history.best.epoch}; "
        f"bundle in {output / 'bundle'}"
    )
    if not scores.conlleval.f1:
        say("warning: it finds no entity of the dev corpus; more training.epochs, or a higher rate, may help")
    return Trained(output / "bundle", metrics, history)


def _scoring(network: Tagger, dev: EncodedSplit, gold: Sequence[Sequence[str]], batch_subwords: int) -> Scoring:
    best_tags = tf.function(network.best_tags, input_signature=[signature_of(dev.batch([0]))])
    tag_set = network.tag_set

    def score() -> Mapping[str, float]:
        predicted: list[Sequence[str]] = [()] * len(dev.sentences)
        for indices in shuffled_batches(dev.costs, batch_subwords, 0, 0):
            tag_ids = best_tags(dev.batch(indices))[0].numpy()
            for row, index in enumerate(indices):
                names = tag_set.tags(tag_ids[row, : len(dev.sentences[index].words)].tolist())
                entities = entities_from_tags(names, tag_set.scheme)
                predicted[index] = tags_from_entities(entities, len(names), Scheme.IOB2)
        return f1_of(gold, predicted)

    return Scoring(score, DECISIVE)


def _inputs_of(recipe: TaggingRecipe, prepared: PreparedCorpus[Sentence], encoder_folder: Path | None) -> TaggingInputs:
    train = prepared.splits["train"]
    types = sorted({entity.entity_type for sentence in train for entity in sentence.entities})
    tag_set = TagSet(types, Scheme(recipe.decoder.scheme))
    tokenizer = None
    if encoder_folder is not None and recipe.encoder is not None:
        tokenizer = CheckpointTokenizer(encoder_folder, max_subwords_of_word=recipe.encoder.max_subwords_of_word)
    return TaggingInputs(recipe, tag_set, build_vocabularies(train, recipe), tokenizer)
