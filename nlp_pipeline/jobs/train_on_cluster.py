"""Training on a Ray cluster: Ray Train places the workers, tells them of one another, and begins anew what was lost.

Every machine must see the recipe's corpora and the run's folder under the same names, and have this package.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass
from io import TextIOBase
from pathlib import Path
from typing import IO, Any, cast

from rich.console import Console

from nlp_pipeline.errors import (
    ClusterError,
    LostWorkerError,
    PipelineError,
    Problem,
    StoppedByUserError,
    TerminatedError,
    UsageError,
)
from nlp_pipeline.jobs.console import say_to
from nlp_pipeline.jobs.run_folder import RunFolder, Start
from nlp_pipeline.jobs.tasks import check, train
from nlp_pipeline.recipe import Recipe
from nlp_pipeline.serving.connection import Cluster, connected, last_line, refuse_too_small
from nlp_pipeline.stopping import Signals, StopNow

OPTION = "--cluster ray"
# Seconds between two looks at what the others say.
_PAUSE = 0.5


@dataclass(frozen=True)
class Errand:
    """What every worker is to do.

    Attributes:
        recipe: with `training.strategy` `multi_worker`.
        output: the run's folder, by its full name.
        start: what becomes of an earlier training there.
        working_folder: which the recipe's paths may be relative to.
        cpus: of a worker.
    """

    recipe: Recipe
    output: Path
    start: Start
    working_folder: Path
    cpus: float


class Messenger:
    """An actor that the workers, and the process that began the run, leave messages with."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._attempts = 0
        self._failure: PipelineError | None = None
        self._signal: int | None = None

    def begin(self) -> int:
        """Return how many times the chief has begun, this one included."""
        self._attempts += 1
        return self._attempts

    def attempts(self) -> int:
        """Return how many times the chief has begun."""
        return self._attempts

    def say(self, line: str) -> None:
        """Take a line for the user."""
        self._lines.append(line)

    def take(self) -> list[str]:
        """Return the lines since the last call."""
        taken, self._lines = self._lines, []
        return taken

    def fail(self, error: PipelineError) -> None:
        """Take an error that would come again if the run were begun anew; of several the first."""
        self._failure = self._failure or error

    def failure(self) -> PipelineError | None:
        """Return that error."""
        return self._failure

    def stop(self, number: int) -> None:
        """Ask the workers to stop, as a signal would."""
        self._signal = number

    def asked(self) -> int | None:
        """Return the signal that they are asked to stop by."""
        return self._signal


def train_on(
    cluster: Cluster, restarts: int, recipe: Recipe, output: Path, console: Console, start: Start = Start.NEW
) -> None:
    """Train what a recipe says by the workers of a cluster, and leave a bundle in `output/bundle`.

    Where a worker is lost, Ray Train begins all of them anew, and they go on from the last checkpoint.

    Args:
        cluster: where, and how many workers.
        restarts: how often they are begun anew.
        recipe: what to do; its `training.strategy` has to be `multi_worker`.
        output: the run's folder.
        console: where progress is shown.
        start: what becomes of an earlier training into this folder that was not finished.

    Raises:
        UsageError: where Ray is not installed, or the folder holds an unfinished training.
        ClusterError: where the cluster cannot be reached, this machine has no room for the workers, or they are lost
            more than `restarts` times.
        CorpusError, EncoderError, OutputError, TrainingError: as `train`, of any worker.
        StoppedByUserError, TerminatedError: after a signal, and a checkpoint.
    """
    folder = RunFolder(output.absolute())
    folder.refuse_other()
    # What is wrong with a corpus is told before anything is started.
    check(recipe, folder.corpus, say_to(console)).keep()
    if start is Start.NEW:
        folder.refuse_unfinished()
    ray = connected(cluster, OPTION, "ray.train.tensorflow")
    logging.getLogger("ray.train").setLevel(logging.ERROR)
    refuse_too_small(ray, cluster, cluster.workers, OPTION, say_to(console))
    messenger: Any = ray.remote(num_cpus=0)(Messenger).remote()
    if start is Start.FORCE:
        # A worker that is begun anew must not find the checkpoints of the training that is to be forgotten.
        folder.checkpoints.remove()
        start = Start.NEW
    errand = Errand(recipe, folder.path, start, Path.cwd(), cluster.cpus)
    storage = folder.path / ".ray"
    trainer = _trainer(ray, cluster, restarts, storage, {"errand": errand, "messenger": messenger})
    raised: list[BaseException] = []
    thread = threading.Thread(target=_caught, args=(trainer.fit, raised), daemon=True)
    try:
        with Signals() as signals:
            thread.start()
            _watch(ray, thread, messenger, signals, say_to(console))
        failure: PipelineError | None = ray.get(messenger.failure.remote())
        if failure is not None:
            raise failure
        if raised:
            raise _lost(raised[0], restarts)
    except ray.exceptions.RayError as error:
        message = f"expected the cluster to train, received: {last_line(error.__cause__ or error)}"
        raise ClusterError([Problem(OPTION, message)]) from None
    finally:
        shutil.rmtree(storage, ignore_errors=True)


def _trainer(ray: Any, cluster: Cluster, restarts: int, storage: Path, config: dict[str, Any]) -> Any:
    from ray.train.tensorflow import TensorflowTrainer

    resources = {"CPU": cluster.cpus} | ({"GPU": cluster.gpus} if cluster.gpus else {})
    return TensorflowTrainer(
        _work,
        train_loop_config=config,
        scaling_config=ray.train.ScalingConfig(
            num_workers=cluster.workers, use_gpu=cluster.gpus > 0, resources_per_worker=resources
        ),
        run_config=ray.train.RunConfig(
            name="train",
            storage_path=str(storage),
            failure_config=ray.train.FailureConfig(max_failures=restarts),
            worker_runtime_env={"env_vars": {"TF_CPP_MIN_LOG_LEVEL": "3"}},
        ),
    )


def _caught(call: Callable[[], Any], raised: list[BaseException]) -> None:
    try:
        call()
    except BaseException as error:
        raised.append(error)


def _watch(ray: Any, thread: threading.Thread, messenger: Any, signals: Signals, say: Callable[[str], None]) -> None:
    """Show what the chief says until the run is over, and hand a signal on to the workers."""
    asked = False
    try:
        while thread.is_alive():
            thread.join(_PAUSE)
            for line in ray.get(messenger.take.remote()):
                say(line)
            if signals.received is not None and not asked:
                if not ray.get(messenger.attempts.remote()):
                    raise StopNow  # there is nobody yet who could be asked
                ray.get(messenger.stop.remote(signals.received))
                asked = True
        for line in ray.get(messenger.take.remote()):
            say(line)
    except StopNow:
        # The second signal, or one that came before there were workers: nothing is waited for.
        ray.shutdown()
        raise signals.error("stopped; the same command with --resume goes on from the last checkpoint") from None


def _lost(error: BaseException, restarts: int) -> ClusterError:
    """Return what is told of the last loss of a worker, after which nothing is begun anew."""
    failures = getattr(error, "worker_failures", None) or {0: error}
    cause = last_line(next(iter(failures.values())))
    message = (
        f"expected the workers to train, lost one of them after {restarts} restarts: {cause}; "
        "the same command with --resume goes on from the last checkpoint"
    )
    return ClusterError([Problem(OPTION, message)])


class _Lines(TextIOBase):
    """A file whose lines go to the messenger."""

    def __init__(self, ray: Any, messenger: Any) -> None:
        self._ray = ray
        self._messenger = messenger
        self._begun = ""

    def write(self, text: str) -> int:
        *lines, self._begun = (self._begun + text).split("\n")
        for line in lines:
            self._ray.get(self._messenger.say.remote(line))
        return len(text)


def _work(config: dict[str, Any]) -> None:
    """Be one worker."""
    import ray
    import ray.train

    errand: Errand = config["errand"]
    messenger = config["messenger"]
    if ray.get(messenger.failure.remote()) is not None:
        return  # the first of the workers has told why it would come to nothing again
    # Ray asks for Keras 2, which we do not have.
    os.environ.pop("TF_USE_LEGACY_KERAS", None)
    start, console = errand.start, Console(quiet=True)
    if ray.train.get_context().get_world_rank() == 0:
        console = Console(file=cast("IO[str]", _Lines(ray, messenger)), width=200)
        if ray.get(messenger.begin.remote()) > 1:
            start = Start.RESUME
            say_to(console)("a worker was lost: Ray Train has begun all of them anew")
    signals, over = Signals(), threading.Event()
    listener = threading.Thread(target=_listen, args=(ray, messenger, signals, over), daemon=True)
    listener.start()
    try:
        try:
            os.chdir(errand.working_folder)
        except OSError as error:
            message = f"expected the working folder of the command on each machine, received {error.strerror}"
            raise UsageError([Problem(str(errand.working_folder), message)]) from None
        _use(errand.cpus)
        train(errand.recipe, errand.output, console, start=start, signals=signals)
    except LostWorkerError:
        raise
    except (StoppedByUserError, TerminatedError) as error:
        # All workers stop at the same step: none of them waits for another.
        ray.get(messenger.fail.remote(error))
    except PipelineError as error:
        ray.get(messenger.fail.remote(error))
        raise
    finally:
        over.set()


def _listen(ray: Any, messenger: Any, signals: Signals, over: threading.Event) -> None:
    """Let a signal that the process got which began the run be one to this worker."""
    while not over.wait(2 * _PAUSE):
        asked: int | None = ray.get(messenger.asked.remote())
        if asked is not None:
            signals.received = signal.Signals(asked)
            return


def _use(cpus: float) -> None:
    """Let a worker compute on as many processors as it has, and no more."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(max(1, int(cpus)))
