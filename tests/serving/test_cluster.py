"""A real cluster of Ray on this machine: what it makes is what one process makes, also when a worker is killed."""

from __future__ import annotations

import gzip
import json
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import ray

from nlp_pipeline.corpora.reading import read_records
from nlp_pipeline.corpora.records import Item, Position
from nlp_pipeline.errors import ClusterError, Problem, TerminatedError, UsageError
from nlp_pipeline.serving import cluster as module
from nlp_pipeline.serving.cluster import Cutter, SliceWorker, most_slices, produce_on, slices_of
from nlp_pipeline.serving.connection import Cluster
from nlp_pipeline.serving.files import Done, process_files
from nlp_pipeline.serving.work import Job
from tests.cli.conftest import contents
from tests.corpora.mixed_lines import mixed_objects, mixed_texts
from tests.serving.loud import Loud, loud_job

CLUSTER = Cluster(workers=2, cpus=1.0)


@pytest.fixture(scope="module", autouse=True)
def _shut_down() -> Iterator[None]:
    yield
    ray.shutdown()


@pytest.fixture
def inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return files of every kind, of several slices but for the packed one and the one without a record."""
    monkeypatch.setattr(module, "SLICE_SIZE", 3_000)
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "one.txt").write_bytes(b"".join(line + b"\n" for line, _ in mixed_texts(200)))
    (folder / "two.jsonl").write_bytes(b"".join(line + b"\n" for line, _ in mixed_objects(200)))
    (folder / "three.txt.gz").write_bytes(gzip.compress((folder / "one.txt").read_bytes()))
    (folder / "four.txt").write_bytes(b"")
    texts = [None if number % 3 == 0 else f"note {number:050}" for number in range(150)]
    pq.write_table(pa.table({"text": texts}), folder / "five.parquet", row_group_size=40, compression="none")
    return [folder / name for name in ("one.txt", "two.jsonl", "three.txt.gz", "four.txt", "five.parquet")]


class Mortal(Loud):
    """Is killed while it does its third window, the first of its kind only."""

    def __init__(self, marker: Path) -> None:
        super().__init__()
        self.marker = marker

    def process(self, records: Any, name: str) -> Any:
        if self.seen == 2 and not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().process(records, name)


class Broken(Loud):
    def process(self, records: Any, name: str) -> Any:  # noqa: ARG002
        raise ValueError("nothing can be done\nwith these records")


class _Near:
    """Stands for the handle of an actor that is in this process."""

    def __init__(self, cutter: Cutter) -> None:
        self.slice = SimpleNamespace(remote=cutter.slice)


def _distributed(job: Job, load: Any, resume: bool = False) -> Done:
    return process_files(job, partial(produce_on, CLUSTER, job, load), resume)


def test_slices_end_where_windows_do_and_are_the_whole(inputs: list[Path], tmp_path: Path) -> None:
    job = loud_job(inputs, tmp_path / "out")
    slices = list(slices_of(job, 0, Position(), lambda items: next(items, None), 3_000))
    for index in range(len(inputs)):
        own = [one for one in slices if one.index == index]
        assert own[0].start == Position()
        assert [one.until for one in own[:-1]] == [one.start for one in own[1:]]
        assert (own[-1].until, own[-1].is_last, any(one.is_last for one in own[:-1])) == (None, True, False)
        assert (len(own) > 1) == (index in (0, 1, 4))
    assert len(slices) <= most_slices(job, 0, 3_000)
    cutter = Cutter(job, 0, Position(), 3_000)
    cut = [json.loads(cutter.slice(number))["slice"] for number in range(len(slices) + 1)]
    assert cut == [*(json.loads(json.dumps(module._to_json(one))) for one in slices), None]


def test_no_more_is_cut_than_is_asked_for(inputs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def reading(path: str, *arguments: Any, **options: Any) -> Iterator[Item]:
        for item in read_records(path, *arguments, **options):
            read.append(path)
            yield item

    monkeypatch.setattr(module, "read_records", reading)
    cutter = Cutter(loud_job(inputs, tmp_path / "out"), 0, Position(), 3_000)
    assert not read
    # What was cut is told again to an actor that was begun anew.
    assert cutter.slice(1) == cutter.slice(1) != cutter.slice(0)
    assert set(read) == {str(inputs[0])}
    assert len(read) < 200


def test_what_goes_wrong_while_slices_are_cut_is_no_end(inputs: list[Path], tmp_path: Path) -> None:
    cutter = Cutter(loud_job(inputs[:2], tmp_path / "out"), 0, Position(), 10**6)
    inputs[1].unlink()
    assert json.loads(cutter.slice(0))["slice"]["is_last"]
    for _ in range(2):
        assert "No such file" in json.loads(cutter.slice(1))["wrong"]


def test_what_a_worker_cannot_use_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.txt").write_text("a\n", encoding="utf-8")
    job = loud_job([tmp_path / "in.txt"], tmp_path / "out")

    def refuse(_: float) -> None:
        raise ClusterError([Problem("GPU 0", "expected to use it, received a refusal")])

    monkeypatch.setattr(module, "_use", refuse)
    monkeypatch.setattr(ray, "get", lambda value: value)
    worker = SliceWorker(job, ["in.txt"], str(tmp_path), Loud, 1.0, _Near(Cutter(job, 0, Position(), 10)))
    told_of = json.loads(worker({"item": 0})["done"])
    assert told_of == {"wrong": "GPU 0: expected to use it, received a refusal"}


def test_two_workers_of_which_one_is_killed_make_what_one_process_makes(inputs: list[Path], tmp_path: Path) -> None:
    job = loud_job(inputs, tmp_path / "here" / "out")
    here = process_files(job, Loud())
    job = loud_job(inputs, tmp_path / "there" / "out")
    there = _distributed(job, partial(Mortal, tmp_path / "killed"))
    assert (tmp_path / "killed").exists()
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert (there.counts, there.notes, there.omitted) == (here.counts, here.notes, here.omitted)
    assert here.counts["notes"] == 100


def test_what_one_process_began_a_cluster_goes_on_with(inputs: list[Path], tmp_path: Path) -> None:
    process_files(loud_job(inputs, tmp_path / "here" / "out"), Loud())
    job = loud_job(inputs, tmp_path / "there" / "out")

    class Stopped(Loud):
        def process(self, records: Any, name: str) -> Any:
            if self.seen == 4:
                os.kill(os.getpid(), signal.SIGTERM)
            return super().process(records, name)

    with pytest.raises(TerminatedError, match="SIGTERM: stopped after"):
        process_files(job, Stopped())
    done = _distributed(job, Loud, resume=True)
    assert done.session["records"] < done.counts["records"]
    assert contents(tmp_path / "there") == contents(tmp_path / "here")


def test_what_goes_wrong_there_is_one_line_here(inputs: list[Path], tmp_path: Path) -> None:
    # The packed one: a single slice, of which nothing is done that a later run could use.
    job = loud_job(inputs[2:3], tmp_path / "out")
    with pytest.raises(ClusterError) as told:
        _distributed(job, Broken)
    (line,) = told.value.lines()
    assert line == "--engine ray: ValueError: nothing can be done with these records"
    assert not list(tmp_path.glob(".*.parts"))


def test_a_stream_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a\n", encoding="utf-8")
    job = loud_job([tmp_path / "in.txt"], tmp_path / "out")
    job = Job(**{**job.__dict__, "targets": [["-", "-"]]})
    with pytest.raises(UsageError, match="--engine ray: expected files as inputs and outputs, received a stream"):
        _distributed(job, Loud)
