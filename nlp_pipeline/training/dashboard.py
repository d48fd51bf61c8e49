"""A run in TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.errors import OutputError, Problem
from nlp_pipeline.training.progress import EpochResult
from nlp_pipeline.training.step import StepResult

_EVENTS = "events.out.tfevents.*"


class Dashboard:
    """Writes what a run does for TensorBoard: scalars, and pictures where there are any.

    Names: `loss/train` (nats a word) each step, `loss/epoch`; `quality/...` the dev scores, in all and per type;
    `optimizer/learning_rate...`, `optimizer/gradient_norm`, `optimizer/loss_scale`, `optimizer/skipped_batches` and
    `optimizer/rescaled_steps` of an epoch; `speed/words_per_second`, `speed/data_wait_share` (of the steps' time, by
    waiting for batches).

    Every method raises `OutputError` where the disk is full.

    Args:
        folder: where the event files go.
        begun: how many steps were done before. What an earlier process wrote of later ones, before it was killed, is
            not shown. Of 0 steps, nothing that is there is kept: both would be drawn as one line.
        every: of how many steps one is written.
    """

    def __init__(self, folder: Path, begun: int = 0, every: int = 10) -> None:
        self.folder = folder
        self.every = every
        with self._told():
            if begun:
                _forget_after(folder, begun)
            else:
                for events in folder.glob(_EVENTS):
                    events.unlink()
            self.writer = tf.summary.create_file_writer(str(folder))
        self._words = self._waited = self._seconds = 0.0

    def step_done(self, step: int, result: StepResult, learning_rates: Callable[[], Mapping[str, float]]) -> None:
        """Write the loss, the rates and the speed of a step."""
        self._words += result.words
        self._waited += result.waited
        self._seconds += result.seconds
        if step % self.every:
            return
        elapsed = max(self._seconds, 1e-9)
        with self._writing(step):
            tf.summary.scalar("loss/train", result.loss / max(result.words, 1.0))
            tf.summary.scalar("optimizer/gradient_norm", result.gradient_norm)
            tf.summary.scalar("optimizer/loss_scale", result.loss_scale)
            for name, rate in learning_rates().items():
                tf.summary.scalar(f"optimizer/learning_rate_{name}", rate)
            tf.summary.scalar("speed/words_per_second", self._words / elapsed)
            tf.summary.scalar("speed/data_wait_share", min(1.0, self._waited / elapsed))
        self._words = self._waited = self._seconds = 0.0

    def epoch_done(self, step: int, result: EpochResult, pictures: Mapping[str, NDArray[np.uint8]]) -> None:
        """Write the scores and the pictures of an epoch."""
        with self._writing(step):
            tf.summary.scalar("loss/epoch", result.loss)
            tf.summary.scalar("optimizer/skipped_batches", result.skipped)
            tf.summary.scalar("optimizer/rescaled_steps", result.rescaled)
            for name, value in result.scores.items():
                tf.summary.scalar(f"quality/{name}", value)
            for name, pixels in pictures.items():
                tf.summary.image(name, pixels[np.newaxis])
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
