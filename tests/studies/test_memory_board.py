"""The study in TensorBoard says what its figure draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from nlp_pipeline.studies.memory_board import write_board
from tests.studies.test_memory_results import study_of


def test_the_gradient_is_the_geometric_mean_over_seeds(tmp_path: Path) -> None:
    write_board(study_of(lambda *_trial: 0.5), tmp_path)
    events = EventAccumulator(str(tmp_path / "attention-clipped"))
    events.Reload()
    # Seed 1, 2 and 3 have so many times what falls to 0.9 from step to step.
    level = np.log10([1.0, 2.0, 3.0]).mean()
    expected = [level + back * np.log10(0.9) for back in range(21)]
    found = [float(tf.make_ndarray(one.tensor_proto)) for one in events.Tensors("study/gradient_after")]
    assert found == pytest.approx(sorted(expected, reverse=found[0] > found[-1]), abs=1e-5)
