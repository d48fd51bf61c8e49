"""Text files line by line, as a stream, with everything that can be wrong at that level."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from nlp_pipeline.errors import Problems

STANDARD_STREAM = "-"
LONGEST_LINE = 16 * 2**20
"""Bytes of a line that `lines_from` gives; a longer one is told, and never held."""

BROKEN_GZIP = (gzip.BadGzipFile, EOFError, zlib.error)
_BOM = b"\xef\xbb\xbf"
_CHUNK = 2**20


class Line(NamedTuple):
    """A line of a file that is read to be tagged or translated.

    Attributes:
        number: from 1.
        end: how many bytes of the unpacked file lie before the next line.
        text: without the line's end; empty where something is wrong.
        wrong: what is wrong with the line; empty where nothing is.
    """

    number: int
    end: int
    text: str
    wrong: str


def name_of(source: str | Path) -> str:
    """Return how a source is called in messages and in what is kept: in Unicode, whatever bytes its name holds."""
    if str(source) == STANDARD_STREAM:
        return "<stdin>"
    return str(source).encode("utf-8", "backslashreplace").decode("utf-8")


def read_lines(source: str | Path, problems: Problems, may_be_empty: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the number, from 1, and the text of each line of a UTF-8 file, without the line's end.

    Only LF and CR LF end a line: U+2028, U+0085 and their like are text. A byte order mark is dropped. A file whose
    name ends in `.gz` is unpacked. A line that is not UTF-8 or holds a NUL is reported and left out.

    Args:
        source: a file; `-` is standard input.
        problems: takes what is wrong.
        may_be_empty: whether a file without any byte is right.
    """
    name = name_of(source)
    empty = True
    try:
        with opened(source) as (stream, _):
            for number, raw in enumerate(stream, start=1):
                line = raw
                if number == 1 and line.startswith(_BOM):
                    line = line[len(_BOM) :]
                empty = empty and not line
                text, wrong = _decoded(line.removesuffix(b"\n").removesuffix(b"\r"))
                if wrong:
                    problems.add(f"{name}:{number}", wrong)
                else:
                    yield number, text
    except FileNotFoundError:
        problems.add(name, "expected a file, received nothing: there is no such file")
    except IsADirectoryError:
        problems.add(name, "expected a file, received a directory")
    except BROKEN_GZIP as error:
        problems.add(name, f"expected a whole gzip file, received: {error}")
    except OSError as error:
        problems.add(name, f"cannot be read: {error.strerror or error}")
    else:
        if empty and not may_be_empty:
            problems.add(name, "expected lines, received an empty file")


def lines_from(stream: IO[bytes], offset: int = 0, number: int = 0) -> Iterator[Line]:
    """Yield the lines of a stream with their places, as `read_lines` does; those that are wrong, too.

    Args:
        stream: what is read, from where it stands.
        offset: how many bytes lie before that.
        number: how many lines lie before that.
    """
    while raw := stream.readline(LONGEST_LINE + 2):
        number += 1
        offset += len(raw)
        more = raw
        while len(raw) == LONGEST_LINE + 2 and not more.endswith(b"\n") and (more := stream.readline(_CHUNK)):
            offset += len(more)
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        if len(line) > LONGEST_LINE:
            yield Line(number, offset, "", f"expected a line of at most {LONGEST_LINE} bytes, received a longer one")
        else:
            yield Line(number, offset, *_decoded(line.removeprefix(_BOM) if number == 1 else line))


def _decoded(line: bytes) -> tuple[str, str]:
    """Return the text of a line, or nothing and what is wrong with it."""
    if (place := line.find(b"\0")) >= 0:
        return "", f"expected text, received a NUL (byte {place + 1} of the line)"
    try:
        return line.decode("utf-8"), ""
    except UnicodeDecodeError as error:
        return "", f"expected UTF-8, received byte 0x{line[error.start]:02x} (byte {error.start + 1} of the line)"


class _Unpacked(io.RawIOBase):
    """What a gzip file holds, so read that all that lies before a break comes out before the break is told.

    `gzip.GzipFile` itself loses what it has unpacked when the next block is broken: how much that is would depend on
    where it was read from.
    """

    def __init__(self, packed: gzip.GzipFile) -> None:
        self._packed = packed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._packed.read1(len(buffer))
        buffer[: len(data)] = data
        return len(data)


@contextmanager
def opened(source: str | Path) -> Iterator[tuple[IO[bytes], IO[bytes] | None]]:
    """Open a source for reading bytes.

    Yields:
        what it holds, unpacked; and the file itself, whose place says how much was read: None for standard input.
    """
    if str(source) == STANDARD_STREAM:
        yield sys.stdin.buffer, None
        return
    path = Path(source)
    if "\0" in str(source):  # no file is called so, and open() would raise a ValueError
        raise FileNotFoundError
    if path.is_dir():
        raise IsADirectoryError
    with path.open("rb") as file:
        if path.suffix.lower() == ".gz":
            with gzip.open(file) as unpacked:
                yield io.BufferedReader(_Unpacked(unpacked), 2**16), file
        else:
            yield file, file
