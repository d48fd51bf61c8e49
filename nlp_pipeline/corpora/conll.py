"""CoNLL columns: a word a line with its tag, an empty line between sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from nlp_pipeline.corpora.lines import name_of, read_lines
from nlp_pipeline.corpora.tags import UNWRITABLE, in_iob2
from nlp_pipeline.errors import CorpusError, Problem, Problems
from nlp_pipeline.text.schemes import Scheme
from nlp_pipeline.text.sentence import Sentence

Separator = Literal["auto", "tab", "space"]
DOCUMENT_BORDER = "-DOCSTART-"


@dataclass
class Columns:
    """Reads the rows of a file one by one; what the first says of separator and number of columns holds for the others.

    Attributes:
        word_column, tag_column: as for `read_conll`.
        separator: likewise; `auto` until the first row.
        width: how many columns the first row has; 0 until then.
        first: its line.
    """

    word_column: int
    tag_column: int | None
    separator: Separator = "auto"
    width: int = 0
    first: int = 0

    def __post_init__(self) -> None:
        self._needed = _columns_needed(self.word_column, self.tag_column)

    def is_border(self, line: str) -> bool:
        """Return whether a row lies between documents, by its first column, whatever separates it, or by its word."""
        if DOCUMENT_BORDER not in line:
            return False
        _, columns = self._split(line)
        return DOCUMENT_BORDER in (_at_spaces(line)[0], *columns[self.word_column :][:1])

    def read(self, number: int, line: str) -> tuple[list[str], str]:
        """Return the columns of a row, and what is wrong with it: nothing, mostly.

        Args:
            number: of the line.
            line: neither empty nor a border.
        """
        self.separator, columns = self._split(line)
        needed = self._needed
        if "\r" not in line and not self.width and len(columns) >= needed:
            self.width, self.first = len(columns), number
        if "\r" in line:
            wrong = "expected lines that end in LF or CR LF, received a CR within a line"
        elif len(columns) < needed:
            wrong = f"expected at least {needed} columns, received {len(columns)}"
        elif len(columns) < self.width or any(columns[self.width :]):
            wrong = f"expected {self.width} columns, as in line {self.first}, received {len(columns)}"
        elif not columns[: self.width][self.word_column]:
            wrong = f"expected a word in column {self.word_column}, received nothing"
        else:
            wrong = ""
        del columns[self.width :]
        return columns, wrong

    def _split(self, line: str) -> tuple[Separator, list[str]]:
        separator = self.separator if self.separator != "auto" else "tab" if "\t" in line else "space"
        return separator, (_at_tabs if separator == "tab" else _at_spaces)(line)


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of one sentence, and the line of each."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    lines: tuple[int, ...]
    document: int


def read_conll(
    source: str | Path,
    problems: Problems,
    *,
    word_column: int = 0,
    tag_column: int | None = -1,
    separator: Separator = "auto",
    scheme: Scheme | Literal["auto"] = "auto",
) -> Iterator[Sentence]:
    """Yield the sentences of a file of columns.

    `#` is a word like others, not a comment. A row whose word or first column is `-DOCSTART-` is a border between
    documents. All other rows have as many columns as the first; empty columns behind those do not count.

    Args:
        source: a file, perhaps gzipped; `-` is standard input.
        problems: takes what is wrong, each with its line. A sentence with something wrong is left out.
        word_column: column of the words, from 0, or from the end where negative.
        tag_column: column of the tags likewise. None reads words alone, and holds no more than a sentence.
        separator: what lies between columns: one tab, or any number of spaces. `auto` is a tab where the first row
            has one.
        scheme: how the tags are written. `auto` reads the whole file and takes the scheme that fits it best.
    """
    name = name_of(source)
    rows = _rows(source, problems, word_column, tag_column, separator)
    if tag_column is None:
        for row in rows:
            yield Sentence(row.words, document=row.document, place=f"{name}:{row.lines[0]}")
        return
    held = list(rows)
    places = ([f"{name}:{line}" for line in row.lines] for row in held)
    for row, tags in zip(held, in_iob2([row.tags for row in held], places, scheme, problems), strict=True):
        if tags is not None:
            yield Sentence(row.words, tags, document=row.document, place=f"{name}:{row.lines[0]}")


def _rows(
    source: str | Path, problems: Problems, word_column: int, tag_column: int | None, separator: Separator
) -> Iterator[_Rows]:
    """Yield the rows of each sentence that has nothing wrong with its columns."""
    name = name_of(source)
    reader = Columns(word_column, tag_column, separator)
    words: list[str] = []
    tags: list[str] = []
    lines: list[int] = []
    document, whole, found, before = 0, True, False, problems.count

    for number, line in _with_end(read_lines(source, problems)):
        is_empty = not line.strip(" \t")
        if is_empty or reader.is_border(line):
            if words and whole:
                yield _Rows(tuple(words), tuple(tags), tuple(lines), document)
            words, tags, lines, whole = [], [], [], True
            document += found and not is_empty
            continue
        found = True
        columns, wrong = reader.read(number, line)
        if wrong:
            problems.add(f"{name}:{number}", wrong)
            whole = False
            continue
        words.append(columns[word_column])
        lines.append(number)
        if tag_column is not None:
            tags.append(columns[tag_column])
    if not found and problems.count == before:
        problems.add(name, "expected sentences, received only empty lines")


def _columns_needed(word_column: int, tag_column: int | None) -> int:
    """Return how many columns a row has at least: so many that the word and the tag are two of them."""
    columns = [word_column] if tag_column is None else [word_column, tag_column]
    needed = max(column + 1 if column >= 0 else -column for column in columns)
    is_one = len({column % needed for column in columns}) < len(set(columns))
    return needed + 1 if is_one else needed


def _at_tabs(line: str) -> list[str]:
    return [column.strip(" ") for column in line.split("\t")]


def _at_spaces(line: str) -> list[str]:
    # Not str.split(): a no-break space is no border between columns.
    return [column for column in line.replace("\t", " ").split(" ") if column]


def _with_end(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Yield the lines and an empty one, so that the last sentence ends like the others."""
    number = 0
    for number, line in lines:
        yield number, line
    yield number + 1, ""


def write_conll(stream: TextIO, sentences: Iterable[Sentence], separator: str = " ") -> None:
    """Write sentences as columns: the word and, where there are tags, the tag.

    Documents after the first begin with a `-DOCSTART-` row.

    Raises:
        CorpusError: for a word or a tag that would be read as something else: one with white space or a NUL, and the
            word `-DOCSTART-`.
    """
    document: int | None = None
    for sentence in sentences:
        if document is None and sentence.words[0].startswith("\ufeff"):
            stream.write("\ufeff")  # a byte order mark is dropped by those who read, and the word is not
        if document is not None and sentence.document != document:
            stream.write(border_row(sentence.tags is not None, separator))
        document = sentence.document
        stream.write(rows_of(sentence, separator))


def border_row(tagged: bool = True, separator: str = " ") -> str:
    """Return the row between two documents, and the empty line that follows it."""
    return f"{DOCUMENT_BORDER}{separator}O\n\n" if tagged else f"{DOCUMENT_BORDER}\n\n"


def rows_of(sentence: Sentence, separator: str = " ") -> str:
    """Return the rows of a sentence, and the empty line that follows it.

    Raises:
        CorpusError: as `write_conll`.
    """
    wrong = unwritable_word(sentence.words) or next(
        (_unwritable("tag", tag) for tag in sentence.tags or () if UNWRITABLE.search(tag)), ""
    )
    if wrong:
        raise CorpusError([Problem(sentence.place, wrong)])
    if sentence.tags is None:
        return "".join(f"{word}\n" for word in sentence.words) + "\n"
    rows = (f"{word}{separator}{tag}\n" for word, tag in zip(sentence.words, sentence.tags, strict=True))
    return "".join(rows) + "\n"


def unwritable_word(words: Iterable[str]) -> str:
    """Return what is wrong with the first word that would be read as something else; nothing where none would."""
    for word in words:
        if word == DOCUMENT_BORDER:
            return f"expected a word that is no border between documents, received {word!r}"
        if UNWRITABLE.search(word):
            return _unwritable("word", word)
    return ""


def _unwritable(name: str, column: str) -> str:
    return f"expected a {name} without white space or NUL for a column, received {column[:40]!r}"
