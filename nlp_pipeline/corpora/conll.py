"""CoNLL columns: a word a line with its tag, an empty line between sentences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
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
    needed = _columns_needed(word_column, tag_column)
    split: Callable[[str], list[str]] | None = {"tab": _at_tabs, "space": _at_spaces, "auto": None}[separator]
    words: list[str] = []
    tags: list[str] = []
    lines: list[int] = []
    document, whole, found, before = 0, True, False, problems.count
    width, first = 0, 0

    for number, line in _with_end(read_lines(source, problems)):
        is_empty = not line.strip(" \t")
        at_separator = split or (_at_tabs if "\t" in line else _at_spaces)
        columns = at_separator(line)
        if is_empty or _is_border(line, columns[word_column:]):
            if words and whole:
                yield _Rows(tuple(words), tuple(tags), tuple(lines), document)
            words, tags, lines, whole = [], [], [], True
            document += found and not is_empty
            continue
        split, found = at_separator, True
        if "\r" not in line and not width and len(columns) >= needed:
            width, first = len(columns), number
        if "\r" in line:
            wrong = "expected lines that end in LF or CR LF, received a CR within a line"
        elif len(columns) < needed:
            wrong = f"expected at least {needed} columns, received {len(columns)}"
        elif len(columns) < width or any(columns[width:]):
            wrong = f"expected {width} columns, as in line {first}, received {len(columns)}"
        elif not columns[:width][word_column]:
            wrong = f"expected a word in column {word_column}, received nothing"
        else:
            wrong = ""
        if wrong:
            problems.add(f"{name}:{number}", wrong)
            whole = False
            continue
        del columns[width:]
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


def _is_border(line: str, from_word: Sequence[str]) -> bool:
    """Return whether a row lies between documents, by its first column, whatever separates it, or by its word."""
    return DOCUMENT_BORDER in line and DOCUMENT_BORDER in (_at_spaces(line)[0], *from_word[:1])


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
            row = DOCUMENT_BORDER if sentence.tags is None else f"{DOCUMENT_BORDER}{separator}O"
            stream.write(f"{row}\n\n")
        document = sentence.document
        for index, word in enumerate(sentence.words):
            if word == DOCUMENT_BORDER:
                message = f"expected a word that is no border between documents, received {word!r}"
                raise CorpusError([Problem(sentence.place, message)])
            columns = [word] if sentence.tags is None else [word, sentence.tags[index]]
            for name, column in zip(("word", "tag"), columns, strict=False):
                if UNWRITABLE.search(column):
                    message = f"expected a {name} without white space or NUL for a column, received {column[:40]!r}"
                    raise CorpusError([Problem(sentence.place, message)])
            stream.write(separator.join(columns) + "\n")
        stream.write("\n")
