"""A contestant of `benchmarks/speed.py`: JoeyNMT translates with what `train.py` has saved.

Settings: `data`, the folder with `vocabulary.txt` and `test.source`; `checkpoint`; `sentences`, how many of the first
ones are translated; `batch_size`, of sentences; `beam_size`, 1 for the greedy search; `length_penalty`; `output`, the
file for the translations, subwords with spaces between. A turn translates them all.

What it is given, so that it is at its best: it sorts sentences within a batch alone, goes on with a whole batch until
its last sentence has ended, and has one `max_output_length` for a corpus. So sentences of about the same length are put
together here, and `predict` is given a batch at a time, with a limit like ours: twice its longest source, and ten more.
"""

from __future__ import annotations

import atexit
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from joeynmt.config import parse_global_args
from joeynmt.prediction import predict, prepare

# At the end: a peer's folder here must not hide the package it is called after.
sys.path.append(str(Path(__file__).resolve().parent.parent))
from configuration import configuration
from turns import settings, take_turns


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the model and the sentences."""
    given = settings()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    data = Path(given["data"])
    testing = {
        "load_model": given["checkpoint"],
        "batch_size": given["batch_size"],
        "beam_size": given["beam_size"],
        "beam_alpha": given["length_penalty"],
    }
    folder = Path(tempfile.mkdtemp(prefix="joeynmt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    args = parse_global_args(configuration(data, folder, {}, testing), mode="translate")
    model, _, _, corpus = prepare(args, rank=0, mode="translate")
    lines = (data / "test.source").read_text(encoding="utf-8").removesuffix("\n").split("\n")[: given["sentences"]]

    def translated(batch: Sequence[str]) -> list[list[str]]:
        corpus.reset_cache()
        for line in batch:
            corpus.set_item(line)
        longest = max(line.count(" ") + 2 for line in batch)  # with the end
        _, _, _, found, _, _ = predict(
            model=model,
            data=corpus,
            device=args.device,
            n_gpu=args.n_gpu,
            num_workers=args.num_workers,
            normalization="none",
            args=args.test._replace(max_output_length=2 * longest + 10),
            autocast=args.autocast,
        )
        return list(found)

    def turn() -> dict[str, Any]:
        started = time.perf_counter()
        order = sorted(range(len(lines)), key=lambda index: -lines[index].count(" "))
        texts = [""] * len(lines)
        for first in range(0, len(order), given["batch_size"]):
            batch = order[first : first + given["batch_size"]]
            for index, subwords in zip(batch, translated([lines[index] for index in batch]), strict=True):
                texts[index] = " ".join(one for one in subwords if one not in model.trg_vocab.specials)
        Path(given["output"]).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return {"seconds": time.perf_counter() - started, "units": len(lines)}

    versions = {"python": platform.python_version(), "torch": torch.__version__, "joeynmt": version("joeynmt")}
    return turn, {"versions": versions, "threads": torch.get_num_threads()}


if __name__ == "__main__":
    take_turns(begin)
