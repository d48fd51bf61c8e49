"""A batch gives the same gradient however many replicas share it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.conftest import TinyCheckpoint

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from rich.console import Console
from safetensors.numpy import load_file
from nlp_pipeline.jobs.train_tagger import train_tagger
from nlp_pipeline.recipe.file import read_recipe
recipe = read_recipe(sys.argv[1], [f"training.strategy={sys.argv[2]}"])
train_tagger(recipe, Path(sys.argv[3]), Console())
"""

RECIPE = """
task: tagging
name: shared
data: {{train: train.conll, dev: train.conll}}
encoder: {{name: {encoder}, finetune: true, dropout: 0.0, layers: mix, window: 64, overlap: 8,
  max_subwords_of_word: 32}}
characters: {{kind: cnn, size: 4, units: 4, dropout: 0.0}}
word_dropout: 0.0
recurrent: {{cell: gru, units: 8, projection: 8, dropout: {{inputs: 0.0, between: 0.0}}}}
decoder: {{dropout: 0.0}}
training: {{epochs: 2, batch_subwords: {batch}, learning_rate: 1e-2, encoder_learning_rate: 1e-2, average: 0.9}}
"""


def test_one_device_and_two_mirrored_ones_end_on_the_same_weights(
    tmp_path: Path, tiny_checkpoint: TinyCheckpoint
) -> None:
    from safetensors.numpy import load_file

    # 13 sentences of unequal lengths: the replicas get unequal shares, and the last batch is smaller.
    lines = [" ".join(["Maria B-PER\nin O\nBerlin B-LOC\n"] + ["the O\n"] * (number % 5)) for number in range(13)]
    (tmp_path / "train.conll").write_text("\n".join(line.replace("\n ", "\n") for line in lines), encoding="utf-8")
    encoder = tiny_checkpoint(cased=True)
    weights = {}
    # Two replicas share a batch of twice the size.
    for strategy, batch in (("none", 64), ("mirrored", 32)):
        recipe = tmp_path / f"{strategy}.yaml"
        recipe.write_text(RECIPE.format(encoder=encoder, batch=batch), encoding="utf-8")
        program = [sys.executable, "-c", PROGRAM, str(recipe), strategy, str(tmp_path / strategy)]
        done = subprocess.run(program, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert f"training on {2 if strategy == 'mirrored' else 1} device" in done.stdout
        weights[strategy] = load_file(tmp_path / strategy / "bundle" / "weights.safetensors")
    assert weights["none"].keys() == weights["mirrored"].keys()
    for name, value in weights["none"].items():
        # AdamW makes steps of one size even from gradients that are nothing but rounding (the keys' bias in attention).
        np.testing.assert_allclose(weights["mirrored"][name], value, rtol=1e-3, atol=1e-4, err_msg=name)


STEP = """
import sys
import numpy as np
import keras
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
from nlp_pipeline.inputs.feeding import feed, signature_of
from nlp_pipeline.training.optimizers import GroupedOptimizer, WeightGroup
from nlp_pipeline.training.step import TrainingStep

def train(strategy, shares):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(7, 4, 3)).astype(np.float32)
    lengths = np.array([4, 1, 3, 2, 4, 1, 1])
    batch = {"x": values, "padding_mask": np.arange(4)[None] < lengths[:, None]}
    with strategy.scope():
        weight = keras.Variable(np.array([[0.5], [-1.0], [2.0]], np.float32), name="w")
        optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
        optimizer.build([weight])
    def losses_of(batch, training):
        error = tf.square(tf.squeeze(batch["x"] @ weight.value, -1) - 1.0)
        return tf.reduce_sum(tf.where(batch["padding_mask"], error, 0.0), -1)
    def batches():
        for _ in range(5):
            for rows in shares:
                yield {key: value[rows] for key, value in batch.items()}
    grouped = GroupedOptimizer([WeightGroup("all", [weight], 0.1)], [optimizer])
    data = feed(batches, signature_of(batch), strategy)
    step = TrainingStep(losses_of, grouped, strategy, 3.0, data.element_spec)
    results = [step(one) for one in data]
    assert len(results) == 5, len(results)
    assert all(result.words == 16 for result in results), results
    return weight.numpy(), np.array(results)

alone, results = train(tf.distribute.get_strategy(), [[0, 1, 2, 3, 4, 5, 6]])
names = [device.name for device in tf.config.list_logical_devices("CPU")]
shared, results_of_shared = train(tf.distribute.MirroredStrategy(names), [[0, 3, 6], [1], [2, 4, 5]])
np.testing.assert_allclose(shared, alone, rtol=1e-6)
np.testing.assert_allclose(results_of_shared, results, rtol=1e-5)
print("equal", results[0][2] > 3.0)
"""


def test_uneven_shares_give_the_same_steps() -> None:
    done = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    # The first gradient was longer than clip_norm, so that clipping was part of what is equal.
    assert done.stdout.strip() == "equal True"
