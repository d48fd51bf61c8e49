"""`tag`: files in, tagged files out."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from nlp_pipeline.corpora.conll import read_conll, write_conll
from nlp_pipeline.corpora.jsonl import read_jsonl_records
from nlp_pipeline.corpora.lines import name_of, read_lines
from nlp_pipeline.errors import OutputError, Problem, Problems, UsageError
from nlp_pipeline.outputs import new_file
from nlp_pipeline.serving.stream import Record, TaggedRecord, tag_records, write_json_line
from nlp_pipeline.serving.tagger import LoadedTagger
from nlp_pipeline.text.sentence import Sentence

STANDARD_STREAM = "-"
SUFFIXES = {"jsonl": (".jsonl", ".json"), "conll": (".conll", ".iob", ".iob2", ".bio", ".tsv")}


@dataclass
class Counted:
    """What was tagged, and in how many seconds."""

    words: int = 0
    sentences: int = 0
    entities: int = 0
    seconds: float = 0.0


def tag_files(
    load: Callable[[], LoadedTagger],
    sources: Sequence[str],
    output: str,
    input_format: str,
    output_format: str,
    word_column: int = 0,
) -> Counted:
    """Tag files.

    Args:
        load: loads the tagger; called after the file names have been looked at.
        sources: files; `-` is standard input.
        output: a file, `-` for standard output, or with several sources a folder.
        input_format: `text`, `conll` or `jsonl`, or `auto` for what the name of each source says.
        output_format: `conll` or `jsonl`, or `auto` for what the output's name says.
        word_column: the column of the words in CoNLL.

    Raises:
        UsageError: where source and output do not go together.
        CorpusError: with the problems of the first source that has any. No file is written then, of no source.
        OutputError: where the output cannot be written.
    """
    if output_format == "auto":
        output_format = "jsonl" if _format_of(output) == "jsonl" else "conll"
    targets = _targets(sources, output, output_format)
    _look_at(sources, targets)
    tagger = load()
    counted = Counted()
    started = time.monotonic()
    with ExitStack() as stack:
        for source, target in zip(sources, targets, strict=True):
            problems = Problems()
            with _opened(target, stack) as stream:
                form = _format_of(source) if input_format == "auto" else input_format
                records = _read(source, form, word_column, problems)
                tagged = _counting(tag_records(tagger, records), counted)
                if output_format == "jsonl":
                    for record in tagged:
                        write_json_line(stream, record)
                else:
                    write_conll(stream, _predicted_sentences(tagged))
            problems.raise_if_any()
    counted.seconds = time.monotonic() - started
    return counted


def _format_of(name: str) -> str:
    """Return the format that a file's name speaks of; text where it speaks of none."""
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    return next((form for form, suffixes in SUFFIXES.items() if suffix in suffixes), "text")


def _look_at(sources: Sequence[str], targets: Sequence[str]) -> None:
    """Refuse sources that are not there, and targets that would take the place of a source."""
    files = [Path(source) for source in sources if source != STANDARD_STREAM]
    for file in files:
        if not file.exists() or file.is_dir():
            what = "a directory" if file.is_dir() else "nothing: there is no such file"
            raise UsageError([Problem(str(file), f"expected a file, received {what}")])
    for target in targets:
        if target != STANDARD_STREAM and Path(target).is_file() and any(file.samefile(target) for file in files):
            raise UsageError([Problem(target, "expected an output that is not an input too, received one that is")])


def _targets(sources: Sequence[str], output: str, output_format: str) -> list[str]:
    """Return where each source goes."""
    if len(sources) == 1 or output == STANDARD_STREAM:
        if output != STANDARD_STREAM and Path(output).is_dir():
            raise OutputError([Problem(output, "expected a file to write to, received a directory")])
        return [output] * len(sources)
    if Path(output).is_file():
        raise OutputError([Problem(output, f"expected a folder for {len(sources)} inputs, received a file")])
    names = ["stdin" if source == STANDARD_STREAM else Path(source).stem for source in sources]
    for name in names:
        if names.count(name) > 1:
            message = f"expected inputs with names of their own, received '{name}' {names.count(name)} times"
            raise UsageError([Problem(output, message)])
    return [str(Path(output) / f"{name}.{output_format}") for name in names]


def _read(source: str, input_format: str, word_column: int, problems: Problems) -> Iterator[Record]:
    """Return the records of a source, as a stream."""
    if input_format == "conll":
        for sentence in read_conll(source, problems, word_column=word_column, tag_column=None):
            yield Record((sentence,))
    elif input_format == "jsonl":
        for record in read_jsonl_records(source, problems):
            if record.text is not None:
                yield Record.of_text(record.text, record.place)
            elif record.words is not None:
                yield Record((Sentence(record.words, place=record.place),))
    else:
        name = name_of(source)
        for number, line in read_lines(source, problems):
            yield Record.of_text(line, f"{name}:{number}")


def _counting(records: Iterable[TaggedRecord], counted: Counted) -> Iterator[TaggedRecord]:
    for record in records:
        counted.sentences += len(record.sentences)
        counted.words += sum(len(sentence.tags) for sentence in record.sentences)
        counted.entities += sum(tag.startswith("B-") for sentence in record.sentences for tag in sentence.tags)
        yield record


def _predicted_sentences(records: Iterable[TaggedRecord]) -> Iterator[Sentence]:
    for record in records:
        for tagged in record.sentences:
            yield replace(tagged.sentence, tags=tagged.tags)


@contextmanager
def _opened(target: str, stack: ExitStack) -> Iterator[TextIO]:
    """Give a stream to a target. A file takes its place when the stack ends well."""
    if target == STANDARD_STREAM:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # As in a file, whatever the terminal's own encoding is.
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        yield sys.stdout
        sys.stdout.flush()
        return
    temporary = stack.enter_context(new_file(Path(target)))
    with temporary.open("w", encoding="utf-8", newline="\n") as stream:
        yield stream
