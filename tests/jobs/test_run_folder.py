"""A run's folder: one process trains into it, and what is left of a finished run is not an unfinished one."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nlp_pipeline
from nlp_pipeline.errors import UsageError
from nlp_pipeline.jobs.run_folder import CHANGES_NOTHING, RunFolder
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.training.checkpoints import Checkpoint
from tests.conftest import TINY_CORPUS, TINY_RECIPE


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


def test_a_run_from_before_recipes_had_a_dashboard_and_a_pace_is_finished(tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (tmp_path / "tiny.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    prepared: Any = SimpleNamespace(summary={"fingerprint": "corpus"})
    folder = RunFolder(tmp_path / "run")

    def now(*sets: str) -> str:
        return folder.fingerprint(read_recipe(tmp_path / "tiny.yaml", sets), prepared)

    # As it was noted then.
    recipe = read_recipe(tmp_path / "tiny.yaml").model_dump(mode="json")
    del recipe["dashboard"]
    recipe["training"]["steps_per_execution"] = 1
    about = json.dumps([nlp_pipeline.__version__, recipe, "corpus"], sort_keys=True)
    assert now() == hashlib.sha256(about.encode()).hexdigest()
    assert now("dashboard.histograms=true", "dashboard.every=3") == now()
    assert now(*(f"training.{key}=7" for key in CHANGES_NOTHING)) == now()
    assert len({now(), now("seed=14"), now("name=other"), now("training.epochs=3")}) == 4
