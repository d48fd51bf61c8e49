"""Stages: what is trained in each, at what rate, and that the second goes on where the first ended."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from rich.console import Console
from safetensors.numpy import load_file

from nlp_pipeline.inputs.tagging import TaggingInputs
from nlp_pipeline.jobs.stages import Stage, batches_of, limits_of, stages_of
from nlp_pipeline.jobs.tasks import train
from nlp_pipeline.jobs.train import Trained
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.recipe import TaggingRecipe, Training
from nlp_pipeline.recipe.file import read_recipe
from nlp_pipeline.subwords.checkpoint_tokenizer import CheckpointTokenizer
from nlp_pipeline.text.tagset import TagSet
from nlp_pipeline.training.loop import Limits
from nlp_pipeline.training.team import Team
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


def _train(folder: Path, encoder: Path, *overrides: str) -> tuple[Trained, str]:
    (folder / "train.conll").write_text(TINY_CORPUS, encoding="utf-8")
    (folder / "stages.yaml").write_text(RECIPE.format(encoder=encoder), encoding="utf-8")
    shown = io.StringIO()
    recipe = read_recipe(folder / "stages.yaml", overrides, kind=TaggingRecipe)
    return train(recipe, folder / "run", Console(file=shown, width=120)), shown.getvalue()


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLP_PIPELINE_CACHE", str(tmp_path / "cache"))


def _of_encoder(trained: Trained) -> dict[str, np.ndarray]:
    weights = load_file(trained.bundle / "weights.safetensors")
    return {name: value for name, value in weights.items() if "/encoder/" in name}


@pytest.mark.parametrize(
    ("said", "workers", "xla", "expected"),
    [
        (None, 1, False, None),
        (None, 2, False, 1),
        (None, 1, True, 1),
        (1, 1, False, 1),
        (7, 1, True, 7),
        (7, 2, False, 7),
    ],
)
def test_as_many_steps_at_once_as_the_recipe_says_or_the_clock(
    said: int | None, workers: int, xla: bool, expected: int | None
) -> None:
    training = Training(steps_per_execution=said, epochs=3, steps=50, checkpoint_steps=20, patience=2, xla=xla)
    team = Team(tf.distribute.get_strategy(), workers=workers)
    limits = limits_of(Stage("", False, [], epochs=3, falls_over=3), 2, training, team)
    assert limits == Limits(last_epoch=4, patience=2, steps=50, steps_at_once=expected, checkpoint_steps=20)


def test_of_several_steps_the_largest_batch_is_named() -> None:
    costs = [3, 4, 5, 60, 7, 8, 9, 10, 30, 11, 12, 13]

    def batch(indices: Sequence[int], for_training: bool) -> dict[str, Any]:
        assert for_training
        return {"padding_mask": np.ones((len(indices), 1), np.bool_)}

    train: Any = SimpleNamespace(costs=costs, words=costs, pads_words=False, batch=batch)
    network: Any = SimpleNamespace(bert=None, begin_epoch=None)
    team = Team(tf.distribute.get_strategy())
    batches = batches_of(Training(batch_subwords=64), 1, network, train, team, 1)
    steps = [batches.describe(1, step, 1) for step in range(batches.steps_of(1))]
    form = re.compile(r"in a batch of (\d+) examples of up to (\d+) subwords \(of the train corpus: ([\d, .]+)\)")
    sizes = [[int(number) for number in form.fullmatch(one).groups()[:2]] for one in steps]  # type: ignore[union-attr]
    assert sum(rows for rows, _ in sizes) == len(costs)
    assert len(steps) > 2
    for first in range(len(steps)):
        places = [rows * longest for rows, longest in sizes[first:]]
        assert batches.describe(1, first, len(steps)) == steps[first + places.index(max(places))]


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
    settings = ("encoder.finetune=true", "training.frozen_epochs=2", "training.epochs=3", "training.average=null")
    trained, shown = _train(tmp_path, encoder, *settings)
    assert [epoch.epoch for epoch in trained.progress.epochs] == [1, 2, 3, 4, 5]
    assert trained.progress.steps % 5 == 0
    assert shown.index("training what is above the encoder") < shown.index("fine-tuning the encoder")
    assert shown.index("vectors of train") < shown.index("training what is above the encoder")


def test_rates_fall_over_both_stages_and_from_layer_to_layer(tmp_path: Path, tiny_checkpoint: TinyCheckpoint) -> None:
    encoder = tiny_checkpoint(cased=True)
    (tmp_path / "stages.yaml").write_text(RECIPE.format(encoder=encoder), encoding="utf-8")
    settings = ["encoder.finetune=true", "training.layer_decay=0.5", "training.frozen_epochs=6", "training.epochs=2"]
    recipe = read_recipe(tmp_path / "stages.yaml", settings, kind=TaggingRecipe)
    inputs = TaggingInputs(recipe, TagSet(["PER"]), {}, CheckpointTokenizer(encoder))
    network = Tagger.for_inputs(inputs, encoder, from_checkpoint=True)
    first, second = stages_of(recipe.training, network)
    assert (first.frozen, first.epochs, first.falls_over) == (True, 6, 8)
    assert (second.frozen, second.epochs, second.falls_over) == (False, 2, 2)
    assert [(group.name, group.peak) for group in first.groups] == [("tagger", 1e-2)]
    peaks = {group.name: group.peak for group in second.groups}
    expected = {"tagger": 2.5e-3, "encoder_embeddings": 2.5e-4, "encoder_0": 5e-4, "encoder_1": 1e-3}
    assert peaks == pytest.approx(expected)
    trained = [id(weight) for group in second.groups for weight in group.weights]
    assert sorted(trained) == sorted(id(weight) for weight in network.trainable_weights)


def test_without_frozen_epochs_no_vectors_are_kept(tmp_path: Path, tiny_checkpoint: TinyCheckpoint) -> None:
    trained, shown = _train(tmp_path, tiny_checkpoint(), "encoder.finetune=true", "training.epochs=1")
    assert "vectors of" not in shown
    assert len(trained.progress.epochs) == 1
    assert not (tmp_path / "cache" / "vectors").exists()
