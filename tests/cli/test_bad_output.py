"""Outputs that cannot be written, or that must not be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import GOOD, CommandLine, WriteRecipe, contents, told


@pytest.mark.parametrize("name", ["prepare", "train", "run"])
@pytest.mark.parametrize("output", ["file", "file/below", "file/below/it"])
def test_a_run_below_a_file_is_refused(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, name: str, output: str
) -> None:
    (tmp_path / "file").write_text("stays\n", encoding="utf-8")
    path = recipe()
    before = contents(tmp_path)
    outcome = command(name, path, "--output", tmp_path / output)
    assert outcome.code == 1
    assert told(outcome, tmp_path) == [
        f"{output}/corpus: expected a place in a folder, received one below the file file"
    ]
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["prepare", "train", "run"])
def test_what_another_put_where_the_corpus_goes_is_not_replaced(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, name: str
) -> None:
    (tmp_path / "run" / "corpus").mkdir(parents=True)
    (tmp_path / "run" / "corpus" / "thesis.txt").write_text("years of work\n", encoding="utf-8")
    path = recipe()
    before = contents(tmp_path)
    outcome = command(name, path, "--output", tmp_path / "run")
    message = "expected a new folder, or one with corpus.json to replace, received one with thesis.txt"
    assert (outcome.code, told(outcome, tmp_path)) == (1, [f"run/corpus: {message}"])
    assert contents(tmp_path) == before


def test_what_another_put_where_the_bundle_goes_is_not_replaced(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "bundle").write_text("of letters\n", encoding="utf-8")
    path = recipe()
    before = contents(tmp_path)
    outcome = command("train", path, "--output", tmp_path / "run")
    message = "run/bundle: expected a folder to write to, received a file"
    assert (outcome.code, told(outcome, tmp_path)) == (1, [message])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["prepare", "train", "run"])
def test_an_earlier_run_stays_as_it_was_when_the_next_is_given_a_wrong_corpus(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, name: str
) -> None:
    path = recipe()
    assert command("prepare", path, "--output", tmp_path / "run").code == 0
    (tmp_path / "run" / "recipe.yaml").write_text("task: tagging\n", encoding="utf-8")
    (tmp_path / "train.conll").write_text("Ana\n", encoding="utf-8")
    before = contents(tmp_path)
    outcome = command(name, path, "--output", tmp_path / "run")
    assert outcome.code == 1
    assert contents(tmp_path) == before


def test_tagged_files_that_cannot_be_written(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("stays\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    for name in ("one.txt", "two.txt"):
        (tmp_path / name).write_text("Ana left.\n", encoding="utf-8")
    before = contents(tmp_path)
    for inputs, output, expected in (
        (["one.txt"], "folder", "folder: expected a file to write to, received a directory"),
        (["one.txt"], "file/below", "file/below: expected a place in a folder, received one below the file file"),
        (["one.txt", "two.txt"], "file", "file: expected a folder for 2 inputs, received a file"),
        (
            ["one.txt", "two.txt"],
            "file/below",
            "file/below: expected a place in a folder, received one below the file file",
        ),
    ):
        outcome = command("tag", tiny_bundle, *(tmp_path / name for name in inputs), "--output", tmp_path / output)
        assert (outcome.code, told(outcome, tmp_path)) == (1, [expected])
        assert contents(tmp_path) == before


def test_a_pipe_is_written_to_and_stays_one(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("Ana left.\n", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert command("tag", tiny_bundle, tmp_path / "one.txt", "--output", tmp_path / "pipe").code == 0
        assert os.read(reader, 1000).startswith(b"Ana ")
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_behind_a_link_the_file_is_replaced(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("Ana left.\n", encoding="utf-8")
    (tmp_path / "tagged.conll").write_text("earlier\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(tmp_path / "tagged.conll")
    assert command("tag", tiny_bundle, tmp_path / "one.txt", "--output", tmp_path / "link").code == 0
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "tagged.conll").read_text(encoding="utf-8").startswith("Ana ")


def test_a_report_takes_no_place_but_an_earlier_report(tiny_bundle: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "gold.conll").write_text(GOOD, encoding="utf-8")
    (tmp_path / "file").write_text("stays\n", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("years of work\n", encoding="utf-8")
    before = contents(tmp_path)
    for output, expected in (
        ("file", "file: expected a folder to write to, received a file"),
        ("file/below", "file/below: expected a place in a folder, received one below the file file"),
        (
            "folder",
            "folder: expected a new folder, or one with confusions.json to replace, received one with thesis.txt",
        ),
    ):
        outcome = command("evaluate", tiny_bundle, "--data", tmp_path / "gold.conll", "--report", tmp_path / output)
        assert (outcome.code, told(outcome, tmp_path)) == (1, [expected])
        assert outcome.out == ""
        assert contents(tmp_path) == before
    for _ in range(2):
        outcome = command("evaluate", tiny_bundle, "--data", tmp_path / "gold.conll", "--report", tmp_path / "new")
        assert outcome.code == 0
        assert {"confusions.json", "report.html", "report.md"} <= set(contents(tmp_path / "new"))
