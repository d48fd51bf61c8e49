"""What ends a run before its time: a signal, a loss that is no number, too little memory; told, and nothing lost."""

from __future__ import annotations

import math
import os
import signal
from typing import Any

import pytest
import tensorflow as tf

from nlp_pipeline.errors import StoppedByUserError, TerminatedError, TrainingError
from nlp_pipeline.stopping import StopNow
from nlp_pipeline.training.step import Outcome
from tests.training.counting import SCORES, Counting, timeless_epochs


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
    assert timeless_epochs(again.progress) == timeless_epochs(whole.progress)


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
