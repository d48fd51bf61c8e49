"""Completion: what a shell is given to complete with is its own language, and bash really completes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nlp_pipeline.cli.main import COMMANDS
from tests.cli.conftest import CommandLine

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with recipes, bundles, and a program `nlp-pipeline` that is this package's."""
    folder = tmp_path_factory.mktemp("completing")
    program = folder / "bin" / "nlp-pipeline"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m nlp_pipeline "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    for name in ("pipelines/ner.yaml", "pipelines/mt.yml", "own.yaml", "runs/one/bundle/bundle.json", ".x/a.yaml"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("", encoding="utf-8")
    return folder


def _completed(place: Path, command: CommandLine, *words: str) -> list[str]:
    """Return what bash makes of a line of which the last word is being typed."""
    script = command("completion", "bash").out
    typed = " ".join(f"'{word}'" for word in ("nlp-pipeline", *words))
    line = (
        f'{script}\ncompopt() {{ echo "compopt $*"; }}\nCOMP_WORDS=({typed})\nCOMP_CWORD={len(words)}\n'
        '_nlp_pipeline_completion nlp-pipeline\nprintf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    environment = os.environ | {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        ["bash", "--norc", "-c", line], cwd=place, env=environment, capture_output=True, text=True, check=True
    )
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash on the path")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["t"], ["train", "tag", "translate"]),
        (["train", "--res"], ["--resume", "--restarts"]),
        (["train", ""], ["own.yaml", "pipelines/mt.yml", "pipelines/ner.yaml"]),
        (["run", "pipelines/n"], ["pipelines/ner.yaml"]),
        (["train", "nothing"], ["compopt", "-o", "default"]),
        (["inspect", "ru"], ["runs/one/bundle"]),
        (["tag", "nothing"], ["compopt", "-o", "dirnames"]),
        (["encoder", "get", "m"], ["minilm"]),
        (["train", "own.yaml", "--strategy", "mu"], ["multi_worker"]),
    ],
    ids=lambda given: " ".join(given) or "nothing",
)
def test_bash_completes(place: Path, command: CommandLine, words: list[str], expected: list[str]) -> None:
    assert sorted(_completed(place, command, *words)) == sorted(expected)


def test_all_commands_are_offered(place: Path, command: CommandLine) -> None:
    if shutil.which("bash") is None:
        pytest.skip("no bash on the path")
    assert set(_completed(place, command, "")) == set(COMMANDS)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_is_of_its_shell(shell: str, command: CommandLine, tmp_path: Path) -> None:
    outcome = command("completion", shell)
    assert (outcome.code, outcome.err) == (0, "")
    assert f"_NLP_PIPELINE_COMPLETE={shell}_complete" in outcome.out
    if shutil.which(shell) is None:
        pytest.skip(f"no {shell} on the path")
    (tmp_path / "script").write_text(outcome.out, encoding="utf-8")
    subprocess.run([shell, "-n", str(tmp_path / "script")], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish on the path")
def test_fish_completes(place: Path, command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(command("completion", "fish").out, encoding="utf-8")
    environment = os.environ | {"PATH": f"{place / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    for line, expected in (("nlp-pipeline t", ["tag", "train", "translate"]), ("nlp-pipeline train --res", None)):
        asked = f"source {tmp_path / 'script'}; complete --do-complete '{line}'"
        ended = subprocess.run(
            ["fish", "--no-config", "-c", asked], cwd=place, env=environment, capture_output=True, text=True, check=True
        )
        # Each with what it is for, behind a tab.
        found = sorted(one.split("\t")[0] for one in ended.stdout.splitlines())
        assert found == (expected or ["--restarts", "--resume"])


def test_another_shell_is_refused(command: CommandLine) -> None:
    outcome = command("completion", "tcsh")
    assert outcome.code == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in outcome.err
