"""What is written before it takes its place: a file beside its target, of which one knows how much is good."""

from __future__ import annotations

import codecs
import hashlib
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from nlp_pipeline.errors import Problem, UsageError
from nlp_pipeline.outputs import PARTIAL, told

STANDARD_STREAM = "-"
_LONGEST_NAME = 180  # bytes, which leaves room for what is put around them


def is_stream(target: str) -> bool:
    """Return whether a target is written to as it stands: standard output, a pipe, a device."""
    return target == STANDARD_STREAM or (Path(target).exists() and not Path(target).is_file())


def beside(target: Path, ending: str) -> Path:
    """Return the name of a hidden file beside a target."""
    if target.name in ("", ".."):
        target = target.resolve()
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

    def close(self) -> None:
        """Take no more."""


class UnfinishedFile:
    """A file that is written beside its target, and takes its place in the end.

    Args:
        target: where it will stand.
        good: how many bytes of what an earlier run left are good; what follows them is cut off.
        keep_mark: whether a U+FEFF in front is written so that it is read as text.

    Raises:
        UsageError: where there are fewer than that.
        OutputError: where it cannot be written.
    """

    def __init__(self, target: Path, good: int = 0, keep_mark: bool = True) -> None:
        # Behind a link it is the file that is replaced.
        self.target = target.resolve()
        self.path = self.path_of(target)
        with told(target):
            if good:
                held = self.path.stat().st_size if self.path.is_file() else 0
                if held < good:
                    message = f"expected the {good} bytes that were written, received {held}: begin without --resume"
                    raise UsageError([Problem(str(self.path), message)])
            # Not buffered, so that a full disk shows where it is met.
            self._file = self.path.open("r+b" if good else "wb", buffering=0)
            self._file.truncate(good)
            self._file.seek(good)
        self._size = good
        self._keep_mark = keep_mark

    @staticmethod
    def path_of(target: Path) -> Path:
        """Return where a target is written before it takes its place."""
        return beside(target.resolve(), PARTIAL)

    def write(self, data: bytes) -> None:
        """Write bytes at the end.

        Raises:
            OutputError: where that fails.
        """
        data = _kept_mark(data) if self._keep_mark and not self._size else data
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
                self._file = Path(target).open("wb", buffering=0)  # noqa: SIM115  (closed by `close`)

    def write(self, data: bytes) -> None:
        """Write bytes. A reader that has gone is an error of the system."""
        data = _kept_mark(data) if not self._size else data
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


def _kept_mark(data: bytes) -> bytes:
    """Return the first bytes of a file so that a U+FEFF in front is read as text: those who read drop one."""
    return codecs.BOM_UTF8 + data if data.startswith(codecs.BOM_UTF8) else data
