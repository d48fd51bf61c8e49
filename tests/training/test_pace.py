"""How many steps are run at once: one at first, never much longer than half a second."""

from __future__ import annotations

import pytest

from nlp_pipeline.training.pace import SECONDS, Pace
from nlp_pipeline.training.step import StepResult


def _steps(count: int, seconds: float) -> list[StepResult]:
    return [StepResult(1.0, 1.0, 1.0, seconds=seconds)] * count


def _after(*seconds: float) -> list[int]:
    """Return how many steps were run each time, and would be next, where each of them takes so long."""
    pace, counts = Pace(), []
    for each in seconds:
        counts.append(pace.count)
        pace.took(_steps(pace.count, each))
    return [*counts, pace.count]


@pytest.mark.parametrize("seconds", [0.004, 0.03, 0.2, 0.45, 3.0])
def test_in_the_end_as_many_as_take_half_a_second(seconds: float) -> None:
    # The first one makes the graph.
    counts = _after(20.0, *[seconds] * 10)
    assert counts[:2] == [1, 1]
    assert counts[-1] * seconds <= max(SECONDS, seconds)
    assert (counts[-1] + 1) * seconds > SECONDS


def test_a_short_batch_is_not_taken_for_all() -> None:
    # 125 such steps would take half a second, and those that follow fifty seconds.
    assert _after(0.004, 0.4, 0.4) == [1, 2, 1, 1]
    assert _after(0.03, 0.03, 0.03, 0.03, 0.03) == [1, 2, 4, 8, 16, 16]
    assert _after(0.03, 0.03, 0.03, 0.03, 3.0) == [1, 2, 4, 8, 16, 1]


def test_steps_that_take_no_time_on_a_coarse_clock_are_no_failure() -> None:
    assert _after(0.0, 0.0, 0.0) == [1, 2, 4, 8]


def test_what_is_fixed_stays() -> None:
    pace = Pace(3)
    pace.took(_steps(3, 20.0))
    assert pace.count == 3
