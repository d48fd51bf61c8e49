"""Files done on a Ray cluster: slices of them by actors that have loaded the bundle, put together in order.

Every machine must see the inputs, the bundle and the folder of the output under the same names, and have this package.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nlp_pipeline.corpora.lines import name_of
from nlp_pipeline.corpora.reading import read_records
from nlp_pipeline.corpora.records import Consumed, Position
from nlp_pipeline.corpora.sources import Source
from nlp_pipeline.devices import let_memory_grow, share_cores
from nlp_pipeline.errors import ClusterError, PipelineError, Problem, UsageError
from nlp_pipeline.outputs import told
from nlp_pipeline.serving.connection import Cluster, connected, last_line, refuse_too_small
from nlp_pipeline.serving.unfinished import UnfinishedFile, beside
from nlp_pipeline.serving.windows import windows_of
from nlp_pipeline.serving.work import Job, Reading, Worker, Written, begin_window

ENGINE = "--engine ray"
SLICE_SIZE = 2**20  # bytes
MOST_SLICES = 5_000
STAMP = "plan"  # the file that says of which job the slices' files are


@dataclass(frozen=True)
class Slice:
    """A part of a source that one actor does at a time: some windows, or the whole of what cannot be cut.

    Attributes:
        index: which source.
        start: where it begins.
        until: where it ends; None for the end of the source.
        is_last: whether the source ends with it.
        consumed: how many bytes of the source lie before its end.
    """

    index: int
    start: Position
    until: Position | None
    is_last: bool
    consumed: int


def slices_of(job: Job, index: int, start: Position, reading: Reading, size: int = SLICE_SIZE) -> Iterator[Slice]:
    """Cut what is left of a job into slices that end where its windows do.

    A packed file is not cut: whoever reads a part of it has to unpack what lies before.

    Args:
        job: the job.
        index: the source to begin with.
        start: where in it.
        reading: gets the windows.
        size: about how many bytes a slice has.
    """
    for number in range(index, len(job.sources)):
        source = job.sources[number]
        whole = Path(source.path).stat().st_size
        if _is_packed(source):
            yield Slice(number, start, None, True, whole)
        else:
            yield from _cut(job, number, start, reading, size, whole)
        start = Position()


def _is_packed(source: Source) -> bool:
    return source.form != "parquet" and not source.is_seekable


def _cut(job: Job, number: int, start: Position, reading: Reading, size: int, whole: int) -> Iterator[Slice]:
    source, consumed = job.sources[number], Consumed()
    windows = windows_of(read_records(source.path, source.form, job.read, start, consumed=consumed), job.limits, start)
    begin = after = start
    before = 0
    while (window := reading(windows)) is not None:
        after = window.after
        if window.is_last:
            break
        if consumed.bytes - before >= size:
            yield Slice(number, begin, after, False, consumed.bytes)
            begin, before = after, consumed.bytes
    yield Slice(number, begin, None, True, whole)


def most_slices(job: Job, index: int, size: int) -> int:
    """Return how many slices there are at the most, from a source on, without reading any."""
    wholes = [(source, Path(source.path).stat().st_size) for source in job.sources[index:]]
    return sum(1 if _is_packed(source) else whole // size + 1 for source, whole in wholes)


def produce_on(
    cluster: Cluster,
    job: Job,
    load: Callable[[], Worker],
    index: int,
    start: Position,
    reading: Reading,
    say: Callable[[str], None] | None = None,
) -> Generator[Written, None, None]:
    """Do what is left of a job on a cluster, and yield what came of it in order.

    Each slice leaves a file for each output in a hidden folder beside the job's; what an earlier run has left there is
    used, where it was made of the same inputs in the same way.

    Args:
        cluster: where.
        job: what is to be done. Its outputs must be files.
        load: gives the worker, wherever it is called.
        index: the source to begin with.
        start: where in it.
        reading: lets a signal end what is waited for.
        say: is told what the user should read at once.

    Raises:
        UsageError: for standard input or output, or where Ray is not installed.
        ClusterError: where the cluster cannot be reached, or cannot do it.
    """
    streams = [source.path for source in job.sources if source.is_stream]
    if streams or not job.is_resumable:
        received = f"a stream: {streams[0]}" if streams else "a stream"
        raise UsageError(f"{ENGINE}: expected files as inputs and outputs, received {received}")
    ray = reading(_connected(cluster, say or (lambda _: None)))
    assert ray is not None
    folder = _folder_of(job)
    try:
        yield from _produced(ray, cluster, job, load, index, start, reading, folder)
    finally:
        # Without a slice that is done there is nothing in it for a later run.
        if {path.name for path in folder.glob("*")} <= {STAMP}:
            shutil.rmtree(folder, ignore_errors=True)


def _produced(
    ray: Any,
    cluster: Cluster,
    job: Job,
    load: Callable[[], Worker],
    index: int,
    start: Position,
    reading: Reading,
    folder: Path,
) -> Generator[Written, None, None]:
    total = sum(Path(source.path).stat().st_size for source in job.sources)
    size = max(SLICE_SIZE, total // MOST_SLICES)
    sources = [replace(source, path=str(Path(source.path).absolute())) for source in job.sources]
    names = [name_of(source.path) for source in job.sources]
    job = replace(job, sources=sources, targets=[])
    # Where a slice ends is only known once all before it is read: the actors begin while others are still to be cut.
    cutter = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=-1)(Cutter).remote(job, index, start, size)
    most = most_slices(job, index, size)
    done = ray.data.from_items(list(range(most)), override_num_blocks=most).map(
        SliceWorker,
        fn_constructor_args=(job, names, str(folder), load, cluster.cpus, cutter),
        compute=ray.data.ActorPoolStrategy(size=min(cluster.workers, most), max_tasks_in_flight_per_actor=2),
        num_cpus=cluster.cpus,
        num_gpus=cluster.gpus or None,
    )
    # Closed at once where the run ends early, so that Ray stops its actors.
    with closing(_rows_of(done)) as rows:
        for number in range(most):
            with _told(ray):
                row = reading(rows)
            assert row is not None
            assert row["number"] == number
            told_of = json.loads(row["done"])
            if "wrong" in told_of:
                raise ClusterError([Problem(ENGINE, told_of["wrong"])])
            if told_of["slice"] is None:
                break
            one = _of_json(told_of["slice"])
            paths = [folder / name for name in told_of["parts"]]
            rejected = [(line, reason) for line, reason in told_of["rejected"]]
            after = Position.of_json(told_of["after"])
            yield Written(one.index, paths, after, rejected, told_of["counts"], told_of["notes"], False, one.consumed)
            if one.is_last:
                yield Written(one.index, (), after, is_last=True, consumed=one.consumed)
            for path in [*paths, folder / _record_name(one)]:
                path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _rows_of(done: Any) -> Generator[Mapping[str, Any], None, None]:
    yield from done.iter_rows()


class Cutter:
    """An actor of the cluster that cuts a job into slices, no more of it than is asked for.

    Args:
        job: what is to be done, with the sources' full names.
        index: the source to begin with.
        start: where in it.
        size: about how many bytes a slice has.
    """

    def __init__(self, job: Job, index: int, start: Position, size: int) -> None:
        self._left = slices_of(job, index, start, lambda items: next(items, None), size)
        self._cut: list[Slice] = []
        self._wrong = ""

    def slice(self, number: int) -> str:
        """Return a slice as JSON, `null` after the last one; or what went wrong."""
        try:
            while not self._wrong and len(self._cut) <= number and (one := next(self._left, None)) is not None:
                self._cut.append(one)
        except Exception as error:
            # A generator that has raised would seem to be at its end the next time.
            self._wrong = _in_one_line(error)
        if number < len(self._cut):
            return json.dumps({"slice": _to_json(self._cut[number])})
        return json.dumps({"wrong": self._wrong} if self._wrong else {"slice": None})


class SliceWorker:
    """An actor of the cluster: it loads the bundle once, and does one slice after the other.

    Args:
        job: what is to be done, with the sources' full names.
        names: what each source is called in messages.
        folder: where the slices' files are left.
        load: gives the worker.
        cpus: what it has.
        cutter: the actor that says what the slices are.
    """

    def __init__(
        self, job: Job, names: Sequence[str], folder: str, load: Callable[[], Worker], cpus: float, cutter: Any
    ) -> None:
        # No more is done here: Ray's report of what went wrong in a constructor is pages long.
        self._job = job
        self._names = names
        self._folder = Path(folder)
        self._load = load
        self._cpus = cpus
        self._cutter = cutter
        self._worker: Worker | None = None

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a slice came to, as JSON, once its files are whole; or what went wrong."""
        import ray

        number = int(row["item"])
        try:
            told_of = json.loads(ray.get(self._cutter.slice.remote(number)))
            if told_of.get("slice") is not None:
                told_of |= json.loads(self._done(_of_json(told_of["slice"])))
        except Exception as error:
            # Of Ray's own report of it the user would see the least telling line; the rest is in the worker's log.
            traceback.print_exc()
            told_of = {"wrong": _in_one_line(error)}
        return {"number": number, "done": json.dumps(told_of)}

    def _done(self, one: Slice) -> str:
        record = self._folder / _record_name(one)
        try:
            # What was done before the actor, or the whole run, was killed.
            done = record.read_text(encoding="utf-8")
        except FileNotFoundError:
            done = json.dumps(self._do(one))
            file = UnfinishedFile(record)
            file.write(done.encode("ascii"))
            file.sync()
            file.finish()
        return done

    def _do(self, one: Slice) -> dict[str, Any]:
        if self._worker is None:
            _use(self._cpus)
            self._worker = self._load()
        source, job = self._job.sources[one.index], self._job
        items = read_records(source.path, source.form, job.read, one.start, one.until)
        files: list[UnfinishedFile] = []
        after, counts = one.start, {"records": 0}
        rejected: list[tuple[int, str]] = []
        notes: list[str] = []
        for window in windows_of(items, job.limits, one.start):
            written = begin_window(window, one.index, self._names[one.index], self._worker, job.form).end()
            for number, part in enumerate(written.parts):
                if number == len(files):
                    files.append(UnfinishedFile(self._folder / f"{_record_name(one)}.{number}", keep_mark=False))
                assert isinstance(part, bytes)
                files[number].write(part)
            after = written.after
            rejected += written.rejected
            notes += written.notes
            for key, count in written.counts.items():
                counts[key] = counts.get(key, 0) + count
        for file in files:
            file.sync()
            file.finish()
        parts = [file.target.name for file in files]
        told_of = {"rejected": rejected, "counts": counts, "notes": notes, "after": after.to_json()}
        return {"parts": parts, **told_of}


def _in_one_line(error: Exception) -> str:
    lines = error.lines() if isinstance(error, PipelineError) else [f"{type(error).__name__}: {error}"]
    return " ".join(" ".join(lines).split())


def _use(cpus: float) -> None:
    """Let TensorFlow take no more of a machine than an actor has."""
    let_memory_grow()
    share_cores(max(1, int(cpus)))


def _to_json(one: Slice) -> dict[str, Any]:
    until = None if one.until is None else one.until.to_json()
    return {**one.__dict__, "start": one.start.to_json(), "until": until}


def _of_json(content: Mapping[str, Any]) -> Slice:
    until = content["until"]
    places = {"start": Position.of_json(content["start"]), "until": until and Position.of_json(until)}
    return Slice(**{**content, **places})


def _record_name(one: Slice) -> str:
    until = "end" if one.until is None else one.until.offset
    return f"{one.index:08}-{one.start.offset}-{until}"


def _folder_of(job: Job) -> Path:
    """Return the folder of the slices' files, emptied of those of another job."""
    output = Path(job.output).absolute()
    folder = beside(output, ".parts")
    digest = hashlib.sha256(json.dumps(job.plan(), sort_keys=True).encode("ascii")).hexdigest()
    stamp = folder / STAMP
    with told(output):
        if not stamp.is_file() or stamp.read_text(encoding="ascii") != digest:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            stamp.write_text(digest, encoding="ascii")
    return folder


def _connected(cluster: Cluster, say: Callable[[str], None]) -> Iterator[Any]:
    """Yield the module of Ray, with a cluster behind it that Ray Data can work on."""
    ray = connected(cluster, ENGINE, "ray.data")
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    # One worker is enough to begin with: the others join it as soon as there is room.
    refuse_too_small(ray, cluster, 1, ENGINE, say)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    yield ray


@contextmanager
def _told(ray: Any) -> Iterator[None]:
    """Make an error of the cluster one that a user can read."""
    try:
        yield
    except ray.exceptions.RayError as error:
        message = f"expected the cluster to do the work, received: {last_line(error.__cause__ or error)}"
        raise ClusterError([Problem(ENGINE, message)]) from None
