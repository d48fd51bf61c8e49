"""`run`: what it leaves, and when it trains again."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import yaml

from nlp_pipeline.cli.main import main
from tests.cli.conftest import CommandLine, contents
from tests.conftest import TINY_CORPUS, TINY_RECIPE

RECIPE = (
    TINY_RECIPE.replace("characters: {size: 4, units: 4}", "characters: null")
    .replace("recurrent: {projection: null, cell: gru, units: 8}", "recurrent: {projection: null, layers: 0}")
    .replace("epochs: 10", "epochs: 6")
)
"""The tiny tagger, as small as it gets: nothing here asks how good it is."""

SKIPPED = "skipped: the bundle is there, and nothing has changed"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of a folder with a recipe, its corpus and a run, which were made in the folder beside it."""
    folder = tmp_path_factory.mktemp("first") / "work"
    folder.mkdir()
    (folder / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (folder / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    said = StringIO()
    with redirect_stdout(said):
        main(["run", str(folder / "tiny.yaml"), "--output", str(folder / "run")])
    (folder / "said.txt").write_text(said.getvalue(), encoding="utf-8")
    return shutil.copytree(folder, folder.with_name("kept"))


@pytest.fixture
def work(first: Path) -> Path:
    """Return the folder in which the run was made, as the run left it: a recipe's corpora stand in it by full path."""
    folder = first.with_name("work")
    shutil.rmtree(folder)
    return shutil.copytree(first, folder)


def _epochs(said: str) -> int:
    """Return how many epochs were trained."""
    return len(re.findall(r"^epoch +\d+ ", said, re.MULTILINE))


def test_a_run_from_nothing_leaves_everything(first: Path) -> None:
    run = first / "run"
    assert sorted(path.name for path in run.iterdir()) == [
        "bundle",
        "corpus",
        "done.json",
        "evaluation",
        "logs",
        "recipe.yaml",
    ]
    assert sorted(path.name for path in (run / "evaluation").iterdir()) == [
        "confusions.json",
        "report.html",
        "report.json",
        "report.md",
        "scores.json",
    ]
    assert {path.name for path in (run / "bundle").iterdir()} >= {"bundle.json", "README.md", "weights.safetensors"}
    assert {path.name for path in (run / "corpus").iterdir()} == {"corpus.json", "train", "dev"}
    assert list((run / "logs").glob("events.out.tfevents.*"))


def test_a_run_tells_what_it_does(first: Path) -> None:
    said = (first / "said.txt").read_text(encoding="utf-8")
    assert _epochs(said) == 6
    assert SKIPPED not in said
    assert "dev corpus" in said
    bundle = first.with_name("work") / "run" / "bundle"
    assert said.splitlines()[-1] == f"bundle in {bundle}, report in {bundle.parent / 'evaluation' / 'report.html'}"


def test_the_resolved_recipe_holds_defaults_too(first: Path) -> None:
    resolved = yaml.safe_load((first / "run" / "recipe.yaml").read_text(encoding="utf-8"))
    assert resolved["training"]["epochs"] == 6
    assert resolved["training"]["warmup"] == 0.1
    assert resolved["characters"] is None


def test_a_recipe_without_a_test_corpus_is_evaluated_on_dev(first: Path) -> None:
    run = first / "run"
    scores = json.loads((run / "evaluation" / "scores.json").read_text(encoding="utf-8"))
    metrics = json.loads((run / "bundle" / "metrics.json").read_text(encoding="utf-8"))
    assert scores == metrics["dev"]
    assert (run / "evaluation" / "report.md").read_text(encoding="utf-8").startswith("# tiny on its dev corpus\n")


def _touch(work: Path) -> None:
    os.utime(work / "train.conll", (1, 1))


@pytest.mark.parametrize("change", [lambda _work: None, _touch], ids=["nothing", "touch"])
def test_what_is_done_and_unchanged_is_skipped(
    work: Path, command: CommandLine, change: Callable[[Path], None]
) -> None:
    before = contents(work)
    change(work)
    outcome = command("run", work / "tiny.yaml", "--output", work / "run")
    assert outcome.code == 0
    assert f"\ntraining and evaluation {SKIPPED}\n" in outcome.out
    assert _epochs(outcome.out) == 0
    assert "reading train" not in outcome.out
    assert contents(work) == before
    # The scores are shown all the same.
    shown = (work / "said.txt").read_text(encoding="utf-8")
    assert outcome.out[outcome.out.index("\ndev corpus") :] == shown[shown.index("\ndev corpus") :]


@pytest.mark.parametrize(
    "lost", ["evaluation", "evaluation/report.html", "evaluation/report.md", "evaluation/scores.json"]
)
def test_a_lost_report_is_made_again_without_training(work: Path, command: CommandLine, lost: str) -> None:
    before = contents(work)
    path = work / "run" / lost
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    outcome = command("run", work / "tiny.yaml", "--output", work / "run")
    assert outcome.code == 0
    assert _epochs(outcome.out) == 0
    assert contents(work) == before
    assert f"\ntraining {SKIPPED}\n" in outcome.out


def test_a_changed_corpus_is_trained_on(work: Path, command: CommandLine) -> None:
    more = "Oda B-PER\nVoss I-PER\nrests O\n. O\n\n"
    (work / "train.conll").write_text(TINY_CORPUS + more, encoding="utf-8")
    outcome = command("run", work / "tiny.yaml", "--output", work / "run")
    assert outcome.code == 0
    assert SKIPPED not in outcome.out
    assert _epochs(outcome.out) == 6
    metrics = json.loads((work / "run" / "bundle" / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["sentences"] == {"train": 5, "dev": 5}
    scores = json.loads((work / "run" / "evaluation" / "scores.json").read_text(encoding="utf-8"))
    assert scores["sentences"] == 5


def test_changed_keys_train_again_and_that_bundle_is_then_the_one_that_is_kept(
    work: Path, command: CommandLine
) -> None:
    (work / "test.conll").write_text("Ana B-PER\nleft O\nOslo B-LOC\n. O\n", encoding="utf-8")
    changed = ("--set", "training.epochs=1", "--set", f"data.test={work / 'test.conll'}")
    outcome = command("run", work / "tiny.yaml", "--output", work / "run", *changed)
    assert outcome.code == 0
    assert SKIPPED not in outcome.out
    assert _epochs(outcome.out) == 1
    assert "will be replaced" in outcome.out
    resolved = yaml.safe_load((work / "run" / "bundle" / "recipe.yaml").read_text(encoding="utf-8"))
    assert resolved["training"]["epochs"] == 1
    # A test corpus is what is evaluated where there is one.
    assert "\ntest corpus" in outcome.out
    evaluation = work / "run" / "evaluation"
    assert json.loads((evaluation / "scores.json").read_text(encoding="utf-8"))["words"] == 4
    assert (evaluation / "report.md").read_text(encoding="utf-8").startswith("# tiny on its test corpus\n")
    trained = contents(work)
    again = command("run", work / "tiny.yaml", "--output", work / "run", *changed)
    assert SKIPPED in again.out
    assert contents(work) == trained


def test_a_damaged_bundle_is_trained_anew_and_ends_the_same(work: Path, first: Path, command: CommandLine) -> None:
    weights = work / "run" / "bundle" / "weights.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    outcome = command("run", work / "tiny.yaml", "--output", work / "run")
    assert outcome.code == 0
    assert SKIPPED not in outcome.out
    assert _epochs(outcome.out) == 6
    # The corpus was whole: it is not read again.
    assert "reading train" not in outcome.out
    assert weights.read_bytes() == (first / "run" / "bundle" / "weights.safetensors").read_bytes()
    assert command("inspect", work / "run" / "bundle").code == 0


def test_the_bundle_of_another_run_is_not_taken_for_this_one(
    work: Path, tiny_bundle: Path, command: CommandLine
) -> None:
    shutil.rmtree(work / "run" / "bundle")
    shutil.copytree(tiny_bundle, work / "run" / "bundle")
    outcome = command("run", work / "tiny.yaml", "--output", work / "run")
    assert outcome.code == 0
    assert SKIPPED not in outcome.out
    recipe = yaml.safe_load((work / "run" / "bundle" / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe["training"]["epochs"] == 6


def test_force_does_everything_anew(work: Path, command: CommandLine) -> None:
    outcome = command("run", work / "tiny.yaml", "--output", work / "run", "--force")
    assert outcome.code == 0
    assert SKIPPED not in outcome.out
    assert _epochs(outcome.out) == 6
    assert "reading train" in outcome.out
