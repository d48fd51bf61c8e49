"""Encoders that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, WriteRecipe, contents, told
from tests.conftest import TinyCheckpoint

SMALL = ("encoder.window=64", "encoder.overlap=8", "encoder.max_subwords_of_word=16")


def _set(config: Path, **values: object) -> None:
    content = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(content | values), encoding="utf-8")


@pytest.mark.parametrize("name", ["train", "run"])
def test_an_architecture_that_is_not_supported_is_refused_before_anything_is_written(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, tiny_checkpoint: TinyCheckpoint, name: str
) -> None:
    checkpoint = tiny_checkpoint()
    _set(checkpoint / "config.json", model_type="roberta")
    path = recipe()
    before = contents(tmp_path)
    outcome = command(name, path, "--output", tmp_path / "run", "--set", f"encoder.name={checkpoint}")
    message = 'checkpoint-1/config.json: expected `model_type` to be "bert", received "roberta"'
    assert (outcome.code, told(outcome, tmp_path)) == (1, [message])
    assert contents(tmp_path) == before


def test_encoder_get_refuses_what_training_would_refuse(
    command: CommandLine, tmp_path: Path, tiny_checkpoint: TinyCheckpoint
) -> None:
    checkpoint = tiny_checkpoint()
    assert command("encoder", "get", checkpoint).code == 0
    _set(checkpoint / "config.json", hidden_act="cube")
    outcome = command("encoder", "get", checkpoint)
    assert outcome.code == 1
    assert len(told(outcome, tmp_path)) == 1
    assert told(outcome, tmp_path)[0].startswith("checkpoint-1/config.json: expected `hidden_act` to be one of ")
    assert outcome.out == ""


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("config.json", None, "checkpoint-1: expected config.json, received none"),
        ("config.json", b"{", "checkpoint-1/config.json: expected a JSON file, received "),
        (
            "model.safetensors",
            None,
            "checkpoint-1: expected model.safetensors or model.safetensors.index.json, received neither",
        ),
        ("model.safetensors", b"\0" * 40, "checkpoint-1/model.safetensors: "),
        ("model.safetensors", b"", "checkpoint-1/model.safetensors: "),
        ("tokenizer.json", b"{}", "checkpoint-1/tokenizer.json: "),
    ],
)
def test_a_broken_checkpoint_is_told_and_nothing_is_written(
    recipe: WriteRecipe,
    command: CommandLine,
    tmp_path: Path,
    tiny_checkpoint: TinyCheckpoint,
    file: str,
    content: bytes | None,
    expected: str,
) -> None:
    checkpoint = tiny_checkpoint()
    if content is None:
        (checkpoint / file).unlink()
    else:
        (checkpoint / file).write_bytes(content)
    path = recipe()
    before = contents(tmp_path)
    overrides = [argument for setting in SMALL for argument in ("--set", setting)]
    outcome = command("train", path, "--output", tmp_path / "run", "--set", f"encoder.name={checkpoint}", *overrides)
    assert outcome.code == 1
    assert len(told(outcome, tmp_path)) == 1
    assert told(outcome, tmp_path)[0].startswith(expected)
    assert contents(tmp_path) == before


def test_a_window_that_is_too_long_for_the_encoder(
    recipe: WriteRecipe, command: CommandLine, tmp_path: Path, tiny_checkpoint: TinyCheckpoint
) -> None:
    checkpoint = tiny_checkpoint()
    path = recipe()
    before = contents(tmp_path)
    outcome = command("train", path, "--output", tmp_path / "run", "--set", f"encoder.name={checkpoint}")
    message = "checkpoint-1: expected the encoder's window to be at most 64, received 512"
    assert (outcome.code, told(outcome, tmp_path)) == (1, [message])
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["prepare", "train"])
def test_an_encoder_that_is_not_there(recipe: WriteRecipe, command: CommandLine, tmp_path: Path, name: str) -> None:
    path = recipe()
    before = contents(tmp_path)
    outcome = command(name, path, "--output", tmp_path / "run", "--set", "encoder.name=./none")
    assert outcome.code == 1
    assert len(told(outcome, tmp_path)) == 1
    assert "none" in told(outcome, tmp_path)[0]
    assert contents(tmp_path) == before
