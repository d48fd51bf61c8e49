"""Checkpoints: what is written comes back, the newest whole one; what was cut short or altered is told and skipped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.errors import OutputError, TrainingError
from nlp_pipeline.training.checkpoints import Checkpoint, Checkpoints, arrays_of, assign

ABOUT = {"progress": {"loss": 0.1 + 0.2, "epoch": 3}, "recipe": {"name": "ü"}}


def _checkpoint(value: float) -> Checkpoint:
    tensors: dict[str, NDArray[Any]] = {
        "a/0": np.full((2, 3), value, np.float32),
        "a/1": np.array(7, np.int64),
        "s/0": np.arange(2, dtype="u4"),
    }
    return Checkpoint(tensors, ABOUT)


def _value(content: bytes | None) -> float:
    assert content is not None
    return float(Checkpoint.from_bytes(content).tensors["a/0"][0, 0])


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    assert checkpoints.newest(pytest.fail) is None
    checkpoints.write(12, _checkpoint(0.1))
    content = checkpoints.newest(pytest.fail)
    assert content is not None
    back = Checkpoint.from_bytes(content)
    assert back.about == ABOUT
    for name, value in _checkpoint(0.1).tensors.items():
        np.testing.assert_array_equal(back.tensors[name], value)
        assert back.tensors[name].dtype == value.dtype


def test_so_many_are_kept_and_nothing_else_is_left(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    # By number, not by name: nine digits come after eight.
    for step in (5, 99_999_999, 100_000_000):
        checkpoints.write(step, _checkpoint(step))
    assert [path.name.split(".")[0] for path in checkpoints.files()] == ["step-100000000", "step-99999999"]
    assert len(list(tmp_path.iterdir())) == 2
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / ".step-00000007.new-x.partial").write_text("left by a kill")
    checkpoints.remove()
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(("harm", "told"), [(_cut, "cut short or altered"), (_flip, "altered"), (_empty, "empty file")])
def test_one_that_is_not_whole_is_told_and_the_one_before_is_taken(
    tmp_path: Path, harm: Callable[[Path], None], told: str
) -> None:
    checkpoints = Checkpoints(tmp_path, keep=3)
    for step in (1, 2, 3):
        checkpoints.write(step, _checkpoint(step))
    newest = checkpoints.files()[0]
    harm(newest)
    said: list[str] = []
    assert _value(checkpoints.newest(said.append)) == 2.0
    assert len(said) == 1
    assert str(newest) in said[0]
    assert told in said[0]
    assert said[0].endswith("skipped")
    # Written again it is whole again, and the one that is not does not come before it.
    checkpoints.write(3, _checkpoint(3.5))
    assert _value(checkpoints.newest(said.append)) == 3.5


def test_a_skipped_one_is_not_among_those_that_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=2)
    checkpoints.write(1, _checkpoint(0.1))
    checkpoints.write(9, _checkpoint(0.2)).write_bytes(b"torn")
    told: list[str] = []
    assert _value(checkpoints.newest(told.append)) == pytest.approx(0.1)
    assert len(told) == 1
    checkpoints.write(2, _checkpoint(0.3))
    assert [path.name[:13] for path in checkpoints.files()] == ["step-00000002", "step-00000001"]


def test_where_none_is_whole_nothing_is_begun_by_mistake(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    _flip(checkpoints.write(1, _checkpoint(1.0)))
    with pytest.raises(TrainingError, match="expected a whole checkpoint to go on from, received none; --force"):
        checkpoints.newest(lambda _line: None)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        Checkpoints(tmp_path / "file" / "checkpoints").write(1, _checkpoint(1.0))


@pytest.mark.parametrize("content", [b"", b"\x10", b"x" * 40, (1 << 40).to_bytes(8, "little") + b"{}"])
def test_what_is_no_checkpoint_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="expected a checkpoint"):
        Checkpoint.from_bytes(content)


def test_variables_take_back_what_they_had_or_nothing_at_all() -> None:
    seed = keras.Variable(np.ones(2, "u4"))
    variables = {"a": [tf.Variable([1.0, 2.0]), tf.Variable(3, dtype=tf.int64)], "b": [seed]}
    kept = arrays_of(variables)
    variables["a"][0].assign([9.0, 9.0])
    for wrong in ({**kept, "c/0": kept["a/0"]}, {"a/0": kept["a/0"]}, {**kept, "b/0": np.ones(3, "u4")}):
        with pytest.raises(ValueError, match="expected"):
            assign(variables, wrong)
        assert variables["a"][0].numpy().tolist() == [9.0, 9.0]
    assign(variables, kept)
    assert variables["a"][0].numpy().tolist() == [1.0, 2.0]
