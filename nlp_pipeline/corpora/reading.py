"""Files as streams of records: what can be read, and what cannot; of any part of a file, from one place to another."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import IO, Any, NoReturn

from nlp_pipeline.corpora.conll import Columns, unwritable_word
from nlp_pipeline.corpora.jsonl import record_of
from nlp_pipeline.corpora.lines import BROKEN_GZIP, LONGEST_LINE, Line, lines_from, name_of, opened
from nlp_pipeline.corpora.records import NOTHING, Consumed, InputRecord, Item, Position, ReadOptions, Rejected
from nlp_pipeline.errors import CorpusError, Problem


def read_records(
    path: str,
    form: str,
    options: ReadOptions,
    start: Position | None = None,
    until: Position | None = None,
    consumed: Consumed | None = None,
) -> Iterator[Item]:
    """Yield the records of a file in order, or of a slice of it; no more than one of them is held.

    Args:
        path: the file; `-` is standard input.
        form: `text`, `conll`, `jsonl` or `parquet`.
        options: how it is read.
        start: where the slice begins: the `after` of some record. A packed file and standard input are read from their
            beginning all the same, and what lies before is passed over.
        until: where it ends, likewise.
        consumed: is told how much was read.

    Raises:
        CorpusError: where the file cannot be opened. What breaks later is the last item.
    """
    start = start or Position()
    if form == "parquet":
        from nlp_pipeline.corpora.parquet_rows import parquet_records

        items = parquet_records(path, options, start, consumed)
    else:
        items = _of_lines(path, _FORMS[form], options, start, consumed)
    for item in items:
        if until is not None and item.after.offset > until.offset:
            break
        yield item
        if until is not None and item.after.offset == until.offset:
            break


def look_into(path: str, form: str, options: ReadOptions) -> None:
    """Open a file and close it again.

    Raises:
        CorpusError: where it cannot be read at all: it is not there, is no gzip although its name says so, is no
            Parquet, or has no column of texts, or two columns of one name.
    """
    if form == "parquet":
        from nlp_pipeline.corpora.parquet_rows import open_parquet

        with open_parquet(path, options):
            return
    try:
        with opened(path) as (stream, _):
            stream.read(1)
    except FileNotFoundError:
        _refuse(path, "expected a file, received nothing: there is no such file")
    except IsADirectoryError:
        _refuse(path, "expected a file, received a directory")
    except (*BROKEN_GZIP, OSError) as error:
        _refuse(path, _broken(error))


def _refuse(path: str, message: str) -> NoReturn:
    raise CorpusError([Problem(name_of(path), message)]) from None


def _broken(error: BaseException) -> str:
    if isinstance(error, BROKEN_GZIP):
        return f"expected a whole gzip file, received: {error}"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


def _of_lines(
    path: str, former: _Former, options: ReadOptions, start: Position, consumed: Consumed | None
) -> Iterator[Item]:
    with ExitStack() as stack:
        try:
            stream, file = stack.enter_context(opened(path))
        except OSError as error:
            _refuse(path, _broken(error))
        lines = _Lines(stream, file if file is not None and file.seekable() else None, start, consumed or Consumed())
        items, lost_from, is_empty = former(lines, options, start), None, start == Position()
        while True:
            try:
                item = next(items)
            except StopIteration as end:
                lost_from = end.value
                break
            is_empty = False
            yield item
        if lines.broken:
            first = lost_from or lines.last.line + 1
            yield Rejected(first, f"{lines.broken}; nothing is read from here on", lines.last, True)
        elif is_empty:
            received = "only empty lines" if lines.last.line else "an empty file"
            yield Rejected(1, f"expected lines of {_CONTENTS[former]}, received {received}", lines.last, True)


class _Lines:
    """The lines of an open file from a position on, until it ends or breaks.

    Attributes:
        last: the end of the last line.
        broken: what is told of the break; nothing where the file was read to its end.
    """

    def __init__(self, stream: IO[bytes], file: IO[bytes] | None, start: Position, consumed: Consumed) -> None:
        self._stream = stream
        self._can_seek = file is stream
        self._start = start
        self._consumed = consumed
        consumed.file = file
        self.last = start
        self.broken = ""

    def __iter__(self) -> Iterator[Line]:
        offset, number = 0, 0
        try:
            if self._can_seek:
                offset, number = self._start.offset, self._start.line
                self._stream.seek(offset)
            for line in lines_from(self._stream, offset, number):
                self.last = Position(line.end, line.number)
                self._consumed.count = line.end
                if line.end > self._start.offset:
                    yield line
        except (*BROKEN_GZIP, OSError) as error:
            self.broken = _broken(error)


_Items = Generator[Item, None, int | None]
"""What is made of lines; and, where they break off, the first line that was read in vain."""

_Former = Callable[[_Lines, ReadOptions, Position], _Items]


def _texts(lines: _Lines, options: ReadOptions, start: Position) -> _Items:  # noqa: ARG001
    for line in lines:
        after = Position(line.end, line.number)
        if line.wrong:
            yield Rejected(line.number, line.wrong, after)
        else:
            yield InputRecord(line.number, line.text, None, NOTHING, after)
    return None


def _objects(lines: _Lines, options: ReadOptions, start: Position) -> _Items:
    is_first = start == Position()
    for line in lines:
        after = Position(line.end, line.number)
        if line.wrong:
            is_first = False
            yield Rejected(line.number, line.wrong, after)
            continue
        if not line.text.strip():
            continue
        found = record_of(line.text, "", options.text_field, options.with_words)
        if not isinstance(found, str) and options.for_columns and (wrong := _unwritable(found.text, found.words)):
            found = wrong
        is_array, is_first = is_first and line.text.lstrip().startswith("["), False
        if isinstance(found, str):
            more = "; JSON lines are expected, an object a line, not one list of objects" if is_array else ""
            yield Rejected(line.number, found + more, after)
            continue
        others = NOTHING
        if options.with_fields:
            taken = "words" if "words" in found.content else "tokens"
            taken = options.text_field if found.words is None else taken
            others = {name: value for name, value in found.content.items() if name != taken}
        yield InputRecord(line.number, found.text, found.words, others, after)
    return None


def _unwritable(text: str | None, words: tuple[str, ...] | None) -> str:
    if text is not None and "\0" in text:
        return f"expected text without NUL for columns, received one (character {text.index(chr(0)) + 1})"
    return unwritable_word(words or ())


def _sentences(lines: _Lines, options: ReadOptions, start: Position) -> _Items:
    sentence = _Sentence(options, start)
    for line in lines:
        if not sentence.ends_with(line):
            sentence.add(line)
        elif (item := sentence.item(lines.last)) is not None:
            yield item
    if lines.broken:
        return sentence.first_line
    if (item := sentence.item(lines.last)) is not None:
        yield item
    return None


@dataclass
class _Sentence:
    """Gathers the rows of a sentence, and is emptied when it ends. One with a wrong row is rejected as a whole."""

    options: ReadOptions
    start: Position
    words: list[str] = field(default_factory=list)
    first_line: int = 0
    held: int = 0
    wrong: tuple[int, str] | None = None

    def __post_init__(self) -> None:
        start = self.start
        separator: Any = start.separator
        self.columns = Columns(self.options.word_column, None, separator, start.width, start.first)
        self.any, self.border = start.sentences, start.border
        self._ended_by_border = False

    def ends_with(self, line: Line) -> bool:
        """Return whether a line ends the sentence, or stands between sentences."""
        if line.wrong:
            return False
        self._ended_by_border = self.columns.is_border(line.text)
        return self._ended_by_border or not line.text.strip(" \t")

    def add(self, line: Line) -> None:
        """Add a row."""
        self.first_line = self.first_line or line.number
        columns, wrong = ([], line.wrong) if line.wrong else self.columns.read(line.number, line.text)
        self.held += len(line.text)
        if self.held > LONGEST_LINE and not wrong:
            wrong = f"expected a sentence of at most {LONGEST_LINE} characters, received a longer one"
        if wrong and self.wrong is None:
            self.wrong = line.number, wrong
        if self.wrong is None:
            self.words.append(columns[self.options.word_column])
        else:
            self.words.clear()

    def item(self, last: Position) -> Item | None:
        """Return what the sentence came to, and begin the next.

        Args:
            last: the end of the line that ended it.
        """
        words, wrong, first_line, begins = tuple(self.words), self.wrong, self.first_line, self.border
        self.words, self.wrong, self.first_line, self.held = [], None, 0, 0
        if words and self.options.for_columns and (unwritable := unwritable_word(words)):
            words, wrong = (), (first_line, unwritable)
        if words:
            self.any, self.border = True, False
        # A border before the first sentence parts nothing.
        self.border = self.border or (self._ended_by_border and self.any)
        self._ended_by_border = False
        columns = self.columns
        after = Position(last.offset, last.line, columns.separator, columns.width, columns.first, self.any, self.border)
        if wrong is not None:
            line, reason = wrong
            return Rejected(line, f"{reason}; its sentence, which begins in line {first_line}, is left out", after)
        return InputRecord(first_line, None, words, NOTHING, after, begins) if words else None


_FORMS: Mapping[str, _Former] = {"text": _texts, "jsonl": _objects, "conll": _sentences}
_CONTENTS: Mapping[_Former, str] = {_texts: "text", _objects: "JSON", _sentences: "words"}
