"""A run in TensorBoard."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf

from nlp_pipeline.training.loop import EpochResult
from nlp_pipeline.training.step import StepResult


class Dashboard:
    """Writes what a run does for TensorBoard: scalars, and pictures where there are any.

    Names: `loss/train` (nats a word) each step, `loss/epoch`; `quality/...` the dev scores, in all and per type;
    `optimizer/learning_rate...`, `optimizer/gradient_norm`; `speed/words_per_second`.

    Args:
        folder: where the event files go.
        every: of how many steps one is written.
    """

    def __init__(self, folder: Path, every: int = 10) -> None:
        self.writer = tf.summary.create_file_writer(str(folder))
        self.every = every
        self._words = 0.0
        self._since = time.monotonic()

    def step_done(self, step: int, result: StepResult, learning_rates: Mapping[str, float]) -> None:
        """Write the loss, the rates and the speed of a step."""
        self._words += result.words
        if step % self.every:
            return
        now = time.monotonic()
        with self.writer.as_default(step=step):
            tf.summary.scalar("loss/train", result.loss / max(result.words, 1.0))
            tf.summary.scalar("optimizer/gradient_norm", result.gradient_norm)
            for name, rate in learning_rates.items():
                tf.summary.scalar(f"optimizer/learning_rate_{name}", rate)
            tf.summary.scalar("speed/words_per_second", self._words / max(now - self._since, 1e-9))
        self._words, self._since = 0.0, now

    def epoch_done(self, step: int, result: EpochResult) -> None:
        """Write the scores and the pictures of an epoch."""
        with self.writer.as_default(step=step):
            tf.summary.scalar("loss/epoch", result.loss)
            for name, value in result.scores.items():
                tf.summary.scalar(f"quality/{name}", value)
            for name, pixels in result.pictures.items():
                tf.summary.image(name, pixels[np.newaxis])
        self.writer.flush()
        self._words, self._since = 0.0, time.monotonic()

    def close(self) -> None:
        """Write what is left."""
        self.writer.close()
