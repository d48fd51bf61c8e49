"""A contestant of `benchmarks/speed.py`: plain PyTorch translates with the translator of `model.py`.

Settings: `data`, the folder with `trained.safetensors`, `vocabulary.txt` and `test.source`; `sentences`, how many of
its first ones are translated; `batch_size`, of sentences; `beam_size`, 1 for the greedy search; `length_penalty`;
`output`, the file for the translations, subwords with spaces between. A turn translates them all.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

# At the end: a peer's folder here must not hide the package it is called after.
sys.path.append(str(Path(__file__).resolve().parent.parent))
from model import END_ID, UNKNOWN_ID, Translator, padded, read_vocabulary
from turns import settings, take_turns


def begin() -> tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]:
    """Load the network and the sentences."""
    given = settings()
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    data = Path(given["data"])
    network = Translator.load(data / "trained.safetensors").eval()
    subwords = read_vocabulary(data / "vocabulary.txt")
    ids_of = {subword: number for number, subword in enumerate(subwords) if subword}
    lines = (data / "test.source").read_text(encoding="utf-8").removesuffix("\n").split("\n")[: given["sentences"]]

    def turn() -> dict[str, Any]:
        started = time.perf_counter()
        sources = [[*(ids_of.get(subword, UNKNOWN_ID) for subword in line.split(" ")), END_ID] for line in lines]
        # Sentences of about the same length go together, so that little padding is computed.
        order = sorted(range(len(sources)), key=lambda index: -len(sources[index]))
        found: dict[int, list[int]] = {}
        for first in range(0, len(order), given["batch_size"]):
            batch = order[first : first + given["batch_size"]]
            source_ids = padded([sources[index] for index in batch])
            found.update(
                zip(batch, network.translate(source_ids, given["beam_size"], given["length_penalty"]), strict=True)
            )
        # An unknown subword has no text.
        texts = (" ".join(subwords[one] for one in found[index] if subwords[one]) for index in range(len(sources)))
        Path(given["output"]).write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return {"seconds": time.perf_counter() - started, "units": len(sources)}

    versions = {"python": platform.python_version(), "torch": torch.__version__}
    return turn, {"versions": versions, "threads": torch.get_num_threads()}


if __name__ == "__main__":
    take_turns(begin)
