"""Whatever is wrong with the input: a line a problem, with its place, and nothing written."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from tests.cli.conftest import GOOD, CommandLine, WriteRecipe, contents, told

BROKEN = "Ana B-PER\n\nleft\n"


def _object(**content: object) -> str:
    return json.dumps(content) + "\n"


def _spans(*spans: tuple[int, int], text: str = "Ana Reis left.") -> str:
    return _object(text=text, spans=[{"start": start, "end": end, "type": "PER"} for start, end in spans])


CORPORA: dict[str, tuple[str, str | bytes | None, str]] = {
    "missing file": (
        "train.conll",
        None,
        "train.conll: expected a file, received nothing: there is no such file",
    ),
    "empty file": ("train.conll", "", "train.conll: expected lines, received an empty file"),
    "nothing but a byte order mark": (
        "train.conll",
        "\ufeff",
        "train.conll: expected lines, received an empty file",
    ),
    "nothing but empty lines": (
        "train.conll",
        "\n \n",
        "train.conll: expected sentences, received only empty lines",
    ),
    "not UTF-8": (
        "train.conll",
        "Ana B-PER\nJosé O\n".encode("latin-1"),
        "train.conll:2: expected UTF-8, received byte 0xe9 (byte 4 of the line)",
    ),
    "NUL": (
        "train.conll",
        "Ana B-PER\nle\0ft O\n",
        "train.conll:2: expected text, received a NUL (byte 3 of the line)",
    ),
    "too few columns": (
        "train.conll",
        BROKEN,
        "train.conll:3: expected at least 2 columns, received 1",
    ),
    "a tag without a type": (
        "train.conll",
        "Ana B-\nleft O\n",
        "train.conll:1: expected a tag of the scheme IOB2, received 'B-'",
    ),
    "an unknown prefix": (
        "train.conll",
        "Ana B-PER\nReis I-PER\n\nOslo X-PER\n",
        "train.conll:4: expected a tag of the scheme IOB2, received 'X-PER'",
    ),
    "one class": (
        "train.conll",
        "Ana O\nleft O\n",
        "train.conll: expected words within and outside entities, received the one tag 'O'",
    ),
    "not gzipped": (
        "train.conll.gz",
        GOOD,
        "train.conll.gz: expected a whole gzip file, received: Not a gzipped file (b'An')",
    ),
    "cut gzip": (
        "train.conll.gz",
        gzip.compress(GOOD.encode(), mtime=0)[:-12],
        "train.conll.gz: expected a whole gzip file, received: "
        "Compressed file ended before the end-of-stream marker was reached",
    ),
    "spans that overlap": (
        "train.jsonl",
        _spans((0, 8), (4, 8)),
        "train.jsonl:1: expected spans that do not overlap, received 0 to 8 'Ana Reis' and 4 to 8 'Reis'",
    ),
    "a span past the text": (
        "train.jsonl",
        _spans((0, 3)) + _spans((9, 15)),
        "train.jsonl:2: expected a span within the 14 characters of the text, received 9 to 15",
    ),
    "a span that cuts a word": (
        "train.jsonl",
        "\n" + _spans((0, 6)),
        "train.jsonl:2: expected a span to begin and end with a word, received 0 to 6 'Ana Re', which cuts 'Reis'",
    ),
    "a span that ends before it begins": (
        "train.jsonl",
        _spans((3, 3)),
        "train.jsonl:1: expected a span within the 14 characters of the text, received 3 to 3",
    ),
    "no JSON": (
        "train.jsonl",
        "Ana B-PER\n",
        "train.jsonl:1: expected a JSON object, received: Expecting value",
    ),
    "rows of different length": (
        "train.conll",
        "Ana B-PER\nNew York B-LOC\nx O\n",
        "train.conll:2: expected 2 columns, as in line 1, received 3",
    ),
    "lines that end in CR": (
        "train.conll",
        "A B-PER\rB O\r",
        "train.conll:1: expected lines that end in LF or CR LF, received a CR within a line",
    ),
    "a type with a space": (
        "train.jsonl",
        _object(text="Ana left.", spans=[{"start": 0, "end": 3, "type": "PERSON NAME"}]),
        "train.jsonl:1: expected an entity type without white space or NUL, received 'PERSON NAME' for 0 to 3",
    ),
    "a wrong tag of a word": (
        "train.jsonl",
        _object(words=["Ana", "left"], tags=["B-PER", "X"]),
        "train.jsonl:1: word 1 'left': expected a tag of the scheme IOB2, received 'X'",
    ),
    "fewer tags than words": (
        "train.jsonl",
        _object(words=["Ana", "left"], tags=["B-PER"]),
        "train.jsonl:1: expected 2 tags, one a word, received 1",
    ),
    "no Parquet": (
        "train.parquet",
        GOOD,
        "train.parquet: expected a dataset with a split 'train', received: "
        "Parquet magic bytes not found in footer. Either the file is corrupted or this is not a parquet file.",
    ),
}
"""By what is wrong: the file's name, what is in it, and what is told."""


@pytest.mark.parametrize("case", CORPORA)
def test_a_wrong_corpus_is_told_and_nothing_is_written(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, case: str
) -> None:
    name, train, expected = CORPORA[case]
    path = recipe(train, name=name)
    before = contents(tmp_path)
    outcome = command("prepare", path, "--output", tmp_path / "run")
    assert outcome.code == 1
    assert told(outcome, tmp_path) == [expected]
    assert contents(tmp_path) == before


def test_i_after_o_is_refused_under_a_strict_scheme_that_was_given(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path
) -> None:
    path = recipe("left O\nReis I-PER\n\nAna I-PER\n", dev="Ana I-PER\nleft O\n")
    outcome = command("prepare", path, "--output", tmp_path / "run", "--set", "data.scheme=IOB2")
    assert outcome.code == 1
    assert told(outcome, tmp_path) == [
        "train.conll:2: expected 'I-PER' to follow its beginning in IOB2, received none",
        "train.conll:4: expected 'I-PER' to follow its beginning in IOB2, received none",
        "dev.conll:1: expected 'I-PER' to follow its beginning in IOB2, received none",
    ]
    assert not (tmp_path / "run").exists()
    assert command("prepare", path, "--output", tmp_path / "run", "--set", "data.scheme=IOB1").code == 0


def test_types_of_dev_and_test_that_train_lacks_are_refused_or_ignored(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path
) -> None:
    path = recipe(dev="left O\n\nAcme B-ORG\nleft O\n\nOre B-ORG\nAna B-PER\n")
    (tmp_path / "test.conll").write_text("left O\nMay B-DATE\n", encoding="utf-8")
    arguments = ("prepare", path, "--output", tmp_path / "run", "--set", f"data.test={tmp_path / 'test.conll'}")
    before = contents(tmp_path)
    outcome = command(*arguments)
    hint = "set data.unseen_types=ignore to score such entities as missed"
    assert outcome.code == 1
    assert told(outcome, tmp_path) == [
        f"dev.conll:3: expected the types of the train corpus (LOC, PER), received 'ORG'; {hint}",
        f"test.conll:1: expected the types of the train corpus (LOC, PER), received 'DATE'; {hint}",
    ]
    assert contents(tmp_path) == before
    assert command(*arguments, "--set", "data.unseen_types=ignore").code == 0


def test_of_many_problems_the_first_20_are_told_and_the_others_counted(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path
) -> None:
    path = recipe("Ana B-PER\n\n" + "left\n" * 33, dev=BROKEN)
    outcome = command("prepare", path, "--output", tmp_path / "run")
    expected = [f"train.conll:{line}: expected at least 2 columns, received 1" for line in range(3, 23)]
    expected.append("dev.conll:3: expected at least 2 columns, received 1")
    expected.append("... and 13 more problems of this kind")
    assert (outcome.code, told(outcome, tmp_path)) == (1, expected)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ("conll", "folder: expected a file, received a directory"),
        ("jsonl", "folder: expected a file, received a directory"),
        ("auto", "folder: expected Parquet files of the split 'train', received no Parquet file at all"),
    ],
)
def test_a_directory_is_no_corpus(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, chosen: str, expected: str
) -> None:
    path = recipe(None, name="folder", dev=GOOD if chosen == "conll" else _spans((0, 3)))
    (tmp_path / "folder").mkdir()
    outcome = command("prepare", path, "--output", tmp_path / "run", "--set", f"data.format={chosen}")
    assert outcome.code == 1
    assert told(outcome, tmp_path)[0] == expected
    assert not (tmp_path / "run").exists()


def test_a_corpus_whose_name_is_no_unicode_is_read(recipe: WriteRecipe, command: CommandLine, tmp_path: Path) -> None:
    folder = tmp_path / "d\udcff"
    folder.mkdir()
    for file in (recipe(), tmp_path / "train.conll", tmp_path / "dev.conll"):
        file.rename(folder / file.name)
    outcome = command("prepare", folder / "recipe.yaml", "--output", tmp_path / "run")
    assert (outcome.code, told(outcome, tmp_path)) == (0, [])
    summary = json.loads((tmp_path / "run" / "corpus" / "corpus.json").read_text(encoding="utf-8"))
    assert summary["sources"]["train"] == f"{tmp_path}/d\\udcff/train.conll"
    outcome = command("prepare", folder / "recipe.yaml", "--output", tmp_path / "run")
    assert outcome.out.endswith("(unchanged)\n")
    (folder / "train.conll").write_text(BROKEN, encoding="utf-8")
    outcome = command("prepare", folder / "recipe.yaml", "--output", tmp_path / "run")
    assert (outcome.code, told(outcome, tmp_path)) == (
        1,
        ["d\\udcff/train.conll:3: expected at least 2 columns, received 1"],
    )
    outcome = command("prepare", folder / "recipe.yaml", "--output", tmp_path / "run", "--set", "data.train=tr\udcff")
    assert (outcome.code, len(told(outcome, tmp_path))) == (2, 1)


@pytest.mark.parametrize("form", ["plain", "byte order mark", "CR LF", "gzipped", "no end of the last line"])
def test_a_corpus_reads_the_same_in_any_form_that_is_right(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, form: str
) -> None:
    forms = {
        "plain": GOOD.encode(),
        "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
        "CR LF": GOOD.replace("\n", "\r\n").encode(),
        "gzipped": gzip.compress(GOOD.encode()),
        "no end of the last line": GOOD.rstrip("\n").encode(),
    }
    path = recipe(forms[form], name="train.conll.gz" if form == "gzipped" else "train.conll")
    outcome = command("prepare", path, "--output", tmp_path / "run")
    assert (outcome.code, told(outcome, tmp_path)) == (0, [])
    summary = json.loads((tmp_path / "run" / "corpus" / "corpus.json").read_text(encoding="utf-8"))
    assert summary["splits"]["train"]["words"] == 5
    assert summary["splits"]["train"]["types"] == {"LOC": 1, "PER": 1}
    assert summary["splits"]["train"]["unseen"] is None
    assert summary["splits"]["dev"]["unseen"] == 0.0


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("training: {epoch: 3}\n", "recipe.yaml:6: unknown key 'epoch' in training; did you mean 'epochs'?"),
        ("colour: red\n", "recipe.yaml:6: unknown key 'colour'"),
        ("seed: many\n", "recipe.yaml:6: seed: expected a valid integer, received 'many'"),
        ("training:\n  epochs: 2.5\n", "recipe.yaml:7: training.epochs: expected a valid integer, received 2.5"),
        (
            "training: [\n",
            "recipe.yaml:7: expected YAML, received: expected the node content, but found '<stream end>'",
        ),
        (
            "characters: null\n",
            "recipe.yaml: one of encoder, words and characters must be given. Received: null for all three",
        ),
        ("seed: 1\nseed: 2\n", "recipe.yaml:7: the key 'seed' was given in line 6 already"),
    ],
)
@pytest.mark.parametrize("name", ["prepare", "train", "run"])
def test_a_wrong_recipe_is_told_and_nothing_is_written(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, name: str, more: str, expected: str
) -> None:
    path = recipe(more=more)
    before = contents(tmp_path)
    outcome = command(name, path, "--output", tmp_path / "run")
    assert (outcome.code, told(outcome, tmp_path)) == (2, [expected])
    assert contents(tmp_path) == before


def test_an_override_that_does_not_fit_is_told_as_it_was_typed(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path
) -> None:
    path = recipe()
    outcome = command("train", path, "--output", tmp_path / "run", "--set", "training.epochs=many", "--set", "seed")
    assert (outcome.code, told(outcome, tmp_path)) == (
        2,
        ["--set seed: expected key=value, such as training.epochs=5"],
    )
    outcome = command("train", path, "--output", tmp_path / "run", "--set", "training.epochs=many")
    assert (outcome.code, told(outcome, tmp_path)) == (
        2,
        ["--set training.epochs=many: training.epochs: expected a valid integer, received 'many'"],
    )
    assert not (tmp_path / "run").exists()


def test_a_recipe_that_is_no_file_istold(command: CommandLine, tmp_path: Path) -> None:
    outcome = command("run", tmp_path / "none.yaml")
    assert (outcome.code, told(outcome, tmp_path)) == (
        2,
        ["none.yaml: expected a recipe file, received nothing: there is no such file"],
    )
    outcome = command("prepare", tmp_path)
    assert outcome.code == 2
    assert outcome.err == f"{tmp_path}: expected a recipe file, received a directory\n"
    (tmp_path / "latin.yaml").write_bytes("task: tagging\nname: é\n".encode("latin-1"))
    outcome = command("prepare", tmp_path / "latin.yaml")
    assert outcome.code == 2
    assert told(outcome, tmp_path)[0].startswith("latin.yaml: expected UTF-8")
