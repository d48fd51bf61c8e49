"""Programs that take turns: loaded beside one another, and measured one after the other. See `peers/turns.py`."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENDING = 30.0  # seconds in which one that is told nothing more has to end


class ContestantError(Exception):
    """A contestant that did not get ready, or did not end a turn."""


@dataclass(frozen=True)
class Contestant:
    """A program.

    Attributes:
        name: as the table has it.
        python: the interpreter that runs it.
        script: what that runs.
        settings: what it is started with.
        family: of those that differ in a setting alone the fastest of the first round goes on; empty for one by itself.
        environment: where a peer's packages are, as `peers/install.sh` makes it; None for one of ours.
    """

    name: str
    python: Path
    script: Path
    settings: Mapping[str, Any]
    family: str = ""
    environment: Path | None = None


class Started:
    """A contestant that has been started.

    Args:
        contestant: which.
        folder: gets its settings, and what it prints besides its answers.
    """

    def __init__(self, contestant: Contestant, folder: Path) -> None:
        self.contestant = contestant
        stem = contestant.name.replace(" ", "-").replace(",", "")
        self._log = folder / f"{stem}.log"
        own = folder / f"{stem}.json"
        own.write_text(json.dumps(dict(contestant.settings)), encoding="utf-8")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [contestant.python, contestant.script, own],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.about = self._answer()

    def turn(self) -> dict[str, Any]:
        """Let it take a turn.

        Raises:
            ContestantError: where it ended in the place of an answer.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # what was wrong is told where the answer is missing
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            last = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
            raise ContestantError(f"{self.contestant.name}: ended with {self._process.returncode}: {' '.join(last)}")
        return dict(json.loads(line))

    def end(self) -> None:
        """Let it end, and wait."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended by itself
            self._process.stdin.close()
        try:
            self._process.wait(ENDING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def started(contestants: Sequence[Contestant], folder: Path) -> Iterator[tuple[list[Started], dict[str, str]]]:
    """Start contestants, one after the other; those that do not get ready are left out.

    Gives:
        those that are ready, and for each of the others why it is not.
    """
    folder.mkdir(parents=True, exist_ok=True)
    ready: list[Started] = []
    absent: dict[str, str] = {}
    with ExitStack() as stack:
        for contestant in contestants:
            if contestant.environment is not None and not (contestant.environment / "installed").is_file():
                failed = contestant.environment.with_suffix(".failed")
                reason = failed.read_text(encoding="utf-8").strip().splitlines()[-1:] if failed.is_file() else []
                absent[contestant.name] = " ".join(reason) or "not installed: benchmarks/peers/install.sh"
                continue
            try:
                one = Started(contestant, folder)
            except ContestantError as error:
                absent[contestant.name] = str(error)
                continue
            stack.callback(one.end)
            ready.append(one)
        yield ready, absent
