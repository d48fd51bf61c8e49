"""What a user can get wrong. Everything here is shown as plain lines, without a traceback."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

SHOWN_PROBLEMS = 20


class Problem(NamedTuple):
    """One thing that is wrong, and where."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class PipelineError(Exception):
    """Something that the user can put right.

    Args:
        problems: what is wrong, each with its place (a file, `file:line`, a key of the recipe).
        omitted: how many further problems there are that are not listed.
    """

    exit_code = 1

    def __init__(self, problems: Iterable[Problem | str], omitted: int = 0) -> None:
        if isinstance(problems, str):
            problems = [problems]
        self.problems: list[Problem] = [p if isinstance(p, Problem) else Problem("", p) for p in problems]
        self.omitted = omitted
        super().__init__("\n".join(self.lines()))

    def lines(self) -> Sequence[str]:
        """Return one line a problem, and a last one for those that are not listed."""
        lines = [str(problem) for problem in self.problems]
        if self.omitted:
            lines.append(f"... and {self.omitted} more problems of this kind")
        return lines

    def __reduce__(self) -> tuple[type[PipelineError], tuple[list[Problem], int]]:
        return type(self), (self.problems, self.omitted)


class RecipeError(PipelineError):
    """A recipe that cannot be read, or an override that does not fit it."""

    exit_code = 2


class UsageError(PipelineError):
    """A command that was given what it cannot take."""

    exit_code = 2


class CorpusError(PipelineError):
    """A corpus file that is missing, unreadable or wrong."""


class EncoderError(PipelineError):
    """An encoder checkpoint that cannot be found, fetched or loaded."""


class BundleError(PipelineError):
    """A model directory that is missing, incomplete, altered or of another kind."""


class ExportError(PipelineError):
    """A SavedModel that does not do what its bundle does."""


class RunError(PipelineError):
    """A run's folder that is missing, or holds nothing that could be shown."""


class OutputError(PipelineError):
    """A place that cannot be written to."""


class TrainingError(PipelineError):
    """A run that cannot go on."""


class LostWorkerError(TrainingError):
    """A run that cannot go on since another of its workers is gone; all of them, begun anew, can."""


class ClusterError(PipelineError):
    """A cluster that cannot be reached, or cannot do what it is asked to."""


class RejectedError(PipelineError):
    """Records that could not be read; all others were done."""

    exit_code = 3


class StoppedByUserError(PipelineError):
    """A run that was interrupted from the keyboard."""

    exit_code = 130


class TerminatedError(PipelineError):
    """A run that was asked to end."""

    exit_code = 143


class Problems:
    """Collects the problems of a file, so that all of them are told and not the first alone.

    Args:
        shown: how many are kept word for word; the others are counted.
    """

    def __init__(self, shown: int = SHOWN_PROBLEMS) -> None:
        self.shown = shown
        self.listed: list[Problem] = []
        self.count = 0

    def add(self, place: str, message: str) -> None:
        """Note one problem."""
        self.count += 1
        if len(self.listed) < self.shown:
            self.listed.append(Problem(place, message))

    def raise_if_any(self, error: type[PipelineError] = CorpusError) -> None:
        """Raise `error` with what was collected, if anything was."""
        if self.count:
            raise error(self.listed, self.count - len(self.listed))
