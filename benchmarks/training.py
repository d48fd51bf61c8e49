"""Training that scales and survives: strategies, kills, lost workers, damaged checkpoints, growth.

    python benchmarks/training.py --data ../shared/data -- equal epoch kills-frozen

`equal` takes ten steps of SGD without dropout on one device, two mirrored ones, two workers, and with each step in two
parts, and tells how far the weights are apart, of a tagger on wnut17 and of a translator on Multi30k; `epoch` trains a
tagger for a whole epoch of wnut17 each way, without dropout and with, and tells F1. `kills-frozen`, `kills-finetuned`
and `kills-translator` kill -9 a run on the corpora of this project at ten random moments, and go on with it each time.
`lost` kills one of two workers, `lost-ray` one of Ray Train's. `damaged` goes on from checkpoints of which the newest
is cut short, altered or empty. `growth` tells words a second on one device, on several, and in bfloat16;
`growth-large` with batches four times as large. The results go to `benchmarks/results/training.json` and `training.md`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ner
import numpy as np
import translation
from measured import ROOT, find
from safetensors.numpy import load_file

sys.path.insert(0, str(ROOT))
from tests.training.worker import COMMAND, WORKER, finish, ray_workers_in, start_team

PIPELINES = ROOT / "pipelines"
CALL = [sys.executable, "-m", "nlp_pipeline"]
SEED = 4
# Workers, devices of each, and settings.
Way = tuple[int, int, list[str]]
WAYS: dict[str, Way] = {
    "one device": (1, 1, ["training.strategy=none"]),
    "two mirrored": (1, 2, ["training.strategy=mirrored"]),
    "two workers": (2, 1, ["training.strategy=multi_worker"]),
    "in two parts": (1, 1, ["training.strategy=none", "training.accumulate=2"]),
}
TAGGER = ["recurrent.dropout.inputs=0", "recurrent.dropout.between=0", "recurrent.dropout.recurrent=0"]
TAGGER += ["decoder.dropout=0", "word_dropout=0", "characters.dropout=0", "encoder.dropout=0"]
TRANSLATOR = ["embeddings.dropout=0", "encoder.dropout=0", "encoder.dropout_outputs=0"]
TRANSLATOR += ["decoder.dropout=0", "decoder.dropout_readout=0"]
TEN_STEPS = ["training.optimizer=sgd", "training.learning_rate=0.1", "training.average=null", "training.steps=10"]
# What is killed: each takes a minute or two.
KILLED = {
    "frozen": ("ner-demo", ["training.epochs=40"]),
    "finetuned": ("ner-demo", ["encoder.finetune=true", "training.frozen_epochs=2", "training.epochs=2"]),
    "translator": ("translate-demo", ["training.epochs=3"]),
}


def _trained(way: Way, output: Path, recipe: str, settings: Sequence[str]) -> str:
    """Train in a way, and return what was printed."""
    workers, devices, own = way
    arguments = [str(devices), str(output), str(PIPELINES / f"{recipe}.yaml"), *settings, *own]
    shutil.rmtree(output, ignore_errors=True)
    return finish(start_team(workers, WORKER, arguments))


def equal(data: Path, folder: Path) -> dict[str, Any]:
    """Return how far the weights of each way are from those of one device, relative to the largest of each weight."""
    tagger = ("ner-frozen", [*ner.ROWS["wnut17-frozen"].corpora(data / "wnut17"), *TAGGER])
    translator = ("translate-multi30k", [*translation.ROWS["multi30k"].corpora(data / "multi30k_en_de"), *TRANSLATOR])
    found: dict[str, Any] = {}
    for recipe, settings in (tagger, translator):
        weights = {}
        for name, way in WAYS.items():
            _trained(way, folder / "equal", recipe, [*settings, *TEN_STEPS])
            weights[name] = load_file(folder / "equal" / recipe / "bundle" / "weights.safetensors")
        one = weights.pop("one device")
        for name, other in weights.items():
            apart = {key: np.abs(other[key] - value).max() / np.abs(value).max() for key, value in one.items()}
            found[f"{recipe}, {name}"] = f"{max(apart.values()):.1e}"
    return found


def epoch(data: Path, folder: Path) -> dict[str, Any]:
    """Return what an epoch gives each way: F1 of dev and test, in per cent; with dropout, other units are dropped."""
    corpora = ner.ROWS["wnut17-frozen"].corpora(data / "wnut17")
    found = {}
    for dropout, settings in (("without dropout", TAGGER), ("with dropout", [])):
        for name, way in WAYS.items():
            _trained(way, folder / "epoch", "ner-frozen", [*corpora, *settings, "training.epochs=1"])
            run = folder / "epoch" / "ner-frozen"
            call = [*CALL, "evaluate", str(run / "bundle"), "--data", str(data / "wnut17" / "test.conll"), "--json"]
            done = subprocess.run(call, cwd=ROOT, check=True, capture_output=True, text=True)
            metrics = json.loads((run / "bundle" / "metrics.json").read_text(encoding="utf-8"))
            found[f"{dropout}, {name}"] = {
                "dev F1": round(100 * metrics["dev"]["conlleval"]["f1"], 2),
                "test F1": round(100 * json.loads(done.stdout)["conlleval"]["f1"], 2),
            }
    return found


def _result(run: Path) -> tuple[bytes, dict[str, Any]]:
    """Return a run's weights, and its metrics but for the time that they took."""
    metrics = json.loads((run / "bundle" / "metrics.json").read_text(encoding="utf-8"))
    metrics.pop("seconds")
    return (run / "bundle" / "weights.safetensors").read_bytes(), metrics


def kills(name: str, folder: Path) -> dict[str, Any]:
    """Kill a run at ten random moments, go on with it each time, and compare it with an undisturbed one."""
    recipe, settings = KILLED[name]
    every = ["--set", "training.checkpoint_steps=5", *(part for one in settings for part in ("--set", one))]
    whole, killed = folder / f"whole-{name}", folder / f"killed-{name}"
    shutil.rmtree(killed, ignore_errors=True)
    call = [*CALL, "train", str(PIPELINES / f"{recipe}.yaml"), *every, "--output"]
    started = time.monotonic()
    subprocess.run([*call, str(whole), "--force"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    seconds = time.monotonic() - started
    chance = random.Random(SEED)
    moments: list[float] = []
    went_on = 0
    while len(moments) < 10:
        began = time.monotonic()
        with subprocess.Popen([*call, str(killed), "--resume"], cwd=ROOT, stdout=subprocess.PIPE) as process:
            # From its beginning, before there is a checkpoint to go on from, to what is a sixth of the work later.
            time.sleep(chance.uniform(2.0, 14.0 + seconds / 6))
            assert process.poll() is None, "it was done before it could be killed"
            process.kill()
            assert process.stdout is not None
            went_on += b"going on after" in process.stdout.read()
        moments.append(round(time.monotonic() - began, 1))
    subprocess.run([*call, str(killed), "--resume"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    (weights, metrics), (others, other_metrics) = _result(whole), _result(killed)
    return {
        "undisturbed, seconds": round(seconds),
        "killed after seconds": moments,
        "of which went on from a checkpoint": went_on,
        "weights are the same bits": weights == others,
        "metrics are the same": metrics == other_metrics,
    }


def _checkpoint_of(run: Path) -> None:
    while not list((run / "checkpoints").glob("step-*")):
        time.sleep(0.05)


def lost(folder: Path) -> dict[str, Any]:
    """Kill one of two workers, either of them, begin both anew, and compare with two undisturbed ones."""
    recipe = str(PIPELINES / "ner-demo.yaml")
    settings = ["--strategy", "multi_worker", "--set", "training.epochs=5", "--set", "training.checkpoint_steps=5"]
    whole = folder / "whole-lost"
    finish(start_team(2, COMMAND, ["train", recipe, *settings, "--output", str(whole), "--force"]))
    found: dict[str, Any] = {}
    for victim in (0, 1):
        run = folder / "lost"
        shutil.rmtree(run, ignore_errors=True)
        call = ["train", recipe, *settings, "--output", str(run)]
        team = start_team(2, COMMAND, call)
        _checkpoint_of(run)
        team[victim].kill()
        began = time.monotonic()
        _, told = team[1 - victim].communicate()
        found[f"worker {victim} killed: seconds until the other ended"] = round(time.monotonic() - began, 1)
        found[f"worker {victim} killed: the other's exit code"] = team[1 - victim].returncode
        found[f"worker {victim} killed: told"] = told.strip()
        team[victim].communicate()
        finish(start_team(2, COMMAND, [*call, "--resume"]))
        found[f"worker {victim} killed: begun anew, the same weights and metrics"] = _result(run) == _result(whole)
    return found


def lost_by_ray(folder: Path) -> dict[str, Any]:
    """Kill one of two workers of Ray Train, and compare with two undisturbed ones."""
    settings = ["--cluster", "ray", "--set", "training.epochs=5", "--set", "training.checkpoint_steps=5"]
    whole, run = folder / "whole-ray", folder / "lost-ray"
    shutil.rmtree(run, ignore_errors=True)
    call = [*CALL, "train", str(PIPELINES / "ner-demo.yaml"), *settings, "--output"]
    subprocess.run([*call, str(whole), "--force"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    with subprocess.Popen([*call, str(run)], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        _checkpoint_of(run)
        os.kill(ray_workers_in(ROOT)[-1], signal.SIGKILL)
        began = time.monotonic()
        assert process.stdout is not None
        anew = None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if "going on after" in line:
                anew = round(time.monotonic() - began, 1)
    return {
        "told": [line.strip() for line in printed if "worker was lost" in line or "going on" in line],
        "seconds until it went on": anew,
        "exit code": process.returncode,
        "the same weights and metrics": _result(run) == _result(whole),
    }


def damaged(folder: Path) -> dict[str, Any]:
    """Go on from checkpoints of which the newest is cut short, altered or empty."""
    call = [*CALL, "train", str(PIPELINES / "ner-demo.yaml"), "--set", "training.epochs=5", "--output"]
    whole, run = folder / "whole-damaged", folder / "damaged"
    subprocess.run([*call, str(whole), "--force"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = {}
    ways: dict[str, Callable[[bytes], bytes]] = {
        "cut short": lambda content: content[: len(content) // 2],
        "one bit altered": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        "empty": lambda _content: b"",
    }
    for way, harm in ways.items():
        shutil.rmtree(run, ignore_errors=True)
        with subprocess.Popen([*call, str(run)], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
            while len(list((run / "checkpoints").glob("step-*"))) < 2:
                time.sleep(0.05)
            process.kill()
        newest = max((run / "checkpoints").glob("step-*"))
        newest.write_bytes(harm(newest.read_bytes()))
        done = subprocess.run([*call, str(run), "--resume"], cwd=ROOT, check=True, capture_output=True, text=True)
        told = [line for line in done.stdout.replace(f"{run}/", "").splitlines() if re.search("skipped|going on", line)]
        found[way] = {"told": told, "the same weights and metrics": _result(run) == _result(whole)}
    return found


def _speed(logs: Path) -> tuple[float, float]:
    """Return words a second and the share of waiting, medians of ten steps each; the first ten are traced in."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    events = EventAccumulator(str(logs), size_guidance={"tensors": 0})
    events.Reload()

    def median(tag: str) -> float:
        return statistics.median(float(make_ndarray(event.tensor_proto)) for event in events.Tensors(tag)[1:])

    return median("speed/words_per_second"), median("speed/data_wait_share")


def growth(data: Path, folder: Path, times: int = 1) -> dict[str, Any]:
    """Return words a second and the share of time spent waiting for data, medians of interleaved rounds.

    Args:
        data: the folder of the corpora.
        folder: for the runs.
        times: how many times as large a batch is as the recipes say. With more than one there is one round of 20
            steps, and what does not tell how two workers grow is left out.
    """
    corpora = ner.ROWS["wnut17-frozen"].corpora(data / "wnut17")
    pairs = translation.ROWS["multi30k"].corpora(data / "multi30k_en_de")
    sizes = [f"training.batch_subwords={512 * times}"]
    # By itself one process runs several steps at once, and two run one.
    alike = ["training.checkpoint_steps=null", "training.steps_per_execution=1"]
    works = {
        "tagger, fine-tuned": ("ner-finetune", [*corpora, "training.frozen_epochs=0", "training.steps=30"]),
        "translator": ("translate-multi30k", [*pairs, "training.steps=60"]),
    }
    bfloat16 = (1, 1, ["training.strategy=none", "training.precision=bfloat16"])
    ways = {"one core": WAYS["one device"], **WAYS, "one device, bfloat16": bfloat16}
    if times > 1:
        ways = {name: ways[name] for name in ("one core", "one device", "two workers")}
        sizes.append("training.steps=20")
    speeds: dict[str, list[float]] = {}
    waits: dict[str, list[float]] = {}
    cores = sorted(os.sched_getaffinity(0))
    for _ in range(2 if times == 1 else 1):
        for work, (recipe, settings) in works.items():
            for name, way in ways.items():
                os.sched_setaffinity(0, cores[:1] if name == "one core" else cores)
                _trained(way, folder / "growth", recipe, [*settings, *sizes, *alike])
                speed, wait = _speed(folder / "growth" / recipe / "logs")
                speeds.setdefault(f"{work}: {name}", []).append(speed)
                waits.setdefault(f"{work}: {name}", []).append(wait)
    os.sched_setaffinity(0, cores)
    return {
        name: f"{statistics.median(listed):,.0f} words/s, waiting {100 * statistics.median(waits[name]):.1f} %"
        for name, listed in speeds.items()
    }


def main() -> None:
    """Run the rows that were asked for, all of them where none was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the corpora")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "benchmarks" / "training", help="for the runs")
    arguments = parser.parse_args()
    folder, data = arguments.work.absolute(), arguments.data.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    rows: dict[str, Callable[[], dict[str, Any]]] = {
        "equal": lambda: equal(data, folder),
        "epoch": lambda: epoch(data, folder),
        "kills-frozen": lambda: kills("frozen", folder),
        "kills-finetuned": lambda: kills("finetuned", folder),
        "kills-translator": lambda: kills("translator", folder),
        "lost": lambda: lost(folder),
        "lost-ray": lambda: lost_by_ray(folder),
        "damaged": lambda: damaged(folder),
        "growth": lambda: growth(data, folder),
        "growth-large": lambda: growth(data, folder, times=4),
    }
    find("training", "Training that scales and survives", rows, arguments.rows)


if __name__ == "__main__":
    main()
