"""The memory study in TensorBoard: a run for each network, with and without clipping, and one with the figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf

from nlp_pipeline.errors import OutputError, Problem
from nlp_pipeline.studies.memory_picture import FLOOR, pixels_of
from nlp_pipeline.studies.memory_results import MemoryStudy


def write_board(study: MemoryStudy, folder: Path) -> None:
    """Write the event files.

    Names: over distance `study/accuracy`, `study/steps`, `study/largest_gradient_norm` and
    `study/share_of_long_gradients`, means over seeds; over steps back `study/gradient_before` and
    `study/gradient_after`, means over seeds of the logarithm to base 10 of the share of the error that arrives, as the
    figure draws it; and the picture `study/memory`.

    Args:
        study: what was found.
        folder: where the runs' folders go.

    Raises:
        OutputError: where the disk is full.
    """
    try:
        for network in study.settings.networks:
            for clipped in (True, False):
                name = f"{network}-{'clipped' if clipped else 'unclipped'}"
                with tf.summary.create_file_writer(str(folder / name)).as_default(step=0) as writer:
                    _write_scalars(study, network, clipped)
                    writer.close()
        with tf.summary.create_file_writer(str(folder / "figure")).as_default(step=0) as writer:
            tf.summary.image("study/memory", pixels_of(study)[np.newaxis])
            writer.close()
    except tf.errors.OpError as error:
        raise OutputError([Problem(str(folder), f"cannot be written: {error.message}")]) from None


def _write_scalars(study: MemoryStudy, network: str, clipped: bool) -> None:
    names = {
        "accuracy": "accuracy",
        "steps": "steps",
        "largest_gradient_norm": "largest_norm",
        "share_of_long_gradients": "long_share",
    }
    for name, quantity in names.items():
        means = study.table(network, clipped, quantity).mean(axis=1)
        for distance, value in zip(study.settings.distances, means, strict=True):
            tf.summary.scalar(f"study/{name}", value, step=distance)
    for moment in ("before", "after"):
        shares = study.shares(network, clipped, moment)
        assert shares is not None
        for back, of_seeds in enumerate(shares.T, start=1):
            known = of_seeds[np.isfinite(of_seeds)]
            if known.size:
                tf.summary.scalar(f"study/gradient_{moment}", np.log10(np.maximum(known, FLOOR)).mean(), step=back)
