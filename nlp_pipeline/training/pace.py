"""How many steps of training are run at once."""

from __future__ import annotations

from collections.abc import Sequence

from nlp_pipeline.training.step import StepResult

# Progress is told about so often. A signal may wait for twice as long: until steps that had begun are over.
SECONDS = 0.5


class Pace:
    """Steps that together take about half a second: between steps that are run one by one the processor stands still.

    Args:
        fixed: how many there are to be, however long they take.
    """

    def __init__(self, fixed: int | None = None) -> None:
        self.fixed = fixed
        self._next = 1

    @property
    def count(self) -> int:
        """How many steps are to be run next; one, as long as it is not known how long one takes."""
        return self._next if self.fixed is None else self.fixed

    def took(self, results: Sequence[StepResult]) -> None:
        """Note how long steps took that were run at once. At most twice as many follow, for they may be longer ones."""
        fitting = int(SECONDS / max(results[-1].seconds, 1e-6))
        self._next = max(1, min(fitting, 2 * len(results)))
