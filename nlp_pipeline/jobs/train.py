"""`train`: from a recipe to a bundle."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from rich.console import Console

from nlp_pipeline.evaluation.entities import f1_of, known_entities_of, score_entities
from nlp_pipeline.inputs.batches import shuffled_batches
from nlp_pipeline.inputs.feeding import feed, signature_of
from nlp_pipeline.inputs.tagging import Batch, EncodedSentence, TaggingInputs, build_vocabularies
from nlp_pipeline.inputs.vectors import KeptVectors, keep_vectors, key_of
from nlp_pipeline.jobs.card import model_card
from nlp_pipeline.jobs.prepare import PreparedCorpus, check_corpora
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.recipe import TaggingRecipe
from nlp_pipeline.serving.bundle import TaggerBundle
from nlp_pipeline.serving.folder import MANIFEST, new_file, refuse_foreign
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.subwords.encoders import cache_folder, encoder_digest, find_encoder
from nlp_pipeline.text.schemes import Scheme, entities_from_tags, tags_from_entities
from nlp_pipeline.text.sentence import Sentence
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.dashboard import Dashboard
from nlp_pipeline.training.loop import History, Watcher, fit
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.progress import ProgressBar
from nlp_pipeline.training.step import TrainingStep
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


@dataclass(frozen=True)
class _Split:
    """A split as numbers, with the kept vectors of a frozen encoder where there are any."""

    sentences: list[EncodedSentence]
    vectors: KeptVectors | None

    def batch(self, inputs: TaggingInputs, indices: Sequence[int]) -> Batch:
        kept = None if self.vectors is None else [self.vectors.of(index) for index in indices]
        return inputs.batch([self.sentences[index] for index in indices], kept)

    @property
    def costs(self) -> list[int]:
        return [sentence.cost for sentence in self.sentences]


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
    train, dev = (_Split(splits[name], vectors.get(name)) for name in ("train", "dev"))

    history = _fit(recipe, network, inputs, train, dev, prepared.splits["dev"], strategy, output, console)

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
    gold = prepared.splits["dev"]
    predicted = [one.tags for one in tagger.tag_stream(gold)]
    scores = score_entities([s.tags or () for s in gold], predicted, [s.words for s in gold], known)
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
    """Return the vectors of each split, or nothing where the encoder learns or vectors are not to be kept."""
    if recipe.encoder is None or encoder_folder is None or recipe.encoder.finetune or not recipe.training.keep_vectors:
        return {}
    settings = recipe.encoder.model_dump(mode="json", include={"layers", "pooling", "window", "overlap"})
    settings["precision"] = recipe.training.precision
    digest = encoder_digest(encoder_folder)
    encode: Any = None

    def encode_words(batch: Batch) -> Any:
        nonlocal encode
        if encode is None:
            encode = tf.function(network.encode_words, input_signature=[signature_of(batch)])
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


def _groups_of(recipe: TaggingRecipe, network: Tagger) -> list[WeightGroup]:
    """Return what is trained: the encoder at its own rate, lower layers at lower ones, and everything above it."""
    training = recipe.training
    of_encoder = {id(w) for w in network.encoder.trainable_weights} if network.encoder is not None else set()
    groups = [
        WeightGroup("tagger", [w for w in network.trainable_weights if id(w) not in of_encoder], training.learning_rate)
    ]
    if network.encoder is not None and network.finetunes:
        depth = len(network.encoder.blocks)
        parts = [("encoder_embeddings", network.encoder.embeddings, depth)]
        parts += [(f"encoder_{n}", block, depth - 1 - n) for n, block in enumerate(network.encoder.blocks)]
        for name, part, below in parts:
            peak = training.encoder_learning_rate * training.layer_decay**below
            groups.append(WeightGroup(name, part.trainable_weights, peak))
    return [group for group in groups if group.weights]


def _fit(
    recipe: TaggingRecipe,
    network: Tagger,
    inputs: TaggingInputs,
    train: _Split,
    dev: _Split,
    dev_gold: list[Sentence],
    strategy: tf.distribute.Strategy,
    output: Path,
    console: Console,
) -> History:
    training = recipe.training
    replicas = strategy.num_replicas_in_sync

    def plan(epoch: int) -> list[list[int]]:
        batches = shuffled_batches(train.costs, training.batch_subwords * replicas, recipe.seed, epoch)
        # With several replicas every one of them needs a sentence in each step.
        return [part for batch in _with_at_least(replicas, batches) for part in _dealt(batch, replicas)]

    steps_of_epoch = len(plan(1)) // replicas
    steps = steps_of_epoch * training.epochs
    with strategy.scope():
        optimizer = GroupedOptimizer.adamw(
            _groups_of(recipe, network), steps, int(training.warmup * steps), training.decay, training.weight_decay
        )
        average = None if training.average is None else WeightAverage(optimizer.weights, training.average)
    signature = signature_of(train.batch(inputs, [0]))

    def batches(epoch: int) -> Any:
        def make() -> Iterator[Batch]:
            return (train.batch(inputs, indices) for indices in plan(epoch))

        return feed(make, signature, strategy)

    step = TrainingStep(network.losses_of, optimizer, strategy, training.clip_norm, batches(1).element_spec, average)
    best_tags = tf.function(network.best_tags, input_signature=[signature_of(dev.batch(inputs, [0]))])

    def score() -> dict[str, float]:
        predicted: list[Sequence[str]] = [()] * len(dev.sentences)
        for indices in shuffled_batches(dev.costs, 2 * training.batch_subwords, recipe.seed, 0):
            tag_ids = best_tags(dev.batch(inputs, indices))[0].numpy()
            for row, index in enumerate(indices):
                names = inputs.tag_set.tags(tag_ids[row, : len(dev.sentences[index].words)].tolist())
                predicted[index] = tags_from_entities(
                    entities_from_tags(names, inputs.tag_set.scheme), len(names), Scheme.IOB2
                )
        return f1_of([sentence.tags or () for sentence in dev_gold], predicted)

    with ExitStack() as stack:
        bar = stack.enter_context(ProgressBar(console, steps, DECISIVE))
        dashboard = Dashboard(output / "logs")
        stack.callback(dashboard.close)
        watchers: list[Watcher] = [bar, dashboard]
        return fit(step, batches, score, DECISIVE, training.epochs, training.patience, watchers)


def _with_at_least(count: int, batches: list[list[int]]) -> list[list[int]]:
    """Join a batch of fewer sentences than there are replicas to the one before it."""
    joined: list[list[int]] = []
    for batch in batches:
        if joined and (len(batch) < count or len(joined[-1]) < count):
            joined[-1] = joined[-1] + batch
        else:
            joined.append(batch)
    return joined


def _dealt(batch: list[int], replicas: int) -> list[list[int]]:
    """Deal a batch's sentences to the replicas, as evenly as can be."""
    return [batch[replica::replicas] for replica in range(replicas)]
