"""Epochs in which the same weights are trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nlp_pipeline.inputs.feeding import feed, few_shapes, signature_of
from nlp_pipeline.inputs.shares import Place, Plan, parts_of_worker
from nlp_pipeline.inputs.tagging import Batch
from nlp_pipeline.jobs.training_task import Split
from nlp_pipeline.models.network import Network
from nlp_pipeline.recipe import Training
from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.loop import Batches, Limits
from nlp_pipeline.training.loss_scale import LossScale
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.step import COUNTED, STEP_WORDS, TrainingStep
from nlp_pipeline.training.team import Team

# Of how many examples an error names the numbers.
_NAMED = 8


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


def step_of(stage: Stage, training: Training, seed: int, network: Network, train: Split, team: Team) -> TrainingStep:
    """Return a stage's training step: its optimizers on their schedule, its average, its loss scale.

    Args:
        stage: what is trained.
        training: the recipe's section.
        seed: the run's.
        network: was made in the team's scope.
        train: what is trained on.
        team: where.
    """
    steps_of_epoch = len(_plan(training, seed, train, 1, 1).batches(1))
    steps = steps_of_epoch * stage.falls_over
    with team.strategy.scope():
        optimizer = GroupedOptimizer.of(training, stage.groups, steps, int(training.warmup * steps))
        average = None
        if training.average is not None:
            average = WeightAverage(optimizer.weights, training.average, trained=stage.goes_on)
        return TrainingStep(
            network.losses_of,
            optimizer,
            team.strategy,
            training.clip_norm,
            average,
            training.accumulate,
            training.xla,
            LossScale() if training.precision == "float16" else None,
            skip=training.not_finite == "skip",
        )


def batches_of(training: Training, seed: int, network: Network, train: Split, team: Team, first_epoch: int) -> Batches:
    """Return what a stage is trained on, from an epoch on.

    Args:
        training: the recipe's section.
        seed: the run's; with the number of an epoch it decides which examples meet.
        network: is told of each epoch.
        train: what is trained on.
        team: among whose replicas each step is dealt.
        first_epoch: the epoch that the stage begins with, or goes on with.
    """
    replicas, local, accumulate = team.replicas, team.local_replicas, training.accumulate
    parts = replicas * accumulate
    plan = _plan(training, seed, train, first_epoch, parts)
    numbered = parts_of_worker(replicas, accumulate, team.worker * local, local)

    window = None if network.bert is None else network.bert.settings.window

    def make(number: int) -> Batch:
        share = plan.share(*numbered(number))
        batch = train.batch(share.indices, for_training=True)
        batch[COUNTED] = np.full(len(share.indices), share.counted)
        batch[STEP_WORDS] = np.array(share.words, np.float32)
        return few_shapes(batch, window) if training.xla else batch

    signature = signature_of(make(0))

    def begin(epoch: int, step: int) -> Iterator[Any]:
        first = plan.number_of(Place(epoch, step)) * accumulate * local
        iterator: Iterator[Any] = iter(feed(make, signature, team.strategy, first))
        return iterator

    def longest(batch: Sequence[int]) -> int:
        return max(train.costs[index] for index in batch)

    def describe(epoch: int, step: int, count: int) -> str:
        batch = max(plan.batches(epoch)[step : step + count], key=lambda batch: len(batch) * longest(batch))
        named = ", ".join(str(index + 1) for index in batch[:_NAMED]) + (", ..." if len(batch) > _NAMED else "")
        return f"in a batch of {len(batch)} examples of up to {longest(batch)} subwords (of the train corpus: {named})"

    return Batches(begin, lambda epoch: len(plan.batches(epoch)), network.begin_epoch, describe)


def _plan(training: Training, seed: int, train: Split, first_epoch: int, parts: int) -> Plan:
    return Plan(train.costs, train.words, training.batch_subwords, seed, first_epoch, parts, train.pads_words)


def limits_of(stage: Stage, began: int, training: Training, team: Team) -> Limits:
    """Return when a stage, which began with an epoch of this number, ends."""
    # The clocks of several workers tell each of them something else; XLA may compile any step, for seconds.
    fixed = 1 if team.workers > 1 or training.xla else None
    return Limits(
        last_epoch=began + stage.epochs - 1,
        patience=training.patience,
        steps=training.steps,
        steps_at_once=training.steps_per_execution or fixed,
        checkpoint_steps=training.checkpoint_steps,
    )
