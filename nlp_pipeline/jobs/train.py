"""Training: from a recipe to a bundle, on one device or many, and on from where a run was that ended too soon."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from rich.console import Console

from nlp_pipeline.errors import Problem, TrainingError, UsageError
from nlp_pipeline.jobs.circumstances import circumstances
from nlp_pipeline.jobs.console import say_to
from nlp_pipeline.jobs.encoder_vectors import keep_vectors_of
from nlp_pipeline.jobs.font_remarks import fonts_told_once
from nlp_pipeline.jobs.hparams import hparams_of
from nlp_pipeline.jobs.prepare import PreparedCorpus
from nlp_pipeline.jobs.run_folder import RunFolder, Start, versions
from nlp_pipeline.jobs.stages import batches_of, limits_of, stages_of, step_of
from nlp_pipeline.jobs.training_task import TrainingTask
from nlp_pipeline.models.network import Network
from nlp_pipeline.recipe import Training
from nlp_pipeline.stopping import Signals
from nlp_pipeline.training.checkpoints import Checkpoint
from nlp_pipeline.training.dashboard import Dashboard
from nlp_pipeline.training.loop import Loop, Watcher
from nlp_pipeline.training.memory import enough_memory
from nlp_pipeline.training.progress import Progress
from nlp_pipeline.training.progress_bar import ProgressBar
from nlp_pipeline.training.state import TrainingState
from nlp_pipeline.training.team import Team, device_names, told_devices


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    Attributes:
        bundle: the bundle's folder.
        metrics: what the bundle's `metrics.json` says; empty where training was skipped.
        progress: the epochs.
    """

    bundle: Path
    metrics: dict[str, Any]
    progress: Progress


class TrainingRun:
    """One training, by one worker of its team.

    Args:
        task: what is trained.
        team: where. `gather_team` has to be called before anything else asks TensorFlow for a device.
        folder: the run's.
        prepared: the recipe's corpora.
        console: where progress is shown; a quiet one for all workers but the chief.
        signals: may end it.
    """

    def __init__(
        self,
        task: TrainingTask,
        team: Team,
        folder: RunFolder,
        prepared: PreparedCorpus[Any],
        console: Console,
        signals: Signals,
    ) -> None:
        self.task = task
        self.team = team
        self.folder = folder
        self.prepared = prepared
        self.console = console
        self.signals = signals
        self.say = say_to(console)
        self.training = task.recipe.training
        self.started = time.monotonic()

    def train(self, start: Start) -> Trained:
        """Train, and leave a bundle.

        Raises:
            UsageError: where an unfinished training is in the way, or cannot be gone on with.
            EncoderError, OutputError, TrainingError: as the parts that it calls.
            StoppedByUserError, TerminatedError: after a signal, and a checkpoint.
        """
        with ExitStack() as stack:
            # Before the first step there is nothing to be kept.
            with self.signals.at_once():
                if self.team.tell_json(lambda: start is Start.RESUME and self._is_done()):
                    told = "training skipped: it is finished, and nothing has changed"
                    self.say(f"{told}; bundle in {self.folder.bundle}")
                    return Trained(self.folder.bundle, {}, Progress())
                found = self._found(start)
                keras.utils.set_random_seed(self.task.recipe.seed)
                tf.config.experimental.enable_op_determinism()
                with self.team.strategy.scope(), self._memory("while the network was built"):
                    # XLA does not know cuDNN's kernels.
                    network = self.task.build_network(use_cudnn=False if self.training.xla else "auto")
                # From here on all that was given is known to be right, and the run's folder is written to.
                self.team.together(lambda: self._open(stack, anew=found is None))
                splits = self.task.encode()
                with self._memory("while the encoder's vectors were computed"):
                    vectors = self.team.in_turn(lambda: keep_vectors_of(self.task, network, splits, self.console))
            progress = Progress() if found is None else Progress.from_json(found.about["progress"])
            if found is not None:
                self.say(
                    f"going on after epoch {progress.epoch - 1} and {progress.step} steps, {progress.steps} in all"
                )
            stages = stages_of(self.training, network)
            dashboard = self._watched(stack, progress, network)
            for number, stage in enumerate(stages):
                if number < progress.stage:
                    continue
                if stage.name:
                    self.say(stage.name)
                kept: Mapping[str, Any] = vectors if stage.frozen else {}
                train, dev = (splits[name].with_vectors(kept.get(name)) for name in ("train", "dev"))
                step = step_of(stage, self.training, self.task.recipe.seed, network, train, self.team)
                state = TrainingState(step, _moving(network))
                if found is not None:
                    self._take(state, found)
                    found = None
                scoring = self.task.scoring(dev)
                scoring = replace(scoring, show=fonts_told_once(scoring.show, self.say))
                batches = batches_of(
                    self.training, self.task.recipe.seed, network, train, self.team, max(1, progress.epoch)
                )
                limits = limits_of(stage, progress.began, self.training, self.team)
                with self._bar(progress, batches.steps_of(progress.epoch), limits.last_epoch, scoring.decisive) as bar:
                    watchers: list[Watcher] = [bar, *dashboard]
                    loop = Loop(
                        step,
                        batches,
                        scoring,
                        limits,
                        self.team,
                        state,
                        progress,
                        partial(self._checkpoint, state, progress),
                        self.signals,
                        watchers,
                        self._remedies(),
                    )
                    loop.run()
                if number + 1 < len(stages):
                    progress.end_stage()
            if self.team.workers > 1:
                return self._finish(network, progress)
            # The last checkpoint stays until the bundle is there.
            with self.signals.at_once():
                return self._finish(network, progress)

    def _open(self, stack: ExitStack, anew: bool) -> None:
        """Take the run's folder for this run; the chief alone does."""
        if self.team.chief:
            stack.enter_context(self.folder.held())
            self.prepared.keep()
            self.folder.open(self.task.recipe, anew)

    def _memory(self, doing: str) -> AbstractContextManager[None]:
        return enough_memory("", doing, self._remedies())

    def _is_done(self) -> bool:
        done = self.folder.done()
        same = done is not None and done["fingerprint"] == self.folder.fingerprint(self.task.recipe, self.prepared)
        return same and not self.folder.unfinished()

    def _found(self, start: Start) -> Checkpoint | None:
        """Return the checkpoint that the run goes on from; every worker the same."""
        own = self.team.together(lambda: self._looked_for(start) if self.team.chief else None)
        content = self.team.tell(lambda: own or b"")
        return Checkpoint.from_bytes(content) if content else None

    def _looked_for(self, start: Start) -> bytes | None:
        checkpoints = self.folder.checkpoints
        if start is Start.FORCE:
            return None
        if start is Start.NEW:
            self.folder.refuse_unfinished()
            return None
        content = checkpoints.newest(self.say)
        if content is None:
            if start is Start.RESUME:
                self.say(f"nothing to go on from in {checkpoints.folder}: training from the beginning")
            return None
        checkpoint = Checkpoint.from_bytes(content)
        differences = self.folder.differences(checkpoint.about, self.task.recipe, self.prepared)
        if differences.hard:
            if start is Start.GO_ON:
                self.say(f"the training that was not finished is another one ({differences.hard}): training anew")
                return None
            message = f"holds the checkpoints of another training: {differences.hard}; --force begins anew"
            raise UsageError([Problem(str(self.folder.path), message)])
        if differences.soft:
            self.say(f"changed since the checkpoint: {differences.soft}")
        return content

    def _take(self, state: TrainingState, found: Checkpoint) -> None:
        try:
            state.take(found.tensors)
        except ValueError as error:
            message = f"the checkpoint does not fit this training: {error}; --force begins anew"
            raise TrainingError([Problem(str(self.folder.checkpoints.folder), message)]) from None

    def _checkpoint(self, state: TrainingState, progress: Progress) -> None:
        """Write a checkpoint; the chief alone does."""
        if not self.team.chief:
            return
        told = progress.to_json() | {"before": progress.before + time.monotonic() - self.started}
        about = self.folder.about(self.task.recipe, self.prepared) | {"versions": versions(), "progress": told}
        self.folder.checkpoints.write(progress.steps, Checkpoint(state.to_tensors(), about))

    def _watched(self, stack: ExitStack, progress: Progress, network: Network) -> list[Watcher]:
        """Return what writes for TensorBoard; the chief's alone."""
        if not self.team.chief:
            return []
        recipe = self.task.recipe
        dashboard = Dashboard(
            self.folder.logs, progress.steps, recipe.dashboard.every, str(network.name), hparams_of(recipe)
        )
        stack.callback(dashboard.close)
        return [dashboard]

    def _bar(self, progress: Progress, steps_of_epoch: int, last_epoch: int, decisive: str) -> ProgressBar:
        steps = progress.steps - progress.step + steps_of_epoch * (last_epoch + 1 - progress.epoch)
        return ProgressBar(self.console, min(steps, self.training.steps or steps), decisive)

    def _remedies(self) -> str:
        training = self.training
        lower = f"lower training.batch_subwords (now {training.batch_subwords})"
        return f"{lower}, or raise training.accumulate (now {training.accumulate}), which leaves the result as it is"

    def _finish(self, network: Network, progress: Progress) -> Trained:
        """Write the bundle; the chief alone does, and the others wait."""
        metrics: dict[str, Any] = {
            "seconds": round(progress.before + time.monotonic() - self.started, 1),
            "best_epoch": progress.best.epoch,
            "epochs": len(progress.epochs),
            "steps": progress.steps,
            "skipped_batches": sum(epoch.skipped for epoch in progress.epochs),
            "rescaled_steps": sum(epoch.rescaled for epoch in progress.epochs),
            "replicas": self.team.replicas,
            "seed": self.task.recipe.seed,
            "weights": _count_weights(network),
            "circumstances": circumstances(told_devices()),
        }
        if self.team.chief:
            with self._memory("while the bundle was scored and written"):
                told = self.task.write_bundle(self.folder.bundle, metrics, progress.best)
            for line in told:
                self.say(line)
            self.folder.finish(self.task.recipe, self.prepared)
        self.team.wait()
        return Trained(self.folder.bundle, metrics, progress)


def describe_team(team: Team, recipe: Any) -> str:
    """Return the first line of a run's log: on what it trains, and how."""
    training = recipe.training
    on = told_devices()
    if team.local_replicas < len(device_names()):
        on = f"the first of {on}"
    workers = f" of {team.workers} workers" if team.workers > 1 else ""
    compiled = ", xla" if training.xla else ""
    how = f"strategy {team.name}, {training.precision}{compiled}, seed {recipe.seed}"
    return f"training on {team.replicas} device(s){workers} ({on}), {how}"


def refuse_untried(team: Team, training: Training) -> None:
    """Refuse what is known to hang.

    Raises:
        UsageError: for XLA with mixed precision on several GPUs (github.com/keras-team/keras/issues/20763).
    """
    if (
        training.xla
        and training.precision != "float32"
        and team.replicas > 1
        and tf.config.list_physical_devices("GPU")
    ):
        message = (
            f"expected false with training.precision={training.precision} on {team.replicas} GPUs, received true: the "
            "three together have been seen to hang (keras issue 20763); take float32, or one GPU, or no XLA"
        )
        raise UsageError([Problem("training.xla", message)])


def _moving(network: Network) -> list[Any]:
    """Return the variables of a network that change in training: what is trained, and the random generators' states."""
    still = {id(weight) for weight in network.non_trainable_weights}
    return [variable for variable in network.variables if id(variable) not in still]


def _count_weights(network: Network) -> dict[str, int]:
    """Return how many numbers were trained, and how many there are."""
    return {
        "trained": sum(int(tf.size(weight.value)) for weight in network.trainable_weights),
        "all": sum(int(tf.size(weight.value)) for weight in network.weights),
    }
