"""Epochs: train, score, keep the best weights, stop when nothing gets better."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.errors import Problem, TrainingError
from nlp_pipeline.training.step import StepResult, TrainingStep


@dataclass(frozen=True)
class EpochResult:
    """What an epoch gave.

    Attributes:
        epoch: its number, from 1.
        loss: the mean loss a word, in nats.
        words: how many words were trained on.
        seconds: how long the training took, without the scoring.
        scores: what the dev corpus gave, among them the one that decides.
        best: whether no epoch of its stage before was better: of equals the later one has seen more.
        pictures: RGBA pixels [H, W, 4] by name, drawn with the weights that were scored.
    """

    epoch: int
    loss: float
    words: int
    seconds: float
    scores: Mapping[str, float]
    best: bool
    pictures: Mapping[str, NDArray[np.uint8]] = field(default_factory=dict)


class Watcher(Protocol):
    """Is told what happens: a progress bar, TensorBoard."""

    def step_done(self, step: int, result: StepResult, learning_rates: Mapping[str, float]) -> None:
        """One step is done; steps are counted from 1 over the whole run."""

    def epoch_done(self, step: int, result: EpochResult) -> None:
        """One epoch is done and scored."""


@dataclass
class History:
    """A run so far: its epochs, the one whose weights were kept, and how many steps were taken."""

    epochs: list[EpochResult] = field(default_factory=list)
    steps: int = 0

    @property
    def best(self) -> EpochResult:
        """The epoch whose weights were kept: the last one that none before it in its stage was better than."""
        return [epoch for epoch in self.epochs if epoch.best][-1]


def fit(
    step: TrainingStep,
    batches: Callable[[int], Iterable[Any]],
    score: Callable[[], Mapping[str, float]],
    decisive: str,
    epochs: int,
    patience: int | None,
    watchers: Sequence[Watcher] = (),
    history: History | None = None,
    draw: Callable[[], Mapping[str, NDArray[np.uint8]]] = dict,
) -> History:
    """Train, and leave the best epoch's weights in place.

    A run that has a history goes on: epochs and steps are counted from there. The best epoch is one of these, not one
    of those before, which trained something else.

    Args:
        step: one step of training.
        batches: gives the batches of an epoch, counted from 1, as the step takes them.
        score: scores the weights as they stand.
        decisive: which of the scores is to be high.
        epochs: how many epochs at the most.
        patience: epochs without a better score after which the run ends; None for all epochs.
        watchers: are told of steps and epochs.
        history: what was before; it is added to, and returned.
        draw: draws pictures with the weights as they stand, by name.

    Raises:
        TrainingError: where the loss is no longer a number; names the step.
    """
    history = History() if history is None else history
    weights = step.optimizer.weights
    best_score = -math.inf
    best_weights: list[Any] = []
    first = len(history.epochs) + 1
    for epoch in range(first, first + epochs):
        started = time.monotonic()
        loss = words = 0.0
        for batch in batches(epoch):
            result = step(batch)
            history.steps += 1
            if not (math.isfinite(result.loss) and math.isfinite(result.gradient_norm)):
                message = (
                    f"expected a finite loss and gradient, received {result.loss} and {result.gradient_norm}; "
                    "a lower learning_rate or clip_norm may help"
                )
                raise TrainingError([Problem(f"epoch {epoch}, step {history.steps}", message)])
            loss += result.loss
            words += result.words
            rates = step.optimizer.learning_rates()
            for watcher in watchers:
                watcher.step_done(history.steps, result, rates)
        seconds = time.monotonic() - started

        averaged: AbstractContextManager[None] = nullcontext() if step.average is None else step.average.in_place()
        with averaged:
            scores = score()
            better = scores[decisive] >= best_score
            if better:
                best_score = scores[decisive]
                best_weights = [np.array(weight.numpy()) for weight in weights]
            pictures = draw()
        history.epochs.append(EpochResult(epoch, loss / max(words, 1.0), int(words), seconds, scores, better))
        for watcher in watchers:
            # The history keeps numbers alone: pictures of every epoch would fill the memory.
            watcher.epoch_done(history.steps, replace(history.epochs[-1], pictures=pictures))
        if patience is not None and epoch - history.best.epoch >= patience:
            break
    for weight, value in zip(weights, best_weights, strict=True):
        weight.assign(value)
    return history
