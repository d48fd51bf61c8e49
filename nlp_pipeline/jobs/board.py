"""`board`: TensorBoard on several runs side by side."""

from __future__ import annotations

import io
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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

    A run is called as its folder is, with as much of the path before that as it takes, so that no name is another one
    or the beginning of it. A folder of several runs gives all of them, each with its path in that folder. What lies in
    the folder of another's events is left out: TensorBoard finds it by itself.

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
    given: dict[Path, Path] = {}
    for folder, found in logs_of.items():
        for logs in found:
            given.setdefault(logs, folder)
    shown = set(_topmost(set(given)))
    called = {}
    # How many runs lie in a folder.
    held = Counter(parent for logs in shown for parent in logs.parents)
    for logs in (logs for logs in given if logs in shown):
        folder = given[logs]
        path = logs if len(logs_of[folder]) > 1 else folder
        if path.name == _LOGS and held[path.parent] == 1:
            path = path.parent
        called[logs] = (path, folder)
    return {name: logs for logs, name in _names(called).items()}


@contextmanager
def board(folders: Sequence[Path], host: str = "localhost", port: int | None = None) -> Iterator[Board]:
    """Run TensorBoard while the context lasts. What a run writes meanwhile is shown, too.

    With the context its server ends, and the port is free. The thread in which TensorBoard reads, where it has no data
    server of its own, cannot be told to end: until the process does, it looks for runs where there are none any more.

    Args:
        folders: as `runs_of` takes them.
        host: the name or address under which it can be reached; `0.0.0.0` for all of this machine.
        port: 0 for any; the first free one from 6006 up when left out.

    Raises:
        RunError: as `runs_of`.
        UsageError: where there is no such host, or the port is not free.
    """
    runs = runs_of(folders)
    from tensorboard.program import (
        TensorBoard,
        TensorBoardServer,
        TensorBoardServerException,
        create_port_scanning_werkzeug_server,
    )

    with tempfile.TemporaryDirectory(prefix="nlp-pipeline-board-") as folder:
        for name, logs in runs.items():
            link = Path(folder, *name.split("/"))
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(logs, target_is_directory=True)
        servers: list[Any] = []

        def kept(*arguments: Any) -> TensorBoardServer:
            servers.append(create_port_scanning_werkzeug_server(*arguments))
            return servers[-1]

        # What it launches it keeps to itself.
        server = TensorBoard(server_class=kept)
        server.configure(logdir=folder, host=host, port=port, samples_per_plugin=_KEPT)
        try:
            # It says on the way that it reads in a way that it calls experimental, and has had for years.
            with redirect_stderr(io.StringIO()):
                address = server.launch()
        except (TensorBoardServerException, OSError) as error:
            message = getattr(error, "msg", None) or getattr(error, "strerror", None) or str(error)
            place = host if port is None else f"{host}:{port}"
            raise UsageError([Problem(place, f"TensorBoard cannot listen there: {message}")]) from None
        try:
            yield Board(address, runs)
        finally:
            for running in servers:
                running.shutdown()
                running.server_close()


def _topmost(folders: set[Path]) -> list[Path]:
    """Return the folders that lie in none of the others: TensorBoard finds what is below them by itself."""
    return sorted(folder for folder in folders if folders.isdisjoint(folder.parents))


def _names(called: Mapping[Path, tuple[Path, Path]]) -> dict[Path, str]:
    """Return the shortest ends of paths of which none equals or begins another.

    Args:
        called: for each folder of logs the path that names it, and the folder that it was found by. No path is another
            one or lies in it. The name goes back to the folder at least; what one folder gave is lengthened together.
    """
    # How many parts are in front of the folder's own name. The folder of a run's logs is called as the run is.
    more = {folder: int(folder.name == _LOGS) for _, folder in called.values()}
    while True:
        names: dict[Path, tuple[str, ...]] = {}
        for logs, (path, folder) in called.items():
            first = max(1, len(folder.parts) - 1 - more[folder])
            names[logs] = path.parts[min(first, len(path.parts) - 1) :] if len(path.parts) > 1 else ("root",)
        taken = Counter(names.values())
        begun = {name[:end] for name in taken for end in range(1, len(name))}
        clashing = {
            called[logs][1]
            for logs, name in names.items()
            if taken[name] > 1 or name in begun or any(name[:end] in taken for end in range(1, len(name)))
        }
        longer = [folder for folder in clashing if len(folder.parts) - 1 - more[folder] > 1]
        if not longer:
            return {logs: "/".join(name) for logs, name in names.items()}
        for folder in longer:
            more[folder] += 1
