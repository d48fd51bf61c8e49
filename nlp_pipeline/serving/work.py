"""What is done with the records of files, window by window: the same on one machine and on many."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, TypeVar

import nlp_pipeline
from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.corpora.reading import read_records
from nlp_pipeline.corpora.records import Consumed, InputRecord, Position, ReadOptions, Rejected
from nlp_pipeline.corpora.sources import Source
from nlp_pipeline.serving.forms import Form
from nlp_pipeline.serving.memory import give_back
from nlp_pipeline.serving.unfinished import is_stream
from nlp_pipeline.serving.windows import Limits, Window, windows_of

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Processed:
    """What a worker made of records.

    Attributes:
        results: one for each record.
        counts: what is counted; `words` among it.
        notes: what is to be said, each with its place.
    """

    results: Sequence[Any]
    counts: Mapping[str, int]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Begun:
    """Records that are being worked on.

    Attributes:
        end: returns what was made of them, once that is done; to be called once.
        cancel: leaves out what has not been begun yet; to be called where `end` is not.
    """

    end: Callable[[], Processed]
    cancel: Callable[[], None] = lambda: None


class Worker(Protocol):
    """Does what is to be done with records."""

    def begin(self, records: Sequence[InputRecord], name: str) -> Begun:
        """Begin with records of a file, in threads of its own if it has any.

        Args:
            records: they.
            name: what the file is called in messages.
        """


@dataclass(frozen=True)
class Job:
    """What is to be done.

    Attributes:
        sources: what is read, in order.
        targets: for each source the names of its outputs; `-` is standard output.
        output: the file or folder that is made of them all.
        rejected: the file that gets the rejected records; None tells them.
        keeps_rejected: whether that file is written where nothing was rejected, too.
        read: how sources are read.
        limits: how much is processed together.
        form: what is written.
        identity: what a run must share with the one that it goes on with, besides inputs and outputs.
    """

    sources: Sequence[Source]
    targets: Sequence[Sequence[str]]
    output: str
    rejected: str | None
    read: ReadOptions
    limits: Limits
    form: Form
    identity: Mapping[str, Any]
    keeps_rejected: bool = False

    @property
    def is_resumable(self) -> bool:
        """Whether all outputs are files."""
        named = [target for targets in self.targets for target in targets]
        return not any(map(is_stream, named if self.rejected is None else [*named, self.rejected]))

    def plan(self) -> Mapping[str, Any]:
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
            "limits": asdict(self.limits),
            "outputs": [self.output, self.rejected, [list(names) for names in self.targets]],
            "inputs": inputs,
        }


@dataclass(frozen=True)
class Written:
    """What a part of a file came to.

    Attributes:
        index: which source it is of.
        parts: what is to be added to each of its outputs, or the files that hold it.
        after: where the next part begins.
        rejected: the line and the reason of each record that was rejected.
        counts: `records`, and what the worker counts.
        notes: what is to be said.
        is_last: whether there is no more of the source.
        consumed: how many bytes of the source have been read.
    """

    index: int
    parts: Sequence[bytes | Path]
    after: Position
    rejected: Sequence[tuple[int, str]] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()
    is_last: bool = False
    consumed: int = 0


@dataclass(frozen=True)
class BegunWindow:
    """A window that is being worked on.

    Attributes:
        end: returns what came of it, once that is done; to be called once.
        cancel: leaves out what has not been begun yet; to be called where `end` is not.
    """

    end: Callable[[], Written]
    cancel: Callable[[], None]


def begin_window(window: Window, index: int, name: str, worker: Worker, form: Form) -> BegunWindow:
    """Begin with a window, of which what comes will be encoded.

    Args:
        window: the window.
        index: which source it is of.
        name: what that is called in messages.
        worker: does it.
        form: encodes it.
    """
    begun = worker.begin([item for item in window.items if isinstance(item, InputRecord)], name)

    def end() -> Written:
        processed = begun.end()
        left = iter(processed.results)
        entries = [item if isinstance(item, Rejected) else next(left) for item in window.items]
        rejected = [(entry.line, entry.reason) for entry in entries if isinstance(entry, Rejected)]
        counts = {"records": len(entries) - len(rejected), **processed.counts}
        written = Written(index, form.encode(entries), window.after, rejected, counts, processed.notes)
        give_back()
        return written

    return BegunWindow(end, begun.cancel)


class Reading(Protocol):
    """Lets what may wait for ever be ended by a signal."""

    def __call__(self, items: Iterator[_Item]) -> _Item | None:
        """Return the next item; None where there is none."""


def do_sources(
    job: Job, worker: Worker, index: int, start: Position, reading: Reading
) -> Generator[Written, None, None]:
    """Do the sources of a job one after the other, window by window.

    The next window of a file is read and begun before what came of one is waited for, so that the worker's threads have
    something to do all the time. Of a stream, which may give nothing more for long, each window is done at once.

    Args:
        job: what is to be done.
        worker: does it.
        index: the source to begin with.
        start: where in it.
        reading: gets the windows.
    """
    for number in range(index, len(job.sources)):
        source, consumed = job.sources[number], Consumed()
        name, after = name_of(source.path), start
        items = read_records(source.path, source.form, job.read, start, consumed=consumed)
        windows = windows_of(items, job.limits, start)
        begun: deque[tuple[BegunWindow, int]] = deque()
        try:
            while True:
                try:
                    if (window := reading(windows)) is None:
                        break
                    begun.append((begin_window(window, number, name, worker, job.form), consumed.bytes))
                except BaseException:
                    # A signal, or what went wrong: what was begun before is not lost.
                    while begun:
                        yield _ended(begun)
                    raise
                after = window.after
                while len(begun) > (0 if source.is_stream else 1):
                    yield _ended(begun)
                if window.is_last:
                    break
            while begun:
                yield _ended(begun)
        finally:
            for one, _ in begun:
                one.cancel()
        yield Written(number, (), after, is_last=True, consumed=consumed.bytes)
        start = Position()


def _ended(begun: deque[tuple[BegunWindow, int]]) -> Written:
    """Return what came of the first of the windows, which is then no longer one of them."""
    window, consumed = begun[0]
    written = replace(window.end(), consumed=consumed)
    begun.popleft()
    return written
