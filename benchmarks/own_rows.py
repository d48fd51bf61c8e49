"""The rows of `speed.py` that have no peers: quality, growth, and how long it takes to begin."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from contestants import Contestant, ContestantError, started
from measured import ROOT
from workloads import CALL, OURS, OWN, PIPELINES, Workshop, first_column, sentences_in

SEEDS = (1, 2, 3, 4, 5, 6)
LENGTHS = (10, 30, 100, 300, 1000, 2000)  # of sentences, in words
REPEATED = (1, 10, 100)


class OwnRows(Workshop):
    """Makes them."""

    def quality(self) -> dict[str, Any]:
        """Return F1 of wnut17 in both precisions, a line a seed, and by how much they differ in the mean of the seeds.

        One entity of the dev corpus is 0.1 points of F1, so that a single seed says little.
        """
        found: dict[str, Any] = {}
        for split in ("dev", "test"):
            differences = []
            for seed in SEEDS:
                exact, fast = (self._f1(seed, split, precision) for precision in ("float32", "bfloat16"))
                differences.append(fast - exact)
                found[f"{split}, seed {seed}"] = f"{exact:.2f} in float32, {fast:.2f} in bfloat16"
            mean, deviation = statistics.mean(differences), statistics.stdev(differences)
            found[f"{split}, bfloat16 less float32"] = (
                f"{mean:+.2f} +- {deviation / len(SEEDS) ** 0.5:.2f}, mean and standard error of {len(SEEDS)} seeds"
            )
        return found

    def _f1(self, seed: int, split: str, precision: str) -> float:
        """Return the F1 (conlleval's) of a tagger on a split of wnut17, in percent."""
        call = [*CALL, "evaluate", str(self.tagger(seed)), "--data", str(self.data / "wnut17" / f"{split}.conll")]
        call += ["--precision", precision, "--json"]
        done = subprocess.run(call, check=True, capture_output=True, text=True, cwd=ROOT)
        return 100 * float(json.loads(done.stdout)["conlleval"]["f1"])

    def scale(self) -> dict[str, Any]:
        """Return words/s and memory as the corpus grows, and as sentences do."""
        words = [list(map(first_column, one)) for one in sentences_in(self.data / "wnut17" / "test.conll")]
        found: dict[str, Any] = {}
        for times in REPEATED:
            path = self.written(f"scale-{times}", words * times)
            found[f"{times} times the corpus, {times * sum(map(len, words)):,} words"] = self._one(path)
            path.unlink()
        flat = [word for one in words for word in one]
        for length in LENGTHS:
            cut = [flat[start : start + length] for start in range(0, len(flat) - length + 1, length)]
            found[f"sentences of {length} words"] = self._one(self.written(f"scale-long-{length}", cut))
        return found

    def _one(self, path: Path) -> str:
        """Return what tagging a file takes, after another that is not measured."""
        settings = {"corpus": str(path), "output": str(path.with_suffix(".tagged")), "precision": self.fast}
        settings |= {"bundle": str(self.tagger())}
        contestant = Contestant("ours", OWN, OURS / "tag.py", {**settings, "warm": str(self.warm())})
        with started([contestant], self.folder / "scale") as (ready, absent):
            if absent:
                raise ContestantError(absent["ours"])
            answer = ready[0].turn()
        return f"{answer['units'] / answer['seconds']:,.0f} words/s, {answer['peak_mib']:,} MiB"

    def start(self) -> dict[str, Any]:
        """Return how long it takes to begin, medians of five."""
        sentence = "Angela Merkel lives in Berlin .\n"
        bundle = str(self.tagger())
        run = self.folder / "start"

        def seconds(call: Sequence[str], text: str = "") -> float:
            began = time.perf_counter()
            subprocess.run(call, input=text, check=True, capture_output=True, text=True, cwd=ROOT)
            return time.perf_counter() - began

        def first_step() -> float:
            call = [*CALL, "train", str(PIPELINES / "ner-demo.yaml"), "--force", "--set", "training.checkpoint_steps=1"]
            shutil.rmtree(run, ignore_errors=True)
            began = time.perf_counter()
            with subprocess.Popen([*call, "--output", str(run)], cwd=ROOT, stdout=subprocess.DEVNULL) as process:
                while not list((run / "checkpoints").glob("step-*")):
                    if process.poll() is not None:
                        raise ContestantError(f"training ended with {process.returncode}, without a checkpoint")
                    time.sleep(0.01)
                taken = time.perf_counter() - began
                process.kill()
            return taken

        tag = [*CALL, "tag", bundle, "-", "--output", "-"]
        command = [str(OWN.parent / "nlp-pipeline"), "--help"]
        return {
            "seconds of --help": round(statistics.median(seconds(command) for _ in range(5)), 2),
            "seconds to a first tagged sentence": round(statistics.median(seconds(tag, sentence) for _ in range(5)), 1),
            "seconds to a first step of training, with a checkpoint": round(
                statistics.median(first_step() for _ in range(3)), 1
            ),
        }
