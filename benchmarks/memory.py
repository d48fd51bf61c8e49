"""How far recurrent networks remember: `nlp-pipeline study memory` as it stands, for the README's figure.

    python benchmarks/memory.py

The command runs with its defaults, in a process of its own. `results/memory.png` is its figure, `results/memory.csv`
its `accuracy.csv`, and `results/memory.md` tells the table, what came out, the machine and the time.
"""

from __future__ import annotations

import csv
import json
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measured import RESULTS, ROOT, circumstances

COMMAND = ("study", "memory", "--output", "runs/benchmarks/memory")


def table(accuracies: Path) -> list[str]:
    """Return the accuracies as a table in Markdown: mean and standard deviation over seeds."""
    found: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    with accuracies.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            how = "clipped" if row["clipped"] == "1" else "unclipped"
            found[row["network"], how][int(row["distance"])].append(float(row["accuracy"]))
    distances = sorted({distance for cells in found.values() for distance in cells})
    lines = [f"| network | gradient | {' | '.join(map(str, distances))} |", "|---" * (len(distances) + 2) + "|"]
    for (network, how), cells in sorted(found.items(), key=lambda item: item[0][1]):
        shown = (f"{statistics.mean(cells[one]):.2f} ± {statistics.stdev(cells[one]):.2f}" for one in distances)
        lines.append(f"| {network} | {how} | {' | '.join(shown)} |")
    return lines


def told(study: Mapping[str, Any], about: Mapping[str, Any], accuracies: Path) -> str:
    """Return what `results/memory.md` holds."""
    findings = [
        f"- {one['claim']}: {'came out' if one['holds'] else '**did not come out**'} ({one['numbers']})."
        for one in study["findings"]
    ]
    versions = ", ".join(f"{package} {number}" for package, number in about["versions"].items())
    lines = [
        "# How far recurrent networks remember",
        "",
        "`python benchmarks/memory.py` made this, by `nlp-pipeline study memory` with its defaults.",
        "Accuracy on new examples by distance, mean ± standard deviation over seeds; chance is 0.25.",
        "",
        *table(accuracies),
        "",
        *findings,
        "",
        f"{study['seconds']:.0f} s, {study['processor_seconds']:.0f} s of processor time. "
        f"{about['date']}, commit {about['commit']}, {about['machine']}, Python {about['python']}, {versions}",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run the study, and keep its figure and numbers."""
    done = subprocess.run([sys.executable, "-m", "nlp_pipeline", *COMMAND], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    folder = ROOT / COMMAND[-1]
    RESULTS.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(folder / "memory.png", RESULTS / "memory.png")
    shutil.copyfile(folder / "accuracy.csv", RESULTS / "memory.csv")
    study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
    text = told(study, circumstances([]), folder / "accuracy.csv")
    (RESULTS / "memory.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
