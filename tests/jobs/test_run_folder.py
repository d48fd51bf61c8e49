"""A run's folder: one process trains into it, and what is left of a finished run is not an unfinished one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nlp_pipeline.errors import UsageError
from nlp_pipeline.jobs.run_folder import RunFolder
from nlp_pipeline.training.checkpoints import Checkpoint


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.held():
        (folder.path / "recipe.yaml").touch()
        with pytest.raises(UsageError, match=r"run: expected a folder of its own .* another process"), folder.held():
            pass
    with folder.held():
        pass


def test_a_run_that_came_to_nothing_leaves_no_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.held():
        assert folder.path.is_dir()
    assert not folder.path.exists()


def test_checkpoints_that_a_finished_run_left_are_not_in_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder(tmp_path)
    empty: Any = Checkpoint({"a": np.zeros(1)}, {})
    path = folder.checkpoints.write(1, empty)
    assert folder.unfinished() == [path]
    with pytest.raises(UsageError, match="holds a training that was not finished"):
        folder.refuse_unfinished()
    # It was killed between noting its bundle and removing them.
    folder.mark({"fingerprint": "f"})
    monkeypatch.setattr(folder, "done", lambda: {"fingerprint": "f"})
    os.utime(folder.marker, ns=(path.stat().st_mtime_ns + 1,) * 2)
    assert folder.unfinished() == []
    folder.refuse_unfinished()
    # A later training, begun anew, was killed.
    os.utime(path, ns=(folder.marker.stat().st_mtime_ns + 1,) * 2)
    assert folder.unfinished() == [path]
