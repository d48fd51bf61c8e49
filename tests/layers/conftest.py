"""What is asked of every layer, in one call."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import keras
import numpy as np
import pytest
import tensorflow as tf

Loss = Callable[[keras.layers.Layer, dict[str, tf.Tensor]], tf.Tensor]


class LayerCheck(Protocol):
    """Checks a layer: configuration, shapes, dynamic dimensions, weights there and back, precision, a training step."""

    def __call__(
        self,
        layer: keras.layers.Layer,
        inputs: Mapping[str, Any],
        *,
        output_dtype: str = "bfloat16",
        loss: Loss | None = None,
    ) -> tf.Tensor: ...


@pytest.fixture
def check_layer() -> LayerCheck:
    """Return a function that checks a layer with inputs by name, and gives its output.

    The layer must not drop out. `output_dtype` is that of the output under mixed_bfloat16. `loss` is what a training
    step lowers, where it is not the distance of the output from ones.
    """

    def check(
        layer: keras.layers.Layer,
        inputs: Mapping[str, Any],
        *,
        output_dtype: str = "bfloat16",
        loss: Loss | None = None,
    ) -> tf.Tensor:
        tensors = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
        output = layer(**tensors)
        _check_config(layer)
        shapes = {f"{name}_shape": tuple(value.shape) for name, value in tensors.items()}
        _check_shape(layer.compute_output_shape(**shapes), output.shape)
        _check_dynamic(layer, tensors, output)
        _check_reload(layer, tensors, output)
        _check_mixed_precision(layer, tensors, output, output_dtype)
        _check_training_step(layer, tensors, loss or _distance_from_ones)
        return output

    return check


def _check_config(layer: keras.layers.Layer) -> None:
    config = layer.get_config()
    again = type(layer).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    for argument, parameter in inspect.signature(type(layer).__init__).parameters.items():
        if argument != "self" and parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            assert argument in config
            assert getattr(again, argument) == getattr(layer, argument)


def _check_shape(computed: Any, shape: Any) -> None:
    assert len(computed) == len(shape)
    for expected, received in zip(computed, shape, strict=True):
        assert expected in (None, received)


def _check_dynamic(layer: keras.layers.Layer, tensors: dict[str, tf.Tensor], output: tf.Tensor) -> None:
    """Batch and length are unknown in a graph; the last axis of what is not a number a word is known."""
    signature = {
        name: tf.TensorSpec([None] * min(value.shape.rank, 2) + value.shape[2:].as_list(), value.dtype)
        for name, value in tensors.items()
    }
    graph = tf.function(lambda named: layer(**named), input_signature=[signature])
    np.testing.assert_allclose(graph(tensors), output, rtol=1e-5, atol=1e-6)


def _check_reload(layer: keras.layers.Layer, tensors: dict[str, tf.Tensor], output: tf.Tensor) -> None:
    again = type(layer).from_config(layer.get_config())
    again(**tensors)
    assert [weight.path for weight in again.weights] == [weight.path for weight in layer.weights]
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(**tensors), output)


def _check_mixed_precision(
    layer: keras.layers.Layer, tensors: dict[str, tf.Tensor], output: tf.Tensor, dtype: str
) -> None:
    config = layer.get_config()
    config["dtype"] = "mixed_bfloat16"
    mixed = type(layer).from_config(config)
    rounded = mixed(**tensors)
    mixed.set_weights(layer.get_weights())
    rounded = mixed(**tensors)
    assert rounded.dtype.name == dtype
    assert all(weight.dtype == "float32" for weight in mixed.weights)
    scale = max(1.0, float(tf.reduce_max(tf.abs(output))))
    np.testing.assert_allclose(tf.cast(rounded, tf.float32), output, atol=0.03 * scale)


def _distance_from_ones(layer: keras.layers.Layer, tensors: dict[str, tf.Tensor]) -> tf.Tensor:
    training = {"training": True} if "training" in inspect.signature(layer.call).parameters else {}
    return tf.reduce_mean(tf.square(layer(**tensors, **training) - 1.0))


def _check_training_step(layer: keras.layers.Layer, tensors: dict[str, tf.Tensor], loss: Loss) -> None:
    """Every weight has a gradient, and a small step down it lowers the loss."""
    if not layer.trainable_weights:
        return
    again = type(layer).from_config(layer.get_config())
    again(**tensors)
    again.set_weights(layer.get_weights())
    variables = [weight.value for weight in again.trainable_weights]
    with tf.GradientTape() as tape:
        before = loss(again, tensors)
    gradients = [tf.convert_to_tensor(gradient) for gradient in tape.gradient(before, variables)]
    norm = float(tf.linalg.global_norm(gradients))
    assert np.isfinite(norm)
    assert norm > 0
    for variable, gradient in zip(variables, gradients, strict=True):
        variable.assign_sub(gradient * (1e-2 / norm))
    assert float(loss(again, tensors)) < float(before)
