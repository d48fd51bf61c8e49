"""How many steps of training are run at once."""

from __future__ import annotations

from collections.abc import Sequence

from nlp_pipeline.training.step import StepResult

# Progress is told, and signals are answered, about so often.
SECONDS = 0.5


class Pace:
    """Steps that together take about half a second: between steps that are run one by one the processor stands still.

    Args:
        fixed: how many there are to be, however long they take.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed = fixed
        self._seconds = SECONDS

    @property
    def count(self) -> int:
        """How many steps are to be run next; one, as long as it is not known how long one takes."""
        return max(1, int(SECONDS / max(self._seconds, 1e-6))) if self.fixed is None else self.fixed

    def took(self, results: Sequence[StepResult]) -> None:
        """Note how long steps took that were run at once."""
        self._seconds = results[-1].seconds
