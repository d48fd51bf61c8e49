"""A loop that counts: what it does can be told beforehand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from nlp_pipeline.inputs.feeding import feed, signature_of
from nlp_pipeline.stopping import Signals
from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.checkpoints import Checkpoint
from nlp_pipeline.training.loop import Batches, Limits, Loop, Scoring
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.progress import EpochResult, Progress
from nlp_pipeline.training.shown import Shown
from nlp_pipeline.training.state import TrainingState
from nlp_pipeline.training.step import StepResult, TrainingStep
from nlp_pipeline.training.team import Team

BATCH = {
    "x": np.array([[1.0, 2.0], [3.0, 0.0]], np.float32),
    "padding_mask": np.array([[1, 1], [1, 0]], np.bool_),
    "counted": np.array([True, True]),
    "step_words": np.array(3.0, np.float32),
    "slope": np.ones(2, np.float32),
}
STEPS = 2  # an epoch
SCORES = [0.2, 0.7, 0.1, 0.5]


class Counting:
    """A weight that every step lowers by one a word's gradient, and scores that were agreed beforehand.

    Args:
        scores: of the epochs to come.
        average: momentum of an average, if there is one.
        slopes: of steps whose loss is to be multiplied, by their number from 0.
        losses: computes them, in the place of the weight's.
    """

    def __init__(
        self,
        scores: list[float],
        average: float | None = None,
        slopes: Mapping[int, float] | None = None,
        losses: Callable[[], tf.Tensor] | None = None,
        skip: bool = False,
    ) -> None:
        self.weight = keras.Variable(np.zeros((), np.float32), name="slope")
        sgd = keras.optimizers.SGD(1.0)
        sgd.build([self.weight])
        self.average = None if average is None else WeightAverage([self.weight], average)
        grouped = GroupedOptimizer([WeightGroup("all", [self.weight], 1.0)], [sgd])
        self.slopes = slopes or {}

        def losses_of(batch: Mapping[str, Any], training: bool) -> tf.Tensor:
            assert training
            assert batch.keys() == {"x", "padding_mask", "slope"}
            words = tf.reduce_sum(tf.cast(batch["padding_mask"], tf.float32), axis=1)
            loss: tf.Tensor = batch["slope"] * self.weight.value * words
            return loss if losses is None else loss + losses()

        strategy = tf.distribute.get_strategy()
        self.step = TrainingStep(losses_of, grouped, strategy, average=self.average, skip=skip)
        self.scores = list(scores)
        self.scored: list[float] = []
        self.told: list[tuple[int, EpochResult]] = []
        self.results: list[tuple[int, StepResult]] = []
        self.epochs_begun: list[int] = []
        self.progress = Progress()
        self.state = TrainingState(self.step, [self.weight])
        self.checkpoints: list[bytes] = []
        self.steps = STEPS
        self.before_step: Callable[[int], None] = lambda _step: None
        self.signals = Signals()

    def begin(self, epoch: int, step: int) -> Iterator[Any]:
        def make(number: int) -> dict[str, Any]:
            return {**BATCH, "slope": np.full(2, self.slopes.get(number, 1.0), np.float32)}

        first = (epoch - 1) * self.steps + step
        iterator: Iterator[Any] = iter(feed(make, signature_of(make(0)), tf.distribute.get_strategy(), first))
        return iterator

    def describe(self, epoch: int, step: int, count: int) -> str:
        return f"in batch {epoch}/{step}" + (f" of {count}" if count > 1 else "")

    def score(self) -> dict[str, float]:
        self.scored.append(float(self.weight.value))
        return {"f1": self.scores[len(self.progress.epochs)], "other": -1.0}

    def step_done(self, step: int, result: StepResult, optimizer: GroupedOptimizer) -> None:
        assert result.words == 3.0
        assert optimizer.learning_rates() == {"all": 1.0}
        self.results.append((step, result))
        self.before_step(step + 1)

    def epoch_done(self, step: int, result: EpochResult, shown: Shown) -> None:
        assert shown.texts == {"text": "five"}
        self.told.append((step, result))

    def checkpoint(self) -> None:
        about = json.loads(json.dumps(self.progress.to_json()))
        self.checkpoints.append(Checkpoint(self.state.to_tensors(), about).to_bytes())

    def take(self, content: bytes) -> None:
        found = Checkpoint.from_bytes(content)
        self.progress = Progress.from_json(found.about)
        self.state.take(found.tensors)

    def run(self, epochs: int, patience: int | None = None, **limits: Any) -> Progress:
        Loop(
            self.step,
            Batches(self.begin, lambda _epoch: self.steps, self.epochs_begun.append, self.describe),
            Scoring(self.score, "f1", lambda: Shown(texts={"text": "five"})),
            Limits(epochs, patience, **limits),
            Team(tf.distribute.get_strategy()),
            self.state,
            self.progress,
            self.checkpoint,
            self.signals,
            [self],
            "buy more",
        ).run()
        return self.progress

    @property
    def value(self) -> float:
        return float(self.weight.value)


def timeless_epochs(progress: Progress) -> list[tuple[Any, ...]]:
    return [(e.epoch, e.loss, e.words, e.scores, e.best, e.skipped, e.stage) for e in progress.epochs]
