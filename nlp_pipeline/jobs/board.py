"""`board`: TensorBoard on several runs side by side."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path

from nlp_pipeline.errors import Problem, RunError, UsageError

# TensorBoard takes every file for one of events whose name holds this.
_EVENTS = "*tfevents*"
_LOGS = "logs"
# How many epochs of each picture and text can be gone through; TensorBoard's own choice is ten.
_KEPT = {"images": 200, "text": 200}


@dataclass(frozen=True)
class Board:
    """A TensorBoard that runs.

    Attributes:
        address: where a browser finds it.
        runs: where the events of each run are, by the name that it is shown under.
    """

    address: str
    runs: dict[str, Path]


def runs_of(folders: Sequence[Path]) -> dict[str, Path]:
    """Return where the events of some runs are, by names that tell them apart.

    A run is called as its folder is, with as much of the path before that as it takes where two are called the same. A
    folder of several runs gives all of them, each with its path in that folder.

    Args:
        folders: of runs, or of folders of runs.

    Raises:
        RunError: for each that is not there, or holds no events.
    """
    problems = []
    logs_of: dict[Path, list[Path]] = {}
    for folder in folders:
        whole = folder.absolute()
        # What is not resolved keeps the name that the user knows it by.
        whole = whole.resolve() if ".." in whole.parts else whole
        if not whole.is_dir():
            problems.append(Problem(str(folder), "expected the folder of a run, received no folder"))
        elif found := _topmost({path.parent for path in whole.rglob(_EVENTS)}):
            logs_of[whole] = found
        else:
            problems.append(Problem(str(folder), "expected a run with events for TensorBoard, received none"))
    if problems:
        raise RunError(problems)
    named: dict[str, Path] = {}
    for folder, name in _names(list(logs_of)).items():
        several = len(logs_of[folder]) > 1
        for logs in logs_of[folder]:
            parts = [name, *logs.relative_to(folder).parts] if several else [name]
            named["/".join(parts)] = logs
    return _without_logs(named)


@contextmanager
def board(folders: Sequence[Path], host: str = "localhost", port: int | None = None) -> Iterator[Board]:
    """Run TensorBoard while the context lasts. What a run writes meanwhile is shown, too.

    Args:
        folders: as `runs_of` takes them.
        host: the name or address under which it can be reached; `0.0.0.0` for all of this machine.
        port: 0 for any; the first free one from 6006 up when left out.

    Raises:
        RunError: as `runs_of`.
        UsageError: where there is no such host, or the port is not free.
    """
    runs = runs_of(folders)
    from tensorboard.program import TensorBoard, TensorBoardServerException

    with tempfile.TemporaryDirectory(prefix="nlp-pipeline-board-") as folder:
        for name, logs in runs.items():
            link = Path(folder, *name.split("/"))
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(logs, target_is_directory=True)
        server = TensorBoard()
        server.configure(logdir=folder, host=host, port=port, samples_per_plugin=_KEPT)
        try:
            # It says on the way that it reads in a way that it calls experimental, and has had for years.
            with redirect_stderr(io.StringIO()):
                address = server.launch()
        except (TensorBoardServerException, OSError) as error:
            message = getattr(error, "msg", None) or getattr(error, "strerror", None) or str(error)
            place = host if port is None else f"{host}:{port}"
            raise UsageError([Problem(place, f"TensorBoard cannot listen there: {message}")]) from None
        yield Board(address, runs)


def _topmost(folders: set[Path]) -> list[Path]:
    """Return the folders that lie in none of the others: TensorBoard finds what is below them by itself."""
    return sorted(folder for folder in folders if folders.isdisjoint(folder.parents))


def _names(folders: Sequence[Path]) -> dict[Path, str]:
    """Return the shortest ends of some paths that differ; the folder of a run's logs is called as the run is."""
    ends = {folder: folder.parent if folder.name == _LOGS else folder for folder in folders}
    lengths = dict.fromkeys(folders, 1)
    while True:
        names = {folder: "/".join(ends[folder].parts[-lengths[folder] :]).strip("/") or "root" for folder in folders}
        taken = list(names.values())
        twice = [folder for folder in folders if taken.count(names[folder]) > 1]
        longer = [folder for folder in twice if lengths[folder] < len(ends[folder].parts)]
        if not longer:
            # Only a run and the folder of its logs, both of them given, are left: they are the same.
            return names
        for folder in longer:
            lengths[folder] += 1


def _without_logs(named: dict[str, Path]) -> dict[str, Path]:
    """Return runs without the name of their folder of logs, unless another run's name begins with what is left."""
    short = {name: name.removesuffix(f"/{_LOGS}") for name in named}
    found = {}
    for name, logs in named.items():
        begins = any(one != name and f"{other}/".startswith(f"{short[name]}/") for one, other in short.items())
        found[name if begins else short[name]] = logs
    return found
