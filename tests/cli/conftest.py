"""The command line, run within the process, and what a folder holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nlp_pipeline.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What a command line came to."""

    code: int
    out: str
    err: str


CommandLine = Callable[..., Outcome]
WriteRecipe = Callable[..., Path]

GOOD = "Ana B-PER\nReis I-PER\nleft O\n\nOslo B-LOC\nrains O\n"
RECIPE = "task: tagging\ndata:\n  train: {train}\n  dev: dev.conll\nencoder: null\n"


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """Return a function that runs a command line as `nlp-pipeline` does."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else -1
        out, err = capfd.readouterr()
        return Outcome(code, out, err)

    return run


def contents(folder: Path) -> dict[str, str]:
    """Return everything below a folder: the digest of each file, and nothing for each folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


def json_lines(path: Path) -> list[Any]:
    """Return what a file of JSON lines holds."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def recipe(tmp_path: Path) -> WriteRecipe:
    """Return a function that writes a recipe without an encoder, and its corpora."""

    def write(train: str | bytes | None = GOOD, dev: str = GOOD, name: str = "train.conll", more: str = "") -> Path:
        (tmp_path / "dev.conll").write_text(dev, encoding="utf-8")
        if train is not None:
            (tmp_path / name).write_bytes(train.encode() if isinstance(train, str) else train)
        path = tmp_path / "recipe.yaml"
        path.write_text(RECIPE.format(train=name) + more, encoding="utf-8")
        return path

    return write


def told(outcome: Outcome, folder: Path) -> list[str]:
    """Return what was told to be wrong, with names relative to a folder."""
    assert "Traceback" not in outcome.err + outcome.out
    lines = outcome.err.replace(f"{folder}/", "").splitlines()
    return [line for line in lines if not line.startswith("reading ")]
