"""The rows of `speed.py` on translating, and on training a translator."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cached_property
from pathlib import Path

from arithmetic import TRAINED, dense, gru
from contestants import Contestant, started
from workloads import OURS, OWN, PIPELINES, Row, Workshop, trained

# The translator of the table, without what differs from peer to peer.
TRANSLATOR = {
    "subwords.size": 8000,
    "embeddings.size": 256,
    "embeddings.tie": "none",
    "embeddings.dropout": 0,
    "encoder.units": 512,
    "encoder.dropout_outputs": 0,
    "decoder.units": 512,
    "decoder.readout": 512,
    "decoder.attention.units": 512,
    "decoder.attention.query": "state",
    "decoder.dropout": 0,
    "decoder.dropout_readout": 0,
    "normalise": "false",
    "label_smoothing": 0,
    "training.learning_rate": 1e-3,
    "training.warmup": 0,
    "training.decay": "constant",
    "training.weight_decay": 0,
    "training.average": "null",
    "training.strategy": "none",
    "training.checkpoint_steps": "null",
}
PAIRS = 64  # a batch
STEPS = 30  # a turn
TRANSLATED = 1000  # sentences
SHORTLIST = 20  # likely translations of a subword
TRAINED_STEPS = 900  # before a translator is asked to translate
JOEYNMT_STEPS = 150  # JoeyNMT is slower; after these its translations are about as long


class TranslationRows(Workshop):
    """Makes them."""

    @cached_property
    def pairs(self) -> Path:
        """The folder of the translators' data, as `ours/pieces.py` makes it of a trained bundle."""
        folder = self.folder / "pieces"
        corpus = self.data / "multi30k_en_de"
        steps = [f"training.steps={TRAINED_STEPS}", "training.batch_subwords=1024"]
        trained(self.folder / "translator", "translate-multi30k", [*self._translator(), *steps])
        # The last file that is written.
        if not (folder / "initial.safetensors").is_file():
            call = [sys.executable, str(OURS / "pieces.py"), str(self.folder / "translator" / "bundle")]
            subprocess.run([*call, str(corpus), str(folder), str(PAIRS), str(STEPS * 20)], check=True)
        return folder

    def _translator(self) -> list[str]:
        """Return the settings of the translator, corpora included."""
        corpus = self.data / "multi30k_en_de"
        files = [
            f"data.{split}.{side}={corpus}/{split}.{ending}"
            for split in ("train", "dev")
            for side, ending in (("source", "en"), ("target", "de"))
        ]
        return [*files, "data.test=null", *(f"{key}={value}" for key, value in TRANSLATOR.items())]

    def train_translate(self) -> Row:
        """Return the row of training a translator."""
        pieces, overrides = self.pairs, self._translator()
        # As long a batch as 64 sentences are on the average.
        own = [*overrides, "training.batch_subwords=1024"]
        shared = {
            "recipe": str(PIPELINES / "translate-multi30k.yaml"),
            "steps": STEPS,
            "initial": str(pieces / "initial.safetensors"),
            "work": str(self.folder / "train-translate"),
        }
        numbers = str(pieces / "batches.json")
        ours = [
            Contestant("ours", OWN, OURS / "train.py", {**shared, "overrides": overrides, "batches": numbers}),
            Contestant(
                "ours, bfloat16",
                OWN,
                OURS / "train.py",
                {**shared, "overrides": [*overrides, "training.precision=bfloat16"], "batches": numbers},
            ),
            Contestant(
                "ours, batches by length", OWN, OURS / "train.py", {**shared, "overrides": own, "batches": None}
            ),
            Contestant(
                "ours, batches by length, bfloat16",
                OWN,
                OURS / "train.py",
                {**shared, "overrides": [*own, "training.precision=bfloat16"], "batches": None},
            ),
        ]
        settings = {"data": str(pieces), "steps_per_turn": STEPS, "learning_rate": 1e-3, "clip_norm": 1.0}
        peers = [
            self.peer("PyTorch loop", "torch", "train.py", settings),
            self.peer("JoeyNMT", "joeynmt", "train.py", {**settings, "batch_size": PAIRS}),
        ]
        counts = json.loads((pieces / "counts.json").read_text(encoding="utf-8"))["train"]
        operations = TRAINED * _translator_operations(counts["source"], counts["target"]) / counts["target"]
        notes = [f"batches of {PAIRS} sentence pairs at random, the same for ours and the PyTorch loop"]
        return Row("target subwords/s", ours, peers, operations, "float32", notes)

    def translate(self, beam_size: int) -> Row:
        """Return the row of translating."""
        pieces = self.pairs
        corpus = self.data / "multi30k_en_de"
        sides = {ending: self.folder / f"translated.{ending}" for ending in ("en", "de")}
        for ending, path in sides.items():
            lines = (corpus / f"test.{ending}").read_text(encoding="utf-8").splitlines()[:TRANSLATED]
            path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        search = {"beam_size": beam_size, "length_penalty": 0.6}
        bundle = str(self.folder / "translator" / "bundle")

        def output(name: str) -> str:
            return str(self.folder / f"translated-{name.replace(' ', '-').replace(',', '')}-{beam_size}.de")

        files = {"bundle": bundle, "corpus": str(sides["en"]), "references": str(sides["de"])}
        kinds = {
            "ours": (SHORTLIST, "bfloat16"),
            "ours, shortlist, float32": (SHORTLIST, "float32"),
            "ours, all subwords, bfloat16": (0, "bfloat16"),
            "ours, all subwords, float32": (0, "float32"),
        }
        ours = [
            Contestant(
                name,
                OWN,
                OURS / "translate.py",
                {**files, "output": output(name), "shortlist": count, "precision": precision, **search},
            )
            for name, (count, precision) in kinds.items()
        ]
        shared = {"data": str(pieces), "batch_size": PAIRS, "sentences": TRANSLATED, **search}
        checkpoint = self._joeynmt(pieces)
        peers = [
            self.peer("PyTorch loop", "torch", "translate.py", {**shared, "output": output("torch")}),
            self.peer(
                "JoeyNMT", "joeynmt", "translate.py", {**shared, "output": output("joeynmt"), "checkpoint": checkpoint}
            ),
        ]
        counts = json.loads((pieces / "counts.json").read_text(encoding="utf-8"))["test"]
        operations = _translator_operations(counts["source"], beam_size * counts["target"]) / counts["sentences"]
        notes = [
            f"{len(lines):,} sentences of the test corpus",
            f"a shortlist of {SHORTLIST}; the limit is that of an output layer over all subwords",
        ]
        return Row("sentences/s", ours, peers, operations, None, notes)

    def _joeynmt(self, pieces: Path) -> str:
        """Return a checkpoint of JoeyNMT's, made anew where there is none."""
        checkpoint = self.folder / f"joeynmt-{JOEYNMT_STEPS}.ckpt"
        if not checkpoint.is_file():
            settings = {"data": str(pieces), "steps_per_turn": JOEYNMT_STEPS, "learning_rate": 1e-3, "clip_norm": 1.0}
            settings |= {"batch_size": PAIRS, "save": str(checkpoint)}
            with started([self.peer("JoeyNMT", "joeynmt", "train.py", settings)], self.folder / "joeynmt") as (
                ready,
                _,
            ):
                for one in ready:
                    one.turn()
        return str(checkpoint)


def _translator_operations(source: int, target: int) -> float:
    """Return the operations of a translator's forward pass, the attention's energies and sums not counted."""
    total = gru(source, 256, 512) + dense(source, 1024, 512)
    total += gru(target, 256 + 1024, 512, ways=1) + dense(target, 512, 512)
    return total + dense(target, 512 + 1024 + 256, 512) + dense(target, 512, 8000)
