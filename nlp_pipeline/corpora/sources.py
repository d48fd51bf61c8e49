"""Which files are meant: names, folders, patterns and standard input become sources, each with its format."""

from __future__ import annotations

import glob
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from nlp_pipeline.corpora.lines import STANDARD_STREAM
from nlp_pipeline.errors import Problem, Problems, UsageError

PACKED = ".gz"
SUFFIXES = {
    "jsonl": (".jsonl", ".json"),
    "conll": (".conll", ".iob", ".iob2", ".bio", ".tsv"),
    "parquet": (".parquet",),
}
"""What the names of files end in, by their format. Any other name is text's."""

_UNFINISHED = (".partial", ".part", ".tmp", ".crdownload")


@dataclass(frozen=True, slots=True)
class Source:
    """A file that is to be read.

    Attributes:
        path: its name; `-` is standard input.
        form: `text`, `conll`, `jsonl` or `parquet`.
        stem: what its output is called, without an ending, relative to the output folder.
    """

    path: str
    form: str
    stem: PurePath

    @property
    def is_stream(self) -> bool:
        """Whether it can be read once only: standard input, a pipe, a device."""
        return self.path == STANDARD_STREAM or not Path(self.path).is_file()

    @property
    def is_seekable(self) -> bool:
        """Whether it can be read from any place on without reading what lies before."""
        return not self.is_stream and self.form != "parquet" and not self.path.lower().endswith(PACKED)


def format_of(name: str) -> str:
    """Return the format that a file's name speaks of; text where it speaks of none."""
    suffix = PurePath(name.lower().removesuffix(PACKED)).suffix
    return next((form for form, suffixes in SUFFIXES.items() if suffix in suffixes), "text")


def stem_of(name: PurePath) -> PurePath:
    """Return a file's name without its ending, also without the ending below that of a packed file."""
    bare = name.with_name(name.name[: -len(PACKED)]) if name.name.lower().endswith(PACKED) else name
    return bare.with_suffix("") if bare.suffix else bare


def find_sources(
    arguments: Sequence[str], input_format: str, formats: Collection[str], left_out: Collection[Path] = ()
) -> tuple[list[Source], bool]:
    """Return the sources that are meant, in the order of the arguments, and whether they want a folder of outputs.

    A folder stands for all files below it, in the order of their names, and a pattern for those that it matches,
    without hidden and unfinished ones. Their outputs lie as they do, from the folder or from where the pattern begins.

    Args:
        arguments: names of files and folders, patterns (`**` is any number of folders), `-` for standard input.
        input_format: one of the formats, or `auto` for what the name of each says.
        formats: those that may be read.
        left_out: outputs: where a folder or a pattern would find one of them, or what lies below one, it is not meant.

    Raises:
        UsageError: where there is nothing to read; naming each argument that means nothing.
    """
    problems = Problems()
    sources: list[Source] = []
    own = {path.resolve() for path in left_out}
    for argument in arguments:
        for path, stem in _meant(argument, own, problems):
            form = format_of(path) if input_format == "auto" else input_format
            if form not in formats:
                message = f"expected a file of the formats {', '.join(sorted(formats))}, received one called {form}"
                problems.add(path, f"{message}; --input-format says what it is")
            elif form == "parquet" and (path == STANDARD_STREAM or path.lower().endswith(PACKED)):
                problems.add(path, "expected a Parquet file as it is, received a stream or a packed one")
            sources.append(Source(path, form, stem))
    if [source.path for source in sources].count(STANDARD_STREAM) > 1:
        problems.add(STANDARD_STREAM, "expected standard input once, received it more often")
    problems.raise_if_any(UsageError)
    return sources, len(sources) > 1 or any(_is_many(argument) for argument in arguments)


def _is_many(argument: str) -> bool:
    return argument != STANDARD_STREAM and (Path(argument).is_dir() or not os.path.lexists(argument))


def _meant(argument: str, own: Collection[Path], problems: Problems) -> Iterator[tuple[str, PurePath]]:
    """Yield the files that an argument stands for, and the stems of their outputs."""
    path = Path(argument)
    if argument == STANDARD_STREAM:
        yield argument, PurePath("stdin")
    elif "\0" not in argument and path.is_dir():
        yield from _found(sorted(_below(path)), path, own, problems, argument)
    elif "\0" not in argument and path.exists():
        yield argument, stem_of(PurePath(path.name))
    elif "\0" not in argument and glob.has_magic(argument):
        # Path.glob takes no pattern that begins at the root.
        files = (Path(found) for found in glob.iglob(argument, recursive=True))  # noqa: PTH207
        yield from _found(sorted(file for file in files if file.is_file()), _fixed(path), own, problems, argument)
    else:
        problems.add(argument, "expected a file, received nothing: there is no such file")


def _found(
    files: Sequence[Path], root: Path, own: Collection[Path], problems: Problems, argument: str
) -> Iterator[tuple[str, PurePath]]:
    wanted = [file for file in files if _is_finished(file.relative_to(root)) and not _is_one_of(file, own)]
    if not wanted:
        received = "a folder without any" if Path(argument).is_dir() else "a pattern that matches none"
        if any(_is_one_of(file, own) for file in files):
            received += " but what lies in the place of the output"
        problems.add(argument, f"expected files, received {received}")
    for file in wanted:
        yield str(file), stem_of(PurePath(file.relative_to(root)))


def _below(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        message = f"expected a folder that can be read, received: {error.strerror}"
        raise UsageError([Problem(str(error.filename), message)])

    for at, folders, names in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in names if (path := Path(at, name)).is_file())


def _fixed(pattern: Path) -> Path:
    """Return the folders of a pattern before the first part that can match several names."""
    fixed = Path(pattern.anchor)
    for part in pattern.parts[bool(pattern.anchor) : -1]:
        if glob.has_magic(part):
            break
        fixed /= part
    return fixed


def _is_finished(file: PurePath) -> bool:
    return not any(part.startswith(".") for part in file.parts) and not file.name.lower().endswith(_UNFINISHED)


def _is_one_of(file: Path, own: Collection[Path]) -> bool:
    if not own:
        return False
    resolved = file.resolve()
    return resolved in own or any(parent in own for parent in resolved.parents)


def refuse_equal_stems(sources: Sequence[Source], output: str) -> None:
    """Refuse sources whose outputs would have the same name.

    Raises:
        UsageError: naming them.
    """
    counted: dict[PurePath, int] = {}
    for source in sources:
        counted[source.stem] = counted.get(source.stem, 0) + 1
    expected = "expected inputs with names of their own, received"
    problems = [Problem(output, f"{expected} '{stem}' {count} times") for stem, count in counted.items() if count > 1]
    if problems:
        raise UsageError(problems[:20], max(0, len(problems) - 20))
