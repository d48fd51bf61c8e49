"""Which runs a board shows, and what it calls them."""

from __future__ import annotations

import subprocess
import sys
from itertools import combinations
from pathlib import Path

import pytest

from nlp_pipeline.errors import RunError
from nlp_pipeline.jobs.board import runs_of


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder of folders with events: two runs of one name, one with a run below it, and bare logs."""
    for logs in ("a/ner/logs", "b/ner/logs", "b/deep/ner/logs", "b/deep/ner/sub/logs", "bare", "odd, name:1/logs"):
        (tmp_path / logs).mkdir(parents=True)
        (tmp_path / logs / "events.out.tfevents.1.host.v2").touch()
    (tmp_path / "empty").mkdir()
    return tmp_path


def _named(root: Path, *folders: str) -> dict[str, str]:
    found = runs_of([root / folder for folder in folders])
    return {name: logs.relative_to(root).as_posix() for name, logs in found.items()}


def test_a_run_is_called_as_its_folder(runs: Path) -> None:
    assert _named(runs, "a/ner", "bare") == {"ner": "a/ner/logs", "bare": "bare"}
    assert _named(runs, "a/ner/logs") == {"ner": "a/ner/logs"}
    assert _named(runs, "odd, name:1") == {"odd, name:1": "odd, name:1/logs"}
    # Given twice it is shown once.
    assert _named(runs, "a/ner", "a/../a/ner", "a/ner/") == {"ner": "a/ner/logs"}


def test_runs_of_one_name_are_told_apart(runs: Path) -> None:
    assert _named(runs, "a/ner", "b/ner") == {"a/ner": "a/ner/logs", "b/ner": "b/ner/logs"}
    assert _named(runs, "b/ner", "b/deep/ner/logs") == {"b/ner": "b/ner/logs", "deep/ner": "b/deep/ner/logs"}


def test_a_folder_of_runs_gives_them_all(runs: Path) -> None:
    assert _named(runs, "a", "b") == {
        "a": "a/ner/logs",
        "b/deep/ner/logs": "b/deep/ner/logs",
        "b/deep/ner/sub": "b/deep/ner/sub/logs",
        "b/ner": "b/ner/logs",
    }


def test_no_name_is_the_beginning_of_another(runs: Path) -> None:
    # A link to the one would be the folder of the other, and what is made there would be made in the run.
    for folders in (["a", "b"], ["b"], ["b/deep/ner"], ["."], ["a/ner", "b/ner", "b/deep"], ["a/ner", "a/ner/logs"]):
        names = list(_named(runs, *folders))
        assert not [(one, other) for one in names for other in names if other.startswith(f"{one}/")]


def test_names_stay_apart_however_folders_lie(tmp_path: Path) -> None:
    paths = ("1/p/x", "1/p/z", "2/p/x", "3/x", "4/x", "4/x/y", "x", "x/p/x/z", "5/logs/one", "5/logs/two")
    for path in paths:
        logs = tmp_path / path / "logs"
        logs.mkdir(parents=True)
        (logs / "events.out.tfevents.1.host.v2").touch()
    assert _named(tmp_path, "1/p", "2/p/x", "3/x") == {
        "1/p/x": "1/p/x/logs",
        "1/p/z": "1/p/z/logs",
        "2/p/x": "2/p/x/logs",
        "3/x": "3/x/logs",
    }
    assert _named(tmp_path, "5/logs").keys() == {"5/logs/one", "5/logs/two"}
    # Shown once, whichever way it is reached.
    assert len(_named(tmp_path, "1", "1/p", "1/p/x")) == 2
    folders = (
        "1",
        "1/p",
        "1/p/x",
        "2",
        "2/p",
        "3",
        "4",
        "4/x",
        "4/x/y",
        "4/x/logs",
        "x",
        "x/logs",
        "x/p",
        "5/logs/one",
    )
    for count in (2, 3):
        for chosen in combinations(folders, count):
            names = _named(tmp_path, *chosen)
            reached = {run for run in paths for one in chosen if f"{run}/logs/".startswith(f"{one}/")}
            assert sorted(names.values()) == sorted(f"{run}/logs" for run in reached)
            assert not [(one, other) for one in names for other in names if other.startswith(f"{one}/")]


def test_runs_within_the_events_of_another_are_left_to_tensorboard(runs: Path) -> None:
    inner = runs / "bare" / "ner" / "logs"
    inner.mkdir(parents=True)
    (inner / "events.out.tfevents.1.host.v2").touch()
    assert _named(runs, "bare", "bare/ner", "a/ner") == {"bare": "bare", "ner": "a/ner/logs"}


_PROGRAM = """
import socket, sys
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

from nlp_pipeline.jobs.board import board

runs = [Path(one) for one in sys.argv[1:]]
with board(runs, port=0) as first:
    assert urlopen(f"{first.address}data/environment", timeout=60).status == 200
port = urlsplit(first.address).port
with socket.socket() as asked:
    assert asked.connect_ex(("localhost", port)) != 0
with board(runs[:1], port=port) as second:
    assert second.address == first.address
"""


def test_a_board_ends_with_its_context(runs: Path) -> None:
    # In a process of its own, as TensorBoard leaves files open.
    folders = [str(runs / "a" / "ner"), str(runs / "b")]
    ended = subprocess.run([sys.executable, "-c", _PROGRAM, *folders], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    # Nothing is made in the runs.
    assert not [path for path in runs.rglob("*") if path.is_symlink()]


def test_every_folder_without_events_is_told(runs: Path) -> None:
    with pytest.raises(RunError) as caught:
        runs_of([runs / "a" / "ner", runs / "empty", runs / "nowhere"])
    assert [line.replace(f"{runs}/", "") for line in caught.value.lines()] == [
        "empty: expected a run with events for TensorBoard, received none",
        "nowhere: expected the folder of a run, received no folder",
    ]
