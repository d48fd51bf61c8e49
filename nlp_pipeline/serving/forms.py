"""What a form of output is: how results become bytes, and what is made of them in the end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.records import Rejected


class Form:
    """A form of output.

    What a window's results become depends on them alone, so that windows can be done anywhere, and put together.

    Attributes:
        name: what it is called.
        suffixes: what its files' names end in, one for each file.
        is_spooled: whether what is encoded is kept, in one file, only until `finish` makes the output of it.
    """

    name: str
    suffixes: tuple[str, ...]
    is_spooled: bool = False

    def encode(self, entries: Sequence[Any | Rejected]) -> tuple[bytes, ...]:
        """Return what is to be added to each file, or to the one that is kept until the end.

        Args:
            entries: results, and what was rejected, in order.
        """
        raise NotImplementedError

    def finish(self, spool: Path, targets: Sequence[Path]) -> None:
        """Make the output of what was encoded. It appears whole or not at all; called again, it is made again.

        Args:
            spool: all that was encoded.
            targets: the files of the output.

        Raises:
            OutputError: where one cannot be written.
        """
        raise NotImplementedError


def results_of(entries: Sequence[Any | Rejected]) -> list[Any]:
    """Return the results among entries."""
    return [entry for entry in entries if not isinstance(entry, Rejected)]


def json_line(content: Mapping[str, Any]) -> bytes:
    """Return an object as one line of JSON."""
    return (json.dumps(content, ensure_ascii=False) + "\n").encode("utf-8")


def json_lines_of(spool: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a file that `json_line` made."""
    with spool.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            yield json.loads(line)


def with_others(own: dict[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with those fields of its record that have other names, behind its own."""
    return {**own, **{name: value for name, value in others.items() if name not in own}} if others else own
