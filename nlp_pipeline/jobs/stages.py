"""Epochs in which the same weights are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from rich.console import Console

from nlp_pipeline.inputs.batches import shuffled_batches
from nlp_pipeline.inputs.feeding import feed, signature_of
from nlp_pipeline.inputs.tagging import Batch
from nlp_pipeline.models.network import Network
from nlp_pipeline.recipe import Training
from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.dashboard import Dashboard
from nlp_pipeline.training.loop import History, Watcher, fit
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.progress import ProgressBar
from nlp_pipeline.training.step import TrainingStep


class Split(Protocol):
    """A split of a corpus as numbers."""

    @property
    def costs(self) -> list[int]:
        """What each example takes of a batch."""

    def batch(self, indices: Sequence[int], for_training: bool = False) -> Batch:
        """Return the batch of some of its examples."""


@dataclass(frozen=True)
class Scoring:
    """How weights are scored after an epoch.

    Attributes:
        score: scores the network's weights as they stand.
        decisive: which of the scores decides; the highest is best.
        draw: draws pictures for TensorBoard, RGBA pixels [H, W, 4] by name.
    """

    score: Callable[[], Mapping[str, float]]
    decisive: str
    draw: Callable[[], Mapping[str, NDArray[np.uint8]]] = dict


@dataclass(frozen=True)
class Stage:
    """A part of a run.

    Attributes:
        name: is told when it begins; empty for a run of one stage.
        frozen: whether the encoder stands still, so that its kept vectors can be used.
        groups: what is trained.
        epochs: how many.
        falls_over: over how many epochs the learning rate falls to zero, counted from the stage's first.
        goes_on: whether all that it trains has been trained before.
    """

    name: str
    frozen: bool
    groups: list[WeightGroup]
    epochs: int
    falls_over: int
    goes_on: bool = False


def stages_of(training: Training, network: Network) -> list[Stage]:
    """Return the stages of a run.

    With a frozen encoder, or none, there is one. With one that is fine-tuned, what is above it may be trained for some
    epochs before: an encoder that gets its first gradients through random layers forgets more of what it knew than it
    learns (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features"). The learning rate above then falls over
    both stages.
    """
    encoder = None if network.bert is None else network.bert.encoder
    of_encoder = set() if encoder is None else {id(weight) for weight in encoder.trainable_weights}
    above = [weight for weight in network.trainable_weights if id(weight) not in of_encoder]
    name = str(network.name)
    if encoder is None or not network.finetunes:
        return [Stage("", True, [WeightGroup(name, above, training.learning_rate)], training.epochs, training.epochs)]
    depth = len(encoder.blocks)
    parts = [("encoder_embeddings", encoder.embeddings, depth)]
    parts += [(f"encoder_{number}", block, depth - 1 - number) for number, block in enumerate(encoder.blocks)]
    below = [
        WeightGroup(part_name, part.trainable_weights, training.encoder_learning_rate * training.layer_decay**distance)
        for part_name, part, distance in parts
    ]
    together = training.frozen_epochs + training.epochs
    at_end = WeightGroup(name, above, training.learning_rate * training.epochs / together)
    last = Stage("fine-tuning the encoder", False, [at_end, *below], training.epochs, training.epochs)
    if not training.frozen_epochs:
        return [last]
    last = replace(last, goes_on=True)
    before = [WeightGroup(name, above, training.learning_rate)]
    return [Stage("training what is above the encoder", True, before, training.frozen_epochs, together), last]


def fit_stage(
    stage: Stage,
    training: Training,
    seed: int,
    network: Network,
    train: Split,
    scoring: Scoring,
    strategy: tf.distribute.Strategy,
    logs: Path,
    console: Console,
    history: History,
) -> None:
    """Train one stage, and leave the best weights so far in the network.

    Args:
        stage: what is trained, and for how long.
        training: the recipe's section.
        seed: the run's.
        network: was made in the strategy's scope.
        train: what is trained on.
        scoring: how the weights are scored after each epoch.
        strategy: where it runs.
        logs: TensorBoard's folder.
        console: where progress is shown.
        history: what was before; goes on.

    Raises:
        TrainingError: where the loss is no longer a number.
    """
    replicas = strategy.num_replicas_in_sync
    costs = train.costs

    def plan(epoch: int) -> list[list[int]]:
        batches = shuffled_batches(costs, training.batch_subwords * replicas, seed, epoch)
        # With several replicas every one of them needs an example in each step.
        return [part for batch in _with_at_least(replicas, batches) for part in _dealt(batch, replicas)]

    steps_of_epoch = len(plan(1)) // replicas
    steps = steps_of_epoch * stage.falls_over
    with strategy.scope():
        optimizer = GroupedOptimizer.adamw(
            stage.groups, steps, int(training.warmup * steps), training.decay, training.weight_decay
        )
        average = None
        if training.average is not None:
            average = WeightAverage(optimizer.weights, training.average, trained=stage.goes_on)
    signature = signature_of(train.batch([0], for_training=True))

    def batches(epoch: int) -> Any:
        network.begin_epoch(epoch)

        def make() -> Iterator[Batch]:
            return (train.batch(indices, for_training=True) for indices in plan(epoch))

        return feed(make, signature, strategy)

    step = TrainingStep(network.losses_of, optimizer, strategy, training.clip_norm, batches(1).element_spec, average)
    with ExitStack() as stack:
        bar = stack.enter_context(ProgressBar(console, history.steps + steps_of_epoch * stage.epochs, scoring.decisive))
        dashboard = Dashboard(logs)
        stack.callback(dashboard.close)
        watchers: list[Watcher] = [bar, dashboard]
        fit(
            step,
            batches,
            scoring.score,
            scoring.decisive,
            stage.epochs,
            training.patience,
            watchers,
            history,
            scoring.draw,
        )


def _with_at_least(count: int, batches: list[list[int]]) -> list[list[int]]:
    """Join a batch of fewer examples than there are replicas to the one before it."""
    joined: list[list[int]] = []
    for batch in batches:
        if joined and (len(batch) < count or len(joined[-1]) < count):
            joined[-1] = joined[-1] + batch
        else:
            joined.append(batch)
    return joined


def _dealt(batch: list[int], replicas: int) -> list[list[int]]:
    """Deal a batch's examples to the replicas, as evenly as can be."""
    return [batch[replica::replicas] for replica in range(replicas)]
