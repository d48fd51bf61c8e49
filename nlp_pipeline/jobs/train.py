"""`train`: from a recipe to a bundle."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from rich.console import Console

from nlp_pipeline.evaluation.entities import known_entities_of, score_entities
from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.inputs.tagging import Batch, EncodedSentence, TaggingInputs, build_vocabularies
from nlp_pipeline.inputs.vectors import KeptVectors, keep_vectors, key_of
from nlp_pipeline.jobs.card import model_card
from nlp_pipeline.jobs.prepare import PreparedCorpus, check_corpora
from nlp_pipeline.jobs.stages import EncodedSplit, fit_stage, stages_of
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.serving.bundle import TaggerBundle
from nlp_pipeline.serving.folder import MANIFEST, new_file, refuse_foreign
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.encoders import cache_folder, encoder_digest, find_encoder
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.training.loop import History
from nlp_pipeline.training.strategy import choose_strategy

DECISIVE = "f1"


@dataclass(frozen=True)
class TrainedTagger:
    """What a training leaves.

    Attributes:
        bundle: the bundle's folder.
        metrics: what the bundle's `metrics.json` says.
        history: the epochs.
    """

    bundle: Path
    metrics: dict[str, Any]
    history: History


def train_tagger(
    recipe: TaggingRecipe, output: Path, console: Console, prepared: PreparedCorpus | None = None
) -> TrainedTagger:
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
    say: Callable[[str], None] = lambda line: console.print(line, highlight=False, markup=False)  # noqa: E731
    refuse_foreign(output / "bundle", MANIFEST)
    if prepared is None:
        prepared = check_corpora(recipe, output / "corpus", say)
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    strategy = choose_strategy(recipe.training.strategy)
    say(f"training on {strategy.num_replicas_in_sync} device(s), seed {recipe.seed}")

    encoder_folder = None if recipe.encoder is None else find_encoder(recipe.encoder.name)
    inputs = _inputs_of(recipe, prepared, encoder_folder)
    with strategy.scope():
        network = Tagger.for_inputs(inputs, encoder_folder, from_checkpoint=True)
    # From here on all that was given is known to be right, and the run's folder is written to.
    prepared.keep()
    with new_file(output / "recipe.yaml") as file:
        file.write_text(recipe.to_yaml(), encoding="utf-8")
    splits = {name: inputs.encode(prepared.splits[name]) for name in ("train", "dev")}
    vectors = _kept_vectors(recipe, network, inputs, splits, encoder_folder, say)
    gold = [sentence.tags or () for sentence in prepared.splits["dev"]]
    history = History()
    for stage in stages_of(recipe, network):
        if stage.name:
            say(stage.name)
        kept = vectors if stage.frozen else {}
        train, dev = (EncodedSplit(splits[name], kept.get(name)) for name in ("train", "dev"))
        fit_stage(stage, recipe, network, inputs, train, dev, gold, strategy, output / "logs", console, history)

    metrics: dict[str, Any] = {
        "seconds": round(time.monotonic() - started, 1),
        "best_epoch": history.best.epoch,
        "epochs": len(history.epochs),
        "seed": recipe.seed,
        "sentences": {name: len(sentences) for name, sentences in prepared.splits.items()},
        "weights": {
            "trained": sum(int(tf.size(weight.value)) for weight in network.trainable_weights),
            "all": sum(int(tf.size(weight.value)) for weight in network.weights),
        },
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
    return TrainedTagger(output / "bundle", metrics, history)


def _inputs_of(recipe: TaggingRecipe, prepared: PreparedCorpus, encoder_folder: Path | None) -> TaggingInputs:
    train = prepared.splits["train"]
    types = sorted({entity.entity_type for sentence in train for entity in sentence.entities})
    tag_set = TagSet(types, Scheme(recipe.decoder.scheme))
    tokenizer = None
    if encoder_folder is not None and recipe.encoder is not None:
        tokenizer = CheckpointTokenizer(encoder_folder, max_subwords_of_word=recipe.encoder.max_subwords_of_word)
    return TaggingInputs(recipe, tag_set, build_vocabularies(train, recipe), tokenizer)


def _kept_vectors(
    recipe: TaggingRecipe,
    network: Tagger,
    inputs: TaggingInputs,
    splits: dict[str, list[EncodedSentence]],
    encoder_folder: Path | None,
    say: Callable[[str], None],
) -> dict[str, KeptVectors]:
    """Return the vectors of each split, or nothing where no epoch is frozen or vectors are not to be kept."""
    if recipe.encoder is None or encoder_folder is None or not recipe.training.keep_vectors:
        return {}
    if recipe.encoder.finetune and not recipe.training.frozen_epochs:
        return {}
    settings = recipe.encoder.model_dump(mode="json", include={"layers", "pooling", "window", "overlap"})
    settings["precision"] = recipe.training.precision
    digest = encoder_digest(encoder_folder)
    encode: Any = None

    bert = network.bert
    assert bert is not None

    def encode_words(batch: Batch) -> Any:
        nonlocal encode
        if encode is None:
            encode = tf.function(bert.encode_words, input_signature=[signature_of(batch)])
        return encode(batch).numpy()

    kept = {}
    for name, sentences in splits.items():
        key = key_of(digest, settings, sentences)
        started = time.monotonic()
        kept[name] = keep_vectors(
            cache_folder() / "vectors", key, inputs, sentences, encode_words, recipe.training.batch_subwords
        )
        words = len(kept[name].array)
        say(
            f"vectors of {name}: {words:,} words, {kept[name].array.nbytes / 1e6:,.0f} MB, "
            f"{time.monotonic() - started:.1f} s"
        )
    return kept
