"""A contestant of `benchmarks/speed.py`: JoeyNMT trains the nearest translator, see `configuration.py`.

Settings: `data`, the folder with `vocabulary.txt`, `train.source` and `train.target`; `steps_per_turn`; `batch_size`,
of sentences; `learning_rate`; `clip_norm`; and perhaps `save`, a file for the weights, written after each turn, whose
time does not count.

Batches, loss, gradient and the pieces of a step are its own. The loop around them is that of its `TrainManager`,
`train_and_validate`, without validation, logging and checkpoints: that one cannot be stopped and gone on with.
"""

from __future__ import annotations

import atexit
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from joeynmt.config import parse_global_args
from joeynmt.prediction import prepare
from joeynmt.training import TrainManager

# At the end: a peer's folder here must not hide the package it is called after.
sys.path.append(str(Path(__file__).resolve().parent.parent))
from configuration import configuration
from turns import settings, take_turns


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the corpus, and make the model and its trainer."""
    given = settings()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    folder = Path(tempfile.mkdtemp(prefix="joeynmt-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    training = {
        "batch_size": given["batch_size"],
        "learning_rate": given["learning_rate"],
        "clip_grad_norm": given["clip_norm"],
    }
    args = parse_global_args(configuration(Path(given["data"]), folder, training, {}), mode="train")
    model, corpus, _, _ = prepare(args, rank=0, mode="train")
    trainer = TrainManager(
        rank=0,
        model=model,
        model_dir=args.model_dir,
        device=args.device,
        n_gpu=args.n_gpu,
        num_workers=args.num_workers,
        autocast=args.autocast,
        seed=args.seed,
        train_args=args.train,
    )
    model.train()
    model.zero_grad()
    coming = _batches(corpus, trainer)

    def turn() -> dict[str, Any]:
        losses, subwords = [], 0
        started = time.perf_counter()
        for _ in range(given["steps_per_turn"]):
            batch = next(coming)
            loss, correct = trainer._train_step(batch)
            trainer.clip_grad_fun(parameters=model.parameters())
            trainer.optimizer.step()
            model.zero_grad()
            trainer.stats.steps += 1
            trainer.stats.total_tokens += batch.ntokens
            trainer.stats.total_correct += correct
            losses.append(loss)
            subwords += batch.ntokens
        seconds = time.perf_counter() - started
        if given.get("save"):
            # As its own checkpoints have them, so that its own loading takes them.
            torch.save({"model_state": model.state_dict()}, given["save"])
        return {"seconds": seconds, "units": subwords, "losses": losses}

    versions = {"python": platform.python_version(), "torch": torch.__version__, "joeynmt": version("joeynmt")}
    return turn, {"versions": versions, "threads": torch.get_num_threads()}


def _batches(corpus: Any, trainer: Any) -> Iterator[Any]:
    """Yield its batches, epoch after epoch."""
    made = corpus.make_iter(
        batch_size=trainer.args.batch_size,
        batch_type=trainer.args.batch_type,
        seed=trainer.seed,
        shuffle=trainer.args.shuffle,
        num_workers=trainer.num_workers,
        device=trainer.device,
        eos_index=trainer.model.eos_index,
        pad_index=trainer.model.pad_index,
    )
    epoch = 0
    while True:
        epoch += 1
        made.batch_sampler.set_seed(trainer.seed + epoch)
        yield from made


if __name__ == "__main__":
    take_turns(begin)
