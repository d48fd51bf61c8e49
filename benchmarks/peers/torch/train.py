"""A contestant of `benchmarks/speed.py`: plain PyTorch trains the translator of `model.py`.

Settings: `data`, the folder with `initial.safetensors` and `batches.npz`; `steps_per_turn`; `learning_rate`;
`clip_norm`. A turn takes the next batches, and the first ones again after the last.
"""

from __future__ import annotations

import itertools
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

# At the end: a peer's folder here must not hide the package it is called after.
sys.path.append(str(Path(__file__).resolve().parent.parent))
from model import PADDING_ID, Translator
from turns import settings, take_turns

BETAS = (0.9, 0.999)
EPSILON = 1e-8


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the batches and the network."""
    given = settings()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    data = Path(given["data"])
    batches = _read(data / "batches.npz")
    network = Translator.load(data / "initial.safetensors")
    weights = list(network.parameters())
    optimizer = torch.optim.Adam(weights, lr=given["learning_rate"], betas=BETAS, fused=True)
    coming = itertools.cycle(batches)
    steps = itertools.count(1)

    def turn() -> dict[str, Any]:
        losses, subwords = [], 0
        started = time.perf_counter()
        for step in itertools.islice(steps, given["steps_per_turn"]):
            source_ids, decoder_inputs, target_ids = (torch.from_numpy(one).long() for one in next(coming))
            real = int((target_ids != PADDING_ID).sum())
            optimizer.zero_grad()
            loss = network(source_ids, decoder_inputs, target_ids) / real
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, given["clip_norm"])
            # Keras adds the epsilon before the second moment is freed of its bias, PyTorch afterwards.
            optimizer.param_groups[0]["eps"] = EPSILON / (1.0 - BETAS[1] ** step) ** 0.5
            optimizer.step()
            losses.append(loss.item())
            subwords += real
        return {"seconds": time.perf_counter() - started, "units": subwords, "losses": losses}

    versions = {"python": platform.python_version(), "torch": torch.__version__, "numpy": np.__version__}
    return turn, {"versions": versions, "threads": torch.get_num_threads()}


def _read(path: Path) -> list[list[Any]]:
    """Return the arrays of each batch: source_ids, decoder_inputs, target_ids."""
    names = ("source_ids", "decoder_inputs", "target_ids")
    with np.load(path) as arrays:
        count = sum(name.startswith("source_ids_") for name in arrays.files)
        return [[arrays[f"{name}_{number}"] for name in names] for number in range(count)]


if __name__ == "__main__":
    take_turns(begin)
