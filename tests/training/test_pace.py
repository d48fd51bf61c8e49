from __future__ import annotations

import pytest

from nlp_pipeline.training.pace import SECONDS, Pace
from nlp_pipeline.training.step import StepResult


def _steps(count: int, seconds: float) -> list[StepResult]:
    return [StepResult(1.0, 1.0, 1.0, seconds=seconds)] * count


def test_the_first_step_is_run_alone() -> None:
    assert Pace().count == 1


@pytest.mark.parametrize("seconds", [0.004, 0.03, 0.2, 0.45, 3.0])
def test_then_as_many_as_take_half_a_second(seconds: float) -> None:
    pace = Pace()
    # The first one makes the graph.
    pace.took(_steps(1, 20.0))
    assert pace.count == 1
    pace.took(_steps(1, seconds))
    assert pace.count >= 1
    assert pace.count * seconds <= max(SECONDS, seconds)
    assert (pace.count + 1) * seconds > SECONDS


def test_steps_that_take_no_time_on_a_coarse_clock_are_many_and_not_endless() -> None:
    pace = Pace()
    pace.took(_steps(3, 0.0))
    assert 1 < pace.count < 10**7


def test_what_is_fixed_stays() -> None:
    pace = Pace(3)
    pace.took(_steps(3, 20.0))
    assert pace.count == 3
