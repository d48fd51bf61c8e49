"""A training that is killed and gone on with ends with the bits of one that was not; a lost worker stops the others."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from nlp_pipeline.outputs import file_digest
from tests.conftest import TINY_CORPUS
from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.tiny_translator import write_tiny_translator
from tests.training.worker import COMMAND, finish, ray_workers_in, start_team

# Seconds in which nothing has to be done by: a test fails rather than hangs.
TIMEOUT = 600

# Dropouts, masked words, an average and two stages: whatever is drawn or kept has to be in a checkpoint.
TAGGER = """
task: tagging
name: tagger
data: {{train: train.conll, dev: train.conll}}
encoder: {{name: {encoder}, window: 32, overlap: 4, max_subwords_of_word: 16, finetune: true, masking: 0.2}}
characters: {{size: 4, units: 4}}
words: {{size: 4, minimum: 1}}
recurrent: {{units: 8, projection: 8, layers: 2, dropout: {{recurrent: 0.2}}}}
training: {{frozen_epochs: 3, epochs: 3, batch_subwords: 64, learning_rate: 1e-2, encoder_learning_rate: 1e-3,
  checkpoint_steps: 2}}
"""


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the recipes of a tagger and of a translator."""
    folder = tmp_path_factory.mktemp("resuming")
    encoder = write_tiny_checkpoint(folder / "encoder", cased=True)
    (folder / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (folder / "tagger.yaml").write_text(TAGGER.format(encoder=encoder), encoding="utf-8")
    return {"tagger": folder / "tagger.yaml", "translator": write_tiny_translator(folder)}


def _command(recipe: Path, output: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "nlp_pipeline", "train", str(recipe), "--output", str(output), *more]


def _result(output: Path) -> tuple[str, dict[str, Any]]:
    """Return the digest of a run's weights, and its metrics but for the time that they took and when that was."""
    metrics = json.loads((output / "bundle" / "metrics.json").read_text(encoding="utf-8"))
    metrics.pop("seconds")
    metrics["circumstances"].pop("finished")
    return file_digest(output / "bundle" / "weights.safetensors"), metrics


def _weights(output: Path) -> dict[str, NDArray[Any]]:
    return load_file(output / "bundle" / "weights.safetensors")


def _wait_for_checkpoint(folder: Path, seen: set[str], process: subprocess.Popen[str]) -> None:
    """Wait until there is a checkpoint that was not there before, or the process has ended."""
    deadline = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        found = {path.name for path in (folder / "checkpoints").glob("step-*")}
        if found - seen:
            seen |= found
            return
        time.sleep(0.01)


SHORT = ["--set", "training.checkpoint_steps=3", "--set", "training.epochs=8"]


@pytest.mark.parametrize(("task", "settings"), [("tagger", []), ("translator", SHORT)])
def test_kill_9_at_random_moments_changes_nothing(
    recipes: dict[str, Path], tmp_path: Path, task: str, settings: list[str]
) -> None:
    subprocess.run(_command(recipes[task], tmp_path / "whole", *settings), check=True, capture_output=True)
    killed, seen = tmp_path / "killed", set[str]()
    generator, kills = random.Random(1), 0
    for attempt in range(3):
        process = subprocess.Popen(
            _command(recipes[task], killed, *settings, "--resume"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(1 + attempt):
            _wait_for_checkpoint(killed, seen, process)
        time.sleep(generator.uniform(0.0, 0.2))
        kills += process.poll() is None
        process.kill()
        process.communicate()
    assert kills == 3, "it was done before it was killed"
    done = subprocess.run(
        _command(recipes[task], killed, *settings, "--resume"), check=True, capture_output=True, text=True
    )
    assert "going on after epoch" in done.stdout
    assert _result(killed) == _result(tmp_path / "whole")
    assert not (killed / "checkpoints").exists()
    assert sorted(path.name for path in killed.iterdir()) == sorted(
        path.name for path in (tmp_path / "whole").iterdir()
    )


def test_sigterm_leaves_a_checkpoint_and_nothing_is_begun_anew_by_mistake(
    recipes: dict[str, Path], tmp_path: Path
) -> None:
    output = tmp_path / "run"
    # No checkpoint but those of epochs, and that of the signal.
    settings = ["--set", "training.checkpoint_steps=null", "--set", "training.frozen_epochs=900"]
    process = subprocess.Popen(
        _command(recipes["tagger"], output, *settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    _wait_for_checkpoint(output, set(), process)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 143
    assert told.startswith("SIGTERM: stopped in epoch")
    assert "--resume" in told
    assert len(told.splitlines()) == 1

    def refused(*more: str) -> str:
        done = subprocess.run(_command(recipes["tagger"], output, *more), check=False, capture_output=True, text=True)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        return done.stderr

    assert "holds a training that was not finished (step-" in refused(*settings)
    told = refused(*settings, "--set", "words.size=5", "--set", "training.batch_subwords=32", "--resume")
    assert "holds the checkpoints of another training: words.size=4, now 5; training.batch_subwords=64, now 32" in told
    (recipes["tagger"].parent / "other.conll").write_text(TINY_CORPUS * 2, encoding="utf-8")
    assert "data.train=" in refused(
        *settings, "--set", f"data.train={recipes['tagger'].parent / 'other.conll'}", "--resume"
    )
    # How far it goes may change. Finished, it is not begun again.
    shorter = [*settings, "--set", "training.steps=1", "--resume"]
    done = subprocess.run(_command(recipes["tagger"], output, *shorter), check=True, capture_output=True, text=True)
    assert "changed since the checkpoint: training.steps=null, now 1" in done.stdout
    done = subprocess.run(_command(recipes["tagger"], output, *shorter), check=True, capture_output=True, text=True)
    assert "training skipped: it is finished" in done.stdout


def _team_arguments(recipes: dict[str, Path], output: Path, *more: str) -> list[str]:
    """Return the command of every worker of a team that trains the translator."""
    return ["train", str(recipes["translator"]), "--output", str(output), "--strategy", "multi_worker", *SHORT, *more]


@pytest.fixture(scope="module")
def undisturbed(recipes: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the run of two workers of which none was lost."""
    output = tmp_path_factory.mktemp("undisturbed") / "run"
    finish(start_team(2, COMMAND, _team_arguments(recipes, output)))
    return output


@pytest.mark.parametrize("victim", [1, 0])
def test_a_lost_worker_stops_the_others_and_all_go_on_together(
    recipes: dict[str, Path], undisturbed: Path, tmp_path: Path, victim: int
) -> None:
    output = tmp_path / "lost"
    team = start_team(2, COMMAND, _team_arguments(recipes, output))
    _wait_for_checkpoint(output, set(), team[0])
    team[victim].kill()
    lost = time.monotonic()
    out, told = team[1 - victim].communicate(timeout=TIMEOUT)
    assert time.monotonic() - lost < 60
    assert team[1 - victim].returncode == 1, (out, told)
    assert "another of the 2 workers is lost" in told
    assert "--resume" in told
    assert len(told.splitlines()) == 1
    team[victim].communicate()
    assert "going on after epoch" in finish(start_team(2, COMMAND, _team_arguments(recipes, output, "--resume")))
    assert _result(output) == _result(undisturbed)


def test_a_signal_to_any_worker_ends_all_of_them_by_it(recipes: dict[str, Path], tmp_path: Path) -> None:
    output = tmp_path / "ended"
    arguments = _team_arguments(recipes, output, "--set", "training.epochs=900")
    team = start_team(2, COMMAND, arguments)
    _wait_for_checkpoint(output, set(), team[0])
    team[1].send_signal(signal.SIGTERM)
    told = [worker.communicate(timeout=TIMEOUT)[1] for worker in team]
    assert [worker.returncode for worker in team] == [143, 143], told
    assert all(one.startswith("SIGTERM: stopped in epoch") and len(one.splitlines()) == 1 for one in told), told

    # What the chief refuses, and what differs between the workers, is told by all of them.
    team = start_team(2, COMMAND, arguments)
    told = [worker.communicate(timeout=TIMEOUT)[1] for worker in team]
    assert [worker.returncode for worker in team] == [2, 1], told
    assert "holds a training that was not finished" in told[0]
    assert told[1].startswith("worker 0 of 2 cannot take part: ")
    assert "holds a training that was not finished" in told[1]
    team = start_team(2, COMMAND, [*arguments, "--force"], ["--set", "seed=77"])
    told = [worker.communicate(timeout=TIMEOUT)[1] for worker in team]
    assert [worker.returncode for worker in team] == [1, 2], told
    assert "worker 1 of 2 cannot take part: expected the recipe" in told[0]
    assert "received others: seed=3, now 77" in told[1]


def test_a_signal_before_the_first_step_ends_a_run_with_a_line(recipes: dict[str, Path], tmp_path: Path) -> None:
    process = subprocess.Popen(
        _command(recipes["tagger"], tmp_path / "run"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    # The first line says what it is trained on; then it makes ready.
    assert "training on 1 device" in process.stdout.readline()
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 143
    assert told.startswith("SIGTERM: stopped")
    assert len(told.splitlines()) == 1


def _on_ray(recipes: dict[str, Path], output: Path, *more: str) -> subprocess.Popen[str]:
    arguments = ["--cluster", "ray", "--workers", "2", *SHORT, *more]
    return subprocess.Popen(
        _command(recipes["translator"], output, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_ray_train_begins_a_lost_worker_anew_and_hands_signals_on(
    recipes: dict[str, Path], undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    killed, ended = tmp_path / "killed", tmp_path / "ended"
    process = _on_ray(recipes, killed)
    _wait_for_checkpoint(killed, set(), process)
    workers = ray_workers_in(tmp_path)
    assert len(workers) == 2
    os.kill(workers[1], signal.SIGKILL)
    out, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, told
    assert "a worker was lost: Ray Train has begun all of them anew" in out
    assert "going on after epoch" in out

    process = _on_ray(recipes, ended)
    _wait_for_checkpoint(ended, set(), process)
    process.send_signal(signal.SIGTERM)
    out, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 143, told
    assert "SIGTERM: stopped in epoch" in told
    process = _on_ray(recipes, ended)
    out, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 2
    assert "holds a training that was not finished (step-" in told
    process = _on_ray(recipes, ended, "--resume")
    out, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, told
    assert "going on after epoch" in out

    assert _result(killed) == _result(ended)
    assert sorted(path.name for path in killed.iterdir()) == sorted(path.name for path in undisturbed.iterdir())
    # By one thread each, and not by as many as there are: sums may be added up in another order.
    for name, value in _weights(undisturbed).items():
        np.testing.assert_allclose(_weights(killed)[name], value, rtol=1e-3, atol=1e-5, err_msg=name)


def test_what_would_come_again_is_told_and_not_begun_anew(recipes: dict[str, Path], tmp_path: Path) -> None:
    wrong = ["--set", "training.optimizer=sgd", "--set", "training.learning_rate=1e30"]
    process = _on_ray(recipes, tmp_path / "run", *wrong, "--set", "training.clip_norm=null")
    out, told = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 1
    assert "epoch 1, step 2: expected a finite loss and gradient, received nan and nan" in told
    assert "begun all of them anew" not in out
