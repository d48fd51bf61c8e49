"""A run in TensorBoard."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.histogram.metadata import create_summary_metadata
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from tensorboard.plugins.text.summary_v2 import text_pb

from nlp_pipeline.errors import OutputError, Problem
from nlp_pipeline.training.layer_names import norms_of_layers
from nlp_pipeline.training.optimizers import GroupedOptimizer
from nlp_pipeline.training.progress import EpochResult
from nlp_pipeline.training.shown import Shown
from nlp_pipeline.training.step import StepResult

_EVENTS = "events.out.tfevents.*"
_BINS = 30  # of a histogram, as many as TensorBoard has itself
# Scores that are another one's negative, so that the highest is the best.
_NEGATIVES = {"likelihood"}

HParams = Mapping[str, bool | int | float | str]


class Dashboard:
    """Writes what a run does for TensorBoard, under the same names whatever is trained.

    Every `every` steps:

        loss/train                        nats a word of that step
        optimizer/learning_rate/GROUP
        optimizer/gradient_norm           of the gradient of the mean loss a word, before clipping
        optimizer/gradient_norm/LAYER     the part of a layer's weights: the squares of all add up to that of the whole
        optimizer/clipped_share           share of the steps since the last point whose gradient was shortened
        optimizer/loss_scale
        speed/words_per_second            mean since the last point, likewise what follows
        speed/data_wait_share             of the steps' time, by waiting for batches
        speed/memory_mib                  that the process holds; speed/gpu_N_memory_mib of a GPU

    Each epoch:

        loss/epoch, loss/dev              nats a word, mean over the train and the dev corpus
        quality/...                       the dev scores, in all and per type
        quality/calibration_error/OF      between confidence and share of right ones, of words, entities or subwords
        optimizer/skipped_batches, optimizer/rescaled_steps
        hparams/final_..., hparams/best_...   the scores in all, of the last epoch and of the one that is kept
        text/..., images/..., ...         what a `Shown` has

    Once: the values of the recipe's keys, for the tab of hyperparameters, at the start, and the network's graph, after
    the first epoch. A run that goes on from a checkpoint of a version that wrote neither does not get them.

    Every method raises `OutputError` where the disk is full.

    Args:
        folder: where the event files go.
        begun: how many steps were done before. What an earlier process wrote of later ones, before it was killed, is
            not shown. Of 0 steps, nothing that is there is kept: both would be drawn as one line.
        every: of how many steps one is written.
        network: the network's name, which is left out of its layers'.
        hparams: what the recipe says, by key.
    """

    def __init__(
        self, folder: Path, begun: int = 0, every: int = 10, network: str = "", hparams: HParams | None = None
    ) -> None:
        self.folder = folder
        self.every = every
        self.network = network
        with self._told():
            if begun:
                _forget_after(folder, begun)
            else:
                for events in folder.glob(_EVENTS):
                    events.unlink()
            self.writer = tf.summary.create_file_writer(str(folder))
        if hparams and not begun:
            with self._writing(0):
                # Without a name of its own, a run is taken for another trial of one with the same recipe. The folder's
                # own name may be nobody else's business, where event files are passed on.
                trial = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()
                _write(hparams_pb(dict(hparams), trial_id=trial))
        self._words = self._waited = self._seconds = 0.0
        self._steps = self._clipped = 0

    def step_done(self, step: int, result: StepResult, optimizer: GroupedOptimizer) -> None:
        """Write the loss, the gradient, the rates and the speed of a step."""
        self._words += result.words
        self._waited += result.waited
        self._seconds += result.seconds
        self._steps += 1
        self._clipped += result.clipped
        if step % self.every:
            return
        elapsed = max(self._seconds, 1e-9)
        scalars = {
            "loss/train": result.loss / max(result.words, 1.0),
            "optimizer/gradient_norm": result.gradient_norm,
            "optimizer/clipped_share": self._clipped / self._steps,
            "optimizer/loss_scale": result.loss_scale,
            "speed/words_per_second": self._words / elapsed,
            "speed/data_wait_share": min(1.0, self._waited / elapsed),
            **_memory(),
        }
        for name, rate in optimizer.learning_rates(result.later).items():
            scalars[f"optimizer/learning_rate/{name}"] = rate
        paths = [weight.path for weight in optimizer.weights]
        if result.squares:
            for layer, norm in norms_of_layers(paths, result.squares, self.network).items():
                scalars[f"optimizer/gradient_norm/{layer}"] = norm
        with self._writing(step):
            _write_scalars(scalars)
        self._words = self._waited = self._seconds = 0.0
        self._steps = self._clipped = 0

    def epoch_done(self, step: int, result: EpochResult, shown: Shown) -> None:
        """Write the scores of an epoch, and what there is to look at."""
        scalars = {
            "loss/epoch": result.loss,
            "optimizer/skipped_batches": result.skipped,
            "optimizer/rescaled_steps": result.rescaled,
            **shown.scalars,
        }
        for name, value in result.scores.items():
            if name in _NEGATIVES:
                continue
            scalars["loss/dev" if name == "loss" else f"quality/{name}"] = value
            if "/" not in name:
                scalars[f"hparams/final_{name}"] = value
                if result.best:
                    scalars[f"hparams/best_{name}"] = value
        with self._writing(step):
            _write_scalars(scalars)
            for name, text in shown.texts.items():
                _write(text_pb(name, text))
            for name, pixels in shown.pictures.items():
                tf.summary.image(name, pixels[np.newaxis])
            for name, values in shown.histograms.items():
                _write_histogram(name, values, step)
            if shown.graph is not None and result.epoch == 1:
                tf.summary.graph(shown.graph)
            self.writer.flush()

    def close(self) -> None:
        """Write what is left."""
        with self._told():
            self.writer.close()

    @contextmanager
    def _writing(self, step: int) -> Iterator[None]:
        with self._told(), self.writer.as_default(step=step):
            yield

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except tf.errors.OpError as error:
            raise OutputError([Problem(str(self.folder), f"cannot be written: {error.message}")]) from None


def _write(summary: Summary) -> None:
    tf.summary.experimental.write_raw_pb(summary.SerializeToString())


def _write_scalars(scalars: Mapping[str, float]) -> None:
    """Write numbers at once: an operation each would take as long as a step of a small network."""
    together = Summary()
    for name, value in scalars.items():
        together.MergeFrom(scalar_pb(name, value))
    _write(together)


def _write_histogram(name: str, values: NDArray[np.float32], step: int) -> None:
    """Write how numbers are distributed. TensorBoard's own function would take the memory of thirty times as many."""
    # In float64: between neighbours in float32 there is no room for the bins' edges.
    finite = np.asarray(values[np.isfinite(values)], np.float64)
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low == high:
        margin = max(0.5, 1e-6 * abs(low))  # of a large number, half a unit would be lost in rounding
        low, high = low - margin, high + margin
    counts, edges = np.histogram(finite, bins=_BINS, range=(low, high))
    buckets = np.stack([edges[:-1], edges[1:], counts], axis=1)
    tf.summary.write(name, buckets, step=step, metadata=create_summary_metadata(display_name=None, description=None))


def _memory() -> dict[str, float]:
    """Return how much the process holds, and of each GPU, in MiB, by the names that they are shown under."""
    found = {}
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        found["speed/memory_mib"] = pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        pass  # a system that does not tell it
    for number, _ in enumerate(tf.config.list_logical_devices("GPU")):
        held = tf.config.experimental.get_memory_info(f"GPU:{number}")["current"]
        found[f"speed/gpu_{number}_memory_mib"] = held / 2**20
    return found


def _forget_after(folder: Path, step: int) -> None:
    """Write an event that tells TensorBoard of a new start: of the steps after `step`, those that follow count."""
    event = tf.compat.v1.Event
    started = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
    folder.mkdir(parents=True, exist_ok=True)
    # TensorBoard reads the files of a folder in the order of their names, in which the time comes first. The writer's
    # file, of this second or the next, has the name of a host then, which comes after the dash.
    path = folder / f"events.out.tfevents.{int(time.time()):010}.-resumed.{step}.v2"
    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(event(wall_time=time.time(), file_version="brain.Event:2").SerializeToString())
        # The first start that TensorBoard sees is not a new one to it.
        for _ in range(2):
            writer.write(event(wall_time=time.time(), step=step + 1, session_log=started).SerializeToString())
