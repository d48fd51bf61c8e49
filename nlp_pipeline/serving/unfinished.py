"""What is written before it takes its place: a file beside its target, of which one knows how much is good."""

from __future__ import annotations

import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from nlp_pipeline.errors import OutputError, Problem, UsageError
from nlp_pipeline.outputs import PARTIAL, told

STANDARD_STREAM = "-"
_LONGEST_NAME = 180  # bytes, which leaves room for what is put around them


def is_stream(target: str) -> bool:
    """Return whether a target is written to as it stands: standard output, a pipe, a device."""
    return target == STANDARD_STREAM or (Path(target).exists() and not Path(target).is_file())


def beside(target: Path, ending: str) -> Path:
    """Return the name of a hidden file beside a target."""
    name = os.fsencode(target.name)
    if len(name) > _LONGEST_NAME:
        name = name[:100] + b"-" + hashlib.sha256(name).hexdigest()[:16].encode("ascii")
    return target.with_name(f".{os.fsdecode(name)}{ending}")


def sync_folder(folder: Path) -> None:
    """Make what was renamed in a folder outlast a loss of power, where the system can."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Sink(Protocol):
    """Takes bytes."""

    def write(self, data: bytes) -> None:
        """Write them at the end."""

    def sync(self) -> int:
        """Return how many there are, once they are where they will stay."""


class UnfinishedFile:
    """A file that is written beside its target, and takes its place in the end.

    Args:
        target: where it will stand.
        good: how many bytes of what an earlier run left are good; what follows them is cut off. None begins anew.

    Raises:
        UsageError: where there are fewer than that.
        OutputError: where it cannot be written.
    """

    def __init__(self, target: Path, good: int | None = None) -> None:
        self.target = target
        self.path = beside(target, PARTIAL)
        with told(target):
            if good:
                held = self.path.stat().st_size if self.path.is_file() else 0
                if held < good:
                    message = f"expected the {good} bytes that were written, received {held}: begin without --resume"
                    raise UsageError([Problem(str(self.path), message)])
            # Not buffered, so that a full disk shows where it is met.
            self._file = self.path.open("r+b" if good else "wb", buffering=0)
            self._file.truncate(good or 0)
            self._file.seek(good or 0)
        self._size = good or 0

    def write(self, data: bytes) -> None:
        """Write bytes at the end.

        Raises:
            OutputError: where that fails.
        """
        with told(self.target):
            write_all(self._file, data)
        self._size += len(data)

    def sync(self) -> int:
        """Return how many bytes there are, once they are on the disk.

        Raises:
            OutputError: where that fails.
        """
        with told(self.target):
            os.fsync(self._file.fileno())
        return self._size

    def close(self) -> None:
        """Leave the file as it is."""
        self._file.close()

    def discard(self) -> None:
        """Remove it."""
        self.close()
        self.path.unlink(missing_ok=True)

    def finish(self) -> None:
        """Put the file in its place.

        Raises:
            OutputError: where that fails.
        """
        self.close()
        with told(self.target):
            self.path.replace(self.target)
        sync_folder(self.target.parent)


class Stream:
    """Standard output, a pipe or a device.

    Raises:
        OutputError: where it cannot be opened.
    """

    def __init__(self, target: str) -> None:
        self._size = 0
        self._is_standard = target == STANDARD_STREAM
        if self._is_standard:
            self._file: IO[bytes] = sys.stdout.buffer
        else:
            with told(Path(target)):
                self._file = Path(target).open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        """Write bytes. A reader that has gone is an error of the system."""
        write_all(self._file, data)
        self._size += len(data)

    def sync(self) -> int:
        """Return how many bytes were written, once they are on their way."""
        self._file.flush()
        return self._size

    def close(self) -> None:
        """Close it, but for standard output."""
        if not self._is_standard:
            self._file.close()


def write_all(file: IO[bytes], data: bytes) -> None:
    """Write bytes to a file that may take them in parts."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def refuse_stream(target: str, form: str) -> None:
    """Refuse a stream for what cannot be written as one.

    Raises:
        OutputError: where it is one.
    """
    if is_stream(target):
        received = "standard output" if target == STANDARD_STREAM else "what is none"
        raise OutputError([Problem(target, f"expected a file for {form}, received {received}")])
