"""What the rows of `speed.py` share: a workload, its contestants' folders, the corpora and the tagger."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from contestants import Contestant
from measured import ROOT

CALL = [sys.executable, "-m", "nlp_pipeline"]
OWN = Path(sys.executable)
OURS = ROOT / "benchmarks" / "ours"
PEERS = ROOT / "benchmarks" / "peers"
PIPELINES = ROOT / "pipelines"


@dataclass(frozen=True)
class Row:
    """A workload that contestants do in turn.

    Attributes:
        unit: what is counted, a second.
        ours: our contestants; the first one is the row's.
        peers: the others.
        operations: how many floating-point operations a unit takes.
        precision: in which ours multiplies: `float32` or `bfloat16`; None where it says so itself.
        notes: what else is to be known.
    """

    unit: str
    ours: Sequence[Contestant]
    peers: Sequence[Contestant]
    operations: float
    precision: str | None = "float32"
    notes: Sequence[str] = field(default_factory=list)


class Workshop:
    """Where rows are made.

    Args:
        data: the folder of the corpora.
        folder: for what is made.
        environments: of the peers.
    """

    def __init__(self, data: Path, folder: Path, environments: Path) -> None:
        self.data = data
        self.folder = folder
        self.environments = environments

    @cached_property
    def fast(self) -> str:
        """The precision that tagging is measured in: bfloat16 where the processor has it.

        Not what a bundle's own `auto` takes, which depends on its seed: an entity of wnut17's dev corpus is a tenth of
        a point of F1, as much as `auto` lets it move. What it moves by in the mean is the row `quality`.
        """
        from nlp_pipeline.devices import processor_has_bfloat16

        return "bfloat16" if processor_has_bfloat16() else "float32"

    def peer(self, name: str, peer: str, script: str, settings: Mapping[str, Any], family: str = "") -> Contestant:
        """Return a contestant of a peer's; those of `transformers` share Flair's environment."""
        home = "flair" if peer == "transformers" else peer
        environment = self.environments / home
        python = environment / "bin" / "python"
        return Contestant(name, python, PEERS / peer / script, settings, family, environment)

    @cached_property
    def encoder(self) -> str:
        """The folder of the default encoder."""
        done = subprocess.run([*CALL, "encoder", "get", "minilm"], check=True, capture_output=True, text=True)
        return done.stdout.strip().splitlines()[-1]

    def tagger(self, seed: int = 1) -> Path:
        """Return the bundle of a tagger of wnut17, on the default encoder, frozen."""
        run = self.folder / f"tagger-{seed}"
        corpora = [f"data.{split}={self.data / 'wnut17' / split}.conll" for split in ("train", "dev")]
        trained(run, "ner-frozen", [*corpora, f"seed={seed}"])
        return run / "bundle"

    def written(self, name: str, sentences: Sequence[Sequence[str]]) -> Path:
        """Write sentences of words as CoNLL, and return the file."""
        path = self.folder / f"{name}.conll"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join("\n".join(one) + "\n\n" for one in sentences), encoding="utf-8")
        return path

    def warm(self) -> Path:
        """Return a file that is tagged before anything is measured."""
        return self.written("warm", [["Anna", "lives", "in", "Paris"]] * 100)


def trained(run: Path, recipe: str, overrides: Sequence[str]) -> None:
    """Train a recipe, unless its bundle is there."""
    if (run / "bundle" / "bundle.json").is_file():
        return
    call = [*CALL, "train", str(PIPELINES / f"{recipe}.yaml"), "--force", "--output", str(run)]
    for one in overrides:
        call += ["--set", one]
    subprocess.run(call, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


def sentences_in(path: Path) -> Iterator[list[str]]:
    """Yield the sentences of a CoNLL file, a line a word."""
    for block in path.read_text(encoding="utf-8").split("\n\n"):
        # A line may hold characters that Python takes for its end; `#` is a word.
        if lines := [line for line in block.split("\n") if line.strip()]:
            yield lines


def first_column(line: str) -> str:
    """Return the first column; a word may be a character that Python takes for white space."""
    return re.split(r"[\t ]", line, maxsplit=1)[0]
