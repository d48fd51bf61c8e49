"""The engine of files: everything once and in order, and a run that was cut off ends as if it had not been."""

from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nlp_pipeline.corpora.lines import STANDARD_STREAM
from nlp_pipeline.errors import OutputError, StoppedByUserError, TerminatedError, UsageError
from nlp_pipeline.serving import files as engine
from nlp_pipeline.serving import unfinished
from nlp_pipeline.serving.files import Progress, process_files
from nlp_pipeline.serving.windows import Limits
from nlp_pipeline.serving.work import Begun, Job, Processed
from tests.cli.conftest import contents
from tests.corpora.mixed_lines import mixed_objects, mixed_texts
from tests.serving.loud import Loud, loud_job

ROOT = Path(__file__).parents[2]


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    """Return three files, of some windows each."""
    paths = [tmp_path / "in" / name for name in ("one.txt", "two.jsonl", "three.txt")]
    paths[0].parent.mkdir()
    for path, make in zip(paths, (mixed_texts, mixed_objects, mixed_texts), strict=True):
        path.write_bytes(b"".join(line + b"\n" for line, _ in make(400 if make is mixed_texts else 300)))
    return paths


@pytest.fixture(autouse=True)
def _note_every_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "NOTED_EVERY", 0.0)


def _whole(inputs: list[Path], tmp_path: Path) -> dict[str, str]:
    """Return what an undisturbed run leaves."""
    process_files(loud_job(inputs, tmp_path / "whole" / "out"), Loud())
    return contents(tmp_path / "whole")


def test_everything_comes_out_once_and_in_order(inputs: list[Path], tmp_path: Path) -> None:
    done = process_files(loud_job(inputs, tmp_path / "new" / "out"), Loud())
    for path, made in zip(inputs, (mixed_texts(400), mixed_objects(300), mixed_texts(400)), strict=True):
        found = (tmp_path / "new" / "out" / f"{path.stem}.loud").read_text(encoding="utf-8").split("\n")
        expected = [text for _, text in made if path.suffix == ".txt" or text != ""]
        assert found == [*("?" if text is None else text.upper() for text in expected), ""]
    rejected = [json.loads(line) for line in (tmp_path / "new" / "out.rejected").read_text("utf-8").splitlines()]
    assert len(rejected) == done.counts["rejected"] > 100
    assert [one["file"] for one in rejected] == sorted(
        (one["file"] for one in rejected), key=list(map(str, inputs)).index
    )
    assert done.counts["records"] + done.counts["rejected"] > 900
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["out", "out.rejected"]
    assert len(list((tmp_path / "new" / "out").iterdir())) == 6


class _Stopped(BaseException):
    """Ends a run as a kill does: nothing is tidied up."""


class _Fragile(Loud):
    def __init__(self, windows: int) -> None:
        super().__init__()
        self.left = windows

    def process(self, records: Any, name: str) -> Any:
        self.left -= 1
        if self.left < 0:
            raise _Stopped
        return super().process(records, name)


def test_a_run_that_ends_at_any_window_goes_on_there(inputs: list[Path], tmp_path: Path) -> None:
    expected = _whole(inputs, tmp_path)
    counter = Loud()
    process_files(loud_job(inputs, tmp_path / "count" / "out"), counter)
    windows = counter.seen
    assert windows > 30
    for number in range(0, windows, 5):
        place = tmp_path / f"at{number}"
        with pytest.raises(_Stopped):
            process_files(loud_job(inputs, place / "out"), _Fragile(number))
        assert not (place / "out" / "three.loud").exists()
        said: list[str] = []
        rest = Loud()
        done = process_files(loud_job(inputs, place / "out"), rest, resume=True, say=said.append)
        assert contents(place) == expected
        # Nothing is done twice, but for the first window where there was no journal yet.
        assert rest.seen == windows - number
        assert done.counts["records"] > done.session["records"] or number == 0
        assert ("going on after" in said[0]) == (number > 0)


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_random_moments(inputs: list[Path], tmp_path: Path, seed: int) -> None:
    expected = _whole(inputs, tmp_path)
    source = random.Random(seed)
    call = [sys.executable, "-m", "tests.serving.loud", *map(str, inputs), str(tmp_path / "out")]
    (tmp_path / "place").mkdir()
    call[-1] = str(tmp_path / "place" / "out")
    kills = 0
    for _ in range(30):
        with subprocess.Popen(
            [*call, "--resume"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()  # it has begun, or goes on
            time.sleep(source.random() * 0.15)
            process.kill()
            kills += process.wait() == -signal.SIGKILL
        if not (tmp_path / "place" / ".out.journal").exists() and (tmp_path / "place" / "out.rejected").exists():
            break
    subprocess.run([*call, "--resume"], cwd=ROOT, check=True, capture_output=True)
    assert contents(tmp_path / "place") == expected
    assert kills > 3


class _Overlapping(Loud):
    """Notes when its windows are begun and ended, and what is left of them."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    def begin(self, records: Any, name: str) -> Begun:
        number = sum(one.startswith("begun") for one in self.told)
        self.told.append(f"begun {number}")

        def end() -> Processed:
            self.told.append(f"ended {number}")
            return self.process(records, name)

        return Begun(end, lambda: self.told.append(f"cancelled {number}"))


def test_a_window_is_begun_before_the_one_before_it_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\n" * 12, encoding="utf-8")
    job = replace(loud_job([tmp_path / "in.txt"], tmp_path / "out"), limits=Limits(size=10**6, records=4))
    worker = _Overlapping()
    process_files(job, worker)
    assert worker.told == ["begun 0", "begun 1", "ended 0", "begun 2", "ended 1", "ended 2"]


def test_what_was_begun_is_left_where_the_run_ends(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\n" * 12, encoding="utf-8")
    job = replace(loud_job([tmp_path / "in.txt"], tmp_path / "out"), limits=Limits(size=10**6, records=4))

    class Stopped(_Overlapping):
        def process(self, records: Any, name: str) -> Any:  # noqa: ARG002
            raise _Stopped

    worker = Stopped()
    with pytest.raises(_Stopped):
        process_files(job, worker)
    assert worker.told == ["begun 0", "begun 1", "ended 0", "cancelled 0", "cancelled 1"]


def test_what_was_begun_is_written_where_the_next_window_cannot_be_begun(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\n" * 12, encoding="utf-8")
    job = replace(loud_job([tmp_path / "in.txt"], tmp_path / "out"), limits=Limits(size=10**6, records=4))

    class Broken(_Overlapping):
        def begin(self, records: Any, name: str) -> Begun:
            begun = super().begin(records, name)
            if self.told[-1] == "begun 2":
                raise _Stopped
            return begun

    worker = Broken()
    with pytest.raises(_Stopped):
        process_files(job, worker)
    assert worker.told == ["begun 0", "begun 1", "ended 0", "begun 2", "ended 1"]
    rest = _Overlapping()
    done = process_files(job, rest, resume=True)
    assert rest.told == ["begun 0", "ended 0"]
    assert (done.counts["records"], done.session["records"]) == (12, 4)


def test_of_a_stream_each_window_is_done_before_more_is_read(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("one\n" * 12, encoding="utf-8")
    job = replace(loud_job([tmp_path / "in.txt"], tmp_path / "out"), limits=Limits(size=10**6, records=4))
    os.mkfifo(tmp_path / "pipe")
    source = replace(job.sources[0], path=str(tmp_path / "pipe"))
    worker = _Overlapping()
    with subprocess.Popen(["sh", "-c", f"cat '{tmp_path}/in.txt' > '{tmp_path}/pipe'"]):
        assert source.is_stream
        process_files(replace(job, sources=[source]), worker)
    assert worker.told == ["begun 0", "ended 0", "begun 1", "ended 1", "begun 2", "ended 2"]


@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, StoppedByUserError), (signal.SIGTERM, TerminatedError)], ids=["INT", "TERM"]
)
def test_a_signal_ends_it_after_the_window_and_it_can_go_on(
    inputs: list[Path], tmp_path: Path, number: signal.Signals, error: type[Exception]
) -> None:
    expected = _whole(inputs, tmp_path)

    class Signalled(Loud):
        def process(self, records: Any, name: str) -> Any:
            if self.seen == 7:
                os.kill(os.getpid(), number)
            return super().process(records, name)

    before = signal.getsignal(number)
    signal.signal(number, signal.default_int_handler)
    try:
        with pytest.raises(error) as told:
            process_files(loud_job(inputs, tmp_path / "place" / "out"), Signalled())
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
    assert str(told.value).startswith(f"{number.name}: stopped after ")
    assert str(told.value).endswith(" records; the same command with --resume goes on from there")
    rest = Loud()
    process_files(loud_job(inputs, tmp_path / "place" / "out"), rest, resume=True)
    assert contents(tmp_path / "place") == expected
    counter = Loud()
    process_files(loud_job(inputs, tmp_path / "count" / "out"), counter)
    assert rest.seen == counter.seen - 8


@pytest.mark.parametrize("place", ["write_all", "fsync"])
def test_a_full_disk_is_one_line_and_the_run_goes_on_when_there_is_room(
    inputs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    expected = _whole(inputs, tmp_path)
    left = 25
    real: Callable[..., Any] = unfinished.write_all if place == "write_all" else os.fsync

    def full(*arguments: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            if place == "write_all":
                arguments[0].write(arguments[1][: len(arguments[1]) // 2])  # as much as there is room for
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(*((unfinished, "write_all") if place == "write_all" else (os, "fsync")), full)
        with pytest.raises(OutputError) as told:
            process_files(loud_job(inputs, tmp_path / "place" / "out"), Loud())
    (line,) = told.value.lines()
    assert "cannot be written: No space left on device" in line
    assert line.endswith("; the same command with --resume goes on from there")
    process_files(loud_job(inputs, tmp_path / "place" / "out"), Loud(), resume=True)
    assert contents(tmp_path / "place") == expected


def _cut_off(inputs: list[Path], place: Path) -> Job:
    job = loud_job(inputs, place / "out")
    with pytest.raises(_Stopped):
        process_files(job, _Fragile(9))
    return job


def test_what_changed_since_is_not_gone_on_with(inputs: list[Path], tmp_path: Path) -> None:
    job = _cut_off(inputs, tmp_path / "place")
    before = contents(tmp_path / "place")
    os.utime(inputs[2], ns=(1, 1))
    with pytest.raises(UsageError, match=r"input '.*three.txt' of the run that is resumed, received it changed since"):
        process_files(job, Loud(), resume=True)
    other = Job(**{**job.__dict__, "identity": {"who": "else"}})
    with pytest.raises(UsageError, match='expected who as in the run that is resumed, "loud", received "else"'):
        process_files(other, Loud(), resume=True)
    fewer = loud_job(inputs[:2], tmp_path / "place" / "out")
    with pytest.raises(UsageError, match="expected the 3 inputs of the run that is resumed, received 2"):
        process_files(fewer, Loud(), resume=True)
    assert contents(tmp_path / "place") == before
    # Without --resume it begins anew.
    inputs[0].write_text("good\n", encoding="utf-8")
    inputs[1].write_text('{"text": "good"}\n', encoding="utf-8")
    process_files(fewer, Loud())
    assert [path.name for path in (tmp_path / "place").iterdir()] == ["out"]
    assert len(list((tmp_path / "place" / "out").iterdir())) == 4


@pytest.mark.parametrize("torn", [b"", b"{", b"[]", b'{"plan": 1, "reached": {}}'])
def test_a_journal_that_is_torn_is_as_none(inputs: list[Path], tmp_path: Path, torn: bytes) -> None:
    expected = _whole(inputs, tmp_path)
    job = _cut_off(inputs, tmp_path / "place")
    (tmp_path / "place" / ".out.journal").write_bytes(torn)
    said: list[str] = []
    process_files(job, Loud(), resume=True, say=said.append)
    assert "no journal of an unfinished run is there: it begins at the start" in said[0]
    assert contents(tmp_path / "place") == expected


def test_an_unfinished_file_that_was_cut_is_not_gone_on_with(inputs: list[Path], tmp_path: Path) -> None:
    job = _cut_off(inputs, tmp_path / "place")
    (unfinished_file,) = (tmp_path / "place" / "out").glob(".*.loud.partial")
    unfinished_file.write_bytes(b"A")
    with pytest.raises(UsageError, match="bytes that were written, received 1: begin without --resume"):
        process_files(job, Loud(), resume=True)


def test_two_runs_do_not_write_the_same_output(inputs: list[Path], tmp_path: Path) -> None:
    job = loud_job(inputs, tmp_path / "place" / "out")

    class Rival(Loud):
        def process(self, records: Any, name: str) -> Any:
            if self.seen == 3:
                with pytest.raises(OutputError, match="expected to write it alone, received another run at it"):
                    process_files(job, Loud())
            return super().process(records, name)

    expected = _whole(inputs, tmp_path)
    process_files(job, Rival())
    assert contents(tmp_path / "place") == expected


def test_where_nothing_was_done_nothing_is_left(inputs: list[Path], tmp_path: Path) -> None:
    before = contents(tmp_path)

    class Broken(Loud):
        def process(self, records: Any, name: str) -> Any:  # noqa: ARG002
            raise OutputError("no")

    with pytest.raises(OutputError, match=r"^no$"):
        process_files(loud_job(inputs, tmp_path / "new" / "folder" / "out"), Broken())
    assert contents(tmp_path) == before


def test_progress_grows_to_the_whole(inputs: list[Path], tmp_path: Path) -> None:
    told: list[Progress] = []
    process_files(loud_job(inputs, tmp_path / "out"), Loud(), tell=told.append)
    assert [one.done_bytes for one in told] == sorted(one.done_bytes for one in told)
    last = told[-1]
    assert last.done_bytes == last.total_bytes == sum(path.stat().st_size for path in inputs)
    assert last.seconds_left == 0.0
    assert last.records + last.rejected > 900


def test_notes_are_kept_and_counted(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("note\n" * 30, encoding="utf-8")
    done = process_files(loud_job([tmp_path / "in.txt"], tmp_path / "out"), Loud())
    assert (len(done.notes), done.omitted) == (20, 10)
    assert done.notes[1] == f"{tmp_path / 'in.txt'}:2"


def test_a_stream_is_not_resumed(inputs: list[Path], tmp_path: Path) -> None:
    job = loud_job(inputs[:1], tmp_path / "out")
    job = Job(**{**job.__dict__, "targets": [[STANDARD_STREAM, str(tmp_path / "lines")]]})
    with pytest.raises(UsageError, match="--resume: expected files as outputs"):
        process_files(job, Loud(), resume=True)


def test_a_mark_in_front_of_a_text_stays(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_bytes(b"\xef\xbb\xbf\xef\xbb\xbfa\nb\n")
    process_files(loud_job([tmp_path / "in.txt"], tmp_path / "out"), Loud())
    assert (tmp_path / "out.loud").read_bytes() == b"\xef\xbb\xbf\xef\xbb\xbfA\nB\n"
