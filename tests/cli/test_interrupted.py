"""A training that is interrupted from the keyboard."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, contents
from tests.conftest import TINY_CORPUS, TINY_RECIPE

PATIENCE = 120.0  # seconds


def _interrupt(*arguments: str | Path) -> tuple[int, str, str]:
    """Start a training, interrupt it after its first epoch, and return its exit code and what it said."""
    call = [sys.executable, "-m", "nlp_pipeline", *map(str, arguments), "--set", "training.epochs=1000000"]
    with subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            out = ""
            for line in process.stdout:
                out += line
                if line.startswith("epoch "):
                    break
            process.send_signal(signal.SIGINT)
            rest, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return process.returncode, out + rest, err


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Return a recipe beside its corpus."""
    (tmp_path / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (tmp_path / "tiny.yaml").write_text(TINY_RECIPE, encoding="utf-8")
    return tmp_path / "tiny.yaml"


def test_it_ends_after_the_step_and_leaves_no_bundle(recipe: Path, tmp_path: Path) -> None:
    code, out, err = _interrupt("train", recipe, "--output", tmp_path / "run")
    assert "\nepoch   1 " in out
    assert code == 130
    assert re.fullmatch(r"SIGINT: stopped in epoch \d+, after \d+ steps; .* --resume goes on from there\n", err)
    assert "Traceback" not in out
    assert not (tmp_path / "run" / "bundle").exists()
    assert not list(tmp_path.rglob("*.partial"))


def test_an_older_bundle_stays_whole(recipe: Path, tmp_path: Path, tiny_bundle: Path, command: CommandLine) -> None:
    bundle = shutil.copytree(tiny_bundle, tmp_path / "run" / "bundle")
    before = contents(bundle)
    # `run`, which must not take the older bundle for what it was interrupted at.
    code, out, err = _interrupt("run", recipe, "--output", tmp_path / "run", "--set", "seed=5")
    assert "\nepoch   1 " in out
    assert code == 130
    assert re.fullmatch(r"SIGINT: stopped in epoch \d+, after \d+ steps; .* --resume goes on from there\n", err)
    assert contents(bundle) == before
    assert command("inspect", bundle).code == 0
    assert not list(tmp_path.rglob("*.partial"))
    assert not list((tmp_path / "run").glob(".bundle*"))
    assert not (tmp_path / "run" / "done.json").exists()
