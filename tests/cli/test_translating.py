"""A translator through the real commands: from two files to a translated one."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import sacrebleu

import nlp_pipeline
from nlp_pipeline.inputs.translation import SourcePlaces
from nlp_pipeline.serving.at_once import Begun
from nlp_pipeline.serving.translator import Hypothesis, LoadedTranslator, Translation
from tests.cli.conftest import CommandLine, json_lines, told
from tests.tiny_translator import PAIRS, write_tiny_translator


def test_a_run_leaves_everything(translator_folder: Path) -> None:
    run = translator_folder / "run"
    assert {"bundle", "corpus", "done.json", "evaluation", "logs", "recipe.yaml"} == {p.name for p in run.iterdir()}
    card = (run / "bundle" / "README.md").read_text(encoding="utf-8")
    assert "A translator from English to French" in card
    assert "| train | train.en and train.fr | 40 |" in card
    assert "has additive attention with input feeding" in card


def test_what_was_learnt_by_heart_is_translated(translator_folder: Path) -> None:
    loaded = nlp_pipeline.load(translator_folder / "run" / "bundle")
    assert isinstance(loaded, LoadedTranslator)
    right = sum(loaded.translate(source).text == target for source, target in PAIRS)
    assert right >= 36


def test_inspect_tells_what_it_is(translator_folder: Path, command: CommandLine) -> None:
    outcome = command("inspect", translator_folder / "run" / "bundle")
    assert outcome.code == 0, outcome.err
    for told_of in ("English to French", "1 x 24 gru, attention: additive", "dev BLEU", "decoder"):
        assert told_of in outcome.out
    facts = json.loads(command("inspect", translator_folder / "run" / "bundle", "--json").out)
    assert facts["task"] == "translation"
    assert {"source", "target", "encoder", "bridge", "decoder", "output_bias"} <= facts["weights"].keys()
    assert sum(facts["weights"].values()) == facts["metrics"]["weights"]["all"]


def test_evaluate_gives_what_sacrebleu_gives(translator_folder: Path, command: CommandLine, tmp_path: Path) -> None:
    arguments = [
        "evaluate",
        translator_folder / "run" / "bundle",
        "--source",
        translator_folder / "train.en",
        "--target",
        translator_folder / "train.fr",
    ]
    outcome = command(*arguments, "--json", "--beam-size", "2", "--report", tmp_path / "report")
    assert outcome.code == 0, outcome.err
    scores = json.loads(outcome.out)
    lines = (tmp_path / "report" / "translations.jsonl").read_text(encoding="utf-8").splitlines()
    found = [json.loads(line) for line in lines]
    assert [(one["source"], one["reference"]) for one in found] == PAIRS
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    # Alignments that can be gone through, and what the beam of two ended with.
    assert page.count('<div class="step">') >= 10
    assert "The 2 best that the search found" in page
    assert json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))["scores"] == scores
    expected = sacrebleu.corpus_bleu([one["hypothesis"] for one in found], [[one["reference"] for one in found]])
    assert scores["bleu"]["score"] == pytest.approx(expected.score)
    assert "tok:13a" in scores["bleu"]["signature"]
    assert {"bleu_lower_tokenized", "chrf", "ter"} <= scores.keys()
    table = command(*arguments)
    assert "BLEU, lower-cased and tokenized" in table.out


def test_one_line_out_for_each_line_in(translator_folder: Path, command: CommandLine, tmp_path: Path) -> None:
    lines = ["", "the red dog sleeps .", " \t", "\u200b", "the black cat eats .", "xyzzy", ""]
    (tmp_path / "in").write_text("\n".join(lines) + "\n", encoding="utf-8")
    outcome = command("translate", translator_folder / "run" / "bundle", tmp_path / "in", "--output", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    out = (tmp_path / "out").read_text(encoding="utf-8").split("\n")
    assert len(out) == len(lines) + 1
    assert [bool(line) for line in out[:4]] == [False, True, False, False]
    loaded = nlp_pipeline.load(translator_folder / "run" / "bundle")
    assert out[1] == loaded.translate(lines[1]).text
    assert out[4] == loaded.translate(lines[4]).text


def test_several_translations_with_their_alignments(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("the red dog sleeps .\n\nthe black cat eats .\n", encoding="utf-8")
    outcome = command(
        *(
            "translate",
            translator_folder / "run" / "bundle",
            tmp_path / "in",
            "--output",
            tmp_path / "out",
            "--n-best",
            "3",
        ),
        *("--alignments", tmp_path / "aligned", "--beam-size", "4"),
    )
    assert outcome.code == 0, outcome.err
    rows = [line.split(" ||| ") for line in (tmp_path / "out").read_text(encoding="utf-8").splitlines()]
    assert [row[0] for row in rows] == ["0"] * 3 + ["1"] + ["2"] * 3
    assert [float(row[2]) for row in rows[:3]] == sorted((float(row[2]) for row in rows[:3]), reverse=True)
    aligned = (tmp_path / "aligned").read_text(encoding="utf-8").splitlines()
    assert len(aligned) == len(rows)
    links = [tuple(map(int, link.split("-"))) for link in aligned[0].split()]
    assert [target for _, target in links] == list(range(5))
    # The colour and the noun change places.
    assert {target: source for source, target in links}[1] == 2


def test_a_shortlist_and_bfloat16_by_the_commands(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    bundle, texts = translator_folder / "run" / "bundle", translator_folder / "train.en"
    translate = ("translate", bundle, texts, "--output")
    fast = ("--shortlist", "3", "--precision", "bfloat16")
    assert command(*translate, tmp_path / "whole").code == 0
    assert command(*translate, tmp_path / "fast", *fast).code == 0
    # Learned by heart: nothing else is likely.
    assert (tmp_path / "fast").read_bytes() == (tmp_path / "whole").read_bytes()
    outcome = command(*translate, tmp_path / "auto", "--precision", "auto", "--shortlist", "3")
    assert outcome.code == 0
    assert re.search(r"--precision auto: (bfloat16|as the bundle was trained)\n", outcome.err)
    sides = ("--source", texts, "--target", translator_folder / "train.fr")
    outcome = command("evaluate", bundle, *sides, "--json", *fast)
    assert json.loads(outcome.out)["bleu"]["score"] == pytest.approx(100.0)


def test_lines_that_nobody_knows_stay_and_are_told(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("the red dog sleeps .\nсобака\n\n狗\n", encoding="utf-8")
    outcome = command("translate", translator_folder / "run" / "bundle", tmp_path / "in", "--output", tmp_path / "out")
    assert outcome.code == 0
    assert (tmp_path / "out").read_text(encoding="utf-8").split("\n")[1:] == ["собака", "", "狗", ""]
    notes = [line for line in outcome.err.splitlines() if "left as it is" in line]
    assert [line.removeprefix(str(tmp_path)) for line in notes] == [
        f"/in:{number}: expected text that the bundle knows, received none: left as it is" for number in (2, 4)
    ]


def test_several_sentences_on_a_line(translator_folder: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "in").write_text("the red dog sleeps . " * 3 + "\n", encoding="utf-8")
    (tmp_path / "two").write_text("The red dog sleeps. The black cat eats.\n", encoding="utf-8")
    for name in ("in", "two"):
        arguments = ("translate", translator_folder / "run" / "bundle", tmp_path / name, "--output", tmp_path / "out")
        outcome = command(*arguments)
        assert outcome.code == 0
        assert "1 of them in parts" in outcome.err


def test_standard_output_is_not_replaced_under_its_other_names(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "in").write_text("the red dog sleeps .\n", encoding="utf-8")
    for name in ("-", "/dev/stdout", "/dev/fd/1"):
        outcome = command("translate", translator_folder / "run" / "bundle", tmp_path / "in", "--output", name)
        assert (outcome.code, outcome.out) == (0, "le chien rouge dort .\n")


def test_a_line_end_within_a_translation_is_a_space(
    command: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, translator_folder: Path
) -> None:
    nothing = SourcePlaces((), (), (), ())
    found = Translation("Yes.", nothing, (Hypothesis("Oui\r\nNon", (), -1.0, -1.0, None),), 1)
    monkeypatch.setattr(LoadedTranslator, "begin", lambda _, texts, *__, **___: Begun(iter([found] * len(texts))))
    (tmp_path / "in").write_text("Yes.\nYes.\n", encoding="utf-8")
    arguments = ("translate", translator_folder / "run" / "bundle", tmp_path / "in", "--output", tmp_path / "out")
    assert command(*arguments).code == 0
    assert (tmp_path / "out").read_bytes() == b"Oui Non\nOui Non\n"
    assert command(*arguments, "--n-best", "2").code == 0
    assert (tmp_path / "out").read_bytes() == b"0 ||| Oui Non ||| -1.0000\n1 ||| Oui Non ||| -1.0000\n"


def test_evaluate_reads_as_the_recipe_does_or_as_it_is_told(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    bundle = translator_folder / "run" / "bundle"
    rows = [f"{number}\t{target}\t{source}" for number, (source, target) in enumerate(PAIRS[:4])]
    (tmp_path / "pairs.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    fields = ("--format", "tsv", "--source-field", "2", "--target-field", "1")
    told_of = json.loads(command("evaluate", bundle, "--data", tmp_path / "pairs.tsv", *fields, "--json").out)
    for number, suffix in enumerate(("en", "fr")):
        (tmp_path / suffix).write_text("".join(f"{pair[number]}\n" for pair in PAIRS[:4]), encoding="utf-8")
    files = ("--source", tmp_path / "en", "--target", tmp_path / "fr")
    assert json.loads(command("evaluate", bundle, *files, "--json").out) == told_of
    outcome = command("evaluate", bundle, "--data", tmp_path / "pairs.tsv", "--format", "tsv", "--source-field", "1")
    assert (outcome.code, told(outcome, tmp_path)) == (
        1,
        ["pairs.tsv: expected two columns (source_field, target_field), received 1 for both"],
    )
    outcome = command("evaluate", bundle, "--data", tmp_path / "pairs.tsv", "--format", "conll")
    assert (outcome.code, "--format conll is not for the bundle of a translator" in outcome.err) == (2, True)


def test_pairs_with_an_empty_side_are_dropped_where_the_recipe_says_so(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    recipe = write_tiny_translator(tmp_path)
    settings = ["--set", "data.empty=drop", "--set", "training.epochs=1"]
    assert command("train", recipe, "--output", tmp_path / "run", *settings).code == 0
    (tmp_path / "en").write_text("the red dog sleeps .\n\nthe red dog eats .\n", encoding="utf-8")
    (tmp_path / "fr").write_text("le chien rouge dort .\nrien\nle chien rouge mange .\n", encoding="utf-8")
    files = ("--source", tmp_path / "en", "--target", tmp_path / "fr", "--report", tmp_path / "report")
    outcome = command("evaluate", tmp_path / "run" / "bundle", *files)
    assert outcome.code == 0, outcome.err
    assert len((tmp_path / "report" / "translations.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    outcome = command("evaluate", translator_folder / "run" / "bundle", *files)
    assert (outcome.code, "en:2: expected a sentence, received an empty line" in outcome.err) == (1, True)


@pytest.mark.parametrize(("suffix", "begins"), [("png", b"\x89PNG"), ("html", b"<!"), ("json", b"{")])
def test_a_heat_map(translator_folder: Path, command: CommandLine, tmp_path: Path, suffix: str, begins: bytes) -> None:
    output = tmp_path / f"map.{suffix}"
    outcome = command(
        "attention", translator_folder / "run" / "bundle", "the red dog sleeps .", "--output", output, "--words"
    )
    assert outcome.code == 0, outcome.err
    assert output.read_bytes().startswith(begins)
    assert outcome.out.splitlines()[0] == "le chien rouge dort ."
    arguments = ("attention", translator_folder / "run" / "bundle", "the red dog sleeps .", "--output", output)
    assert command(*arguments).out == outcome.out


def test_objects_and_rows_keep_their_other_fields(
    translator_folder: Path, command: CommandLine, tmp_path: Path
) -> None:
    rows = [{"id": 7, "body": "the red dog sleeps .", "score": "mine"}, {"id": 8, "body": "", "more": [1, 2]}]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    arguments = ("translate", translator_folder / "run" / "bundle", tmp_path / "in.jsonl", "--text-field", "body")
    outcome = command(*arguments, "--output", tmp_path / "out.jsonl")
    assert outcome.code == 0, outcome.err
    first, second = json_lines(tmp_path / "out.jsonl")
    assert (first["id"], first["text"], first["translation"]) == (7, "the red dog sleeps .", "le chien rouge dort .")
    assert isinstance(first["score"], float)
    assert len(first["alignment"].split()) == 5
    assert second == {"text": "", "translation": "", "score": 0.0, "id": 8, "more": [1, 2]}
    outcome = command(*arguments, "--output", tmp_path / "out.parquet", "--n-best", "2")
    assert outcome.code == 0, outcome.err
    table = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [row["id"] for row in table] == [7, 8]
    assert table[0]["translation"] == table[0]["n_best"][0]["translation"] == "le chien rouge dort ."
    assert [row["more"] for row in table] == [None, [1, 2]]
