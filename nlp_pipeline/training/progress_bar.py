"""A run in the terminal."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from nlp_pipeline.training.optimizers import GroupedOptimizer
from nlp_pipeline.training.progress import EpochResult
from nlp_pipeline.training.shown import Shown
from nlp_pipeline.training.step import StepResult


class ProgressBar:
    """A bar with loss, words a second and the time left, and a line an epoch. Plain lines where there is no terminal.

    Args:
        console: where it is shown.
        steps: how many steps the run has at the most.
        decisive: the dev score that is shown first.
    """

    def __init__(self, console: Console, steps: int, decisive: str) -> None:
        self.console = console
        self.decisive = decisive
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.4f}  {task.fields[speed]:,.0f} words/s"),
            TimeRemainingColumn(),
        )
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.task = self.progress.add_task("training", total=steps, loss=0.0, speed=0.0)
        self._words = 0.0
        self._loss: float | None = None

    def __enter__(self) -> ProgressBar:
        self.progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.stop()

    def step_done(
        self,
        step: int,
        result: StepResult,
        optimizer: GroupedOptimizer,  # noqa: ARG002
    ) -> None:
        """Move the bar; the loss shown is smoothed over about twenty steps."""
        loss = result.loss / max(result.words, 1.0)
        self._loss = loss if self._loss is None else 0.95 * self._loss + 0.05 * loss
        self._words += result.words
        elapsed = self.progress.tasks[0].elapsed or 1e-9
        self.progress.update(self.task, completed=step, loss=self._loss, speed=self._words / elapsed)

    def epoch_done(
        self,
        step: int,  # noqa: ARG002
        result: EpochResult,
        shown: Shown,  # noqa: ARG002
    ) -> None:
        """Print a line with the epoch's loss, speed and score."""
        score = result.scores[self.decisive]
        speed = result.words / max(result.seconds, 1e-9)
        mark = f"  {result.skipped} batches left out" if result.skipped else ""
        mark += "  best so far" if result.best else ""
        self.console.print(
            f"epoch {result.epoch:>3}  loss {result.loss:.4f}  dev {self.decisive} {100 * score:.2f}  "
            f"{speed:,.0f} words/s  {result.seconds:.1f} s{mark}",
            highlight=False,
            soft_wrap=True,
        )
