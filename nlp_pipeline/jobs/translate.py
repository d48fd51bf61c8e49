"""`translate`: a file in, its translation out, line by line."""

from __future__ import annotations

import io
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from nlp_pipeline.corpora.lines import STANDARD_STREAM, read_lines
from nlp_pipeline.errors import OutputError, Problem, Problems, UsageError
from nlp_pipeline.evaluation.heatmap import pharaoh_of
from nlp_pipeline.outputs import new_file
from nlp_pipeline.serving.translator import LoadedTranslator

_LINE_END = re.compile("[\r\n]+")


@dataclass
class Translated:
    """What was done.

    Attributes:
        sentences: how many lines were translated.
        in_parts: how many of them in parts.
        unknown: the lines in which the vocabulary knows nothing, by number; each stands in the output as it is.
        seconds: in how many seconds.
    """

    sentences: int = 0
    in_parts: int = 0
    unknown: list[int] = field(default_factory=list)
    seconds: float = 0.0


def translate_file(
    load: Callable[[], LoadedTranslator],
    source: str,
    output: str,
    n_best: int = 1,
    alignments: str | None = None,
    **settings: Any,
) -> Translated:
    """Translate a file, one line out for each line in, in order; an empty line for an empty one.

    With `n_best` above 1 a line out is `number ||| translation ||| score`, several for each line in, as Moses has it.

    Args:
        load: loads the translator; called after the file names have been looked at.
        source: a file of sentences; `-` is standard input.
        output: a file, or `-` for standard output.
        n_best: how many translations of each sentence.
        alignments: a file that gets the alignment of each line out, in Pharaoh's format: `0-0 1-2`, from 0.
        settings: of the search, in the place of the recipe's.

    Raises:
        UsageError: where the names do not go together, or the bundle's decoder has no attention to align by.
        CorpusError: with the problems of the source. No file is written then; and nothing is translated, but where the
            source is a stream, which can be read once only.
        OutputError: where the output cannot be written.
    """
    _look_at(source, output, alignments)
    translator = load()
    if alignments is not None and translator.bundle.recipe.decoder.attention is None:
        message = "expected a bundle whose decoder has attention, to align by, received one without"
        raise UsageError([Problem(alignments, message)])
    done = Translated()
    problems = Problems()
    if Path(source).is_file():
        for _ in read_lines(source, problems):
            pass
        problems.raise_if_any()
    started = time.monotonic()
    with ExitStack() as stack:
        out = _opened(output, stack)
        aligned = None if alignments is None else _opened(alignments, stack)
        for number, found in enumerate(translator.translate_stream(_lines(source, problems), n_best, **settings)):
            for hypothesis in found.hypotheses:
                # What ends a line in a translation, since it did in training, would shift all that follow.
                text = _LINE_END.sub(" ", hypothesis.text)
                out.write((text if n_best == 1 else f"{number} ||| {text} ||| {hypothesis.score:.4f}") + "\n")
                if aligned is not None:
                    aligned.write(pharaoh_of(hypothesis.weights or ()) + "\n")
            done.sentences += 1
            done.in_parts += found.parts > 1
            if found.parts and found.unknown == found.parts:
                done.unknown.append(number + 1)
        out.flush()
    done.seconds = time.monotonic() - started
    return done


def _lines(source: str, problems: Problems) -> Iterator[str]:
    """Stop at the first problem of the source: a line that is left out would shift all that follow."""
    for _, line in read_lines(source, problems):
        problems.raise_if_any()
        yield line
    problems.raise_if_any()


def _look_at(source: str, output: str, alignments: str | None) -> None:
    """Refuse a source that is not there, and outputs that would take its place or each other's."""
    path = Path(source)
    if source != STANDARD_STREAM and (not path.exists() or path.is_dir()):
        what = "a directory" if path.is_dir() else "nothing: there is no such file"
        raise UsageError([Problem(source, f"expected a file, received {what}")])
    taken = [] if source == STANDARD_STREAM else [path.resolve()]
    if output == alignments == STANDARD_STREAM:
        raise UsageError("expected a file for the translations or the alignments, received - for both")
    for target in (output, alignments):
        if target is None or target == STANDARD_STREAM:
            continue
        if Path(target).is_dir():
            raise OutputError([Problem(target, "expected a file to write to, received a directory")])
        if Path(target).resolve() in taken:
            message = "expected a file of its own for each input and output, received one that is another too"
            raise UsageError([Problem(target, message)])
        taken.append(Path(target).resolve())


def _opened(target: str, stack: ExitStack) -> TextIO:
    """Return a stream to a target. A file takes its place when the stack ends well."""
    if target == STANDARD_STREAM:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # As in a file, whatever the terminal's own encoding is.
            sys.stdout.reconfigure(encoding="utf-8", newline="\n")
        return sys.stdout
    temporary = stack.enter_context(new_file(Path(target)))
    return stack.enter_context(temporary.open("w", encoding="utf-8", newline="\n"))
