"""Taggers on real corpora: F1 over three seeds, with the time that each took.

    python benchmarks/ner.py --data ../shared/data wnut17-frozen wnut17-finetune

Every run is the command that anyone would type, in a process of its own, one at a time; its time is the wall clock's,
start of Python included. Vectors of a frozen encoder that an earlier run kept are used: the first seed of a fresh
cache pays for them, and says so. The results go to `benchmarks/results/ner.json` and `ner.md`, where rows that were
not run now stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

ROWS: dict[str, tuple[str, str, list[str]]] = {
    # name: corpus, recipe, settings
    "wnut17-frozen": ("wnut17", "ner-frozen", []),
    "wnut17-finetune": ("wnut17", "ner-finetune", []),
    "uner_pt-words": ("uner_pt", "ner-frozen", ["encoder=null", "words.size=100"]),
    "uner_pt-frozen": ("uner_pt", "ner-frozen", []),
}


def main() -> None:
    """Run the rows that were named, and write the table of all rows that were ever run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of {', '.join(ROWS)} (default: all)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the corpora")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the runs are kept")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(ROWS):
        parser.error(f"expected rows among {', '.join(ROWS)}. Received: {', '.join(sorted(unknown))}")

    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / "ner.json"
    ran = False
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name in arguments.rows or ROWS:
        corpus, recipe, settings = ROWS[name]
        folder = arguments.data / corpus
        if not folder.is_dir():
            print(f"{name}: left out, there is no {folder}", flush=True)
            continue
        runs = [_run(name, folder, recipe, settings, seed, arguments.runs) for seed in arguments.seeds]
        results[name] = {"command": _command(recipe, settings, corpus), "runs": runs, **_circumstances()}
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (RESULTS / "ner.md").write_text(_table(results), encoding="utf-8")
        ran = True
    if not ran:
        sys.exit(f"no row was run: there is no corpus in {arguments.data}; see benchmarks/README.md")
    print(_table(results))


def _run(name: str, folder: Path, recipe: str, settings: list[str], seed: int, runs: Path) -> dict[str, Any]:
    """Train and evaluate once, and return F1 in per cent and seconds."""
    output = runs / f"{name}-{seed}"
    command = [sys.executable, "-m", "nlp_pipeline", "run", str(ROOT / "pipelines" / f"{recipe}.yaml"), "--force"]
    command += ["--output", str(output), "--set", f"seed={seed}"]
    for split in ("train", "dev", "test"):
        command += ["--set", f"data.{split}={folder / split}.conll"]
    for setting in settings:
        command += ["--set", setting]
    started = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - started
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    test = json.loads((output / "evaluation" / "scores.json").read_text(encoding="utf-8"))
    metrics = json.loads((output / "bundle" / "metrics.json").read_text(encoding="utf-8"))
    run = {
        "seed": seed,
        "test_f1": round(100 * test["conlleval"]["f1"], 2),
        "test_strict_f1": round(100 * test["strict"]["f1"], 2),
        "test_unseen_recall": round(100 * test["unseen"]["recall"], 2),
        "dev_f1": round(100 * metrics["dev"]["conlleval"]["f1"], 2),
        "best_epoch": metrics["best_epoch"],
        "epochs": metrics["epochs"],
        "seconds": round(seconds, 1),
    }
    print(name, run, flush=True)
    return run


def _command(recipe: str, settings: list[str], corpus: str) -> str:
    """Return what was run, with the corpus's folder called after the corpus."""
    sets = [f"data.{split}={corpus}/{split}.conll" for split in ("train", "dev", "test")] + settings + ["seed=1"]
    return f"nlp-pipeline run pipelines/{recipe}.yaml " + " ".join(f"--set {setting}" for setting in sets)


def _circumstances() -> dict[str, Any]:
    """Return the machine, the versions and the commit."""
    commit = _git("describe", "--always")
    # What this benchmark writes itself changes nothing that it measures.
    if _git("status", "--porcelain", "--", ".", ":!benchmarks/results"):
        commit += "-dirty"
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "machine": f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores",
        "versions": {package: version(package) for package in ("tensorflow", "keras", "seqeval")},
        "python": platform.python_version(),
        "commit": commit,
        "date": time.strftime("%Y-%m-%d"),
    }


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _table(results: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Taggers on real corpora",
        "",
        "`python benchmarks/ner.py` made this table. F1 is seqeval's micro average in per cent, in its default",
        "(conlleval) mode and in its strict mode for IOB2, on the test corpus: mean and standard deviation over the",
        "seeds, and the best. The dev corpus chose the epoch. Seconds are those of one run, from the start of Python",
        "to the report.",
        "",
        "| row | seeds | test F1 | best | strict F1 | recall of unseen | dev F1 | seconds a run | all runs |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in results.items():
        runs = row["runs"]
        seconds = [run["seconds"] for run in runs]
        lines.append(
            f"| {name} | {len(runs)} | {_mean(runs, 'test_f1')} | {max(run['test_f1'] for run in runs):.2f} "
            f"| {_mean(runs, 'test_strict_f1')} | {_mean(runs, 'test_unseen_recall')} | {_mean(runs, 'dev_f1')} "
            f"| {min(seconds):.0f} to {max(seconds):.0f} | {sum(seconds) / 60:.1f} min |"
        )
    lines += ["", "Seed by seed:", ""]
    for name, row in results.items():
        lines += [f"- {name}: " + ", ".join(f"{run['test_f1']:.2f} ({run['seed']})" for run in row["runs"])]
    lines.append("")
    for name, row in results.items():
        versions = ", ".join(f"{package} {number}" for package, number in row["versions"].items())
        lines += [
            f"- {name}: {row['date']}, commit {row['commit']}, {row['machine']}, Python {row['python']}, {versions}"
        ]
        lines += [f"  `{row['command']}`"]
    return "\n".join(lines) + "\n"


def _mean(runs: list[dict[str, Any]], key: str) -> str:
    values = [run[key] for run in runs]
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.2f} ± {deviation:.2f}"


if __name__ == "__main__":
    main()
