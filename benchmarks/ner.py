"""Taggers on real corpora: F1 over three seeds, with the time that each took.

    python benchmarks/ner.py --data ../shared/data wnut17-frozen wnut17-finetune

Every run is the command that anyone would type, in a process of its own, one at a time; its time is the wall clock's,
start of Python included. Vectors of a frozen encoder that an earlier run kept are used: the first seed of a fresh
cache pays for them. The results go to `benchmarks/results/ner.json` and `ner.md`, where rows that were
not run now stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from measured import Row, measure, spread, told

FILES = {"data.{split}": "{split}.conll"}
ROWS = {
    "wnut17-frozen": Row("wnut17", "ner-frozen", FILES),
    "wnut17-frozen-bfloat16": Row("wnut17", "ner-frozen", FILES, ["training.precision=bfloat16"]),
    "wnut17-finetune": Row("wnut17", "ner-finetune", FILES),
    "uner_pt-words": Row(
        "uner_pt", "ner-frozen", FILES, ["encoder=null", "words.size=100", "training.batch_subwords=512"]
    ),
    "uner_pt-frozen": Row("uner_pt", "ner-frozen", FILES),
}


def numbers_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return F1 in per cent, and seconds."""
    test, training = run["test"], run["training"]
    return {
        "test_f1": round(100 * test["conlleval"]["f1"], 2),
        "test_strict_f1": round(100 * test["strict"]["f1"], 2),
        "test_unseen_recall": round(100 * test["unseen"]["recall"], 2),
        "dev_f1": round(100 * training["dev"]["conlleval"]["f1"], 2),
        "best_epoch": training["best_epoch"],
        "epochs": training["epochs"],
        "seconds": round(run["seconds"], 1),
    }


def table_of(results: Mapping[str, Any]) -> str:
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
            f"| {name} | {len(runs)} | {spread(runs, 'test_f1')} | {max(run['test_f1'] for run in runs):.2f} "
            f"| {spread(runs, 'test_strict_f1')} | {spread(runs, 'test_unseen_recall')} | {spread(runs, 'dev_f1')} "
            f"| {min(seconds):.0f} to {max(seconds):.0f} | {sum(seconds) / 60:.1f} min |"
        )
    lines += ["", "Seed by seed:", ""]
    for name, row in results.items():
        lines += [f"- {name}: " + ", ".join(f"{run['test_f1']:.2f} ({run['seed']})" for run in row["runs"])]
    lines.append("")
    lines += told(results)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    measure("ner", __doc__, ROWS, numbers_of, table_of, ["seqeval"])
