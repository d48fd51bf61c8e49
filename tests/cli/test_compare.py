"""`compare`: runs, bundles and files against each other, and what cannot be."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, contents, json_lines, told
from tests.conftest import TINY_CORPUS, TINY_RECIPE

REPORT = ["changes.jsonl", "comparison.json", "report.html", "report.json", "report.md"]


@pytest.fixture(scope="module")
def worse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of the tiny tagger that was trained for one epoch, on the same corpus under another name."""
    from nlp_pipeline.cli.main import main

    folder = tmp_path_factory.mktemp("worse")
    (folder / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (folder / "tiny.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    main(["run", str(folder / "tiny.yaml"), "--output", str(folder / "run"), "--set", "training.epochs=1"])
    return folder / "run"


def test_two_runs_are_compared_on_the_corpus_of_their_recipes(
    tiny_bundle: Path, worse: Path, command: CommandLine, tmp_path: Path
) -> None:
    # One is named by its run, the other by its bundle.
    outcome = command("compare", worse, tiny_bundle, "--json", "--report", tmp_path / "report")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    f1 = found["micro"]["f1"]
    evaluated = json.loads(command("evaluate", worse / "bundle", "--data", worse.parent / "train.conll", "--json").out)
    assert f1["first"] == pytest.approx(evaluated["conlleval"]["f1"])
    assert f1["second"] == 1.0
    assert f1["difference"]["value"] == pytest.approx(1.0 - f1["first"])
    assert found["sentences"] == sum(found["changed"].values()) == 4
    assert found["changed"]["mended"] > 0
    assert found["changed"]["broken"] == 0
    assert sorted(contents(tmp_path / "report")) == REPORT
    assert json.loads((tmp_path / "report" / "comparison.json").read_text(encoding="utf-8")) == found
    changes = json_lines(tmp_path / "report" / "changes.jsonl")
    assert len(changes) == 4 - found["changed"]["same"]
    assert all(change["second"] == change["gold"] for change in changes)


def test_the_table_tells_the_difference(tiny_bundle: Path, worse: Path, command: CommandLine) -> None:
    outcome = command("compare", tiny_bundle, worse)
    assert (outcome.code, outcome.err) == (0, "")
    assert "F1, micro average" in outcome.out
    assert "F1 of LOC" in outcome.out
    assert "100.00" in outcome.out
    assert "broken" in outcome.out


def test_tagged_files_are_compared_with_a_gold_one(
    tiny_bundle: Path, worse: Path, command: CommandLine, tmp_path: Path
) -> None:
    gold = tmp_path / "gold.conll"
    gold.write_text(TINY_CORPUS, encoding="utf-8")
    for name, bundle in (("first", worse / "bundle"), ("second", tiny_bundle)):
        options = ("--input-format", "conll", "--output", tmp_path / f"{name}.conll")
        assert command("tag", bundle, gold, *options).code == 0
    by_files = command("compare", tmp_path / "first.conll", tmp_path / "second.conll", "--gold", gold, "--json")
    assert by_files.code == 0, by_files.err
    by_bundles = json.loads(command("compare", worse, tiny_bundle, "--data", gold, "--json").out)
    found = json.loads(by_files.out)
    assert [found[name] for name in ("micro", "types", "changed")] == [
        by_bundles[name] for name in ("micro", "types", "changed")
    ]


def test_translators_are_compared(translator_folder: Path, command: CommandLine, tmp_path: Path) -> None:
    from nlp_pipeline.cli.main import main

    other = tmp_path / "other"
    main(["run", str(translator_folder / "tiny.yaml"), "--output", str(other), "--set", "training.epochs=12"])
    outcome = command("compare", other, translator_folder / "run", "--json", "--report", tmp_path / "report")
    assert outcome.code == 0, outcome.err
    found = json.loads(outcome.out)
    assert found["task"] == "translation"
    assert found["bleu"]["difference"]["value"] == pytest.approx(found["bleu"]["second"] - found["bleu"]["first"])
    assert found["bleu"]["second"] > found["bleu"]["first"]
    assert found["bleu"]["p_value"] < 0.05
    assert found["changed"]["mended"] > found["changed"]["broken"]
    assert sorted(contents(tmp_path / "report")) == REPORT
    sides = ("--source", translator_folder / "train.en", "--target", translator_folder / "train.fr")
    again = command("compare", other, translator_folder / "run" / "bundle", *sides)
    assert again.code == 0, again.err
    assert f"{found['bleu']['first']:.2f}" in again.out


def test_a_tagger_and_a_translator_are_not_compared(
    tiny_bundle: Path, translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    outcome = command("compare", tiny_bundle, translator_folder / "run", "--report", tmp_path / "report")
    assert outcome.code == 2
    assert told(outcome, tmp_path) == [
        f"{tiny_bundle}, {translator_folder / 'run'}: expected two taggers or two translators, "
        "received a tagger and a translator"
    ]
    assert not (tmp_path / "report").exists()


def test_other_corpora_are_refused_where_they_differ(
    tiny_bundle: Path, worse: Path, command: CommandLine, tmp_path: Path
) -> None:
    corpus = worse.parent / "train.conll"
    try:
        corpus.write_text(TINY_CORPUS.replace("Lima", "Rome", 1), encoding="utf-8")
        outcome = command("compare", tiny_bundle, worse)
        message = f"expected the sentence of {tiny_bundle.parents[1]}/train.conll:8, on which {tiny_bundle} is scored"
        assert (outcome.code, outcome.out) == (1, "")
        (line,) = told(outcome, tmp_path)
        assert line == f"{corpus}:8: {message}, received another for {worse}"
        corpus.write_text(TINY_CORPUS + TINY_CORPUS, encoding="utf-8")
        (line,) = told(command("compare", tiny_bundle, worse), tmp_path)
        assert line == f"{worse}: expected the 4 sentences on which {tiny_bundle} is scored, received 8"
        corpus.unlink()
        assert command("compare", tiny_bundle, worse).code == 1
    finally:
        corpus.write_text(TINY_CORPUS, encoding="utf-8")


def test_other_words_than_the_gold_files_are_refused(command: CommandLine, tmp_path: Path) -> None:
    for name, text in (("gold", TINY_CORPUS), ("first", TINY_CORPUS), ("second", TINY_CORPUS.replace("Ana", "Eva"))):
        (tmp_path / name).write_text(text, encoding="utf-8")
    outcome = command("compare", tmp_path / "first", tmp_path / "second", "--gold", tmp_path / "gold")
    assert (outcome.code, told(outcome, tmp_path)) == (1, ["second:1: expected the words of gold:1, received others"])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--source", "x"), "--source and --target belong together"),
        (("--gold", "x", "--data", "y"), "expected one of --data, --source with --target, and --gold"),
        (("--gold", "x", "--source-field", "y"), "--source-field is not for labelled files"),
        (("--source", "x", "--target", "y"), "--source is not for taggers"),
        (("--target-field", "y"), "--target-field is not for taggers"),
    ],
)
def test_options_that_do_not_fit_are_refused(
    tiny_bundle: Path, command: CommandLine, options: tuple[str, ...], expected: str
) -> None:
    outcome = command("compare", tiny_bundle, tiny_bundle, *options)
    assert outcome.code == 2
    assert expected in outcome.err
    assert "Traceback" not in outcome.err


def test_a_folder_that_is_no_run_and_one_that_is_no_report_are_refused(
    tiny_bundle: Path, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    outcome = command("compare", tiny_bundle, tmp_path / "empty")
    assert told(outcome, tmp_path) == ["empty: expected a bundle, received a folder without bundle.json"]
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.txt").write_text("years of work\n", encoding="utf-8")
    before = contents(tmp_path)
    outcome = command("compare", tiny_bundle, tiny_bundle, "--report", tmp_path / "thesis")
    assert outcome.code == 1
    assert "one with comparison.json to replace, received one with thesis.txt" in outcome.err
    assert contents(tmp_path) == before


def test_an_altered_bundle_is_refused(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "bundle")
    with (tmp_path / "bundle" / "weights.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    outcome = command("compare", tiny_bundle, tmp_path / "bundle")
    assert outcome.code == 1
    (line,) = told(outcome, tmp_path)
    assert line.endswith("received another: the file was altered")


def test_labelled_files_are_compared_without_tensorflow(tmp_path: Path) -> None:
    (tmp_path / "gold.conll").write_text("Ana\tB-PER\nleft\tO\n", encoding="utf-8")
    path = str(tmp_path / "gold.conll")
    code = (
        "import sys; from nlp_pipeline.cli.main import cli;"
        f"cli.main(['compare', {path!r}, {path!r}, '--gold', {path!r}], standalone_mode=False);"
        "sys.exit('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
