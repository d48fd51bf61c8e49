"""Translators on real corpora: BLEU, chrF and TER, with the time that each training took.

    python benchmarks/translation.py --data ../shared/data --seeds 1 -- multi30k tatoeba

Every run is the command that anyone would type, in a process of its own, one at a time; its time is the wall clock's,
from the start of Python to the report, so that the learning of subwords, the vectors of a BERT encoder that no earlier
run has kept, and the beam search of the test corpus are in it. The results go to `benchmarks/results/translation.json`
and `translation.md`, where rows that were not run now stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from measured import Row, measure, spread, told


def _files(source: str, target: str) -> dict[str, str]:
    return {"data.{split}.source": "{split}." + source, "data.{split}.target": "{split}." + target}


MULTI30K = ("multi30k_en_de", "translate-multi30k", _files("en", "de"))
ROWS = {
    "multi30k": Row(*MULTI30K),
    "multi30k-bfloat16": Row(*MULTI30K, ["training.precision=bfloat16"]),
    "multi30k-no-attention": Row(*MULTI30K, ["decoder.attention=null"]),
    # The source has BERT's subwords here, so that the learned ones are the target's alone, and so is what is tied.
    "multi30k-bert": Row(*MULTI30K, ["bert={name: minilm}", "embeddings.tie=output", "subwords.size=4000"]),
    "tatoeba": Row("tatoeba_en_fr", "translate-tatoeba", _files("en", "fr")),
}


def numbers_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return the scores of the test corpus, each with its signature, and the times in minutes."""
    test, training = run["test"], run["training"]
    names = ("bleu", "bleu_lower_tokenized", "chrf", "ter")
    return {
        **{name: round(test[name]["score"], 2) for name in names},
        "signatures": {name: test[name]["signature"] for name in names},
        "dev_bleu": round(100 * training["dev"]["bleu"], 2),
        "best_epoch": training["best_epoch"],
        "epochs": training["epochs"],
        "training_minutes": round(training["seconds"] / 60, 1),
        "minutes": round(run["seconds"] / 60, 1),
    }


def table_of(results: Mapping[str, Any]) -> str:
    """Return the results as Markdown."""
    lines = [
        "# Translators on real corpora",
        "",
        "`python benchmarks/translation.py` made this table. All scores are sacrebleu's on the test corpus, of a",
        "beam search; where there are several seeds, mean and standard deviation. The dev corpus, translated greedily,",
        "chose the epoch. Minutes are those of one training, and of the whole run with the evaluation.",
        "",
        "| row | seeds | BLEU lower, tokenised | BLEU cased | chrF | TER | dev BLEU | training, min | whole, min |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in results.items():
        runs = row["runs"]
        numbers = [spread(runs, key) for key in ("bleu_lower_tokenized", "bleu", "chrf", "ter", "dev_bleu")]
        times = [_between([run[key] for run in runs]) for key in ("training_minutes", "minutes")]
        lines.append(f"| {' | '.join([name, str(len(runs)), *numbers, *times])} |")
    lines += ["", "Signatures:", ""]
    all_runs = [(name, run) for name, row in results.items() for run in row["runs"]]
    signatures = {key: text for _, run in all_runs for key, text in run["signatures"].items()}
    lines += [f"- {key}: `{text}`" for key, text in signatures.items()]
    lines += ["", "Seed by seed, BLEU of lower-cased, tokenised text:", ""]
    lines += [f"- {name}, {run['seed']}: {run['bleu_lower_tokenized']:.2f}" for name, run in all_runs]
    return "\n".join([*lines, "", *told(results)]) + "\n"


def _between(values: list[float]) -> str:
    low, high = min(values), max(values)
    return f"{low:.0f}" if round(low) == round(high) else f"{low:.0f} to {high:.0f}"


if __name__ == "__main__":
    measure("translation", __doc__, ROWS, numbers_of, table_of, ["sacrebleu", "tokenizers"])
