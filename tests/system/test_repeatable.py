"""The same seed gives the same numbers, to the last bit; another seed gives others."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from nlp_pipeline.outputs import file_digest
from tests.conftest import TINY_CORPUS, TinyCheckpoint

RECIPE = """
task: tagging
name: repeatable
data: {{train: train.conll, dev: train.conll}}
encoder: {{name: {encoder}, window: 32, overlap: 4, max_subwords_of_word: 16, finetune: true}}
characters: {{size: 4, units: 4}}
words: {{size: 4, minimum: 1}}
recurrent: {{units: 8, projection: 8, layers: 2, dropout: {{recurrent: 0.2}}}}
training: {{frozen_epochs: 2, epochs: 2, batch_subwords: 64, learning_rate: 1e-2, encoder_learning_rate: 1e-3}}
"""


def _train(folder: Path, name: str, seed: int) -> tuple[str, float]:
    """Train in a process of its own; return the digest of the weights, and the dev F1."""
    command = [sys.executable, "-m", "nlp_pipeline", "train", str(folder / "recipe.yaml")]
    command += ["--output", str(folder / name), "--set", f"seed={seed}"]
    subprocess.run(command, check=True, capture_output=True)
    bundle = folder / name / "bundle"
    metrics = json.loads((bundle / "metrics.json").read_text(encoding="utf-8"))
    return file_digest(bundle / "weights.safetensors"), metrics["dev"]["conlleval"]["f1"]


def test_two_processes_end_on_the_same_bits(tmp_path: Path, tiny_checkpoint: TinyCheckpoint) -> None:
    (tmp_path / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (tmp_path / "recipe.yaml").write_text(RECIPE.format(encoder=tiny_checkpoint(cased=True)), encoding="utf-8")
    one, two, other = (_train(tmp_path, name, seed) for name, seed in (("one", 1), ("two", 1), ("other", 2)))
    assert one == two
    assert one[0] != other[0]
