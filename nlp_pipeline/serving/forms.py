"""What a form of output is: how results become bytes, and what is made of them in the end."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
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
        tells_confidences: whether it tells how probable tags are.
    """

    name: str
    suffixes: tuple[str, ...]
    is_spooled: bool = False
    tells_confidences: bool = True

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


def with_others(own: dict[str, Any], others: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return an object with the other fields of its record behind its own.

    A field that has one of our names, such as `tags`, is called `input_tags`; `input_input_tags` where there is such a
    field, too.

    Args:
        own: what we have to say.
        others: the fields.
        names: all names of ours, also those that this object has no use for: a key always means the same.
    """
    if not others:
        return own
    kept = {}
    for name, value in others.items():
        key = name
        while key in names or (key != name and key in others):
            key = f"input_{key}"
        kept[key] = value
    return own | kept
