"""`nlp-pipeline study memory`: small studies by the real command, and calls that cannot be."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine, contents

BUDGET = ("--seeds", "2", "--steps", "50", "--units", "8")
SMALL = ("--networks", "rnn,attention", "--distances", "3", *BUDGET)
TABLES = ("accuracy.csv", "gradient.csv")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of a small study, and what the command printed."""
    output = tmp_path_factory.mktemp("study") / "memory"
    call = [sys.executable, "-m", "nlp_pipeline", "study", "memory", *SMALL, "--output", str(output)]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return output, done.stdout


def test_what_it_leaves_and_says(study: tuple[Path, str]) -> None:
    output, printed = study
    assert {path.name for path in output.iterdir()} == {
        *TABLES,
        "memory.png",
        "memory.html",
        "memory.md",
        "study.json",
        "logs",
    }
    about = json.loads((output / "study.json").read_text(encoding="utf-8"))
    assert about["settings"]["distances"] == [3]
    assert about["settings"]["gradient_at"] == 3
    assert [finding["claim"][:8] for finding in about["findings"]] == ["The LSTM"]
    assert (output / "accuracy.csv").read_text(encoding="utf-8").count("\n") == 1 + 2 * 2 * 2
    assert (output / "gradient.csv").read_text(encoding="utf-8").count("\n") == 1 + 2 * 2 * 2 * 2 * 4
    lines = printed.splitlines()
    assert sum(line.startswith("distance   ") for line in lines) == 2
    assert lines[-1] == f"page in {output / 'memory.html'}"
    assert "with attention keeps its accuracy over distance: " in printed


def test_tensorboard_gets_scalars_and_the_figure(study: tuple[Path, str]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    tags = {}
    for name in ("rnn-clipped", "attention-unclipped", "figure"):
        events = EventAccumulator(str(study[0] / "logs" / name))
        events.Reload()
        tags[name] = set(events.Tags()["tensors"])
    names = (
        "accuracy",
        "steps",
        "largest_gradient_norm",
        "share_of_long_gradients",
        "gradient_before",
        "gradient_after",
    )
    assert tags["rnn-clipped"] == tags["attention-unclipped"] == {f"study/{name}" for name in names}
    assert tags["figure"] == {"study/memory"}


def test_the_same_seeds_give_the_same_bytes(study: tuple[Path, str], command: CommandLine, tmp_path: Path) -> None:
    """In another process, and whatever else is studied."""
    output = tmp_path / "memory"
    output.mkdir()
    (output / "study.json").write_text("{}", encoding="utf-8")  # an earlier study, which is replaced
    (output / "old.csv").touch()
    asked = ("--networks", "rnn", "--distances", "2,3", "--gradient-at", "3", *BUDGET)
    outcome = command("study", "memory", *asked, "--quiet", "--output", output)
    # Within this process TensorFlow's own remarks cannot be kept away.
    assert (outcome.code, outcome.out, "accuracy" in outcome.err) == (0, "", False)
    for name in TABLES:
        received, expected = (_rows(folder / name, "rnn,3,") for folder in (output, study[0]))
        assert len(expected) >= 4
        assert received == expected
    assert len(_rows(output / "accuracy.csv", "rnn,2,")) == 4
    assert not (output / "old.csv").exists()


def _rows(path: Path, begin: str) -> list[str]:
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(begin)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--networks", "rnn,elman"),
            "networks: expected some of rnn, gru, lstm, two-way, deep, attention, received 'elman'",
        ),
        (("--distances", "10,5"), "distances: expected distances that increase, received 10,5"),
        (("--distances", "5", "--gradient-at", "6"), "gradient-at: expected one of the distances 5, received 6"),
        (("--seeds", "0"), "seeds: expected at least 1, received 0"),
        (("--steps", "75"), "steps: expected a multiple of 50, received 75"),
    ],
)
def test_a_wrong_setting_is_one_line(
    command: CommandLine, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    outcome = command("study", "memory", *arguments, "--output", tmp_path / "memory")
    assert (outcome.code, outcome.out, outcome.err) == (2, "", f"{message}\n")
    assert contents(tmp_path) == {}


def test_distances_that_are_no_numbers(command: CommandLine, tmp_path: Path) -> None:
    outcome = command("study", "memory", "--distances", "5,ten", "--output", tmp_path / "memory")
    assert outcome.code == 2
    assert "expected whole numbers with commas between them, received '5,ten'" in outcome.err


def test_a_folder_that_holds_something_else_stays(command: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("Ana left.\n", encoding="utf-8")
    before = contents(tmp_path)
    outcome = command("study", "memory", *SMALL, "--output", tmp_path / "mine")
    assert (outcome.code, outcome.out) == (1, "")
    expected = "expected a new folder, or one with study.json to replace, received one with letter.txt"
    assert outcome.err == f"{tmp_path / 'mine'}: {expected}\n"
    assert contents(tmp_path) == before


def test_one_that_is_ended_leaves_nothing(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "nlp_pipeline", "study", "memory", "--output", str(tmp_path / "new" / "memory")]
    many = ("--networks", "rnn", "--distances", "2,3", "--gradient-at", "2", "--steps", "5000000", "--units", "8")
    with subprocess.Popen([*call, *many, "--seeds", "1000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            # The folder that is filled appears when the first training begins.
            while process.poll() is None and not list(tmp_path.glob("new/.memory.new-*")):
                time.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 143
    assert out == b""
    assert err.decode().startswith("SIGTERM: stopped after ")
    assert err.decode().endswith("of 4000 trainings; nothing was written\n")
    assert contents(tmp_path) == {}
