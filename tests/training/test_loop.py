"""The loop: the best epoch's weights stay; a run stops when it should, goes on where it was, tells what is wrong."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate, pairwise
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.errors import StoppedByUserError, TerminatedError, TrainingError
from nlp_pipeline.inputs.feeding import feed, signature_of
from nlp_pipeline.stopping import Signals, StopNow
from nlp_pipeline.training.average import WeightAverage
from nlp_pipeline.training.checkpoints import Checkpoint
from nlp_pipeline.training.loop import Batches, Limits, Loop, Scoring
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.progress import EpochResult, Progress
from nlp_pipeline.training.shown import Shown
from nlp_pipeline.training.state import TrainingState
from nlp_pipeline.training.step import Executed, Outcome, StepResult, TrainingStep
from nlp_pipeline.training.team import Team

BATCH = {
    "x": np.array([[1.0, 2.0], [3.0, 0.0]], np.float32),
    "padding_mask": np.array([[1, 1], [1, 0]], np.bool_),
    "counted": np.array([True, True]),
    "step_words": np.array(3.0, np.float32),
    "slope": np.ones(2, np.float32),
}
STEPS = 2  # an epoch


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


@pytest.mark.parametrize("at_once", [1, 2, 5, None])
def test_the_best_epochs_weights_stay_and_of_equals_the_later(at_once: int | None) -> None:
    run = Counting([0.2, 0.7, 0.7, 0.6])
    progress = run.run(4, steps_at_once=at_once)
    # Two steps an epoch, each lowers the weight by one.
    assert run.scored == [-2.0, -4.0, -6.0, -8.0]
    assert run.value == -6.0
    assert progress.best.epoch == 3
    assert [epoch.best for epoch in progress.epochs] == [True, True, True, False]
    assert [step for step, _ in run.results] == list(range(1, 9))
    assert [step for step, _ in run.told] == [2, 4, 6, 8]
    assert run.epochs_begun == [1, 2, 3, 4]
    assert [epoch.words for epoch in progress.epochs] == [6] * 4
    # Losses a word of the weights 0 and -1, then -2 and -3...
    assert [epoch.loss for epoch in progress.epochs] == pytest.approx([-0.5, -2.5, -4.5, -6.5])
    assert all(0.0 <= epoch.waited <= epoch.seconds for epoch in progress.epochs)
    # One checkpoint an epoch.
    assert len(run.checkpoints) == 4


def test_left_to_itself_it_runs_more_and_more_steps_at_once_up_to_a_checkpoint() -> None:
    run = Counting([0.1])
    run.steps = 40
    step, asked = run.step, list[int]()

    def counted(iterator: Iterator[Any], count: int, stop: int | None) -> Executed:
        asked.append(count)
        return step(iterator, count, stop)

    counted.__dict__.update(optimizer=step.optimizer, average=None, skip=False)
    run.step = counted  # type: ignore[assignment]
    run.run(1, steps_at_once=None, checkpoint_steps=25)
    assert asked[0] == 1
    assert max(asked) > 2
    assert all(later <= 2 * earlier for earlier, later in pairwise(asked))
    assert 25 in accumulate(asked)
    assert (sum(asked), run.value, len(run.results)) == (40, -40.0, 40)


def test_a_score_that_is_no_number_is_the_lowest() -> None:
    run = Counting([math.nan, 0.1, math.nan])
    progress = run.run(3)
    assert progress.best.epoch == 2
    assert Counting([math.nan]).run(1).best.epoch == 1


def test_patience_ends_a_run() -> None:
    run = Counting([0.5, 0.4, 0.3, 0.2, 0.9])
    progress = run.run(5, patience=2)
    assert len(progress.epochs) == 3
    assert run.value == -2.0


@pytest.mark.parametrize(
    ("steps", "epochs", "scored"), [(3, 5, [-2.0, -3.0]), (4, 5, [-2.0, -4.0]), (9, 2, [-2.0, -4.0])]
)
def test_a_run_may_take_so_many_steps(steps: int, epochs: int, scored: list[float]) -> None:
    run = Counting([0.1, 0.2, 0.3, 0.4, 0.5])
    run.run(epochs, steps=steps, steps_at_once=2)
    assert run.scored == scored


def test_a_later_stage_counts_on_and_keeps_its_own_best() -> None:
    first = Counting([0.9])
    progress = first.run(1)
    progress.end_stage()
    second = Counting([0.0, 0.3, 0.2])
    second.progress = progress
    second.run(3)
    assert [epoch.epoch for epoch in progress.epochs] == [1, 2, 3]
    assert [epoch.stage for epoch in progress.epochs] == [0, 1, 1]
    assert progress.steps == 6
    assert [step for step, _ in second.results] == [3, 4, 5, 6]
    assert progress.best.epoch == 2
    assert second.value == -2.0


def test_the_average_is_what_is_scored_and_kept() -> None:
    run = Counting([0.1], average=0.999)
    run.run(1)
    # After steps to -1 and -2 with momenta 1/10 and 2/11: -0.9, then -0.9 * 2/11 - 2 * 9/11.
    expected = -0.9 * 2 / 11 - 2.0 * 9 / 11
    assert run.scored == pytest.approx([expected])
    assert run.value == pytest.approx(expected)


SCORES = [0.2, 0.7, 0.1, 0.5]


@pytest.mark.parametrize("average", [None, 0.9])
def test_from_any_checkpoint_a_run_ends_as_if_nothing_was(average: float | None) -> None:
    whole = Counting(SCORES, average)
    whole.run(4, checkpoint_steps=1)
    assert len(whole.checkpoints) == 8
    for content in whole.checkpoints:
        again = Counting(SCORES, average)
        again.weight.assign(77.0)
        again.take(content)
        steps = again.progress.steps
        again.run(4, checkpoint_steps=1)
        assert again.value == whole.value
        assert again.results == [(step, _timeless(r, again, step)) for step, r in whole.results if step > steps]
        assert _timeless_epochs(again.progress) == _timeless_epochs(whole.progress)


def _timeless(result: StepResult, run: Counting, step: int) -> StepResult:
    """Return a result with the times of another run."""
    other = dict(run.results)[step]
    return result._replace(waited=other.waited, seconds=other.seconds)


def _timeless_epochs(progress: Progress) -> list[tuple[Any, ...]]:
    return [(e.epoch, e.loss, e.words, e.scores, e.best, e.skipped, e.stage) for e in progress.epochs]


@pytest.mark.parametrize(("number", "error"), [(signal.SIGTERM, TerminatedError), (signal.SIGINT, StoppedByUserError)])
def test_a_signal_leaves_a_checkpoint_of_the_step_that_was_done(number: int, error: type[Exception]) -> None:
    run = Counting(SCORES)

    def kill(step: int) -> None:
        if step == 4:
            os.kill(os.getpid(), number)

    run.before_step = kill
    with run.signals, pytest.raises(error, match=r"stopped in epoch 2, after 4 steps; .* --resume"):
        run.run(4)
    again = Counting(SCORES)
    again.take(run.checkpoints[-1])
    again.run(4)
    whole = Counting(SCORES)
    whole.run(4)
    assert again.value == whole.value
    assert _timeless_epochs(again.progress) == _timeless_epochs(whole.progress)


def test_a_signal_ends_scoring_at_once() -> None:
    run = Counting(SCORES, average=0.9)
    score = run.score

    def kill() -> dict[str, float]:
        os.kill(os.getpid(), signal.SIGTERM)
        return score()

    run.score = kill  # type: ignore[method-assign]
    with run.signals, pytest.raises(TerminatedError, match="in epoch 1, after 2 steps"):
        run.run(4)
    assert run.scored == []
    # The checkpoint holds the weights, not their average.
    again = Counting(SCORES, average=0.9)
    again.take(run.checkpoints[-1])
    assert again.value == -2.0
    again.run(4)
    whole = Counting(SCORES, average=0.9)
    whole.run(4)
    assert again.value == whole.value


class _KillsWhenRestored:
    """A weight that gets a second signal while the average is taken out of its place again."""

    def __init__(self, weight: Any) -> None:
        self.weight = weight
        self.assigned = 0

    def assign(self, value: Any) -> None:
        self.assigned += 1
        if self.assigned == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        self.weight.assign(value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.weight, name)


def test_a_second_signal_does_not_spoil_the_checkpoint() -> None:
    run = Counting(SCORES, average=0.9)
    assert run.average is not None
    run.average.weights[0] = _KillsWhenRestored(run.weight)
    run.score = lambda: os.kill(os.getpid(), signal.SIGTERM) or {}  # type: ignore[func-returns-value, method-assign]
    with run.signals, pytest.raises(TerminatedError, match="in epoch 1, after 2 steps"):
        run.run(4)
    assert run.average.weights[0].assigned == 2
    again = Counting(SCORES, average=0.9)
    again.take(run.checkpoints[-1])
    assert again.value == -2.0


def test_a_second_signal_does_not_wait_for_a_step() -> None:
    run = Counting(SCORES)

    def kill(_step: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

    run.before_step = kill
    with run.signals, pytest.raises(StopNow):
        run.run(4)
    assert run.signals.received == signal.SIGTERM


def test_a_signal_while_pictures_are_drawn_in_the_last_epoch_is_heard() -> None:
    run = Counting([0.1])
    run.epoch_done = lambda *_arguments: os.kill(os.getpid(), signal.SIGTERM)  # type: ignore[method-assign]
    with run.signals, pytest.raises(TerminatedError, match="in epoch 2, after 2 steps"):
        run.run(1)


@pytest.mark.parametrize(("slope", "received"), [(math.inf, "-inf and inf"), (math.nan, "nan and nan")])
@pytest.mark.parametrize("at_once", [1, 4])
def test_a_loss_that_is_no_number_names_its_step_and_keeps_the_weights(
    slope: float, received: str, at_once: int
) -> None:
    run = Counting([0.1, 0.1], slopes={2: slope})
    told = rf"epoch 2, step 3: expected .*, received {received} \(first in slope\), in batch 2/0\. The weights"
    with pytest.raises(TrainingError, match=told):
        run.run(2, steps_at_once=at_once)
    assert run.value == -2.0
    again = Counting([0.1, 0.1])
    again.take(run.checkpoints[-1])
    assert (again.value, again.progress.steps, again.progress.step) == (-2.0, 2, 0)


@pytest.mark.parametrize("at_once", [1, 4])
def test_if_the_recipe_says_so_it_is_left_out_and_counted(at_once: int) -> None:
    run = Counting([0.1, 0.1], slopes={1: math.nan, 2: math.inf}, skip=True)
    progress = run.run(2, steps_at_once=at_once)
    assert run.value == -2.0
    assert [epoch.skipped for epoch in progress.epochs] == [1, 1]
    assert [result.outcome for _, result in run.results] == [
        *(Outcome.DONE, Outcome.NOT_FINITE, Outcome.NOT_FINITE, Outcome.DONE)
    ]
    # What was left out has moved nothing.
    assert [result.later for _, result in run.results] == ([0, 0, 1, 0] if at_once > 1 else [0] * 4)
    # Their losses do not spoil the mean: of the weights 0, and then -1.
    assert [epoch.loss for epoch in progress.epochs] == [0.0, -1.0]
    assert progress.steps == 4


def test_too_little_memory_is_told_with_what_to_do() -> None:
    def much() -> tf.Tensor:
        return tf.reduce_sum(tf.random.uniform([2**46]))

    run = Counting([0.1], losses=much)
    told = "epoch 1, step 1: expected room in the memory, received none, in batch 1/0: .*allocating.*; buy more"
    with pytest.raises(TrainingError, match=told):
        run.run(1)


def test_too_little_memory_for_scoring_is_told() -> None:
    run = Counting([0.1])

    def much() -> dict[str, float]:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor with shape[7]")

    run.score = much  # type: ignore[method-assign]
    told = "epoch 1, step 3: expected room .*, while the dev corpus was scored: OOM when allocating .*; buy more"
    with pytest.raises(TrainingError, match=told):
        run.run(1)


def test_of_steps_that_are_run_at_once_none_is_blamed_by_itself() -> None:
    run = Counting([0.1], losses=lambda: tf.reduce_sum(tf.random.uniform([2**46])))
    told = "step 1: .*, in one of 2 steps that were run at once, the largest in batch 1/0 of 2: "
    with pytest.raises(TrainingError, match=told):
        run.run(1, steps_at_once=2)


def test_progress_comes_back_from_json() -> None:
    run = Counting([0.1, 0.3])
    progress = run.run(2)
    progress.end_stage()
    told = json.loads(json.dumps(progress.to_json()))
    assert Progress.from_json(told) == progress
    with pytest.raises((TypeError, KeyError)):
        Progress.from_json({**told, "unknown": 1})
