"""One block of the BERT encoder: self-attention, two dense layers, and the normalisation after each.

Normalisation, softmax and the sums of shortcuts are computed in float32 whatever the precision; what is rounded is only
what is multiplied by a kernel, or by other states.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from nlp_pipeline.layers.dropout import Dropout
from nlp_pipeline.layers.rounding import rounded

Shape = Sequence[int | None]


def _gelu(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.gelu(x, approximate=False)


def _gelu_tanh(x: tf.Tensor) -> tf.Tensor:
    return tf.nn.gelu(x, approximate=True)


ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "gelu": _gelu,
    "gelu_python": _gelu,
    "gelu_new": _gelu_tanh,
    "gelu_fast": _gelu_tanh,
    "gelu_pytorch_tanh": _gelu_tanh,
    "relu": tf.nn.relu,
    "silu": tf.nn.silu,
    "swish": tf.nn.silu,
    "tanh": tf.nn.tanh,
}
"""What follows the inner product of a block, by the names that checkpoints use. `gelu` is the exact one, with erf."""


def dense(inputs: tf.Tensor, kernel: keras.Variable, bias: keras.Variable) -> tf.Tensor:
    """Return `inputs @ kernel + bias`.

    In this form TensorFlow fuses product, sum and a `tf.nn.gelu` right behind on a CPU; with inputs of three axes, or
    with `+`, it does not.

    Args:
        inputs: `[N, inputs]`.
        kernel: `[inputs, outputs]`.
        bias: `[outputs]`.
    """
    return tf.nn.bias_add(tf.matmul(inputs, rounded(kernel, inputs.dtype)), rounded(bias, inputs.dtype))


class BertNorm(keras.layers.Layer):
    """Layer normalisation over the last axis, `(x - mean) / sqrt(variance + epsilon) * scale + offset`, in float32.

    Of the policy float32, whatever that of the layer around it. `keras.layers.LayerNormalization` gives the same
    numbers, in twice the time on a CPU.

    Args:
        epsilon: added to the variance.
    """

    def __init__(self, epsilon: float = 1e-12, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.epsilon = epsilon

    def build(self, input_shape: Shape) -> None:
        """Make `scale` and `offset`, both `[E]`."""
        units = input_shape[-1]
        self.scale = self.add_weight(shape=(units,), initializer="ones", autocast=False, name="scale")
        self.offset = self.add_weight(shape=(units,), initializer="zeros", autocast=False, name="offset")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalise `[..., E]`."""
        centred = inputs - tf.reduce_mean(inputs, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        return centred * (tf.math.rsqrt(variance + self.epsilon) * self.scale) + self.offset

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "epsilon": self.epsilon}


def _masked(scores: tf.Tensor, padding_mask: tf.Tensor) -> tf.Tensor:
    """Return the scores `[B, H, S, S]`, lowest where a padded position `[B, S]` is looked at.

    As a sum, for a choice takes three times as long; beside the lowest number that there is, a score is nothing.
    """
    return scores + tf.where(padding_mask, 0.0, tf.float32.min)[:, tf.newaxis, tf.newaxis, :]


class BertSelfAttention(keras.layers.Layer):
    """Scaled dot-product self-attention with several heads, and the projection after it.

    For each head, `softmax(Q K^T / sqrt(D)) V` with `[Q, K, V] = x W + b`, where W is one matrix `[E, 3E]`: one large
    product is faster than three. The heads' contexts are joined and projected by `output_kernel`.

    Args:
        units: width, E.
        heads: number of heads, H; D is E / H.
        dropout: share of the attention weights that is dropped in training.
    """

    def __init__(self, units: int, heads: int, dropout: float = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if units % heads:
            raise ValueError(f"expected `units` that `heads` divides. Received: units={units}, heads={heads}")
        self.units = units
        self.heads = heads
        self.dropout = dropout
        self.dropper = Dropout(dropout, dtype=self.dtype_policy, name="dropper")

    def build(
        self,
        states_shape: Shape,  # noqa: ARG002
        padding_mask_shape: Shape | None = None,  # noqa: ARG002
    ) -> None:
        """Make the kernels `[E, 3E]` (query, key, value side by side) and `[E, E]`, and their biases."""
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        units = self.units
        self.kernel = self.add_weight(shape=(units, 3 * units), initializer=initializer, name="kernel")
        self.bias = self.add_weight(shape=(3 * units,), initializer="zeros", name="bias")
        self.output_kernel = self.add_weight(shape=(units, units), initializer=initializer, name="output_kernel")
        self.output_bias = self.add_weight(shape=(units,), initializer="zeros", name="output_bias")

    def call(self, states: tf.Tensor, padding_mask: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Let every position gather from the real positions of its sequence.

        Args:
            states: `[B, S, E]`.
            padding_mask: bool `[B, S]`, True where there is a real subword.
            training: whether to drop out.

        Returns:
            `[B, S, E]`. In a row without any real subword every position has the same weight, and nothing is NaN.
        """
        batch, length = tf.shape(states)[0], tf.shape(states)[1]
        depth = self.units // self.heads
        joined = dense(tf.reshape(states, [-1, self.units]), self.kernel, self.bias)
        split = tf.transpose(tf.reshape(joined, [batch, length, 3, self.heads, depth]), [2, 0, 3, 1, 4])
        query, key, value = tf.unstack(split)  # [B, H, S, D] each

        scores = tf.matmul(query * (1.0 / math.sqrt(depth)), key, transpose_b=True)
        scores = _masked(tf.cast(scores, tf.float32), padding_mask)
        weights = tf.cast(tf.nn.softmax(scores), self.compute_dtype)  # [B, H, S, S]
        context = tf.matmul(self.dropper(weights, training=training), value)

        flat = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [-1, self.units])
        return tf.reshape(dense(flat, self.output_kernel, self.output_bias), tf.shape(states))

    def compute_output_shape(self, states_shape: Shape, padding_mask_shape: Shape | None = None) -> Shape:  # noqa: ARG002
        """Return `[B, S, E]`."""
        return states_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "heads": self.heads, "dropout": self.dropout}


class BertBlock(keras.layers.Layer):
    """One layer of the encoder: self-attention, then two dense layers, each with a shortcut and a normalisation.

        a = norm(x + attention(x))
        y = norm(a + activation(a W1 + b1) W2 + b2)

    Args:
        units: width, E.
        heads: number of attention heads.
        inner_units: width between the two dense layers.
        activation: a name of `ACTIVATIONS`.
        epsilon: of the normalisations.
        dropout: share of each of the two sums' second terms that is dropped in training.
        attention_dropout: share of the attention weights that is dropped in training.
    """

    def __init__(
        self,
        units: int,
        heads: int,
        inner_units: int,
        activation: str = "gelu",
        epsilon: float = 1e-12,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        if activation not in ACTIVATIONS:
            raise ValueError(f"expected an activation of {', '.join(ACTIVATIONS)}. Received: {activation!r}")
        self.units = units
        self.heads = heads
        self.inner_units = inner_units
        self.activation = activation
        self.epsilon = epsilon
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        policy = self.dtype_policy
        self.attention = BertSelfAttention(units, heads, attention_dropout, dtype=policy, name="attention")
        self.attention_norm = BertNorm(epsilon, dtype="float32", name="attention_norm")
        self.output_norm = BertNorm(epsilon, dtype="float32", name="output_norm")
        self.dropper = Dropout(dropout, dtype=policy, name="dropper")

    def build(self, states_shape: Shape, padding_mask_shape: Shape | None = None) -> None:
        """Make the kernels `[E, inner]` and `[inner, E]`, and their biases."""
        initializer = keras.initializers.TruncatedNormal(stddev=0.02)
        units, inner = self.units, self.inner_units
        self.attention.build(states_shape, padding_mask_shape)
        self.attention_norm.build(states_shape)
        self.output_norm.build(states_shape)
        self.inner_kernel = self.add_weight(shape=(units, inner), initializer=initializer, name="inner_kernel")
        self.inner_bias = self.add_weight(shape=(inner,), initializer="zeros", name="inner_bias")
        self.output_kernel = self.add_weight(shape=(inner, units), initializer=initializer, name="output_kernel")
        self.output_bias = self.add_weight(shape=(units,), initializer="zeros", name="output_bias")

    def call(self, states: tf.Tensor, padding_mask: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Map `states` `[B, S, E]` to `[B, S, E]`, both float32; `padding_mask` is bool `[B, S]`, True at a subword."""
        states = tf.cast(states, tf.float32)
        attended = self.attention(tf.cast(states, self.compute_dtype), padding_mask, training=training)
        states = self.attention_norm(states + tf.cast(self.dropper(attended, training=training), tf.float32))
        flat = tf.cast(tf.reshape(states, [-1, self.units]), self.compute_dtype)
        inner = dense(flat, self.inner_kernel, self.inner_bias)
        outer = dense(ACTIVATIONS[self.activation](inner), self.output_kernel, self.output_bias)
        outer = self.dropper(tf.reshape(outer, tf.shape(states)), training=training)
        return self.output_norm(states + tf.cast(outer, tf.float32))

    def compute_output_shape(self, states_shape: Shape, padding_mask_shape: Shape | None = None) -> Shape:  # noqa: ARG002
        """Return `[B, S, E]`."""
        return states_shape

    def compute_output_spec(self, states: Any, *_: Any, **__: Any) -> Any:
        """Return `[B, S, E]`, float32 under every policy."""
        return keras.KerasTensor(states.shape, "float32")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "heads": self.heads,
            "inner_units": self.inner_units,
            "activation": self.activation,
            "epsilon": self.epsilon,
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
        }
