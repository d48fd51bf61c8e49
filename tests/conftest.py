"""Fixtures that several parts of the tests use."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest

from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.tiny_translator import write_tiny_translator

# What takes minutes comes first, so that no worker is left alone with it at the end.
SLOW_FILES = ("test_resuming.py", "test_strategies.py", "test_export.py", "test_repeatable.py", "test_cluster.py")


def pytest_configure(config: pytest.Config) -> None:
    """Give each worker of pytest-xdist cores of its own: on shared ones TensorFlow's threads wait for one another."""
    about = getattr(config, "workerinput", None)
    if about is not None and hasattr(os, "sched_setaffinity"):
        number, workers = int(about["workerid"].removeprefix("gw")), int(about["workercount"])
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[number::workers] or cores)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put slow files first; the order within a file stays."""
    items.sort(key=lambda item: SLOW_FILES.index(item.path.name) if item.path.name in SLOW_FILES else len(SLOW_FILES))


TINY_CORPUS = """\
Ana B-PER
Reis I-PER
lives O
in O
Oslo B-LOC
. O

Rui B-PER
left O
New B-LOC
York I-LOC
for O
Lima B-LOC
. O

In O
Lima B-LOC
it O
rains O
. O

Eva B-PER
Lund I-PER
met O
Rui B-PER
. O

"""
"""Four sentences with five people and five places."""

TINY_RECIPE = """\
task: tagging
name: tiny
data: {train: train.conll, dev: train.conll}
encoder: null
words: {size: 8, minimum: 1}
characters: {size: 4, units: 4}
casing: {size: 2}
word_dropout: 0.0
recurrent: {projection: null, cell: gru, units: 8}
training: {epochs: 10, batch_subwords: 16, learning_rate: 0.1, strategy: none}
"""
"""A tagger without an encoder that learns its corpus by heart in seconds; `train.conll` stands beside it."""


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep encoders and vectors away from the user's cache, also those of processes that a test starts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NLP_PIPELINE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Let processes be interrupted even where the tests run in the background, whose processes ignore the keyboard."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class TinyCheckpoint(Protocol):
    """Writes a tiny BERT checkpoint into a new folder; takes the keywords of `write_tiny_checkpoint`."""

    def __call__(self, **form: Any) -> Path: ...


@pytest.fixture
def tiny_checkpoint(tmp_path: Path) -> TinyCheckpoint:
    """Return a function that writes a checkpoint of 2 layers, 16 units and about 200 subwords, and gives its folder."""
    written = 0

    def write(**form: Any) -> Path:
        nonlocal written
        written += 1
        return write_tiny_checkpoint(tmp_path / f"checkpoint-{written}", **form)

    return write


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of a tagger without an encoder, trained once on `TINY_CORPUS`.

    All tests share it: one that alters it copies it first.
    """
    from rich.console import Console

    from nlp_pipeline.jobs.tasks import train
    from nlp_pipeline.recipe import TaggingRecipe
    from nlp_pipeline.recipe.file import read_recipe

    folder = tmp_path_factory.mktemp("tiny")
    (folder / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (folder / "tiny.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    recipe = read_recipe(folder / "tiny.yaml", kind=TaggingRecipe)
    return train(recipe, folder / "run", Console(file=io.StringIO())).bundle


@pytest.fixture(scope="session")
def translator_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the corpus and the recipe of a tiny translator, and its run in `run`, by the command.

    All tests share it: one that alters it copies it first.
    """
    from nlp_pipeline.cli.main import main

    folder = tmp_path_factory.mktemp("translating")
    # Nobody looks at this run's pictures, and they take half of its time.
    main(["run", str(write_tiny_translator(folder)), "--output", str(folder / "run"), "--set", "dashboard.examples=0"])
    return folder


@pytest.fixture(scope="session")
def exported_tagger(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the SavedModel of `tiny_bundle`, by the command, with all signatures."""
    from nlp_pipeline.cli.main import main

    folder = tmp_path_factory.mktemp("exported")
    corpus = folder / "gold.conll"
    corpus.write_text(TINY_CORPUS, encoding="utf-8")
    main(["export", str(tiny_bundle), str(folder / "ner" / "1"), "--check", str(corpus)])
    return folder / "ner" / "1"
