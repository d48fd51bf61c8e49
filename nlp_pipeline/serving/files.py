"""Files in, files out: windows of records through a worker, in order, with a journal by which a killed run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import nlp_pipeline
from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.corpora.reading import read_records
from nlp_pipeline.corpora.records import Consumed, InputRecord, ReadOptions, Rejected
from nlp_pipeline.corpora.sources import Source
from nlp_pipeline.errors import OutputError, Problem, UsageError
from nlp_pipeline.outputs import parents_of, told
from nlp_pipeline.serving.forms import Form, json_line
from nlp_pipeline.serving.journal import Journal, Plan, Reached
from nlp_pipeline.serving.stopping import Signals, StopNow
from nlp_pipeline.serving.unfinished import Sink, Stream, UnfinishedFile, is_stream
from nlp_pipeline.serving.windows import Limits, Window, windows_of

SHOWN_NOTES = 20


class Worker(Protocol):
    """Does what is to be done with records."""

    limits: Limits

    def prepare(self, record: InputRecord, source: str) -> tuple[Any, int]:
        """Return what is processed of a record of a source, and what it weighs."""

    def process(self, prepared: Sequence[Any]) -> list[Any]:
        """Return the result of each."""

    def count(self, results: Sequence[Any]) -> Mapping[str, int]:
        """Return what is counted of results; `words` among it."""

    def notes(self, results: Sequence[Any]) -> list[str]:
        """Return what is to be said of results, in the end."""


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        sources: what is read, in order.
        targets: for each source the names of its outputs; `-` is standard output.
        output: the file or folder that is made of them all.
        rejected: the file that gets the rejected records; None tells them.
        read: how sources are read.
        worker: what is done with their records.
        form: what is written.
        identity: what a run must share with the one that it goes on with, besides inputs and outputs.
    """

    sources: Sequence[Source]
    targets: Sequence[Sequence[str]]
    output: str
    rejected: str | None
    read: ReadOptions
    worker: Worker
    form: Form
    identity: Mapping[str, Any]

    @property
    def is_resumable(self) -> bool:
        """Whether all outputs are files."""
        return not any(is_stream(target) for targets in self.targets for target in targets)

    def plan(self) -> Plan:
        """Return what two runs must share, so that one can go on with what the other left."""
        inputs: list[dict[str, Any]] = []
        for source in self.sources:
            inputs.append({"name": source.path, "form": source.form})
            if not source.is_stream:
                status = Path(source.path).stat()
                inputs[-1] |= {"size": status.st_size, "modified": status.st_mtime_ns}
        return {
            "package": nlp_pipeline.__version__,
            **self.identity,
            "form": self.form.name,
            "read": asdict(self.read),
            "limits": asdict(self.worker.limits),
            "outputs": [self.output, self.rejected],
            "inputs": inputs,
        }


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done_bytes: of the inputs.
        total_bytes: likewise; None where one of them is a stream.
        records, words, rejected: how many so far, also in what an earlier run did.
        words_per_second: in this run.
        seconds_left: None where that is not known.
    """

    done_bytes: int
    total_bytes: int | None
    records: int
    words: int
    rejected: int
    words_per_second: float
    seconds_left: float | None


@dataclass(frozen=True)
class Done:
    """What was done.

    Attributes:
        counts: `records` and `rejected`, and what the worker counts; also in what an earlier run did.
        notes: what is to be said, the first of them.
        omitted: how many notes there were besides.
        session: how many records this run did by itself, and words.
        seconds: in how many seconds.
    """

    counts: Mapping[str, int]
    notes: Sequence[str]
    omitted: int
    seconds: float
    session: Mapping[str, int]


def process_files(
    job: Job,
    resume: bool = False,
    tell: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Done:
    """Do a job.

    Args:
        job: the job.
        resume: whether to go on with what an earlier run left.
        tell: is told after each window how far the run is.
        say: is told what the user should read at once.

    Raises:
        UsageError: where the run cannot be resumed; naming why.
        OutputError: where something cannot be written.
        StoppedByUserError, TerminatedError: when a signal ended the run.
    """
    if resume and not job.is_resumable:
        raise UsageError("--resume: expected files as outputs, received a stream, of which nothing is kept")
    with ExitStack() as stack:
        run = _Run(job, stack, tell or (lambda _: None), say or (lambda _: None))
        return run.go(resume)


class _Run:
    def __init__(
        self, job: Job, stack: ExitStack, tell: Callable[[Progress], None], say: Callable[[str], None]
    ) -> None:
        self.job = job
        self.stack = stack
        self.tell = tell
        self.say = say
        self.journal: Journal | None = None
        self.reached = Reached()
        self.sinks: list[Sink] = []
        self.rejected: UnfinishedFile | None = None
        self.started = time.monotonic()
        self.before: dict[str, int] = {}
        self.sizes = [None if one.is_stream else Path(one.path).stat().st_size for one in job.sources]
        self.first_byte: int | None = None

    def go(self, resume: bool) -> Done:
        with Signals() as signals:
            self.signals = signals
            try:
                self._begin(resume)
                for index in range(self.reached.index, len(self.job.sources)):
                    self._file(index)
                self._end()
            except StopNow:
                raise signals.error(f"stopped after {self.reached.counts['records']:,} records{self._hint()}") from None
            except OutputError as error:
                if not (hint := self._hint()):
                    raise
                first, *others = error.problems
                told_of = Problem(first.place, first.message + hint)
                raise OutputError([told_of, *others], error.omitted) from None
            finally:
                self._leave()
        session = {name: count - self.before.get(name, 0) for name, count in self.reached.counts.items()}
        omitted = self.reached.counts["notes"] - len(self.reached.notes)
        return Done(self.reached.counts, self.reached.notes, omitted, time.monotonic() - self.started, session)

    def _begin(self, resume: bool) -> None:
        job = self.job
        found = None
        if job.is_resumable:
            self._parents(Path(job.output))
            self.journal = Journal(Path(job.output), job.plan())
            found = self.journal.resume() if resume else None
            if found is None:
                if resume:
                    self.say(f"{job.output}: no journal of an unfinished run is there: it begins at the start")
                self.journal.begin()
        self.reached = found or Reached()
        for name in ("records", "words", "rejected", "notes"):
            self.reached.counts.setdefault(name, 0)
        self.before = dict(self.reached.counts)
        if found is not None:
            self.say(f"{job.output}: going on after {found.counts['records']:,} records")
        if job.rejected is not None:
            self._parents(Path(job.rejected))
            if self.reached.rejected:
                self.rejected = UnfinishedFile(Path(job.rejected), self.reached.rejected)

    def _parents(self, target: Path) -> None:
        """Make the folders above a target; where the run fails, those that are empty go again."""
        if not target.parent.is_dir():
            with told(target):
                self.stack.enter_context(parents_of(target))

    def _file(self, index: int) -> None:
        """Do what is left of an input."""
        reached, targets = self.reached, self.job.targets[index]
        if reached.index != index:
            reached = self._next(index)
        if not reached.complete:
            self._open(targets)
            self._windows(index)
            reached.complete = True
            self._note()
            for sink in self.sinks:
                sink.close() if isinstance(sink, UnfinishedFile | Stream) else None
        self._place(index)
        self.sinks = []

    def _next(self, index: int) -> Reached:
        before = self.reached
        self.reached = Reached(index, rejected=before.rejected, counts=before.counts, notes=before.notes)
        return self.reached

    def _open(self, targets: Sequence[str]) -> None:
        self.sinks = []
        sizes = self.reached.sizes or [None] * len(targets)
        for target, good in zip(targets, sizes, strict=True):
            if is_stream(target):
                self.sinks.append(Stream(target))
            else:
                self._parents(Path(target))
                self.sinks.append(UnfinishedFile(Path(target), good))

    def _windows(self, index: int) -> None:
        source, worker = self.job.sources[index], self.job.worker
        name, consumed = name_of(source.path), Consumed()
        start = self.reached.position
        items = read_records(source.path, source.form, self.job.read, start, consumed=consumed)
        windows = windows_of(items, lambda record: worker.prepare(record, name), worker.limits, start)
        while True:
            with self.signals.at_once():
                window = next(windows, None)
            if window is None:
                return
            results = self._window(window, name)
            self._note()
            self._tell(index, consumed, results)
            self.signals.check()
            if window.is_last:
                return

    def _window(self, window: Window, name: str) -> int:
        """Do a window, and write it."""
        reached, worker = self.reached, self.job.worker
        results = worker.process(window.accepted)
        rejected = [entry for entry in window.entries if isinstance(entry, Rejected)]
        left = iter(results)
        entries = [entry if isinstance(entry, Rejected) else next(left) for entry in window.entries]
        parts, reached.state = self.job.form.encode(entries, reached.state)
        for sink, part in zip(self.sinks, parts, strict=True):
            sink.write(part)
        self._reject(rejected, name)
        counts = reached.counts
        for key, count in worker.count(results).items():
            counts[key] = counts.get(key, 0) + count
        notes = worker.notes(results)
        counts["records"] += len(results)
        counts["rejected"] += len(rejected)
        counts["notes"] += len(notes)
        reached.notes += notes[: SHOWN_NOTES - len(reached.notes)]
        reached.position, reached.complete = window.after, window.is_last
        return len(results)

    def _reject(self, rejected: Sequence[Rejected], name: str) -> None:
        if self.job.rejected is None:
            for one in rejected:
                self.say(f"{name}:{one.line}: {one.reason}")
        elif rejected:
            self.rejected = self.rejected or UnfinishedFile(Path(self.job.rejected))
            lines = ({"file": name, "line": one.line, "reason": one.reason} for one in rejected)
            self.rejected.write(b"".join(map(json_line, lines)))

    def _note(self) -> None:
        """Make what is written last, then say so in the journal."""
        self.reached.sizes = [sink.sync() for sink in self.sinks]
        if self.rejected is not None:
            self.reached.rejected = self.rejected.sync()
        if self.journal is not None:
            self.journal.note(self.reached)

    def _place(self, index: int) -> None:
        """Put the outputs of an input in their places, but for those that a killed run has put there already."""
        job, form = self.job, self.job.form
        for target, size in zip(job.targets[index], self.reached.sizes, strict=True):
            if is_stream(target):
                continue
            path = Path(target)
            if not path.exists() or _unfinished(path).exists():
                file = UnfinishedFile(path, size) if size else UnfinishedFile(path)
                if form.is_spooled:
                    file.close()
                    form.finish(file.path, path, job.sources[index], job.read)
                    file.discard()
                else:
                    file.finish()

    def _end(self) -> None:
        """Put the file of rejected records in its place, or remove an old one."""
        if self.job.rejected is not None:
            path = Path(self.job.rejected)
            if self.rejected is not None:
                self.rejected.finish()
                self.rejected = None
            else:
                with told(path):
                    path.unlink(missing_ok=True)
        if self.journal is not None:
            self.journal.end()

    def _hint(self) -> str:
        if self.journal is not None and self.journal.exists():
            return "; the same command with --resume goes on from there"
        return ""

    def _leave(self) -> None:
        """Close everything; and remove what is of no use to anyone, where there is nothing to go on from."""
        keep = self.journal is not None and self.journal.exists()
        for sink in (*self.sinks, self.rejected):
            if isinstance(sink, UnfinishedFile):
                sink.close() if keep else sink.discard()
            elif sink is not None:
                sink.close()
        if self.journal is not None:
            self.journal.close() if keep else self.journal.end()

    def _tell(self, index: int, consumed: Consumed, results: int) -> None:
        counts = self.reached.counts
        whole = [size for size in self.sizes if size is not None]
        total = sum(whole) if len(whole) == len(self.sizes) else None
        done = sum(size or 0 for size in self.sizes[:index]) + consumed.bytes
        elapsed = max(time.monotonic() - self.started, 1e-9)
        self.first_byte = self.first_byte if self.first_byte is not None else done
        words = counts["words"] - self.before["words"]
        left = None
        if total is not None and (moved := done - self.first_byte) > 0:
            left = max(0.0, (total - done) * elapsed / moved)
        numbers = (counts["records"], counts["words"], counts["rejected"])
        self.tell(Progress(done, total, *numbers, words / elapsed, left))


def _unfinished(target: Path) -> Path:
    from nlp_pipeline.outputs import PARTIAL
    from nlp_pipeline.serving.unfinished import beside

    return beside(target, PARTIAL)
