"""How fast this package is, beside its peers and beside what the processor can do.

    benchmarks/peers/install.sh
    python benchmarks/speed.py --data ../shared/data [ROW...]

Every contestant of a row loads all it needs in a process of its own; then they take turns, round by round, and the
median of the rounds counts. A contestant's environment is made by `peers/install.sh`; one that cannot be installed is
reported as such. The results go to `benchmarks/results/latest.json` and `latest.md`: one row a workload, with `ours`,
`peers`, `ratio_to_best_peer`, and `share_of_limit`, the share of the time that the arithmetic alone would take at the
rate at which this machine multiplies large matrices in the precision used. `--add` keeps the rows that are not run.

tag-wnut17, tag-uner_pt     words/s of tagging a file, from its first byte to the last one of the output: wnut17's test
                            corpus repeated to 100,000 words, and the sentences of 30 words or more of uner_pt's
                            to 50,000; ours, here and in `scale`, in bfloat16 where the processor has it
train-tag-finetuned         words/s of an epoch in which the encoder is trained as well
train-tag-kept              words/s of an epoch on the kept vectors of a frozen encoder
train-translate             target subwords/s on Multi30k: embeddings of 256, 512 units, 8,000 subwords, batches of 64
translate-greedy, -beam     sentences/s of Multi30k's test corpus, with a beam of 1 and of 5
quality                     F1 of wnut17 in both precisions, six seeds
scale                       words/s and memory, for a corpus of once, 10 times and 100 times the size, and for sentences
                            of 10 to 2,000 words
start                       seconds of `--help`, to a first tagged sentence, and to a first step of training
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import roofline
from contestants import ContestantError, Started, started
from measured import RESULTS, ROOT, circumstances
from own_rows import OwnRows
from tagging_rows import TaggingRows
from translation_rows import TranslationRows
from workloads import Row

TITLE = "Speed"


def compete(row: Row, rounds: int, limits: roofline.Limits, folder: Path) -> dict[str, Any]:
    """Let a row's contestants take turns."""
    speeds: dict[str, list[float]] = {}
    answers: dict[str, list[dict[str, Any]]] = {}
    with started([*row.ours, *row.peers], folder) as (ready, absent):
        running: list[Started] = list(ready)
        for number in range(rounds):
            for one in list(running):
                name = one.contestant.name
                try:
                    answer = one.turn()
                except ContestantError as error:
                    absent[name] = str(error)
                    running.remove(one)
                    continue
                speed = answer["units"] / answer["seconds"]
                speeds.setdefault(name, []).append(speed)
                answers.setdefault(name, []).append(answer)
                print(f"  round {number + 1}: {name}: {speed:,.1f} {row.unit}", flush=True)
            if number == 0:
                running = [one for one in running if _is_best(one, running, speeds)]
        about = {one.contestant.name: one.about for one in ready}
    medians = {name: statistics.median(found) for name, found in speeds.items()}
    own = [one.name for one in row.ours]
    peers = {name: speed for name, speed in medians.items() if name not in own}
    if own[0] not in medians:
        return {"found": {"absent": absent}}
    ours = medians[own[0]]
    precision = row.precision or about[own[0]]["precision"]
    # One of a family that did not go on after the first round is not the best by its one round.
    whole = {name: speed for name, speed in peers.items() if len(speeds[name]) == len(speeds[own[0]])}
    best = max(whole, key=lambda name: whole[name]) if whole else None
    result: dict[str, Any] = {
        "limit": getattr(limits, precision),
        "unit": row.unit,
        "ours": round(ours, 2),
        "peers": {name: round(speed, 2) for name, speed in peers.items()},
        "ratio_to_best_peer": None if best is None else round(ours / peers[best], 2),
        "best_peer": best,
        "share_of_limit": round(ours * row.operations / getattr(limits, precision), 3),
        "precision": precision,
        "also_ours": {name: round(medians[name], 2) for name in own[1:] if name in medians},
        "absent": absent,
        "rounds": {name: [round(speed, 2) for speed in found] for name, found in speeds.items()},
        "versions": {name: told["versions"] for name, told in about.items()},
        "notes": list(row.notes),
    }
    bleu = {name: found[0]["bleu"] for name, found in answers.items() if "bleu" in found[0]}
    if bleu:
        result["bleu"] = bleu
    losses = {name: found[0]["losses"] for name, found in answers.items() if "losses" in found[0]}
    if losses:
        result["losses"] = {name: [round(loss, 4) for loss in found] for name, found in losses.items()}
    return result


def _is_best(one: Started, others: list[Started], speeds: Mapping[str, list[float]]) -> bool:
    """Return whether a contestant was the fastest of its family."""
    family = one.contestant.family
    own = [other.contestant.name for other in others if other.contestant.family == family]
    return not family or one.contestant.name == max(own, key=lambda name: speeds[name][0])


def table_of(results: Mapping[str, Any]) -> str:
    """Return the results in Markdown."""
    limits = results["limits"]
    lines = [
        f"# {TITLE}",
        "",
        "`make bench` made this; the docstring of `benchmarks/speed.py` says what each row is.",
        "",
        f"This machine multiplies matrices at {limits['float32'] / 1e9:,.0f} GFLOP/s in float32 and "
        f"{limits['bfloat16'] / 1e9:,.0f} in bfloat16, and moves {limits['memory'] / 1e9:,.1f} GB/s.",
        "",
        "| row | unit | ours | peers | ratio to the best peer | share of the limit | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, row in results["rows"].items():
        if "ours" not in row:
            continue
        peers = "; ".join(f"{peer} {speed:,.1f}" for peer, speed in row["peers"].items()) or "none"
        ratio = "" if row["ratio_to_best_peer"] is None else f"{row['ratio_to_best_peer']:.2f}"
        share = f"{100 * row['share_of_limit']:.0f} %"
        lines.append(
            f"| {name} | {row['unit']} | {row['ours']:,.1f} | {peers} | {ratio} | {share} | {row['precision']} |"
        )
    for name, row in results["rows"].items():
        lines += ["", f"## {name}", ""]
        shown = ("also_ours", "absent", "rounds", "bleu", "notes", "losses") if "ours" in row else tuple(row["found"])
        content = row if "ours" in row else row["found"]
        lines += [f"- {key.replace('_', ' ')}: {_told(content[key])}" for key in shown if content.get(key)]
        about = row["about"]
        lines += ["", f"{about['date']}, commit {about['commit']}, {about['machine']}, Python {about['python']}"]
    return "\n".join(lines) + "\n"


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key}: {_told(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(_told, value))
    return str(value)


def main() -> None:
    """Run the rows that were asked for, all of them where none was."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder of the corpora")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "benchmarks" / "speed", help="for what is trained")
    parser.add_argument("--peers", type=Path, default=ROOT / "benchmarks" / "peers" / "environments")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--add", action="store_true", help="keep the rows that are not run")
    arguments = parser.parse_args()
    places = [folder.absolute() for folder in (arguments.data, arguments.work, arguments.peers)]
    tagging, translating, own = TaggingRows(*places), TranslationRows(*places), OwnRows(*places)
    # By name: the corpora that a row needs, and what makes it.
    tags, pairs = ("wnut17",), ("multi30k_en_de",)
    makers: Mapping[str, tuple[tuple[str, ...], Callable[[], Row | dict[str, Any]]]] = {
        "tag-wnut17": (tags, lambda: tagging.tag("wnut17")),
        "tag-uner_pt": (("wnut17", "uner_pt"), lambda: tagging.tag("uner_pt")),
        "train-tag-finetuned": (tags, lambda: tagging.train_tag(finetunes=True)),
        "train-tag-kept": (tags, lambda: tagging.train_tag(finetunes=False)),
        "train-translate": (pairs, translating.train_translate),
        "translate-greedy": (pairs, lambda: translating.translate(1)),
        "translate-beam": (pairs, lambda: translating.translate(5)),
        "quality": (tags, own.quality),
        "scale": (tags, own.scale),
        "start": (tags, own.start),
    }
    if unknown := set(arguments.rows) - set(makers):
        parser.error(f"expected rows among {', '.join(makers)}. Received: {', '.join(sorted(unknown))}")
    path = RESULTS / "latest.json"
    limits = roofline.measure()
    kept = json.loads(path.read_text(encoding="utf-8"))["rows"] if arguments.add and path.is_file() else {}
    results: dict[str, Any] = {"limits": asdict(limits), "rows": kept}
    for name in arguments.rows or makers:
        corpora, make = makers[name]
        if missing := [folder for folder in corpora if not (arguments.data / folder).is_dir()]:
            print(f"{name}: left out, there is no {arguments.data / missing[0]}", flush=True)
            continue
        print(name, flush=True)
        try:
            made = make()
            if isinstance(made, Row):
                found = compete(made, arguments.rounds, limits, places[1] / name)
            else:
                found = {"found": made}
        except (ContestantError, subprocess.CalledProcessError) as error:
            # The other rows can be measured all the same.
            found = {"found": {"failed": str(error)}}
        found["about"] = circumstances([])
        kept = {**kept, name: found}
        results["rows"] = {row: kept[row] for row in makers if row in kept}
        RESULTS.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        path.with_suffix(".md").write_text(table_of(results), encoding="utf-8")
    if not results["rows"]:
        sys.exit(f"no row was run: there is no corpus in {arguments.data}; see benchmarks/README.md")
    print(table_of(results))


if __name__ == "__main__":
    main()
