"""On which devices a run trains, and what its workers tell one another."""

from __future__ import annotations

import functools
import json
import os
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
import tensorflow as tf

from nlp_pipeline.devices import let_memory_grow
from nlp_pipeline.errors import LostWorkerError, PipelineError, Problem, TrainingError, UsageError

StrategyName = Literal["auto", "none", "mirrored", "multi_worker"]
TF_CONFIG = "TF_CONFIG"
# Numbers that are sent at once, four bytes each.
_PIECE = 2**24
# What TensorFlow raises where another worker is gone, of which it may hear in any of these ways; ...
_LOSSES = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
# ... in these, if the message speaks of it.
_PERHAPS_LOSSES = (tf.errors.InternalError, tf.errors.UnknownError, tf.errors.FailedPreconditionError)
_SPOKEN_OF = re.compile(r"collective|coordination|peer|socket|connection|heartbeat|remote worker|grpc", re.IGNORECASE)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Team:
    """The workers of a run, each a process with the same program, and this one's place among them.

    Attributes:
        strategy: where the run trains.
        worker: this worker's number; 0 is the chief, who alone writes.
        workers: how many there are.
    """

    strategy: tf.distribute.Strategy
    worker: int = 0
    workers: int = 1

    @property
    def name(self) -> str:
        """What a recipe calls the strategy."""
        if isinstance(self.strategy, tf.distribute.MultiWorkerMirroredStrategy):
            return "multi_worker"
        return "mirrored" if isinstance(self.strategy, tf.distribute.MirroredStrategy) else "none"

    @property
    def chief(self) -> bool:
        """Whether this worker writes what there is to write."""
        return self.worker == 0

    @property
    def replicas(self) -> int:
        """How many copies of the network are trained, by all workers together."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def local_replicas(self) -> int:
        """How many of them this worker has."""
        return self.replicas // self.workers

    def tell(self, say: Callable[[], bytes], by: int = 0) -> bytes:
        """Return what one worker says, to every worker. All of them have to call it, in the same order.

        Args:
            say: is called by that worker alone.
            by: its number; the chief's when left out.
        """
        if self.workers == 1:
            return say()
        said = say() if self.worker == by else b""
        size = int(self._sum(np.array([len(said)], np.int64))[0])
        numbers = np.zeros(-(-size // 4), np.int32)
        if self.worker == by:
            numbers.view(np.uint8)[:size] = np.frombuffer(said, np.uint8)
        pieces = [self._sum(numbers[start : start + _PIECE]) for start in range(0, len(numbers), _PIECE)]
        return np.concatenate(pieces).view(np.uint8)[:size].tobytes() if pieces else b""

    def tell_json(self, say: Callable[[], Any]) -> Any:
        """Return what the chief says, of what JSON can say; floats come as they were."""
        return json.loads(self.tell(lambda: json.dumps(say()).encode()))

    def together(self, do: Callable[[], Result]) -> Result:
        """Let every worker do something that may fail; where it fails for one of them, it does for all.

        Raises:
            PipelineError: what it failed with.
            TrainingError: where it failed for another worker; names that, and says with what.
        """
        failure: PipelineError | None = None
        try:
            done = do()
        except PipelineError as error:
            failure = error
        if self.workers > 1:
            flags = np.zeros(self.workers, np.int32)
            flags[self.worker] = failure is not None
            if (failed := np.flatnonzero(self._sum(flags))).size:
                first = int(failed[0])
                told = self.tell(lambda: "; ".join(failure.lines() if failure else ()).encode(), by=first).decode()
                if failure is None:
                    raise TrainingError(f"worker {first} of {self.workers} cannot take part: {told}")
        if failure is not None:
            raise failure
        return done

    def in_turn(self, do: Callable[[], Any]) -> Any:
        """Let the chief do something first, and then every worker: what is kept in files is there for the others."""
        done = do() if self.chief else None
        self.wait()
        return done if self.chief else do()

    def wait(self) -> None:
        """Wait until all workers are here."""
        self.tell(lambda: b".")

    def has_lost(self, error: tf.errors.OpError) -> bool:
        """Return whether an error of TensorFlow's means that another worker is gone."""
        if self.workers == 1:
            return False
        return isinstance(error, _LOSSES) or (
            isinstance(error, _PERHAPS_LOSSES) and _SPOKEN_OF.search(error.message) is not None
        )

    def lost(self, error: tf.errors.OpError, place: str) -> LostWorkerError:
        """Return what an error that `has_lost` knows means to a user.

        Args:
            error: what TensorFlow raised.
            place: where the run was.
        """
        lines = [re.sub(r"\{\{.*?\}\}", "", line).strip() for line in str(error).splitlines()]
        cause = next((line for line in lines if "ollective" in line and "CollectiveReduce" not in line), lines[0])
        message = (
            f"another of the {self.workers} workers is lost ({cause}); all of them, begun anew with --resume, "
            "go on from the last checkpoint"
        )
        return LostWorkerError([Problem(place, message)])

    def _sum(self, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the sum of what each worker has, of which all but the chief have zeros."""
        first = np.zeros_like(numbers)

        def own(context: Any) -> tf.Tensor:
            # A worker's first replica has them; its others have zeros.
            mine = context.replica_id_in_sync_group % self.local_replicas == 0
            return tf.constant(numbers if mine else first)

        shared = self.strategy.experimental_distribute_values_from_function(own)
        try:
            summed = self.strategy.reduce(tf.distribute.ReduceOp.SUM, shared, axis=None)
            result: np.ndarray[Any, Any] = summed.numpy()
        except tf.errors.OpError as error:
            if not self.has_lost(error):
                raise
            raise self.lost(error, "") from None
        return result


def gather_team(name: StrategyName, say: Callable[[str], None] = lambda _line: None) -> Team:
    """Return the devices of a run. Call it before anything else asks TensorFlow for a device.

    Args:
        name: `none` is one device; `mirrored` every GPU of this machine, or every logical CPU device where there is
            none; `auto` is `mirrored` where there are several GPUs and `none` otherwise. `multi_worker` reads TF_CONFIG
            and waits for the other workers.
        say: is told what is waited for, by the chief.

    Raises:
        UsageError: where `multi_worker` finds no TF_CONFIG that says who works, or `auto` or `mirrored` one that names
            several workers.
        LostWorkerError: where the other workers do not come.
    """
    let_memory_grow()
    worker, workers = _place_in_cluster()
    if name == "multi_worker":
        if not workers:
            raise _no_cluster()
        if worker == 0:
            say(f"on {told_devices()}: waiting for the {workers} workers of {TF_CONFIG}")
        try:
            strategy = _multi_worker()
        except (tf.errors.OpError, RuntimeError, ValueError) as error:
            message = f"the {workers} workers of {TF_CONFIG} did not come together: {_first_line(error)}"
            raise LostWorkerError(message) from None
        return Team(strategy, worker, workers)
    if name != "none" and workers > 1:
        message = f"expected training.strategy=multi_worker, since {TF_CONFIG} names {workers} workers, received {name}"
        raise UsageError([Problem("", message)])
    gpus = tf.config.list_logical_devices("GPU")
    if name == "none" or (name == "auto" and len(gpus) < 2):
        return Team(tf.distribute.get_strategy())
    devices = gpus or tf.config.list_logical_devices("CPU")
    return Team(_mirrored(tuple(device.name for device in devices)))


# One of each a process: a second one would count its collective operations from the beginning again, and TensorFlow
# take the first of them for that of the one before.


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy(devices)


@functools.cache
def _multi_worker() -> tf.distribute.Strategy:
    return tf.distribute.MultiWorkerMirroredStrategy()


def _place_in_cluster() -> tuple[int, int]:
    """Return this worker's number and how many there are, by TF_CONFIG; 0 and 0 where that says nothing.

    Raises:
        UsageError: where TF_CONFIG is not what TensorFlow takes.
    """
    text = os.environ.get(TF_CONFIG, "")
    try:
        config = json.loads(text or "{}")
        cluster, task = config.get("cluster", {}), config.get("task", {})
        addresses = [*cluster.get("chief", []), *cluster.get("worker", [])]
        if not addresses:
            return 0, 0
        number = int(task["index"]) + (len(cluster.get("chief", [])) if task["type"] == "worker" else 0)
        if task["type"] in ("chief", "worker") and 0 <= number < len(addresses):
            return number, len(addresses)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise _no_cluster()


def _no_cluster() -> UsageError:
    message = (
        'expected {"cluster": {"worker": ["host:port", ...]}, "task": {"type": "worker", "index": 0}} '
        f"with a task of the cluster, received {os.environ.get(TF_CONFIG, 'nothing')}"
    )
    return UsageError([Problem(TF_CONFIG, message)])


def told_devices() -> str:
    """Return the devices of this machine as a text, equal ones counted."""
    names = device_names()
    return ", ".join(f"{count} x {name}" if count > 1 else name for name, count in Counter(names).items())


def device_names() -> list[str]:
    """Return the GPUs of this machine by the names that they are sold under, or the CPU."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return ["the CPU"]
    return [str(tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)) for gpu in gpus]


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
