"""Dropout: Keras' own numbers on one replica, others on each of several."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
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


def test_on_one_replica_it_is_that_of_keras() -> None:
    ones = tf.ones([5, 4, 3])
    for noise_shape in (None, (None, 1, None)):
        own = Dropout(0.4, noise_shape=noise_shape, seed=11)
        theirs = keras.layers.Dropout(0.4, noise_shape=noise_shape, seed=11)
        for _ in range(2):
            np.testing.assert_array_equal(own(ones, training=True), theirs(ones, training=True))
        np.testing.assert_array_equal(own(ones), ones)
    # Its state, and nothing else, is what a checkpoint has to keep.
    assert len(own.variables) == 1
    assert not Dropout(0.0).variables


def test_what_is_to_be_dropped_may_be_drawn_before_the_inputs_are_there() -> None:
    own, early = Dropout(0.4, seed=11), Dropout(0.4, seed=11)

    @tf.function(input_signature=[tf.TensorSpec([None, 3])])
    def drop(inputs: tf.Tensor) -> tf.Tensor:
        return early(inputs, training=True, rows=tf.constant(50))

    for _ in range(2):
        np.testing.assert_array_equal(drop(tf.ones([50, 3])), own(tf.ones([50, 3]), training=True))
    graph = drop.get_concrete_function().graph
    (drawn,) = (node for node in graph.get_operations() if node.type == "StatelessRandomUniformV2")
    seen, behind = set(), [drawn]
    while behind:
        node = behind.pop()
        seen.add(node.name)
        behind += [tensor.op for tensor in node.inputs if tensor.op.name not in seen]
    assert not seen & {tensor.op.name for tensor in graph.inputs if tensor.dtype == tf.float32}


def test_each_replica_drops_other_units_while_the_state_is_one() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
