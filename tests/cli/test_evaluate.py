"""`evaluate`, and `score`: the numbers are seqeval's."""

from __future__ import annotations

import json
import re
import warnings
from pathlib import Path
from typing import Any

import pytest
from seqeval.metrics import classification_report, f1_score, precision_score, recall_score
from seqeval.scheme import IOB2

from tests.cli.conftest import CommandLine, contents
from tests.conftest import TINY_CORPUS

REPORT = ["confusions.json", "report.html", "report.json", "report.md", "scores.json"]

CONTRARY = """\
Ana B-LOC
left O
Oslo O
. O

Rui O
met O
Eva B-PER
Lund B-PER
. O
"""
"""What a tagger that knows `TINY_CORPUS` by heart cannot get right."""


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    """Return a labelled file on which no tagger is perfect, and the tiny one is right often."""
    path = tmp_path / "gold.conll"
    path.write_text(TINY_CORPUS + CONTRARY, encoding="utf-8")
    return path


@pytest.fixture
def tagged(gold: Path, tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> Path:
    """Return the same words with the tags of the tiny bundle."""
    path = tmp_path / "tagged.conll"
    outcome = command("tag", tiny_bundle, gold, "--input-format", "conll", "--output", path)
    assert outcome.code == 0
    return path


def _tags(path: Path) -> list[list[str]]:
    """Return the last column of a CoNLL file, sentence by sentence."""
    blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
    return [[line.split()[-1] for line in block.splitlines()] for block in blocks]


def _told(scores: Any) -> dict[str, float]:
    return {name: scores[name] for name in ("precision", "recall", "f1")}


def test_scores_are_those_of_seqeval(gold: Path, tagged: Path, tiny_bundle: Path, command: CommandLine) -> None:
    outcome = command("evaluate", tiny_bundle, "--data", gold, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    scores = json.loads(outcome.out)
    golden, guessed = _tags(gold), _tags(tagged)
    assert [len(tags) for tags in golden] == [len(tags) for tags in guessed]
    for mode, settings in (("conlleval", {}), ("strict", {"mode": "strict", "scheme": IOB2})):
        assert _told(scores[mode]) == pytest.approx(
            {
                "precision": precision_score(golden, guessed, **settings),
                "recall": recall_score(golden, guessed, **settings),
                "f1": f1_score(golden, guessed, **settings),
            }
        )
    assert 0.0 < scores["conlleval"]["f1"] < 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = classification_report(golden, guessed, output_dict=True)
    assert set(scores["types"]) == {"LOC", "PER"}
    for name, mine in (*scores["types"].items(), ("macro avg", scores["macro"])):
        theirs = report[name]
        assert _told(mine) == pytest.approx(
            {"precision": theirs["precision"], "recall": theirs["recall"], "f1": theirs["f1-score"]}
        )
        assert mine["gold"] == theirs["support"]
    flat = [(a, b) for one, other in zip(golden, guessed, strict=True) for a, b in zip(one, other, strict=True)]
    assert scores["accuracy"] == pytest.approx(sum(a == b for a, b in flat) / len(flat))
    assert (scores["words"], scores["sentences"]) == (len(flat), len(golden))


def test_entities_are_told_apart_by_whether_training_had_them(
    gold: Path, tiny_bundle: Path, command: CommandLine
) -> None:
    scores = json.loads(command("evaluate", tiny_bundle, "--data", gold, "--json").out)
    # Unseen: Ana as a place, and Eva and Lund as a person each.
    assert (scores["seen"]["gold"], scores["unseen"]["gold"]) == (8, 3)
    assert scores["seen"]["recall"] == 1.0
    assert scores["unseen"]["recall"] < 1.0


def test_the_table_names_both_modes(gold: Path, tiny_bundle: Path, command: CommandLine) -> None:
    scores = json.loads(command("evaluate", tiny_bundle, "--data", gold, "--json").out)
    outcome = command("evaluate", tiny_bundle, "--data", gold)
    assert (outcome.code, outcome.err) == (0, "")
    rows = {cells[0]: cells[1:] for cells in (re.split(" {2,}", line.strip()) for line in outcome.out.splitlines())}
    for row, of in (
        ("micro average (conlleval)", scores["conlleval"]),
        ("micro average (strict, IOB2)", scores["strict"]),
        ("PER", scores["types"]["PER"]),
        ("LOC", scores["types"]["LOC"]),
    ):
        percent = [f"{100 * of[name]:.2f}" for name in ("precision", "recall", "f1")]
        assert rows[row] == [*percent, str(of["gold"]), str(of["predicted"])], row


def test_a_report_is_left_that_says_the_same(
    gold: Path, tagged: Path, tiny_bundle: Path, command: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "report"
    outcome = command("evaluate", tiny_bundle, "--data", gold, "--report", folder, "--json")
    assert outcome.code == 0
    assert sorted(contents(folder)) == REPORT
    assert json.loads((folder / "scores.json").read_text(encoding="utf-8")) == json.loads(outcome.out)
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert report.startswith("# tiny on gold.conll\n")
    assert f"| {100 * json.loads(outcome.out)['strict']['f1']:.2f} |" in report
    numbers = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert numbers["scores"] == json.loads(outcome.out)
    assert numbers["micro"]["f1"]["value"] == pytest.approx(numbers["scores"]["conlleval"]["f1"])
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h1>tiny on gold.conll</h1>" in page
    assert f"<td>{100 * numbers['scores']['strict']['f1']:.2f}</td>" in page
    confusions = json.loads((folder / "confusions.json").read_text(encoding="utf-8"))
    assert confusions
    # Every entity of the corpus that was not found was taken for something, if only for nothing.
    missed = [confusion for confusion in confusions if confusion["gold"] != "O"]
    scores = json.loads(outcome.out)["conlleval"]
    assert sum(confusion["count"] for confusion in missed) == round(scores["gold"] * (1 - scores["recall"]))


def test_without_json_the_report_is_pointed_at_and_an_earlier_one_is_replaced(
    gold: Path, tiny_bundle: Path, command: CommandLine, tmp_path: Path
) -> None:
    folder = tmp_path / "report"
    for _ in range(2):
        outcome = command("evaluate", tiny_bundle, "--data", gold, "--report", folder)
        assert outcome.code == 0
        assert outcome.out.splitlines()[-1] == f"report in {folder / 'report.html'}"
    assert sorted(contents(folder)) == REPORT


def test_score_of_what_tag_wrote_is_what_evaluate_says(
    gold: Path, tagged: Path, tiny_bundle: Path, command: CommandLine
) -> None:
    evaluated = json.loads(command("evaluate", tiny_bundle, "--data", gold, "--json").out)
    outcome = command("score", gold, tagged, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    # Files do not tell which entities the tagger has met in training.
    assert json.loads(outcome.out) == {k: v for k, v in evaluated.items() if k not in ("seen", "unseen")}


def test_a_file_scored_against_itself_is_perfect(gold: Path, command: CommandLine) -> None:
    scores = json.loads(command("score", gold, gold, "--json").out)
    assert [scores[name]["f1"] for name in ("conlleval", "strict", "macro")] == [1.0, 1.0, 1.0]
    assert scores["conlleval"]["gold"] == scores["conlleval"]["predicted"] == 11


def test_columns_and_scheme_can_be_given(gold: Path, tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    expected = json.loads(command("evaluate", tiny_bundle, "--data", gold, "--json").out)
    lines = [line.split() for line in gold.read_text(encoding="utf-8").splitlines()]
    other = tmp_path / "other.txt"
    other.write_text("\n".join(" ".join((cells[1], "x", cells[0])) if cells else "" for cells in lines) + "\n")
    options = ("--format", "conll", "--word-column", "2", "--tag-column", "0", "--scheme", "IOB2", "--json")
    outcome = command("evaluate", tiny_bundle, "--data", other, *options)
    assert outcome.code == 0
    assert json.loads(outcome.out) == expected
