"""Batches at a time: in order, together where there are threads for it, and ended by an exception."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nlp_pipeline import devices
from nlp_pipeline.serving import at_once
from nlp_pipeline.serving.at_once import AtOnce
from tests.tiny_translator import PAIRS

LONG = 60.0  # seconds until what should have come is given up


@pytest.fixture(params=[1, 2, 3])
def together(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    count: int = request.param
    monkeypatch.setattr(at_once, "batches_at_once", lambda: count)
    return count


def test_results_come_in_the_order_of_the_batches(together: int) -> None:
    later = threading.Event()

    def run(batch: int) -> int:
        # The first one waits for the third, where another thread can do that.
        if batch == 0 and threading.current_thread() is not threading.main_thread():
            later.wait(LONG)
        if batch == 2:
            later.set()
        return batch * batch

    assert list(AtOnce().map(run, range(10))) == [batch * batch for batch in range(10)]


def test_as_many_are_computed_at_a_time_as_there_are_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "batches_at_once", lambda: 3)
    everyone = threading.Barrier(3, timeout=LONG)
    # Nobody passes before three are there; a broken barrier raises.
    assert sorted(AtOnce().map(lambda _: everyone.wait(), range(6))) == [0, 0, 1, 1, 2, 2]


def test_one_batch_needs_no_thread(together: int) -> None:
    assert list(AtOnce().map(lambda _: threading.current_thread(), [0])) == [threading.main_thread()]


def test_an_exception_is_raised_in_its_place_and_ends_what_has_not_begun(together: int) -> None:
    begun: list[int] = []
    released = threading.Event()

    def run(batch: int) -> int:
        begun.append(batch)
        if batch == 1:
            raise ValueError("torn")
        if batch > 1:
            released.wait(LONG)
        return batch

    results = AtOnce().map(run, range(100))
    assert next(results) == 0
    with pytest.raises(ValueError, match="torn"):
        next(results)
    released.set()
    # At the most those that the other threads had taken, and one more each.
    assert len(begun) <= 2 + 2 * together


def test_no_more_is_computed_than_two_batches_a_thread_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "batches_at_once", lambda: 2)
    begun: list[int] = []
    results = AtOnce().map(begun.append, range(100))
    for taken in range(1, 20):
        next(results)
        assert len(begun) <= taken + 2 * 2


def test_what_is_begun_goes_on_while_nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "batches_at_once", lambda: 2)
    done = threading.Semaphore(0)

    def run(batch: int) -> int:
        done.release()
        return batch

    shared = AtOnce()
    first, second = shared.begin(run, range(30)), shared.begin(run, range(30, 33))
    for _ in range(33):
        assert done.acquire(timeout=LONG)
    assert list(second.results) == [30, 31, 32]
    assert list(first.results) == list(range(30))


def test_what_is_begun_comes_in_order_and_with_its_exceptions(together: int) -> None:
    def run(batch: int) -> int:
        if batch == 3:
            raise ValueError("torn")
        return batch

    begun = AtOnce().begin(run, range(9))
    assert [next(begun.results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="torn"):
        next(begun.results)
    begun.cancel()


def test_what_is_cancelled_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(at_once, "batches_at_once", lambda: 2)
    released = threading.Event()
    seen: list[int] = []

    def run(batch: int) -> None:
        seen.append(batch)
        released.wait(LONG)

    shared = AtOnce()
    shared.begin(run, range(50)).cancel()
    released.set()
    # What comes after it is done by the same threads.
    assert list(shared.map(str, [1, 2])) == ["1", "2"]
    assert len(seen) <= 2


def test_a_tagger_tags_alike_however_many_batches_are_computed_at_once(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlp_pipeline.serving import tagger

    monkeypatch.setattr(tagger, "BATCH_SUBWORDS", 16)
    words = ["Ana", "Reis", "lives", "in", "Oslo", ".", "Rui", "left", "New", "York", "for", "Lima", "."]
    sentences = [words[start : start + length] for length in (1, 3, 7, 12) for start in range(len(words) - length + 1)]
    tagged = {}
    for count in (1, 3):
        monkeypatch.setattr(at_once, "batches_at_once", lambda count=count: count)
        # Loaded anew, so that the threads meet a graph that is not made yet.
        tagged[count] = list(tagger.LoadedTagger.load(tiny_bundle).tag_stream(sentences))
    assert len(tagged[1]) == len(sentences)
    assert tagged[3] == tagged[1]


def test_a_translator_translates_alike_however_many_batches_are_computed_at_once(
    translator_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlp_pipeline.serving import translator

    monkeypatch.setattr(translator, "BATCH_SUBWORDS", 40)
    texts = [source for source, _ in PAIRS] * 2
    translated = {}
    for count in (1, 3):
        monkeypatch.setattr(at_once, "batches_at_once", lambda count=count: count)
        loaded = translator.LoadedTranslator.load(translator_folder / "run" / "bundle")
        translated[count] = list(loaded.translate_stream(texts, n_best=2, beam_size=2))
    assert len(translated[1]) == len(texts)
    assert translated[3] == translated[1]


ASK = """
import tensorflow as tf
from nlp_pipeline import devices

{before}
devices.share_cores({cores}, {most})
threads = tf.config.threading
print(devices.batches_at_once(), threads.get_inter_op_parallelism_threads(), threads.get_intra_op_parallelism_threads())
"""


@pytest.mark.parametrize(
    ("cores", "most", "before", "expected"),
    [
        (1, 8, "", [1, 1, 1]),
        (2, 8, "", [2, 2, 1]),
        (8, 8, "", [8, 8, 1]),
        (8, 2, "", [2, 2, 4]),
        (1, 2, "", [1, 1, 1]),
        # Memory is for eight batches; the cores that are left over help these, and none is left alone.
        (12, 8, "", [8, 8, 2]),
        (32, 8, "", [8, 8, 4]),
        # TensorFlow has begun: its threads stay as they are, and a batch still comes for each core.
        (2, 8, "tf.constant(0) + 1; devices.usable_cores = lambda: 2", [2, 0, 0]),
    ],
)
def test_cores_are_shared_among_batches(cores: int, most: int, before: str, expected: list[int]) -> None:
    code = ASK.format(cores=cores, most=most, before=before)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert list(map(int, done.stdout.split())) == expected


def test_a_gpu_gets_one_batch_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["one"] if kind == "GPU" else [])
    assert devices.batches_at_once() == 1
