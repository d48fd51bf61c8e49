"""Recipes run on corpora over some seeds: the loop, the clock, and what is told beside the numbers."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"


@dataclass(frozen=True)
class Row:
    """A row of a table of results: a recipe on a corpus.

    Attributes:
        corpus: the corpus's folder.
        recipe: the name of a recipe in `pipelines/`.
        files: settings whose values are files of the folder; `{split}` in both stands for train, dev and test.
        settings: what differs from the recipe, as given to `--set`.
    """

    corpus: str
    recipe: str
    files: Mapping[str, str]
    settings: Sequence[str] = ()

    def corpora(self, folder: Path) -> list[str]:
        """Return the settings that name the corpus's files."""
        return [
            f"{key}={folder / file}".replace("{split}", split)
            for split in ("train", "dev", "test")
            for key, file in self.files.items()
        ]

    @property
    def command(self) -> str:
        """What is run, with the corpus's folder called after the corpus."""
        settings = [*self.corpora(Path(self.corpus)), *self.settings, "seed=1"]
        quoted = (shlex.join(["--set", setting]) for setting in settings)
        return f"nlp-pipeline run pipelines/{self.recipe}.yaml {' '.join(quoted)}"

    def run(self, folder: Path, seed: int, output: Path) -> dict[str, Any]:
        """Train and evaluate by `nlp-pipeline run`, in a process of its own, and return what it left.

        Returns:
            `seed`; `seconds` from the start of Python to the report; `test`, the scores of the evaluation; `training`,
            the metrics of the bundle. A run that fails ends the benchmark, with what it printed.
        """
        command = [sys.executable, "-m", "nlp_pipeline", "run", str(ROOT / "pipelines" / f"{self.recipe}.yaml")]
        command += ["--force", "--output", str(output)]
        for setting in (*self.corpora(folder), *self.settings, f"seed={seed}"):
            command += ["--set", setting]
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - started
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
        test, training = (_read_json(output / name) for name in ("evaluation/scores.json", "bundle/metrics.json"))
        return {"seed": seed, "seconds": seconds, "test": test, "training": training}


def measure(
    name: str,
    about: str,
    rows: Mapping[str, Row],
    numbers_of: Callable[[Mapping[str, Any]], dict[str, Any]],
    table_of: Callable[[Mapping[str, Any]], str],
    packages: Sequence[str],
) -> None:
    """Run the rows that the command line names, and write and print the table of all rows that were ever run.

    Args:
        name: of `results/NAME.json` and `results/NAME.md`.
        about: the help text.
        rows: by name.
        numbers_of: picks the numbers that are kept from what `Row.run` returns.
        table_of: makes the table, in Markdown, from the content of `results/NAME.json`.
        packages: whose versions are told beside those of TensorFlow and Keras.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"any of {', '.join(rows)} (default: all)")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the corpora")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--add", action="store_true", help="keep the runs of other seeds that a row has already")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "benchmarks", help="where the runs are kept")
    arguments = parser.parse_args()
    if unknown := set(arguments.rows) - set(rows):
        parser.error(f"expected rows among {', '.join(rows)}. Received: {', '.join(sorted(unknown))}")

    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    ran = False
    for row_name in arguments.rows or rows:
        row = rows[row_name]
        folder = (arguments.data / row.corpus).resolve()
        if not folder.is_dir():
            print(f"{row_name}: left out, there is no {folder}", flush=True)
            continue
        for number, seed in enumerate(arguments.seeds):
            run = numbers_of(row.run(folder, seed, arguments.runs / f"{row_name}-{seed}"))
            run = {"seed": seed, **run, **circumstances(packages)}
            print(row_name, run, flush=True)
            # Read anew: another row may have been measured meanwhile.
            results = dict(_read_json(path)) if path.is_file() else {}
            before = results[row_name]["runs"] if row_name in results and (arguments.add or number) else []
            runs = sorted([run, *(one for one in before if one["seed"] != seed)], key=lambda one: int(one["seed"]))
            results[row_name] = {"command": row.command, "runs": runs}
            path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
            (RESULTS / f"{name}.md").write_text(table_of(results), encoding="utf-8")
            ran = True
    if not ran:
        sys.exit(f"no row was run: there is no corpus in {arguments.data}; see benchmarks/README.md")
    print(table_of(results))


def find(name: str, title: str, rows: Mapping[str, Callable[[], dict[str, Any]]], wanted: Sequence[str]) -> None:
    """Find out what rows find out, and write it; what other rows have found before stays.

    Args:
        name: of `benchmarks/NAME.py`, `results/NAME.json` and `results/NAME.md`.
        title: of the latter.
        rows: by name.
        wanted: their names; none for all.
    """
    if unknown := set(wanted) - set(rows):
        sys.exit(f"expected rows among {', '.join(rows)}. Received: {', '.join(sorted(unknown))}")
    path = RESULTS / f"{name}.json"
    for row in wanted or rows:
        found = rows[row]()
        print(row, found, flush=True)
        results = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        results[row] = {"found": found, **circumstances([])}
        results = {row: results[row] for row in rows if row in results}
        path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        lines = [f"# {title}", "", f"`python benchmarks/{name}.py` made this; its docstring says what each row is."]
        for row_name, result in results.items():
            lines += ["", f"## {row_name}", ""]
            lines += [f"- {key}: {value}" for key, value in result["found"].items() if value not in ({}, [])]
            lines += ["", f"{result['date']}, commit {result['commit']}, {result['machine']}"]
        path.with_suffix(".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def circumstances(packages: Sequence[str]) -> dict[str, Any]:
    """Return the machine, the versions of TensorFlow, Keras and other packages, and the commit."""
    commit = _git("describe", "--always")
    # What a benchmark writes itself changes nothing that it measures.
    if _git("status", "--porcelain", "--", ".", ":!benchmarks/results"):
        commit += "-dirty"
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines() if Path("/proc/cpuinfo").is_file() else []
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "machine": f"{models[0] if models else platform.processor()}, {cores} cores",
        "versions": {package: version(package) for package in ("tensorflow", "keras", *packages)},
        "python": platform.python_version(),
        "commit": commit,
        "date": time.strftime("%Y-%m-%d"),
    }


def told(results: Mapping[str, Any]) -> list[str]:
    """Return lines that say how each row was made, and when and where its runs were."""
    lines = []
    for name, row in results.items():
        lines.append(f"- {name}: `{row['command']}`")
        made: dict[str, list[str]] = {}
        for run in row["runs"]:
            versions = ", ".join(f"{package} {number}" for package, number in run["versions"].items())
            where = f"{run['date']}, commit {run['commit']}, {run['machine']}, Python {run['python']}, {versions}"
            made.setdefault(where, []).append(str(run["seed"]))
        lines += [f"  - seed {', '.join(seeds)}: {where}" for where, seeds in made.items()]
    return lines


def spread(runs: Sequence[Mapping[str, Any]], key: str) -> str:
    """Return mean and standard deviation of a number over runs; of one run, the number alone."""
    values = [run[key] for run in runs]
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.mean(values):.2f} ± {statistics.stdev(values):.2f}"


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
