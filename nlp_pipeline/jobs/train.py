"""What every training does: its folder, its devices and seeds, its encoder's kept vectors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from nlp_pipeline.errors import OutputError, Problem
from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.inputs.tagging import Batch
from nlp_pipeline.inputs.vectors import KeptVectors, keep_vectors, key_of
from nlp_pipeline.models.bert_vectors import BertVectors
from nlp_pipeline.models.network import Network
from nlp_pipeline.outputs import new_file, refuse_foreign
from nlp_pipeline.recipe import Encoder, Training
from nlp_pipeline.recipe.section import BaseRecipe
from nlp_pipeline.serving.manifest import MANIFEST
from nlp_pipeline.subwords.encoders import cache_folder, encoder_digest
from nlp_pipeline.training.loop import History
from nlp_pipeline.training.strategy import choose_strategy

RECIPE = "recipe.yaml"
HEADER = "# What a run of nlp_pipeline did: the recipe, with what was typed beside it, and all defaults.\n"


@dataclass(frozen=True)
class Trained:
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
class Corpus:
    """A split whose encoder vectors can be kept.

    Attributes:
        subwords: for each sentence, for each word, the ids of its subwords.
        costs: how many subwords each sentence has, special ones included.
        batch: gives the batch of some sentences, without kept vectors.
    """

    subwords: Sequence[Sequence[Sequence[int]]]
    costs: Sequence[int]
    batch: Callable[[Sequence[int]], Batch]


def say_to(console: Console) -> Callable[[str], None]:
    """Return a function that prints a line as it is."""
    return lambda line: console.print(line, highlight=False, markup=False)


def refuse_other_folder(output: Path) -> None:
    """Refuse a run's folder that is a bundle, or that holds a recipe or a bundle's folder which no run has written.

    Raises:
        OutputError: where it is such a one.
    """
    if (output / MANIFEST).exists():
        raise OutputError([Problem(str(output), "expected a folder for the run, received a bundle")])
    refuse_foreign(output / "bundle", MANIFEST)
    try:
        with (output / RECIPE).open(encoding="utf-8") as file:
            own = file.readline() == HEADER
    except (FileNotFoundError, NotADirectoryError):
        return  # a file in the folder's place is told when the first folder is made
    except (OSError, UnicodeDecodeError):
        own = False
    if not own:
        message = f"expected a folder for the run, received one with a {RECIPE} that would be replaced"
        raise OutputError([Problem(str(output), message)])


def set_up(recipe: BaseRecipe, training: Training, console: Console) -> tf.distribute.Strategy:
    """Seed all that is random, and return where the run trains."""
    keras.utils.set_random_seed(recipe.seed)
    tf.config.experimental.enable_op_determinism()
    strategy = choose_strategy(training.strategy)
    say_to(console)(f"training on {strategy.num_replicas_in_sync} device(s), seed {recipe.seed}")
    return strategy


def open_folder(recipe: BaseRecipe, output: Path) -> Path:
    """Write the resolved recipe into a run's folder, and return the empty folder of its logs.

    Raises:
        OutputError: where it cannot be written to.
    """
    with new_file(output / RECIPE) as file:
        file.write_text(HEADER + recipe.to_yaml(), encoding="utf-8")
    logs = output / "logs"
    for events in logs.glob("events.out.tfevents.*"):
        # Those of an earlier run into this folder: TensorBoard would draw both as one line.
        events.unlink()
    return logs


def count_weights(network: Network) -> dict[str, int]:
    """Return how many numbers were trained, and how many there are."""
    return {
        "trained": sum(int(tf.size(weight.value)) for weight in network.trainable_weights),
        "all": sum(int(tf.size(weight.value)) for weight in network.weights),
    }


def keep_vectors_of(
    corpora: Mapping[str, Corpus],
    bert: BertVectors | None,
    settings: Encoder | None,
    training: Training,
    encoder_folder: Path | None,
    console: Console,
) -> dict[str, KeptVectors]:
    """Return the encoder's vectors of each split, or nothing where no epoch is frozen or they are not to be kept.

    Raises:
        OutputError: where the cache cannot be written to.
    """
    if bert is None or settings is None or encoder_folder is None or not training.keep_vectors:
        return {}
    if settings.finetune and not training.frozen_epochs:
        return {}
    decisive = settings.model_dump(mode="json", include={"layers", "pooling", "window", "overlap"})
    decisive |= {"precision": training.precision, "tensorflow": tf.__version__}
    digest = encoder_digest(encoder_folder)
    encode_words: Any = None

    def encode(corpus: Corpus, indices: Sequence[int]) -> NDArray[Any]:
        nonlocal encode_words
        batch = corpus.batch(indices)
        if encode_words is None:
            encode_words = tf.function(bert.encode_words, input_signature=[signature_of(batch)])
        vectors: NDArray[Any] = encode_words(batch).numpy()
        return vectors

    kept = {}
    for name, corpus in corpora.items():
        started = time.monotonic()
        lengths = [len(words) for words in corpus.subwords]
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task(f"vectors of {name}", total=sum(lengths))
            kept[name] = keep_vectors(
                cache_folder() / "vectors",
                key_of(digest, decisive, corpus.subwords),
                lengths,
                corpus.costs,
                partial(encode, corpus),
                partial(progress.advance, task),
            )
        array = kept[name].array
        size, seconds = array.nbytes / 1e6, time.monotonic() - started
        say_to(console)(f"vectors of {name}: {len(array):,} words, {size:,.0f} MB, {seconds:.1f} s")
    return kept
