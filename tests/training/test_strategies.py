"""One device, several, several workers, parts added up, steps at once, XLA: the same recipe gives the same weights."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.tiny_checkpoint import write_tiny_checkpoint
from tests.training.worker import WORKER, finish, start_team

TAGGER = """
task: tagging
name: tagger
data: {{train: train.conll, dev: train.conll}}
encoder: {{name: {encoder}, finetune: true, dropout: 0.0, layers: mix, window: 64, overlap: 8,
  max_subwords_of_word: 32}}
characters: {{kind: lstm, size: 4, units: 4, dropout: 0.0}}
word_dropout: 0.0
recurrent: {{cell: lstm, units: 8, projection: 8, dropout: {{inputs: 0.0, between: 0.0}}}}
decoder: {{dropout: 0.0}}
training: {{frozen_epochs: 1, epochs: 9, steps: 10, batch_subwords: 64, optimizer: sgd, learning_rate: 0.1,
  encoder_learning_rate: 0.1, average: 0.9, clip_norm: 1.0}}
"""
TRANSLATOR = """
task: translation
name: translator
data: {train: {pairs: train.tsv}, dev: {pairs: train.tsv}}
subwords: {size: 60, minimum: 1}
embeddings: {size: 8, dropout: 0.0}
encoder: {units: 6, dropout: 0.0, dropout_outputs: 0.0}
decoder: {units: 8, readout: 8, dropout: 0.0, dropout_readout: 0.0, attention: {units: 8}}
training: {epochs: 9, steps: 10, batch_subwords: 96, optimizer: sgd, learning_rate: 0.5, average: null}
"""
BOTH = ("tagger", "translator")
# Workers, devices of each, settings, and what is trained.
WAYS: dict[str, tuple[int, int, list[str], tuple[str, ...]]] = {
    "one device": (1, 1, ["strategy=none"], BOTH),
    "mirrored": (1, 2, ["strategy=mirrored"], BOTH),
    # One task each: the other's way differs in nothing that the task has a part in, and a team takes a minute.
    "two workers": (2, 1, ["strategy=multi_worker"], ("translator",)),
    "added up": (1, 1, ["strategy=none", "accumulate=2", "steps_per_execution=4"], BOTH),
    # More shares than some batches have sentences.
    "two workers that add up": (2, 1, ["strategy=multi_worker", "accumulate=3"], ("tagger",)),
    "xla": (1, 1, ["strategy=none", "xla=true"], BOTH),
}
ROUGH: dict[str, tuple[int, int, list[str], tuple[str, ...]]] = {
    "bfloat16, mirrored": (1, 2, ["strategy=mirrored", "precision=bfloat16"], ("translator",)),
    "float16, two workers": (2, 1, ["strategy=multi_worker", "precision=float16"], ("tagger",)),
}


@pytest.fixture(scope="module")
def recipes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the two recipes and their corpora."""
    folder = tmp_path_factory.mktemp("strategies")
    encoder = write_tiny_checkpoint(folder / "encoder", cased=True)
    (folder / "tagger.yaml").write_text(TAGGER.format(encoder=encoder), encoding="utf-8")
    (folder / "translator.yaml").write_text(TRANSLATOR, encoding="utf-8")
    # Sentences of unequal lengths: the shares are unequal, and the last batch of an epoch is smaller.
    lines = ["Maria B-PER\nin O\nBerlin B-LOC\n" + "the O\n" * (number % 5) for number in range(13)]
    (folder / "train.conll").write_text("\n".join(lines), encoding="utf-8")
    pairs = [("the house " * (1 + number % 4), "la maison " * (1 + number % 3)) for number in range(17)]
    (folder / "train.tsv").write_text("".join(f"{one}\t{two}\n" for one, two in pairs), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def trained(recipes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the trained weights, by the way they were trained and the task."""
    weights = {}
    for way, (workers, devices, settings, tasks) in (WAYS | ROUGH).items():
        folder = tmp_path_factory.mktemp("runs")
        files = [str(recipes / f"{task}.yaml") for task in tasks]
        printed = finish(
            start_team(workers, WORKER, [str(devices), str(folder), *files, *(f"training.{one}" for one in settings)])
        )
        assert printed.count(f"training on {workers * devices} device") == len(tasks)
        for task in tasks:
            weights[way, task] = load_file(folder / task / "bundle" / "weights.safetensors")
    return weights


def _pairs(ways: Iterable[str]) -> list[tuple[str, str]]:
    return [(way, task) for way in ways if way != "one device" for task in (WAYS | ROUGH)[way][3]]


@pytest.mark.parametrize(("way", "task"), _pairs(WAYS))
def test_the_weights_are_those_of_one_device(
    trained: dict[tuple[str, str], dict[str, Any]], way: str, task: str
) -> None:
    one, other = trained["one device", task], trained[way, task]
    assert one.keys() == other.keys()
    for name, value in one.items():
        # Relative to the largest of a weight: some of its numbers are nothing but rounding.
        np.testing.assert_allclose(other[name], value, rtol=0.0, atol=1e-5 * np.abs(value).max(), err_msg=name)
    # They have moved: biases begin at zero.
    assert max(np.abs(value).max() for name, value in one.items() if name.endswith("bias")) > 1e-2


@pytest.mark.parametrize(("way", "task"), _pairs(ROUGH))
def test_half_precision_goes_the_same_way(trained: dict[tuple[str, str], dict[str, Any]], way: str, task: str) -> None:
    one, other = (np.concatenate([v.ravel() for v in trained[key, task].values()]) for key in ("one device", way))
    assert 0.0 < np.linalg.norm(other - one) / np.linalg.norm(one) < 1e-2
