"""What `tag` and `translate` share: which files go where, before anything is loaded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.reading import look_into
from nlp_pipeline.corpora.records import ReadOptions
from nlp_pipeline.corpora.sources import PACKED, Source, find_sources, refuse_equal_stems
from nlp_pipeline.errors import OutputError, Problem, Problems, UsageError
from nlp_pipeline.outputs import file_digest
from nlp_pipeline.serving.cluster import produce_on
from nlp_pipeline.serving.connection import Cluster
from nlp_pipeline.serving.files import Done, Progress, process_files
from nlp_pipeline.serving.forms import Form
from nlp_pipeline.serving.manifest import MANIFEST
from nlp_pipeline.serving.unfinished import STANDARD_STREAM, is_stream
from nlp_pipeline.serving.windows import Limits
from nlp_pipeline.serving.work import Job, Worker


@dataclass(frozen=True)
class Files:
    """Which files are read and written, and how.

    Attributes:
        inputs: files, folders, patterns; `-` is standard input.
        output: a file, or a folder where there are several inputs; `-` is standard output.
        input_format: of all inputs, or `auto` for what the name of each says.
        output_format: or `auto` for what the output's name says.
        text_field: the key of the text in JSON, its column in Parquet.
        word_column: the column of the words in CoNLL.
        rejected: the file that gets what cannot be read; by default `OUTPUT.rejected.jsonl`, and none for a stream.
        second: a file, or a folder likewise, for the second file of a form that has two.
        resume: whether to go on with what a killed run left.
    """

    inputs: Sequence[str]
    output: str
    input_format: str = "auto"
    output_format: str = "auto"
    text_field: str = "text"
    word_column: int = 0
    rejected: str | None = None
    second: str | None = None
    resume: bool = False


@dataclass(frozen=True)
class Telling:
    """Who is told what while files are processed.

    Attributes:
        progress: now and then how far the run is.
        remarks: what the user should read at once.
    """

    progress: Callable[[Progress], None] | None = None
    remarks: Callable[[str], None] | None = None


@dataclass(frozen=True)
class Plan:
    """Which source goes where; every one has been opened once, and no output is in another's way.

    Attributes:
        files: what was asked for.
        sources: what is read.
        targets: for each the names of its outputs.
        rejected: the file that gets what cannot be read; None tells it.
        form: what is written.
    """

    files: Files
    sources: Sequence[Source]
    targets: Sequence[Sequence[str]]
    rejected: str | None
    form: Form

    def run(
        self,
        bundle: Path,
        load: Callable[[], Worker],
        limits: Limits,
        read: ReadOptions,
        identity: Mapping[str, Any],
        cluster: Cluster | None,
        telling: Telling,
    ) -> Done:
        """Do it: here, or on a cluster.

        Args:
            bundle: the bundle's folder; another one is not gone on with.
            load: gives the worker.
            limits: how much is processed together.
            read: how the sources are read.
            identity: what else two runs must share.
            cluster: where it is done; None for here.
            telling: who is told what.
        """
        told_of = {"bundle": file_digest(bundle / MANIFEST), **identity}
        job = Job(
            *(self.sources, self.targets, self.files.output, self.rejected, read, limits, self.form, told_of),
            keeps_rejected=self.files.rejected is not None,
        )
        produce = load() if cluster is None else partial(produce_on, cluster, job, load, say=telling.remarks)
        return process_files(job, produce, self.files.resume, telling.progress, telling.remarks)


def plan_of(files: Files, form: Form, formats: Collection[str], with_words: bool) -> Plan:
    """Find the sources and name their outputs.

    Args:
        files: what is asked for.
        form: what is written.
        formats: those that may be read.
        with_words: whether JSON may have words in the place of a text.

    Raises:
        UsageError: where source and output do not go together; naming all that is wrong.
        CorpusError: where a source cannot be opened.
        OutputError: where an output cannot be what it would have to be.
    """
    _refuse_names(files)
    beside = _rejected_beside(files.output)
    own = [
        Path(name)
        for name in (files.output, files.second, files.rejected, beside)
        if name not in (None, STANDARD_STREAM)
    ]
    sources, is_many = find_sources(files.inputs, files.input_format, formats, own)
    targets = _targets(sources, files, form, is_many)
    rejected = files.rejected
    if rejected is None and not is_stream_of_its_own(files.output, is_many):
        rejected = beside
    _refuse_shared(sources, [name for names in targets for name in names] + ([rejected] if rejected else []))
    options = ReadOptions(files.text_field, with_words, files.word_column)
    for source in sources:
        if not source.is_stream:
            look_into(source.path, source.form, options)
    return Plan(files, sources, targets, rejected, form)


def _refuse_names(files: Files) -> None:
    """Refuse names that no file can have."""
    named = {"--output": files.output, "--rejected": files.rejected, "--alignments": files.second}
    for option, name in named.items():
        if name == "":
            raise UsageError(f"{option}: expected a file's name, received an empty one")
        if name is not None and name.lower().endswith(PACKED) and not is_stream(name):
            raise OutputError([Problem(name, f"expected an output that is not packed, received one in {PACKED}")])
    if "" in files.inputs:
        raise UsageError("expected the names of files, folders or patterns, received an empty one")
    if files.rejected == STANDARD_STREAM:
        raise UsageError("--rejected: expected a file's name, received - for standard output")
    if files.rejected is not None and Path(files.rejected).is_dir():
        raise OutputError([Problem(files.rejected, "expected a file for rejected records, received a folder")])


def _rejected_beside(output: str) -> str:
    """Return the file of rejected records that an output has beside it where none is named."""
    # `.` and `..` have no name of their own to put an ending to.
    path = Path(output) if Path(output).name not in ("", "..") else Path(output).resolve()
    return f"{path}.rejected.jsonl"


def is_stream_of_its_own(output: str, is_many: bool) -> bool:
    """Return whether an output is written to as it stands: it is standard output, a pipe or a device."""
    return output == STANDARD_STREAM or (not is_many and is_stream(output))


def bundle_path(bundle: str | PathLike[str]) -> Path:
    """Return a bundle's folder as any process finds it."""
    return Path(bundle).absolute()


def tell_chosen(precision: str | None, telling: Telling | None) -> None:
    """Tell what `--precision auto` has come to."""
    if telling is not None and telling.remarks is not None:
        telling.remarks(f"--precision auto: {precision or 'as the bundle was trained'}")


def _targets(sources: Sequence[Source], files: Files, form: Form, is_many: bool) -> list[list[str]]:
    """Return where each source goes."""
    given = [files.output] if files.second is None else [files.output, files.second]
    for name in given:
        _refuse_kind(name, form, is_many, len(sources))
    if given.count(STANDARD_STREAM) > 1:
        raise UsageError("expected a file for the translations or the alignments, received - for both")
    if not is_many:
        if len(given) < len(form.suffixes):
            # The files of one output share a name.
            stem = Path(files.output)
            stem = stem.with_suffix("") if stem.suffix in form.suffixes else stem
            return [[f"{stem}{suffix}" for suffix in form.suffixes]]
        return [given]
    refuse_equal_stems(sources, files.output)
    folders = given if len(given) == len(form.suffixes) else given * len(form.suffixes)
    return [
        [
            folder if folder == STANDARD_STREAM else str(Path(folder) / f"{source.stem}{suffix}")
            for folder, suffix in zip(folders, form.suffixes, strict=True)
        ]
        for source in sources
    ]


def _refuse_kind(name: str, form: Form, is_many: bool, count: int) -> None:
    """Refuse an output that is a folder and should be a file, or the reverse, or a stream for what cannot be one."""
    path = Path(name)
    if is_stream_of_its_own(name, is_many) and not path.is_dir():
        if form.is_spooled:
            received = "standard output" if name == STANDARD_STREAM else "what is none"
            raise OutputError([Problem(name, f"expected a file for {form.name}, received {received}")])
    elif is_many and path.exists() and not path.is_dir():
        raise OutputError([Problem(name, f"expected a folder for {count} inputs, received a file")])
    elif not is_many and path.is_dir():
        raise OutputError([Problem(name, "expected a file to write to, received a directory")])


def _refuse_shared(sources: Sequence[Source], targets: Sequence[str]) -> None:
    """Refuse outputs that would take the place of a source, or of each other."""
    read = {Path(source.path).resolve() for source in sources if source.path != STANDARD_STREAM}
    taken: set[Path] = set()
    problems = Problems()
    for target in targets:
        if target == STANDARD_STREAM or is_stream(target):
            continue
        path = Path(target).resolve()
        if path in read:
            problems.add(target, "expected an output that is not an input too, received one that is")
        elif path in taken:
            problems.add(target, "expected a file of its own for each output, received one that is another too")
        taken.add(path)
    problems.raise_if_any(UsageError)
