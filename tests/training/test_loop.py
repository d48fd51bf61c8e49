"""The loop: the best epoch's weights stay; a run ends when it should, and goes on where it was."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any

import pytest

from nlp_pipeline.training.progress import Progress
from nlp_pipeline.training.step import Executed, StepResult
from tests.training.counting import SCORES, Counting, timeless_epochs


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
        assert timeless_epochs(again.progress) == timeless_epochs(whole.progress)


def _timeless(result: StepResult, run: Counting, step: int) -> StepResult:
    """Return a result with the times of another run."""
    other = dict(run.results)[step]
    return result._replace(waited=other.waited, seconds=other.seconds)


def test_progress_comes_back_from_json() -> None:
    run = Counting([0.1, 0.3])
    progress = run.run(2)
    progress.end_stage()
    told = json.loads(json.dumps(progress.to_json()))
    assert Progress.from_json(told) == progress
    with pytest.raises((TypeError, KeyError)):
        Progress.from_json({**told, "unknown": 1})
