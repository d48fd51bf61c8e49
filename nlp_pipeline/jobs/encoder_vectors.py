"""The vectors of an encoder that stands still, for the splits of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import tensorflow as tf
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from nlp_pipeline.inputs.feeding import signature_of
from nlp_pipeline.inputs.vectors import KeptVectors, keep_vectors, key_of
from nlp_pipeline.jobs.console import say_to
from nlp_pipeline.jobs.training_task import Split, TrainingTask
from nlp_pipeline.layers.rounding import Rounded, weights_stay
from nlp_pipeline.models.network import Network
from nlp_pipeline.serving.at_once import AtOnce
from nlp_pipeline.subwords.encoders import cache_folder, encoder_digest


def keep_vectors_of(
    task: TrainingTask, network: Network, splits: Mapping[str, Split], console: Console
) -> dict[str, KeptVectors]:
    """Return the encoder's vectors of each split, or nothing where no epoch is frozen or they are not to be kept.

    Raises:
        OutputError: where the cache cannot be written to.
    """
    training, settings = task.recipe.training, task.encoder
    bert = network.bert
    if bert is None or settings is None or task.encoder_folder is None or not training.keep_vectors:
        return {}
    if settings.finetune and not training.frozen_epochs:
        return {}
    decisive = settings.model_dump(mode="json", include={"layers", "pooling", "window", "overlap"})
    decisive |= {"precision": training.precision, "tensorflow": tf.__version__}
    digest = encoder_digest(task.encoder_folder)
    at_once = AtOnce()
    vectors_to_keep: Any = None
    rounded_weights: Rounded = {}

    def encode(split: Split, batches: Sequence[Sequence[int]]) -> Iterator[NDArray[Any]]:
        nonlocal vectors_to_keep
        if vectors_to_keep is None:

            def function(batch: Any) -> Any:
                with weights_stay(rounded_weights):
                    return bert.vectors_to_keep(batch)

            vectors_to_keep = tf.function(function, input_signature=[signature_of(split.batch(batches[0]))])
        return at_once.map(lambda indices: vectors_to_keep(split.batch(indices)).numpy(), batches)

    kept = {}
    for name, split in splits.items():
        started = time.monotonic()
        lengths = [len(words) for words in split.encoded_words]
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            shown = progress.add_task(f"vectors of {name}", total=sum(lengths))
            kept[name] = keep_vectors(
                cache_folder() / "vectors",
                key_of(digest, decisive, split.encoded_words),
                lengths,
                split.costs,
                partial(encode, split),
                partial(progress.advance, shown),
            )
        array = kept[name].array
        size, seconds = array.nbytes / 1e6, time.monotonic() - started
        say_to(console)(f"vectors of {name}: {len(array):,} words, {size:,.0f} MB, {seconds:.1f} s")
    return kept
