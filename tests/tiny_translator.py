"""A corpus of forty pairs and a translator that learns them by heart in seconds."""

from __future__ import annotations

from pathlib import Path

NOUNS = {"dog": "chien", "cat": "chat", "lion": "lion", "horse": "cheval", "bird": "oiseau"}
COLOURS = {"red": "rouge", "black": "noir", "white": "blanc", "green": "vert"}
PAIRS = [
    (f"the {colour} {noun} {verb} .", f"le {NOUNS[noun]} {COLOURS[colour]} {done} .")
    for colour in COLOURS
    for noun in NOUNS
    for verb, done in (("sleeps", "dort"), ("eats", "mange"))
]
RECIPE = """\
task: translation
name: tiny
seed: 3
data:
  train: {source: train.en, target: train.fr}
  dev: {source: train.en, target: train.fr}
  source_language: English
  target_language: French
subwords: {kind: words, size: 100, minimum: 1, joint: false}
embeddings: {size: 16, dropout: 0.0}
encoder: {units: 16, dropout_outputs: 0.0}
decoder: {units: 24, readout: 16, attention: {units: 16}, dropout_readout: 0.0}
label_smoothing: 0.0
training: {epochs: 80, batch_subwords: 80, learning_rate: 8e-3, average: null, strategy: none}
"""


def write_tiny_translator(folder: Path) -> Path:
    """Write `train.en`, `train.fr` and the recipe, and return the recipe's path."""
    for number, suffix in enumerate(("en", "fr")):
        text = "".join(f"{pair[number]}\n" for pair in PAIRS)
        (folder / f"train.{suffix}").write_text(text, encoding="utf-8")
    (folder / "tiny.yaml").write_text(RECIPE, encoding="utf-8")
    return folder / "tiny.yaml"
