"""Text files line by line, as a stream, with everything that can be wrong at that level."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nlp_pipeline.errors import Problems

STANDARD_STREAM = "-"
_BOM = b"\xef\xbb\xbf"


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
        with _opened(source) as stream:
            for number, raw in enumerate(stream, start=1):
                line = raw
                if number == 1 and line.startswith(_BOM):
                    line = line[len(_BOM) :]
                empty = empty and not line
                line = line.removesuffix(b"\n").removesuffix(b"\r")
                if (place := line.find(b"\0")) >= 0:
                    problems.add(f"{name}:{number}", f"expected text, received a NUL (byte {place + 1} of the line)")
                    continue
                try:
                    text = line.decode("utf-8")
                except UnicodeDecodeError as error:
                    received = f"byte 0x{line[error.start]:02x} (byte {error.start + 1} of the line)"
                    problems.add(f"{name}:{number}", f"expected UTF-8, received {received}")
                    continue
                yield number, text
    except FileNotFoundError:
        problems.add(name, "expected a file, received nothing: there is no such file")
    except IsADirectoryError:
        problems.add(name, "expected a file, received a directory")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        problems.add(name, f"expected a whole gzip file, received: {error}")
    except OSError as error:
        problems.add(name, f"cannot be read: {error.strerror or error}")
    else:
        if empty and not may_be_empty:
            problems.add(name, "expected lines, received an empty file")


@contextmanager
def _opened(source: str | Path) -> Iterator[IO[bytes]]:
    """Open a source for reading bytes."""
    if str(source) == STANDARD_STREAM:
        yield sys.stdin.buffer
        return
    path = Path(source)
    if "\0" in str(source):  # no file is called so, and open() would raise a ValueError
        raise FileNotFoundError
    if path.is_dir():
        raise IsADirectoryError
    with path.open("rb") as file:
        if path.suffix == ".gz":
            with gzip.open(file) as unpacked:
                yield io.BufferedReader(unpacked)
        else:
            yield file
