"""Stages: what is trained in each, at what rate, and that the second goes on where the first ended."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file

from nlp_pipeline.jobs.train import TrainedTagger, train_tagger
from nlp_pipeline.recipe_file import read_recipe
from tests.conftest import TINY_CORPUS, TinyCheckpoint

RECIPE = """
task: tagging
name: stages
data: {{train: train.conll, dev: train.conll}}
encoder: {{name: {encoder}, window: 32, overlap: 4, max_subwords_of_word: 16, layers: last}}
characters: null
recurrent: {{units: 8, projection: 8}}
training: {{batch_subwords: 64, learning_rate: 1e-2, encoder_learning_rate: 1e-3}}
"""


def _train(folder: Path, encoder: Path, *overrides: str) -> tuple[TrainedTagger, str]:
    (folder / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (folder / "stages.yaml").write_text(RECIPE.format(encoder=encoder), encoding="utf-8")
    shown = io.StringIO()
    recipe = read_recipe(folder / "stages.yaml", overrides)
    return train_tagger(recipe, folder / "run", Console(file=shown, width=120)), shown.getvalue()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PIPELINE_CACHE", str(tmp_path / "cache"))


def _of_encoder(trained: TrainedTagger) -> dict[str, np.ndarray]:
    weights = load_file(trained.bundle / "weights.safetensors")
    return {name: value for name, value in weights.items() if "/encoder/" in name}


def test_a_frozen_encoder_does_not_move(tmp_path: Path, tiny_checkpoint: TinyCheckpoint) -> None:
    encoder = tiny_checkpoint(cased=True)
    one, _ = _train(tmp_path, encoder, "training.epochs=1")
    before = _of_encoder(one)
    two, _ = _train(tmp_path, encoder, "training.epochs=3", "seed=5")
    after = _of_encoder(two)
    assert before
    for name, value in before.items():
        np.testing.assert_array_equal(after[name], value, err_msg=name)


def test_epochs_above_the_encoder_come_first_and_are_counted_on(
    tmp_path: Path, tiny_checkpoint: TinyCheckpoint
) -> None:
    encoder = tiny_checkpoint(cased=True)
    frozen, _ = _train(tmp_path, encoder, "training.epochs=1")
    settings = ("encoder.finetune=true", "training.frozen_epochs=2", "training.epochs=3", "training.average=null")
    trained, shown = _train(tmp_path, encoder, *settings)
    assert [epoch.epoch for epoch in trained.history.epochs] == [1, 2, 3, 4, 5]
    assert trained.history.steps == sum(1 for _ in trained.history.epochs) * (trained.history.steps // 5)
    assert shown.index("training what is above the encoder") < shown.index("fine-tuning the encoder")
    assert shown.index("vectors of train") < shown.index("training what is above the encoder")
    if trained.history.best.epoch > 2:
        moved = _of_encoder(trained)
        assert any(not np.array_equal(moved[name], value) for name, value in _of_encoder(frozen).items())


def test_without_frozen_epochs_no_vectors_are_kept(tmp_path: Path, tiny_checkpoint: TinyCheckpoint) -> None:
    trained, shown = _train(tmp_path, tiny_checkpoint(), "encoder.finetune=true", "training.epochs=1")
    assert "vectors of" not in shown
    assert len(trained.history.epochs) == 1
    assert not (tmp_path / "cache" / "vectors").exists()
