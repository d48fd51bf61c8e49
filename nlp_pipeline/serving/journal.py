"""How far a run over files has come: what a killed one needs to go on, and to end as if nothing had happened.

Two hidden files beside the output: `.NAME.plan`, written once, says what is done with which inputs, and is locked while
a run is at it; `.NAME.journal`, replaced after each window, says how much of it is done. Both are JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from nlp_pipeline.corpora.records import Position
from nlp_pipeline.errors import OutputError, Problem, UsageError
from nlp_pipeline.outputs import told
from nlp_pipeline.serving.unfinished import beside, sync_folder, write_all

FORMAT = 1
Plan = Mapping[str, Any]


@dataclass
class Reached:
    """How far a run has come.

    Attributes:
        index: how many inputs lie behind it.
        position: where the next window of the current one begins.
        complete: whether all of that is written, and only has to take its place.
        sizes: how many bytes of each of its outputs are good.
        rejected: how many bytes of the file of rejected records are good.
        first_rejected: the first rejected record: place and reason.
        counts: what was counted so far, in all inputs.
        notes: what is to be said in the end.
    """

    index: int = 0
    position: Position = field(default_factory=Position)
    complete: bool = False
    sizes: list[int] = field(default_factory=list)
    rejected: int = 0
    first_rejected: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def is_start(self) -> bool:
        """Return whether nothing is done yet."""
        return not self.index and not self.complete and self.position == Position() and not self.rejected

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Any) -> Reached:
        """Return what `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: for something else.
        """
        found = cls(**{**content, "position": Position.of_json(content["position"])})
        numbers = (found.index, found.rejected, *found.sizes, *found.counts.values())
        if not all(type(number) is int and number >= 0 for number in numbers) or type(found.complete) is not bool:
            raise ValueError(f"expected what a run has reached. Received: {content!r}")
        return found


class Journal:
    """The journal of a run.

    Args:
        output: the file or folder that the run makes.
        plan: what is done with which inputs: of two runs with the same plan, one can go on with what the other left.
    """

    def __init__(self, output: Path, plan: Plan) -> None:
        self._output = output
        self._plan = {"format": FORMAT, **plan}
        self.plan_path = beside(output, ".plan")
        self.path = beside(output, ".journal")
        self._lock: IO[bytes] | None = None

    def resume(self) -> Reached | None:
        """Return how far an earlier run came; None where that is not known, and the run begins anew.

        Raises:
            UsageError: where that run did something else; naming what differs.
            OutputError: where another run is at it.
        """
        self._take()
        plan, journal = _json_of(self.plan_path), _json_of(self.path)
        if not isinstance(plan, dict) or not isinstance(journal, dict) or journal.get("plan") != _digest(plan):
            return None
        try:
            reached = Reached.of_json(journal["reached"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return None
        if differences := list(_differences(plan, self._plan)):
            begin = Problem("", "begin without --resume")
            raise UsageError([*(Problem(str(self._output), one) for one in differences[:5]), begin])
        return reached

    def begin(self) -> None:
        """Begin anew.

        Raises:
            OutputError: where it cannot be written, or another run is at it.
        """
        file = self._take()
        with told(self._output):
            # What the old journal says of the unfinished files is no longer true.
            self.path.unlink(missing_ok=True)
            sync_folder(self.path.parent)
            file.seek(0)
            file.truncate(0)
            write_all(file, _encoded(self._plan))
            os.fsync(file.fileno())

    def note(self, reached: Reached) -> None:
        """Keep how far the run has come. What it says is written must be on the disk.

        Raises:
            OutputError: where it cannot be written. The journal is as it was, then.
        """
        content = {"plan": _digest(self._plan), "reached": reached.to_json()}
        new = self.path.with_name(f"{self.path.name}.new")
        try:
            with told(self._output):
                with new.open("wb", buffering=0) as file:
                    write_all(file, _encoded(content))
                    os.fsync(file.fileno())
                new.replace(self.path)
        except OutputError:
            with suppress(OSError):
                new.unlink(missing_ok=True)
            raise
        sync_folder(self.path.parent)

    def exists(self) -> bool:
        """Return whether there is something to go on from."""
        return self.path.is_file()

    def end(self) -> None:
        """Remove the journal: everything is in its place, or nothing was done."""
        self.path.unlink(missing_ok=True)
        self.plan_path.unlink(missing_ok=True)
        # What a cluster did of a run that was then gone on with here.
        shutil.rmtree(beside(self._output, ".parts"), ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let others have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _take(self) -> IO[bytes]:
        """Return the plan's file, open and locked."""
        if self._lock is None:
            with told(self._output):
                handle = os.open(self.plan_path, os.O_RDWR | os.O_CREAT, 0o666)
                self._lock = os.fdopen(handle, "r+b", buffering=0)
            if not _locked(self._lock):
                self.close()
                raise OutputError(
                    [Problem(str(self._output), "expected to write it alone, received another run at it")]
                )
        return self._lock


def _locked(file: IO[bytes]) -> bool:
    """Lock a file until it is closed, where the system can; return whether nobody else has."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # some network file systems have no locks
    return True


def _encoded(content: Any) -> bytes:
    # ASCII, since a file's name may hold bytes that are no UTF-8.
    return (json.dumps(content, sort_keys=True, indent=1) + "\n").encode("ascii")


def _digest(plan: Plan) -> str:
    return hashlib.sha256(_encoded(plan)).hexdigest()


def _json_of(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


def _differences(then: Plan, now: Plan) -> list[str]:
    """Return what two plans do not share: options first, then the inputs."""
    found = [
        f"expected {key} as in the run that is resumed, {_shown(then.get(key))}, received {_shown(now.get(key))}"
        for key in sorted({*then, *now} - {"inputs"})
        if then.get(key) != now.get(key)
    ]
    before, after = (list(plan.get("inputs", [])) for plan in (then, now))
    for one, other in zip(before, after, strict=False):
        if one != other:
            what = "changed since" if one.get("name") == other.get("name") else f"not '{other.get('name')}'"
            found.append(f"expected the input '{one.get('name')}' of the run that is resumed, received it {what}")
    if len(before) != len(after):
        found.append(f"expected the {len(before)} inputs of the run that is resumed, received {len(after)}")
    return found


def _shown(value: Any) -> str:
    shown = json.dumps(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."
