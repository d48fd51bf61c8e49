"""The loop: the best epoch's weights stay, a run stops when nothing gets better, and a lost loss is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.errors import TrainingError
from nlp_pipeline.inputs.feeding import feed, signature_of
from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.loop import EpochResult, History, fit
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.step import StepResult, TrainingStep

BATCH = {"x": np.array([[1.0, 2.0], [3.0, 0.0]], np.float32), "padding_mask": np.array([[1, 1], [1, 0]], np.bool_)}


class Counting:
    """A weight that every step lowers by one a word's gradient, and scores that were agreed beforehand."""

    def __init__(self, scores: list[float], average: float | None = None, slope: float = 1.0) -> None:
        self.weight = keras.Variable(np.zeros((), np.float32))
        sgd = keras.optimizers.SGD(1.0)
        sgd.build([self.weight])
        self.average = None if average is None else WeightAverage([self.weight], average)
        grouped = GroupedOptimizer([WeightGroup("all", [self.weight], 1.0)], [sgd])

        def losses_of(batch: Mapping[str, Any], training: bool) -> tf.Tensor:
            assert training
            words = tf.reduce_sum(tf.cast(batch["padding_mask"], tf.float32), axis=1)
            return slope * self.weight.value * words

        spec = self.batches(1).element_spec
        self.step = TrainingStep(losses_of, grouped, tf.distribute.get_strategy(), None, spec, self.average)
        self.scores = iter(scores)
        self.scored: list[float] = []
        self.told: list[tuple[int, EpochResult]] = []
        self.steps_told: list[int] = []

    def batches(self, epoch: int) -> Any:
        assert epoch >= 1
        return feed(lambda: [BATCH] * 2, signature_of(BATCH), tf.distribute.get_strategy())

    def score(self) -> dict[str, float]:
        self.scored.append(float(self.weight.value))
        return {"f1": next(self.scores), "other": -1.0}

    def step_done(self, step: int, result: StepResult, learning_rates: Mapping[str, float]) -> None:
        assert result.words == 3.0
        assert learning_rates == {"all": 1.0}
        self.steps_told.append(step)

    def epoch_done(self, step: int, result: EpochResult) -> None:
        self.told.append((step, result))

    def fit(self, epochs: int, patience: int | None = None, history: History | None = None) -> History:
        return fit(self.step, self.batches, self.score, "f1", epochs, patience, [self], history)


def test_the_best_epochs_weights_stay_and_of_equals_the_later() -> None:
    run = Counting([0.2, 0.7, 0.7, 0.6])
    history = run.fit(4)
    # Two steps an epoch, each lowers the weight by one.
    assert run.scored == [-2.0, -4.0, -6.0, -8.0]
    assert float(run.weight.value) == -6.0
    assert history.best.epoch == 3
    assert [epoch.best for epoch in history.epochs] == [True, True, True, False]
    assert run.steps_told == list(range(1, 9))
    assert [step for step, _ in run.told] == [2, 4, 6, 8]
    assert [epoch.words for epoch in history.epochs] == [6] * 4
    # Losses a word of the weights 0 and -1, then -2 and -3...
    assert [epoch.loss for epoch in history.epochs] == pytest.approx([-0.5, -2.5, -4.5, -6.5])


def test_patience_ends_a_run() -> None:
    run = Counting([0.5, 0.4, 0.3, 0.2, 0.9])
    history = run.fit(5, patience=2)
    assert len(history.epochs) == 3
    assert float(run.weight.value) == -2.0


def test_a_later_stage_counts_on_and_keeps_its_own_best() -> None:
    first = Counting([0.9])
    history = first.fit(1)
    second = Counting([0.3, 0.2])
    second.fit(2, history=history)
    assert [epoch.epoch for epoch in history.epochs] == [1, 2, 3]
    assert history.steps == 6
    assert second.steps_told == [3, 4, 5, 6]
    assert history.best.epoch == 2
    assert float(second.weight.value) == -2.0


def test_the_average_is_what_is_scored_and_kept() -> None:
    run = Counting([0.1], average=0.999)
    run.fit(1)
    # After steps to -1 and -2 with momenta 1/10 and 2/11: -0.9, then -0.9 * 2/11 - 2 * 9/11.
    expected = -0.9 * 2 / 11 - 2.0 * 9 / 11
    assert run.scored == pytest.approx([expected])
    assert float(run.weight.value) == pytest.approx(expected)


def test_a_loss_that_is_no_number_names_its_step() -> None:
    run = Counting([0.1], slope=math.inf)
    with pytest.raises(TrainingError, match=r"epoch 1, step 1: expected a finite loss and gradient, received nan"):
        run.fit(1)
    assert run.scored == []
