"""What a form of output is: how results become bytes, and what is made of them in the end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.records import ReadOptions
from nlp_pipeline.corpora.sources import Source

State = dict[str, int]
Encoded = tuple[tuple[bytes, ...], State]


class Form:
    """A form of output.

    Attributes:
        name: what it is called.
        suffixes: what its files' names end in, one for each file.
        is_spooled: whether what is encoded is kept only until the end, when `finish` makes the output of it.
    """

    name: str
    suffixes: tuple[str, ...]
    is_spooled: bool = False

    def encode(self, entries: Sequence[Any], state: State) -> Encoded:
        """Return what is to be added to each file, and what has to be known when more is.

        Args:
            entries: results, and what was rejected, in order.
            state: what was returned with what lies before; empty at the beginning.
        """
        raise NotImplementedError

    def check(self, target: Path) -> None:
        """Refuse a target that cannot take it, before anything is done.

        Raises:
            OutputError: where it cannot.
        """

    def finish(self, spool: Path, target: Path, source: Source, read: ReadOptions) -> None:
        """Make the output of what was encoded. The target appears whole or not at all; called again, it is made again.

        Args:
            spool: all that was encoded.
            target: the output.
            source: what it is an output for.
            read: how that was read.

        Raises:
            OutputError: where it cannot be written.
        """


def json_line(content: Mapping[str, Any]) -> bytes:
    """Return an object as one line of JSON."""
    return (json.dumps(content, ensure_ascii=False) + "\n").encode("utf-8")


def with_others(own: dict[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object with those fields of its record that have other names, behind its own."""
    return {**own, **{name: value for name, value in others.items() if name not in own}} if others else own
