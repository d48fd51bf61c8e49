"""TensorBoard: what a run leaves can be read back under the names that are promised."""

from __future__ import annotations

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from nlp_pipeline.training.dashboard import Dashboard
from nlp_pipeline.training.loop import EpochResult
from nlp_pipeline.training.step import StepResult


def _read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorflow import make_ndarray

    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def test_scalars_come_back(tmp_path: Path) -> None:
    dashboard = Dashboard(tmp_path, every=2)
    for step in range(1, 6):
        dashboard.step_done(step, StepResult(loss=10.0 * step, words=5.0, gradient_norm=0.5), {"tagger": 0.25})
    dashboard.epoch_done(5, EpochResult(1, 1.5, 25, 2.0, {"f1": 0.75, "f1/PER": 0.5}, True))
    dashboard.close()
    read = _read(tmp_path)
    assert read.keys() == {
        "loss/train",
        "loss/epoch",
        "quality/f1",
        "quality/f1/PER",
        "optimizer/gradient_norm",
        "optimizer/learning_rate_tagger",
        "speed/words_per_second",
    }
    assert read["loss/train"] == [(2, 4.0), (4, 8.0)]
    assert read["optimizer/learning_rate_tagger"] == [(2, 0.25), (4, 0.25)]
    assert read["quality/f1"] == [(5, 0.75)]
    assert all(speed > 0.0 for _, speed in read["speed/words_per_second"])


def test_a_trained_tagger_leaves_its_dev_scores(tiny_bundle: Path) -> None:
    read = _read(tiny_bundle.parent / "logs")
    assert {"quality/f1", "quality/f1/PER", "quality/f1/LOC", "loss/epoch"} <= read.keys()
    assert len(read["quality/f1"]) == 10
    assert read["quality/f1"][-1][1] > 0.5
