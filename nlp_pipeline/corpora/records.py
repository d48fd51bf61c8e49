"""What is read from files to be tagged or translated, each with the place where the next begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import IO, Any

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Position:
    """Where a record begins, with all that has to be known of what lies before it.

    Attributes:
        offset: how many bytes of the unpacked file lie before it; of Parquet, rows.
        line: how many lines or rows lie before it.
        separator, width, first: what the first row of CoNLL says of all; see `Columns`.
        sentences: whether a sentence of CoNLL was read.
        border: whether a border between documents lies between that and the next.
    """

    offset: int = 0
    line: int = 0
    separator: str = "auto"
    width: int = 0
    first: int = 0
    sentences: bool = False
    border: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the position as JSON has it."""
        return asdict(self)

    @classmethod
    def of_json(cls, content: Mapping[str, Any]) -> Position:
        """Return the position that `to_json` gave.

        Raises:
            TypeError, ValueError: for something else.
        """
        for one in fields(cls):
            if type(content[one.name]) is not type(one.default):
                raise TypeError(f"expected {one.name} of a position. Received: {content[one.name]!r}")
        return cls(**content)


@dataclass(frozen=True, slots=True)
class InputRecord:
    """One line of text, one sentence of CoNLL, one JSON object, one row of Parquet.

    Attributes:
        line: its first line, or its row, from 1.
        text: its text, or None where it came as words.
        words: its words, or None.
        fields: what else there was, under its names.
        after: where the next record begins.
        begins_document: whether a border between documents lies before it.
    """

    line: int
    text: str | None
    words: tuple[str, ...] | None
    fields: Mapping[str, Any]
    after: Position
    begins_document: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """What cannot be read.

    Attributes:
        line: the line or row that is wrong, from 1.
        reason: what was expected and what was received.
        after: where the next record begins.
        is_rest: whether nothing of the file can be read from here on.
    """

    line: int
    reason: str
    after: Position
    is_rest: bool = False


Item = InputRecord | Rejected


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How files are read.

    Attributes:
        text_field: the key of the text in JSON, and its column in Parquet.
        with_words: whether JSON may have words in the place of a text.
        word_column: the column of the words in CoNLL.
        with_fields: whether other fields are wanted.
        for_columns: whether every word must fit into a column of CoNLL.
    """

    text_field: str = "text"
    with_words: bool = True
    word_column: int = 0
    with_fields: bool = True
    for_columns: bool = False


@dataclass
class Consumed:
    """How many bytes of a file have been read so far, packed ones where it is packed.

    Attributes:
        file: the file itself, where its place can be asked for.
        count: the number, where it cannot.
    """

    file: IO[bytes] | None = None
    count: int = 0

    @property
    def bytes(self) -> int:
        """The number."""
        return self.count if self.file is None or self.file.closed else self.file.tell()
