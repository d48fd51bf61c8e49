"""Command lines that are none; and, in processes of their own, what a shell sees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, WriteRecipe, contents


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["tarin"], "No such command 'tarin'."),
        (["encoder", "fetch"], "No such command 'fetch'."),
        (["--verbose"], "No such option '--verbose'."),
        (["tag", "bundle", "text.txt", "--ouput", "x"], "No such option '--ouput'."),
        (["tag", "bundle", "text.txt"], "Missing option '--output'."),
        (["tag", "bundle", "--output", "x"], "Missing argument 'INPUT...'."),
        (["tag", "bundle", "a", "--output", "x", "--input-format", "pdf"], "Invalid value for '--input-format'"),
        (["tag", "bundle", "a", "--output", "x", "--gpus-per-worker", "1"], "--gpus-per-worker is for --engine ray."),
        (["evaluate", "bundle"], "Missing option '--data'."),
        (["evaluate", "bundle", "--data", "x", "--scheme", "BIO"], "Invalid value for '--scheme'"),
        (["score", "gold.conll"], "Missing argument 'PREDICTED'."),
        (["prepare"], "Missing argument 'RECIPE'."),
        (["train", "recipe.yaml", "--output"], "Option '--output' requires an argument."),
        (["score", "gold.conll", "predicted.conll", "--tag-column", "last"], "Invalid value for '--tag-column'"),
    ],
)
def test_a_wrong_call_is_told(command: CommandLine, arguments: list[str], expected: str) -> None:
    outcome = command(*arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.splitlines()[-1].startswith(f"Error: {expected}")


def _in_a_process(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "nlp_pipeline", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=False)


def test_a_shell_sees_one_line_for_a_wrong_corpus(recipe: WriteRecipe, tmp_path: Path) -> None:
    path = recipe("Ana B-PER\n\nleft\n")
    before = contents(tmp_path)
    ended = _in_a_process("prepare", path, "--output", tmp_path / "run")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.splitlines()[2:] == [
        f"{tmp_path}/train.conll:3: expected at least 2 columns, received 1",
    ]
    assert contents(tmp_path) == before


def test_a_shell_sees_one_line_for_a_wrong_recipe(recipe: WriteRecipe, tmp_path: Path) -> None:
    path = recipe(more="colour: red\n")
    ended = _in_a_process("train", path, "--output", tmp_path / "run")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"{path}:6: unknown key 'colour'\n"
    assert not (tmp_path / "run").exists()


def test_a_shell_sees_one_line_for_a_bundle_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Ana left.\n", encoding="utf-8")
    ended = _in_a_process("tag", tmp_path / "none", tmp_path / "text.txt", "--output", tmp_path / "tagged.conll")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"{tmp_path}/none: expected a bundle, received nothing: there is no such folder\n"
    assert sorted(contents(tmp_path)) == ["text.txt"]


def test_a_shell_sees_the_usage_for_a_command_that_is_none() -> None:
    ended = _in_a_process("tarin")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("Usage: nlp-pipeline ")
    assert ended.stderr.endswith("Error: No such command 'tarin'.\n")


def test_a_line_stays_a_line_whatever_stands_in_the_data(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path
) -> None:
    path = recipe("Ana B-PER\nleft B\x0b\x1b[31m\u2028\n")
    outcome = command("prepare", path, "--output", tmp_path / "run")
    assert outcome.code == 1
    assert outcome.err.splitlines()[2:] == [
        rf"{tmp_path}/train.conll:2: expected a tag of the scheme IOB2, received 'B\x0b\x1b[31m\u2028'"
    ]
