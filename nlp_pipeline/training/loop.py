"""Epochs: train, score, keep the best weights, stop when nothing gets better, and go on where a killed run was."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import tensorflow as tf

from nlp_pipeline.errors import PipelineError, Problem, TrainingError
from nlp_pipeline.stopping import Signals, StopNow
from nlp_pipeline.training.memory import enough_memory
from nlp_pipeline.training.optimizers import GroupedOptimizer
from nlp_pipeline.training.pace import Pace
from nlp_pipeline.training.progress import EpochResult, Progress
from nlp_pipeline.training.shown import Shown
from nlp_pipeline.training.state import TrainingState
from nlp_pipeline.training.step import Outcome, StepResult, TrainingStep
from nlp_pipeline.training.team import Team


class Watcher(Protocol):
    """Is told what happens: a progress bar, TensorBoard."""

    def step_done(self, step: int, result: StepResult, optimizer: GroupedOptimizer) -> None:
        """One step is done; steps are counted from 1 over the whole run."""

    def epoch_done(self, step: int, result: EpochResult, shown: Shown) -> None:
        """One epoch is done and scored."""


@dataclass(frozen=True)
class Scoring:
    """How weights are scored after an epoch.

    Attributes:
        score: scores the network's weights as they stand.
        decisive: which of the scores decides; the highest is best.
        show: gives what there is to look at, of the weights that were scored last.
    """

    score: Callable[[], Mapping[str, float]]
    decisive: str
    show: Callable[[], Shown] = Shown


@dataclass(frozen=True)
class Limits:
    """When a stage of a run ends, and when it does what it does in between.

    Attributes:
        last_epoch: the number of its last epoch.
        patience: epochs without a better score after which it ends; None for all epochs.
        steps: how many steps the whole run may take; None for as many as there are.
        steps_at_once: how many steps are run without coming back to Python; None for as many as take half a second.
        checkpoint_steps: after how many steps a checkpoint is written; None for after each epoch alone.
    """

    last_epoch: int
    patience: int | None = None
    steps: int | None = None
    steps_at_once: int | None = 1
    checkpoint_steps: int | None = None


@dataclass(frozen=True)
class Batches:
    """The batches of a stage.

    Attributes:
        begin: returns an iterator that begins with the first batch of a step of an epoch.
        steps_of: how many steps an epoch has.
        begin_epoch: is told which epoch begins.
        describe: names the examples of a step of an epoch; of the largest one of so many from it on.
    """

    begin: Callable[[int, int], Iterator[Any]]
    steps_of: Callable[[int], int]
    begin_epoch: Callable[[int], None] = lambda _epoch: None
    describe: Callable[[int, int, int], str] = lambda _epoch, _step, _count: ""


@dataclass
class Loop:
    """The training of one stage.

    Attributes:
        step: its training step.
        batches: what it is trained on.
        scoring: how it is scored.
        limits: when it ends.
        team: who takes part.
        state: all that changes, which checkpoints are made of.
        progress: how far the run is.
        checkpoint: writes one of the state as it is; is called by every worker.
        signals: which may end the run.
        watchers: are told of steps and epochs.
        remedies: what a user can do where the memory is too small.
    """

    step: TrainingStep
    batches: Batches
    scoring: Scoring
    limits: Limits
    team: Team
    state: TrainingState
    progress: Progress
    checkpoint: Callable[[], None] = lambda: None
    signals: Signals = field(default_factory=Signals)
    watchers: Sequence[Watcher] = ()
    remedies: str = "a smaller batch needs less"

    def run(self) -> None:
        """Train until the stage is over, and leave the best epoch's weights in place.

        Raises:
            TrainingError: where loss or gradient are no numbers, and what was before the step is in a checkpoint; where
                memory is too small, and what is after the last checkpoint is lost. Both name the step, the latter the
                first of those that were run at once.
            LostWorkerError: where another worker is gone; what is after the last checkpoint is lost.
            OutputError: where a checkpoint or a log cannot be written.
            StoppedByUserError, TerminatedError: after a signal to any worker, and a checkpoint.
            StopNow: after a second signal.
        """
        progress = self.progress
        if not self._over():
            iterator = self.batches.begin(progress.epoch, progress.step)
            pace = Pace(self.limits.steps_at_once)
            while not self._over():
                self.batches.begin_epoch(progress.epoch)
                self._train(iterator, pace)
                self._score()
        self.state.take_best()

    def _over(self) -> bool:
        progress, limits = self.progress, self.limits
        if progress.epoch > limits.last_epoch or self._spent():
            return True
        if limits.patience is None or not progress.of_stage():
            return False
        return progress.epoch - 1 - progress.best.epoch >= limits.patience

    def _spent(self) -> bool:
        """Return whether all steps are taken that the run may take, and scored."""
        return self.limits.steps is not None and self.progress.steps >= self.limits.steps and not self.progress.step

    def _left(self) -> int:
        """Return how many steps are left of the epoch."""
        left = self.batches.steps_of(self.progress.epoch) - self.progress.step
        # A run that is gone on with may have been given fewer steps than it has taken.
        return left if self.limits.steps is None else max(0, min(left, self.limits.steps - self.progress.steps))

    def _train(self, iterator: Iterator[Any], pace: Pace) -> None:
        """Train what is left of an epoch."""
        progress, every = self.progress, self.limits.checkpoint_steps
        while left := self._left():
            started = time.monotonic()
            count = min(pace.count, left)
            if every is not None:
                count = min(count, every - progress.steps % every)
            with self._told(self._doing(count)):
                done = self.step(iterator, count, stop=self.signals.received)
            pace.took(done.results)
            wrong = done.results[-1].outcome is Outcome.NOT_FINITE and not self.step.skip
            for result in done.results[:-1] if wrong else done.results:
                progress.add(result)
                for watcher in self.watchers:
                    watcher.step_done(progress.steps, result, self.step.optimizer)
            progress.seconds += time.monotonic() - started
            if wrong:
                self._keep()
                raise self._not_finite(done.results[-1])
            if done.stop is not None:
                raise self._stopped(done.stop)
            if every is not None and not progress.steps % every and self._left():
                self._keep()

    def _score(self) -> None:
        """Score an epoch, keep its weights if they are the best, and go on to the next."""
        average, decisive = self.step.average, self.scoring.decisive
        averaged: AbstractContextManager[None] = nullcontext() if average is None else average.in_place()
        shown = Shown()
        # The weights must be back in their places before they are written.
        with self.signals.finishing(), averaged, self._told("while the dev corpus was scored"):
            # The others wait: what two processors compute may differ in the last bit, and with it who is best.
            told = self.team.tell_json(self._scored)
            scores = told["scores"]
            if scores is not None:
                if self.team.chief:
                    shown = self.scoring.show()
                if self.progress.is_better(scores[decisive]):
                    self.state.keep_best()
        if scores is None:
            raise self._stopped(told["stop"])
        self.progress.end_epoch(scores, decisive)
        self._keep()
        for watcher in self.watchers:
            watcher.epoch_done(self.progress.steps, self.progress.epochs[-1], shown)
        if self.team.workers == 1 and self.signals.received is not None:
            raise self._stopped(self.signals.received)

    def _scored(self) -> dict[str, Any]:
        """Return the scores of the weights as they stand, or the signal that ended the scoring."""
        try:
            with self.signals.at_once():
                return {"scores": dict(self.scoring.score()), "stop": None}
        except StopNow:
            return {"scores": None, "stop": self.signals.received}

    def _keep(self) -> None:
        """Write a checkpoint, whole."""
        with self.signals.finishing():
            self.checkpoint()

    def _stopped(self, received: int) -> PipelineError:
        """Write a checkpoint, and return the error that a signal to any worker ends the run with."""
        self._keep()
        where = f"in epoch {self.progress.epoch}, after {self.progress.steps} steps"
        return self.signals.error(f"stopped {where}; the same command with --resume goes on from there", received)

    def _doing(self, count: int) -> str:
        """Return what is being done in the next steps."""
        largest = self.batches.describe(self.progress.epoch, self.progress.step, count)
        return largest if count == 1 else f"in one of {count} steps that were run at once, the largest {largest}"

    def _not_finite(self, result: StepResult) -> TrainingError:
        progress, weights = self.progress, self.step.optimizer.weights
        culprit = f" (first in {weights[result.culprit].path})" if result.culprit >= 0 else ""
        falling = f"; the loss scale fell in the {progress.falling} steps before" if progress.falling else ""
        message = (
            f"expected a finite loss and gradient, received {result.loss} and {result.gradient_norm}{culprit}"
            f"{falling}, {self.batches.describe(progress.epoch, progress.step, 1)}. The weights are kept as they were "
            "before; a lower learning_rate or clip_norm may help, or training.not_finite=skip"
        )
        return TrainingError([Problem(f"epoch {progress.epoch}, step {progress.steps + 1}", message)])

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        """Make errors of TensorFlow's that a user can do something about errors of ours."""
        place = f"epoch {self.progress.epoch}, step {self.progress.steps + 1}"
        try:
            with enough_memory(place, doing, self.remedies):
                yield
        except tf.errors.OpError as error:
            if not self.team.has_lost(error):
                raise
            raise self.team.lost(error, place) from None
