"""Dropout: what is dropped, and what becomes of the rest; other numbers on each of several replicas."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from nlp_pipeline.layers.dropout import Dropout

PROGRAM = """
import keras
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 3)
from nlp_pipeline.layers.dropout import Dropout
strategy = tf.distribute.MirroredStrategy([device.name for device in tf.config.list_logical_devices("CPU")])
alone = Dropout(0.5, seed=3)
with strategy.scope():
    shared = Dropout(0.5, seed=3)
drop = tf.function(lambda: strategy.run(lambda: shared(tf.ones([64]), training=True)))
rows = []
for _ in range(3):
    found = [one.numpy() for one in strategy.experimental_local_results(drop())]
    np.testing.assert_array_equal(found[0], alone(tf.ones([64]), training=True))
    rows += found
assert len({row.tobytes() for row in rows}) == 9, "each replica, at each step, draws its own"
(state,) = shared.variables
np.testing.assert_array_equal(state, alone.variables[0])
"""


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.75])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("shape", [(301, 333), (7, 11, 1301)])
def test_a_share_is_dropped_and_the_mean_stays(shape: tuple[int, ...], dtype: str, rate: float) -> None:
    layer, ones = Dropout(rate, seed=11, dtype=dtype), tf.ones(shape, dtype)
    first, second = (tf.cast(layer(ones, training=True), tf.float32).numpy() for _ in "ab")
    np.testing.assert_allclose(np.unique(first), [0.0, 1.0 / (1.0 - rate)], rtol=1e-2 if dtype == "bfloat16" else 1e-4)
    # Five standard deviations; neighbours, which share their 32 bits, are dropped together no more often.
    deviation = (rate * (1.0 - rate) / first.size) ** 0.5
    assert np.mean(first == 0.0) == pytest.approx(rate, abs=5 * deviation)
    pairs = first.ravel()[: first.size // 2 * 2].reshape(-1, 2)
    assert np.mean((pairs == 0.0).all(axis=1)) == pytest.approx(rate**2, abs=10 * deviation)
    assert np.mean((first == 0.0) & (second == 0.0)) == pytest.approx(rate**2, abs=5 * deviation)
    np.testing.assert_array_equal(layer(ones), ones)


def test_the_gradient_goes_where_numbers_were_kept() -> None:
    layer, ones = Dropout(0.4, seed=11), tf.ones([5, 4, 3])
    with tf.GradientTape() as tape:
        tape.watch(ones)
        kept = layer(ones, training=True)
    np.testing.assert_array_equal(tape.gradient(kept, ones), kept)


def test_its_state_is_all_that_a_checkpoint_has_to_keep() -> None:
    layer, ones = Dropout(0.4, seed=11), tf.ones([64])
    assert len(layer.variables) == 1
    assert not Dropout(0.0).variables
    again = Dropout.from_config(layer.get_config())
    layer(ones, training=True)
    again.variables[0].assign(layer.variables[0])
    np.testing.assert_array_equal(again(ones, training=True), layer(ones, training=True))


def test_each_replica_drops_other_units_while_the_state_is_one() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
