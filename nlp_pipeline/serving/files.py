"""Files in, files out: what is done is written in order, with a journal by which a killed run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.corpora.records import Position
from nlp_pipeline.errors import ClusterError, OutputError, Problem, UsageError
from nlp_pipeline.outputs import parents_of, told
from nlp_pipeline.serving.forms import json_line
from nlp_pipeline.serving.journal import Journal, Reached
from nlp_pipeline.serving.unfinished import Sink, Stream, UnfinishedFile, is_stream
from nlp_pipeline.serving.work import Job, Reading, Worker, Written, do_sources
from nlp_pipeline.stopping import Signals, StopNow

_Item = TypeVar("_Item")

SHOWN_NOTES = 20
# How often what is done is made to last: each time costs some milliseconds, and a killed run loses no more than this.
NOTED_EVERY = 1.0  # seconds
_CHUNK = 2**20


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
        counts: `records`, `rejected` and what the worker counts; also in what an earlier run did.
        session: the same of this run alone.
        notes: what is to be said, the first of it.
        omitted: how many notes there were besides.
        seconds: how long this run took.
        rejected: the file that holds what was rejected; None where that was told, or nothing was.
        first_rejected: the first of that, with its place.
    """

    counts: Mapping[str, int]
    session: Mapping[str, int]
    notes: Sequence[str]
    omitted: int
    seconds: float
    rejected: str | None = None
    first_rejected: str = ""


Producer = Callable[[int, Position, Reading], Generator[Written, None, None]]
"""Does the sources of a job from a place on: the index of a source, where in it, and what reads."""


def process_files(
    job: Job,
    produce: Worker | Producer,
    resume: bool = False,
    tell: Callable[[Progress], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> Done:
    """Do a job.

    Args:
        job: the job.
        produce: the worker that does it here, or what does it elsewhere.
        resume: whether to go on with what an earlier run left.
        tell: is told now and then how far the run is.
        say: is told what the user should read at once.

    Raises:
        UsageError: where the run cannot be resumed; naming why.
        OutputError: where something cannot be written.
        StoppedByUserError, TerminatedError: when a signal ended the run.
    """
    if resume and not job.is_resumable:
        raise UsageError("--resume: expected files as outputs, received a stream, of which nothing is kept")
    with ExitStack() as stack:
        return _Run(job, stack, tell or (lambda _: None), say or (lambda _: None)).go(produce, resume)


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
        self.rejected: Sink | None = None
        self.before: dict[str, int] = {}
        self.signals = Signals()

    def go(self, produce: Worker | Producer, resume: bool) -> Done:
        """Do all that is left."""
        with self.signals:
            try:
                self._begin(resume)
                if self.reached.complete:
                    self._place()
                self._do(produce)
                self._end()
            except StopNow:
                message = f"stopped after {self.reached.counts['records']:,} records{self._hint()}"
                raise self.signals.error(message) from None
            except (OutputError, ClusterError) as error:
                if not (hint := self._hint()):
                    raise
                first, *others = error.problems
                told_of = Problem(first.place, first.message + hint)
                raise type(error)([told_of, *others], error.omitted) from None
            finally:
                self._leave()
        reached = self.reached
        session = {name: count - self.before.get(name, 0) for name, count in reached.counts.items()}
        omitted = reached.counts["notes"] - len(reached.notes)
        rejected = self.job.rejected if reached.counts["rejected"] else None
        told_first = reached.first_rejected
        return Done(reached.counts, session, reached.notes, omitted, self.clock.seconds, rejected, told_first)

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
        self.clock = _Clock(job, self.reached)
        if found is not None:
            self.say(f"{job.output}: going on after {found.counts['records']:,} records")
        if job.rejected is not None:
            self._parents(Path(job.rejected))
            if is_stream(job.rejected):
                self.rejected = Stream(job.rejected)
                return
            if found is None:
                UnfinishedFile.path_of(Path(job.rejected)).unlink(missing_ok=True)
            if self.reached.rejected and not self._is_placed(Path(job.rejected)):
                self.rejected = UnfinishedFile(Path(job.rejected), self.reached.rejected)

    def _is_placed(self, target: Path) -> bool:
        """Return whether a run that was killed while it put complete outputs in their places had done this one."""
        whole = self.reached.complete or self.reached.index == len(self.job.sources)
        return whole and target.exists() and not UnfinishedFile.path_of(target).exists()

    def _parents(self, target: Path) -> None:
        """Make the folders above a target; where the run fails, those that are empty go again."""
        if not target.parent.is_dir():
            with told(target):
                self.stack.enter_context(parents_of(target))

    def _do(self, produce: Worker | Producer) -> None:
        reached = self.reached
        if reached.index == len(self.job.sources):
            return
        if callable(produce):
            written = produce(reached.index, reached.position, self._reading)
        else:
            written = do_sources(self.job, produce, reached.index, reached.position, self._reading)
        noted = time.monotonic()
        with closing(written):
            for one in written:
                self._take(one)
                if one.is_last:
                    reached.complete = True
                    self._note()
                    self._place()
                elif self.signals.received or time.monotonic() - noted >= NOTED_EVERY:
                    self._note()
                    noted = time.monotonic()
                self.tell(self.clock.progress(one, reached.counts))
                self.signals.check()

    def _reading(self, items: Iterator[_Item]) -> _Item | None:
        try:
            with self.signals.at_once():
                return next(items, None)
        except StopNow:
            # Between two parts, so that all that is written is whole.
            if self.sinks:
                self._note()
            raise

    def _take(self, one: Written) -> None:
        """Write a part of a source."""
        self._open()
        for sink, part in zip(self.sinks, one.parts, strict=False):
            for data in _chunks(part):
                sink.write(data)
        self._reject(one)
        reached, counts = self.reached, self.reached.counts
        for key, count in one.counts.items():
            counts[key] = counts.get(key, 0) + count
        counts["rejected"] += len(one.rejected)
        counts["notes"] += len(one.notes)
        reached.notes += one.notes[: SHOWN_NOTES - len(reached.notes)]
        reached.position = one.after

    def _open(self) -> None:
        """Open the outputs of the current source, where they are not."""
        if self.sinks:
            return
        targets = self.job.targets[self.reached.index]
        written = targets[:1] if self.job.form.is_spooled else targets
        for target, good in zip(written, self.reached.sizes or [0] * len(written), strict=True):
            if is_stream(target):
                self.sinks.append(Stream(target))
            else:
                self._parents(Path(target))
                self.sinks.append(UnfinishedFile(Path(target), good))

    def _reject(self, one: Written) -> None:
        name = name_of(self.job.sources[one.index].path)
        if self.job.rejected is None:
            for line, reason in one.rejected:
                self.say(f"{name}:{line}: {reason}")
        elif one.rejected:
            line, reason = one.rejected[0]
            self.reached.first_rejected = self.reached.first_rejected or f"{name}:{line}: {reason}"
            self.rejected = self.rejected or UnfinishedFile(Path(self.job.rejected))
            lines = ({"file": name, "line": line, "reason": reason} for line, reason in one.rejected)
            self.rejected.write(b"".join(map(json_line, lines)))

    def _note(self) -> None:
        """Make what is written last, then say so in the journal."""
        self.reached.sizes = [sink.sync() for sink in self.sinks]
        if self.rejected is not None:
            self.reached.rejected = self.rejected.sync()
        if self.journal is not None:
            self.journal.note(self.reached)

    def _place(self) -> None:
        """Put the outputs of the current source in their places, and go on to the next."""
        form, sizes = self.job.form, self.reached.sizes
        targets = self.job.targets[self.reached.index]
        self._close()
        if form.is_spooled:
            if not self._is_placed(Path(targets[0])):
                spool = UnfinishedFile(Path(targets[0]), sizes[0])
                spool.close()
                form.finish(spool.path, [Path(target) for target in targets])
                spool.discard()
        else:
            for target, size in zip(targets, sizes, strict=True):
                if not is_stream(target) and not self._is_placed(Path(target)):
                    UnfinishedFile(Path(target), size).finish()
        self._next()

    def _next(self) -> None:
        reached = self.reached
        reached.index += 1
        reached.position, reached.complete, reached.sizes = Position(), False, []
        if self.journal is not None:
            self.journal.note(reached)

    def _end(self) -> None:
        """Put the file of rejected records in its place, or remove an old one."""
        if self.job.rejected is not None:
            path = Path(self.job.rejected)
            if self.rejected is None and self.job.keeps_rejected and not self.reached.rejected:
                self.rejected = UnfinishedFile(path)
            if isinstance(self.rejected, UnfinishedFile):
                self.rejected.finish()
                self.rejected = None
            elif self.rejected is None and not self.reached.rejected:
                with told(path):
                    path.unlink(missing_ok=True)
        if self.journal is not None:
            self.journal.end()

    def _hint(self) -> str:
        if self.journal is not None and self.journal.exists():
            return "; the same command with --resume goes on from there"
        return ""

    def _close(self) -> None:
        for sink in self.sinks:
            sink.close()
        self.sinks = []

    def _leave(self) -> None:
        """Close everything; and remove what is of no use to anyone, where there is nothing to go on from."""
        keep = self.journal is not None and self.journal.exists()
        for sink in (*self.sinks, self.rejected):
            if isinstance(sink, UnfinishedFile) and not keep:
                sink.discard()
            elif sink is not None:
                sink.close()
        if self.journal is not None:
            self.journal.close() if keep else self.journal.end()


def _chunks(part: bytes | Path) -> Iterator[bytes]:
    if isinstance(part, bytes):
        yield part
        return
    with told(part), part.open("rb") as file:
        while data := file.read(_CHUNK):
            yield data


class _Clock:
    """Says how long a run has taken, and how long it will.

    Args:
        job: what is done.
        reached: how much of it was done before.
    """

    def __init__(self, job: Job, reached: Reached) -> None:
        self._sizes = [None if source.is_stream else Path(source.path).stat().st_size for source in job.sources]
        known = [size for size in self._sizes if size is not None]
        self._total = sum(known) if len(known) == len(self._sizes) else None
        self._started = time.monotonic()
        self._words = reached.counts["words"]
        # Of a packed file the place is not known before it is read; what is passed over counts as this run's, then.
        is_plain = reached.index < len(job.sources) and job.sources[reached.index].is_seekable
        self._first = self._before(reached.index) + (reached.position.offset if is_plain else 0)

    def _before(self, index: int) -> int:
        return sum(size or 0 for size in self._sizes[:index])

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._started

    def progress(self, one: Written, counts: Mapping[str, int]) -> Progress:
        """Return how far the run is after a part."""
        elapsed = max(self.seconds, 1e-9)
        done = self._before(one.index) + one.consumed
        left = None
        if self._total is not None and done > self._first:
            left = max(0.0, (self._total - done) * elapsed / (done - self._first))
        speed = (counts["words"] - self._words) / elapsed
        return Progress(done, self._total, counts["records"], counts["words"], counts["rejected"], speed, left)
