"""TensorBoard: what a run leaves can be read back under the names that are promised."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from nlp_pipeline.errors import OutputError
from nlp_pipeline.training.dashboard import Dashboard
from nlp_pipeline.training.progress import EpochResult
from nlp_pipeline.training.step import StepResult

NAMES = {
    "loss/train",
    "loss/epoch",
    "quality/f1",
    "quality/f1/PER",
    "optimizer/gradient_norm",
    "optimizer/loss_scale",
    "optimizer/skipped_batches",
    "optimizer/rescaled_steps",
    "optimizer/learning_rate_tagger",
    "speed/words_per_second",
    "speed/data_wait_share",
}


def _read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorflow import make_ndarray

    # The reader of TensorBoard itself, which looks for restarts; that of `event_accumulator` does not for tensors.
    events = EventAccumulator(str(folder), tensor_size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def test_scalars_come_back(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, every=2)
    for step in range(1, 6):
        result = StepResult(loss=10.0 * step, words=5.0, gradient_norm=0.5, waited=0.25, seconds=2.0)
        dashboard.step_done(step, result, lambda: {"tagger": 0.25})
    dashboard.epoch_done(5, EpochResult(1, 1.5, 25, 2.0, {"f1": 0.75, "f1/PER": 0.5}, True, skipped=2, rescaled=3), {})
    dashboard.close()
    read = _read(tmp_path)
    assert read.keys() == NAMES
    assert read["loss/train"] == [(2, 4.0), (4, 8.0)]
    assert read["optimizer/learning_rate_tagger"] == [(2, 0.25), (4, 0.25)]
    assert read["quality/f1"] == [(5, 0.75)]
    # Of the steps' own time, however many of them came back to Python at once.
    assert read["speed/words_per_second"] == [(2, 2.5), (4, 2.5)]
    assert read["speed/data_wait_share"] == [(2, 0.125), (4, 0.125)]
    assert read["optimizer/skipped_batches"] == [(5, 2.0)]
    assert read["optimizer/rescaled_steps"] == [(5, 3.0)]


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dashboard = Dashboard(tmp_path, every=1)

    def full(*_arguments: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "logs; No space left on device")

    monkeypatch.setattr(tf.summary, "scalar", full)
    with pytest.raises(OutputError, match=r"cannot be written: .*No space left"):
        dashboard.step_done(1, StepResult(1.0, 1.0, 0.5), dict)
    with pytest.raises(OutputError, match=r"cannot be written: .*No space left"):
        dashboard.epoch_done(1, EpochResult(1, 1.5, 25, 2.0, {}, True), {})


def test_what_a_killed_run_wrote_of_later_steps_is_not_shown(tmp_path: Path) -> None:
    def write(first: int, last: int, loss: float, begun: int) -> None:
        dashboard = Dashboard(tmp_path, begun, every=1)
        for step in range(first, last + 1):
            dashboard.step_done(step, StepResult(loss, 1.0, 0.5), dict)
        dashboard.close()

    write(1, 6, 1.0, begun=0)
    # The last checkpoint was that of step 4. In the files' names time is counted in seconds.
    time.sleep(1.1)
    write(5, 8, 2.0, begun=4)
    expected = [(step, 1.0 if step < 5 else 2.0) for step in range(1, 9)]
    assert _read(tmp_path)["loss/train"] == expected
    # Begun anew, nothing of it is left.
    write(1, 2, 3.0, begun=0)
    assert _read(tmp_path)["loss/train"] == [(1, 3.0), (2, 3.0)]


def test_a_trained_tagger_leaves_its_dev_scores(tiny_bundle: Path) -> None:
    read = _read(tiny_bundle.parent / "logs")
    assert {"quality/f1", "quality/f1/PER", "quality/f1/LOC", "loss/epoch"} <= read.keys()
    assert len(read["quality/f1"]) == 10
    assert read["quality/f1"][-1][1] > 0.5
