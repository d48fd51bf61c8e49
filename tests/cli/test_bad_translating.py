"""A translator through the real commands: what is told to be wrong, and what odd files come to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

import nlp_pipeline
from nlp_pipeline.serving.translator import LoadedTranslator
from tests.cli.conftest import CommandLine, contents, told
from tests.tiny_translator import write_tiny_translator


def test_a_bundle_without_a_shortlist_tells_so_before_anything_is_done(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    bundle = LoadedTranslator.load(translator_folder / "run" / "bundle").bundle
    replace(bundle, shortlist=None).write(tmp_path / "bundle")
    texts = translator_folder / "train.en"
    expected = "search.shortlist: expected 0 of a bundle without a shortlist, of a BERT encoder or an earlier version"
    for call in (
        ("translate", tmp_path / "bundle", texts, "--output", tmp_path / "out"),
        ("evaluate", tmp_path / "bundle", "--source", texts, "--target", tmp_path / "nothing"),
    ):
        outcome = command(*call, "--shortlist", "3")
        assert outcome.code == 1
        assert f"{expected}, received 3" in outcome.err
    assert not (tmp_path / "out").exists()


def test_half_a_character_is_refused(translator_folder: Path, command: CommandLine, tmp_path: Path) -> None:
    outcome = command("attention", translator_folder / "run" / "bundle", "a\udcff", "--output", tmp_path / "map.png")
    assert outcome.code == 2
    assert "expected Unicode text, received half a surrogate pair at character 2" in outcome.err


def test_bundles_of_the_other_task(
    translator_folder: Path, tiny_bundle: Path, command: CommandLine, tmp_path: Path
) -> None:
    translator, text = translator_folder / "run" / "bundle", translator_folder / "train.en"
    message = "bundle: expected the bundle of a {}, received that of a {}"
    outcome = command("tag", translator, text, "--output", tmp_path / "out")
    assert (outcome.code, told(outcome, translator.parent)) == (1, [message.format("tagger", "translator")])
    for arguments in (["translate", tiny_bundle, text], ["attention", tiny_bundle, "a sentence"]):
        outcome = command(*arguments, "--output", tmp_path / "out.png")
        assert (outcome.code, told(outcome, tiny_bundle.parent)) == (1, [message.format("translator", "tagger")])
    outcome = command("evaluate", tiny_bundle, "--source", text, "--target", text)
    assert (outcome.code, "--source is not for the bundle of a tagger" in outcome.err) == (2, True)
    outcome = command("evaluate", translator, "--source", text)
    assert outcome.code == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (b"one\ntwo\n", b"un\n", "expected as many lines"),
        (b"one\n\n", b"un\ndeux\n", "train.en:2: expected a sentence, received an empty line"),
        (b"\n\n", b"\n\n", "received"),
        (b"on\xe9\n", b"un\n", "train.en:1: expected UTF-8, received byte 0xe9"),
        (b"", b"un\n", "train.en: expected lines, received an empty file"),
    ],
)
def test_wrong_pairs_are_told_and_nothing_is_written(
    command: CommandLine, tmp_path: Path, source: bytes, target: bytes, expected: str
) -> None:
    recipe = write_tiny_translator(tmp_path)
    (tmp_path / "dev.en").write_bytes((tmp_path / "train.en").read_bytes())
    (tmp_path / "dev.fr").write_bytes((tmp_path / "train.fr").read_bytes())
    (tmp_path / "train.en").write_bytes(source)
    (tmp_path / "train.fr").write_bytes(target)
    before = contents(tmp_path)
    settings = ["--set", f"data.dev.source={tmp_path / 'dev.en'}", "--set", f"data.dev.target={tmp_path / 'dev.fr'}"]
    outcome = command("train", recipe, "--output", tmp_path / "run", *settings)
    lines = told(outcome, tmp_path)
    assert outcome.code == 1
    assert any(expected in line for line in lines), lines
    assert contents(tmp_path) == before


def test_what_is_too_long_is_left_out_of_train_and_dev_but_not_of_test(command: CommandLine, tmp_path: Path) -> None:
    recipe = write_tiny_translator(tmp_path)
    long = "the red dog " * 40
    settings = []
    for split in ("train", "dev", "test"):
        for side, first in (("source", "the red dog sleeps ."), ("target", "le chien rouge dort .")):
            (tmp_path / f"{split}.{side}").write_text(f"{first}\n{long}\n", encoding="utf-8")
            settings += ["--set", f"data.{split}.{side}={tmp_path / split}.{side}"]
    outcome = command("prepare", recipe, "--output", tmp_path / "run", *settings, "--set", "data.longest_words=100")
    assert outcome.code == 0, outcome.err
    summary = json.loads((tmp_path / "run" / "corpus" / "corpus.json").read_text(encoding="utf-8"))
    assert {split: summary["splits"][split]["pairs"] for split in summary["splits"]} == {
        "train": 1,
        "dev": 1,
        "test": 2,
    }
    assert summary["dropped"]["dev"]["longest_words"] == 1
    (tmp_path / "dev.source").write_text(long, encoding="utf-8")
    (tmp_path / "dev.target").write_text(long, encoding="utf-8")
    outcome = command("prepare", recipe, "--output", tmp_path / "run", *settings)
    assert (outcome.code, "dev.source:1: expected pairs, received none that data.longest_words" in outcome.err) == (
        1,
        True,
    )


@pytest.mark.parametrize("kind", ["words", "bpe", "unigram"])
def test_a_script_that_training_has_not_seen(command: CommandLine, tmp_path: Path, kind: str) -> None:
    recipe = write_tiny_translator(tmp_path)
    (tmp_path / "dev.en").write_text("собака\nкошка\n", encoding="utf-8")
    (tmp_path / "dev.fr").write_text("le chien\nle chat\n", encoding="utf-8")
    settings = ["--set", f"data.dev.source={tmp_path / 'dev.en'}", "--set", f"data.dev.target={tmp_path / 'dev.fr'}"]
    outcome = command("prepare", recipe, "--output", tmp_path / "run", *settings, "--set", f"subwords.kind={kind}")
    assert outcome.code == 1
    assert "expected a source in characters of the train corpus" in outcome.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["nothing", "--output", "out"], "nothing: expected a file, received nothing: there is no such file"),
        (["train.en", "--output", "train.en"], "expected an output that is not an input too, received one that is"),
        (["train.en", "--output", "out", "--alignments", "out"], "expected a file of its own for each output"),
        (
            ["train.en", "--output", "out", "--n-best", "9"],
            "--n-best: expected at most the size of the beam, 5, received 9",
        ),
        (
            ["train.en", "--output", "out.jsonl", "--alignments", "a"],
            "--alignments: expected an output of text, received",
        ),
        (
            ["train.en", "--output", "-", "--alignments", "-"],
            "expected a file for the translations or the alignments, received - for both",
        ),
        (["train.en", "--output", "out", "--length-penalty", "nan"], "nan is not in the range"),
        (["train.en", "--output", "out", "--coverage-penalty", "1e38"], "1e+38 is not in the range"),
        (["train.en", "--output", "out", "--beam-size", "1001"], "1001 is not in the range 1<=x<=1000."),
        (["train.en", "--output", "out", "--shortlist", "201"], "201 is not in the range 0<=x<=200."),
        (["train.en", "--output", "out", "--precision", "half"], "'half' is not one of 'auto', 'float32', 'bfloat16'."),
    ],
)
def test_wrong_calls_of_translate(
    translator_folder: Path,
    command: CommandLine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.en").write_bytes((translator_folder / "train.en").read_bytes())
    before = contents(tmp_path)
    outcome = command("translate", translator_folder / "run" / "bundle", *arguments)
    assert outcome.code in (1, 2)
    assert expected in outcome.err
    assert contents(tmp_path) == before


def test_a_line_that_cannot_be_read_leaves_an_empty_one(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "in").write_bytes(b"the red dog sleeps .\ntw\xe9\nthe red dog sleeps .\n")
    arguments = ("translate", translator_folder / "run" / "bundle", tmp_path / "in", "--quiet")
    outcome = command(*arguments, "--output", tmp_path / "out", "--alignments", tmp_path / "aligned")
    message = "in:2: expected UTF-8, received byte 0xe9 (byte 3 of the line)"
    assert (outcome.code, told(outcome, tmp_path)) == (3, [message, "1 record was rejected: out.rejected.jsonl"])
    assert (tmp_path / "out").read_text(encoding="utf-8") == "le chien rouge dort .\n\nle chien rouge dort .\n"
    assert [bool(line) for line in (tmp_path / "aligned").read_text(encoding="utf-8").split("\n")] == [1, 0, 1, 0]
    # Among several translations of each line the numbers tell which is meant.
    assert command(*arguments, "--output", tmp_path / "out", "--n-best", "2").code == 3
    numbers = [line.split(" ")[0] for line in (tmp_path / "out").read_text(encoding="utf-8").splitlines()]
    assert numbers == ["0", "0", "2", "2"]


@pytest.mark.parametrize("words", [1, 8_000])
def test_a_line_of_a_hundred_thousand_characters(
    translator_folder: Path, command: CommandLine, tmp_path: Path, words: int
) -> None:
    line = "dog" * 33_334 if words == 1 else "the red dog " * (words // 3)
    (tmp_path / "in").write_text(f"{line}\nthe red dog sleeps .\n", encoding="utf-8")
    outcome = command(
        *("translate", translator_folder / "run" / "bundle", tmp_path / "in", "--output", tmp_path / "out"),
        *("--alignments", tmp_path / "aligned", "--beam-size", "1"),
    )
    assert outcome.code == 0, outcome.err
    out = (tmp_path / "out").read_text(encoding="utf-8").splitlines()
    assert len(out) == 2
    assert out[1] == nlp_pipeline.load(translator_folder / "run" / "bundle").translate("the red dog sleeps .").text
    assert "1 of them in parts" in outcome.err
    # A word of which nothing is known is its own translation, and has no links.
    links = (tmp_path / "aligned").read_text(encoding="utf-8").splitlines()[0].split()
    assert [int(link.split("-")[1]) for link in links] == list(range(len(links)))
    assert bool(links) == (words > 1)
