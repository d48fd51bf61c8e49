"""TensorBoard: what a run leaves can be read back under the names that are promised."""

from __future__ import annotations

import time
from contextlib import closing
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from nlp_pipeline.errors import OutputError
from nlp_pipeline.training.dashboard import Dashboard
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.progress import EpochResult
from nlp_pipeline.training.shown import Shown
from nlp_pipeline.training.step import StepResult

NAMES = {
    "loss/train",
    "loss/epoch",
    "loss/dev",
    "quality/f1",
    "quality/f1/PER",
    "hparams/final_f1",
    "hparams/best_f1",
    "hparams/final_loss",
    "hparams/best_loss",
    "optimizer/gradient_norm",
    "optimizer/gradient_norm/recurrent/forward_0",
    "optimizer/gradient_norm/bert/block_3",
    "optimizer/clipped_share",
    "optimizer/loss_scale",
    "optimizer/skipped_batches",
    "optimizer/rescaled_steps",
    "optimizer/learning_rate/above",
    "optimizer/learning_rate/below",
    "speed/words_per_second",
    "speed/data_wait_share",
    "speed/memory_mib",
}
PATHS = ("toy/recurrent/forward_0/cell/kernel", "recurrent/forward_0/cell/bias", "bert/encoder/block_3/norm/scale")


def _read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Return the scalars, by name, with their steps."""
    from tensorflow import make_ndarray

    events = _events(folder)
    return {
        tag: [(event.step, float(make_ndarray(event.tensor_proto))) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
        if events.SummaryMetadata(tag).plugin_data.plugin_name == "scalars"
    }


def _events(folder: Path) -> Any:
    # The reader of TensorBoard itself, which looks for restarts; that of `event_accumulator` does not for tensors.
    events = EventAccumulator(str(folder), tensor_size_guidance={"scalars": 0})
    events.Reload()
    return events


@pytest.fixture
def optimizer() -> GroupedOptimizer:
    """Return an optimizer of three weights in two groups."""
    made = []
    for path in PATHS:
        weight = keras.Variable(np.zeros(2, np.float32), name="weight")
        weight._path = path
        made.append(weight)
    groups = [WeightGroup("above", made[:2], 0.25), WeightGroup("below", made[2:], 0.125)]
    rates = [keras.optimizers.SGD(group.peak) for group in groups]
    return GroupedOptimizer(groups, rates)


def _epoch(number: int, f1: float, best: bool) -> EpochResult:
    scores = {"f1": f1, "f1/PER": f1 / 2, "loss": 2.5, "likelihood": -2.5}
    return EpochResult(number, 1.5, 25, 2.0, scores, best, skipped=2, rescaled=3)


def test_the_rate_is_that_of_the_step_however_many_were_run_since(tmp_path: Path) -> None:
    weight = keras.Variable(np.zeros(2, np.float32))
    rate = keras.optimizers.schedules.PolynomialDecay(0.5, 8, 0.0)
    sgd = keras.optimizers.SGD(rate)
    sgd.build([weight])
    optimizer = GroupedOptimizer([WeightGroup("above", [weight], 0.5)], [sgd])
    sgd.iterations.assign(4)
    with closing(Dashboard(tmp_path, every=1, network="toy")) as dashboard:
        for step in range(1, 5):
            dashboard.step_done(step, StepResult(1.0, 1.0, 1.0, later=4 - step), optimizer)
    assert _read(tmp_path)["optimizer/learning_rate/above"] == [(1, 0.4375), (2, 0.375), (3, 0.3125), (4, 0.25)]


def test_scalars_come_back(tmp_path: Path, optimizer: GroupedOptimizer) -> None:
    dashboard = Dashboard(tmp_path, every=2, network="toy")
    for step in range(1, 6):
        result = StepResult(
            *(10.0 * step, 5.0, 13.0),
            waited=0.25,
            seconds=2.0,
            squares=(9.0, 16.0, 144.0),
            clipped=step > 2,
        )
        dashboard.step_done(step, result, optimizer)
    dashboard.epoch_done(5, _epoch(1, 0.75, True), Shown())
    dashboard.epoch_done(6, _epoch(2, 0.5, False), Shown())
    dashboard.close()
    read = _read(tmp_path)
    assert read.keys() == NAMES
    assert read["loss/train"] == [(2, 4.0), (4, 8.0)]
    assert read["loss/dev"] == [(5, 2.5), (6, 2.5)]
    assert read["optimizer/learning_rate/above"] == [(2, 0.25), (4, 0.25)]
    assert read["optimizer/learning_rate/below"] == [(2, 0.125), (4, 0.125)]
    assert read["optimizer/gradient_norm"] == [(2, 13.0), (4, 13.0)]
    assert read["optimizer/gradient_norm/recurrent/forward_0"] == [(2, 5.0), (4, 5.0)]
    assert read["optimizer/gradient_norm/bert/block_3"] == [(2, 12.0), (4, 12.0)]
    assert read["optimizer/clipped_share"] == [(2, 0.0), (4, 1.0)]
    assert read["quality/f1"] == [(5, 0.75), (6, 0.5)]
    assert read["hparams/final_f1"] == [(5, 0.75), (6, 0.5)]
    assert read["hparams/best_f1"] == [(5, 0.75)]
    # Of the steps' own time, however many of them came back to Python at once.
    assert read["speed/words_per_second"] == [(2, 2.5), (4, 2.5)]
    assert read["speed/data_wait_share"] == [(2, 0.125), (4, 0.125)]
    assert all(10 < mib < 100_000 for _, mib in read["speed/memory_mib"])
    assert read["optimizer/skipped_batches"] == [(5, 2.0), (6, 2.0)]
    assert read["optimizer/rescaled_steps"] == [(5, 3.0), (6, 3.0)]


def test_what_there_is_to_look_at_comes_back(tmp_path: Path) -> None:
    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, name="given")])
    def twice(value: tf.Tensor) -> tf.Tensor:
        return 2.0 * value

    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    weights = np.array([0.0, 0.5, 3.0, np.nan], np.float32)
    shown = Shown(
        {"quality/error": 0.5},
        {"text/one": "**bold** \u4e00"},
        {"images/one": pixels},
        {"histograms/one": weights, "histograms/none": weights[:0]},
        twice.get_concrete_function().graph,
    )
    dashboard = Dashboard(tmp_path, network="toy", hparams={"seed": 3, "cell": "gru", "rate": 0.5, "deep": True})
    for epoch in (1, 2):
        dashboard.epoch_done(4 * epoch, _epoch(epoch, 0.5, True), shown)
    dashboard.close()
    events = _events(tmp_path)
    assert _read(tmp_path)["quality/error"] == [(4, 0.5), (8, 0.5)]
    texts = [event.tensor_proto.string_val[0].decode() for event in events.Tensors("text/one")]
    assert texts == ["**bold** \u4e00"] * 2
    width, height, file = events.Tensors("images/one")[0].tensor_proto.string_val
    assert (width, height) == (b"3", b"2")
    np.testing.assert_array_equal(tf.io.decode_png(file).numpy(), pixels)
    buckets = tf.make_ndarray(events.Tensors("histograms/one")[0].tensor_proto)
    np.testing.assert_allclose(buckets[:, 0], np.arange(30) / 10, atol=1e-12)
    # What is no number is in no bucket.
    assert buckets[:, 2].nonzero()[0].tolist() == [0, 5, 29]
    assert [node.name for node in events.Graph().node if "given" in node.name] == ["given"]
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    told = HParamsPluginData.FromString(content).session_start_info.hparams
    assert {name: getattr(value, value.WhichOneof("kind")) for name, value in told.items()} == {
        "seed": 3.0,
        "cell": "gru",
        "rate": 0.5,
        "deep": True,
    }


_NEIGHBOURS = np.ones(384, np.float32)
_NEIGHBOURS[7] = np.nextafter(np.float32(1), np.float32(2))


@pytest.mark.parametrize(
    "values",
    [
        _NEIGHBOURS,
        np.array([1e-45, 3e-45, 0.0], np.float32),
        np.array([-3.4e38, 3.4e38, 0.0], np.float32),
        np.full(5, 3e38, np.float32),
        np.full((2, 3), -0.25, np.float32),
        np.array([65504, -65504], np.float16),
        np.full(4, np.nan, np.float32),
        np.zeros((0, 3), np.float32),
    ],
    ids=["neighbours", "tiny", "huge", "huge and all the same", "all the same", "float16", "no numbers", "empty"],
)
def test_any_weights_have_a_histogram(tmp_path: Path, values: np.ndarray) -> None:
    dashboard = Dashboard(tmp_path)
    dashboard.epoch_done(1, _epoch(1, 0.5, True), Shown(histograms={"histograms/one": values}))
    dashboard.close()
    buckets = tf.make_ndarray(_events(tmp_path).Tensors("histograms/one")[0].tensor_proto)
    finite = values[np.isfinite(values)]
    assert buckets[:, 2].sum() == finite.size
    assert (buckets[:, 0] < buckets[:, 1]).all()
    if finite.size:
        assert buckets[0, 0] <= finite.min() <= finite.max() <= buckets[-1, 1]


def test_runs_of_one_recipe_are_two_trials_and_keep_their_folders_to_themselves(tmp_path: Path) -> None:
    trials = set()
    for name in ("some-body", "home"):
        Dashboard(tmp_path / name, hparams={"seed": 3}).close()
        for path in (tmp_path / name).glob("events*"):
            assert str(tmp_path).encode() not in path.read_bytes()
        content = _events(tmp_path / name).SummaryMetadata("_hparams_/session_start_info").plugin_data.content
        trials.add(HParamsPluginData.FromString(content).session_start_info.group_name)
    assert len(trials) == 2


def test_a_full_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: GroupedOptimizer) -> None:
    dashboard = Dashboard(tmp_path, every=1)

    def full(*_arguments: object) -> None:
        raise tf.errors.ResourceExhaustedError(None, None, "logs; No space left on device")

    monkeypatch.setattr(tf.summary.experimental, "write_raw_pb", full)
    with pytest.raises(OutputError, match=r"cannot be written: .*No space left"):
        dashboard.step_done(1, StepResult(1.0, 1.0, 0.5), optimizer)
    with pytest.raises(OutputError, match=r"cannot be written: .*No space left"):
        dashboard.epoch_done(1, EpochResult(1, 1.5, 25, 2.0, {}, True), Shown())


def test_what_a_killed_run_wrote_of_later_steps_is_not_shown(tmp_path: Path, optimizer: GroupedOptimizer) -> None:
    def write(first: int, last: int, loss: float, begun: int) -> None:
        dashboard = Dashboard(tmp_path, begun, every=1)
        for step in range(first, last + 1):
            dashboard.step_done(step, StepResult(loss, 1.0, 0.5), optimizer)
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
    assert {"quality/f1", "quality/f1/PER", "quality/f1/LOC", "loss/epoch", "loss/dev"} <= read.keys()
    assert len(read["quality/f1"]) == 10
    assert read["quality/f1"][-1][1] > 0.5
