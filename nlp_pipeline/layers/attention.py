"""Attention: which of the source's annotations a step of the decoder looks at.

A query is held against keys `[B, S, A]`, one for each annotation; the softmax of its energies over the real annotations
are the attention weights, and the sum of the values `[B, S, D]`, weighted by them, is the context `[B, D]`:

    additive      e_s = v . tanh(W query + U value_s)        Bahdanau et al. 2015, section A.1.2
    general       e_s = query . (W value_s)                  Luong et al. 2015, equation 8
    dot           e_s = query . value_s                      Luong et al. 2015, equation 8

The keys, `U value_s` or `W value_s`, do not depend on the query, and are computed once for a sentence.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
import tensorflow as tf

from nlp_pipeline.layers.rounding import rounded

Shape = Sequence[int | None]

SCORES = ("additive", "general", "dot")

# The energy of padding: so low that its weight is 0 in float32, and finite, so that no inf - inf turns up.
NOWHERE = -1e30


class Annotations(NamedTuple):
    """What a decoder attends to.

    Attributes:
        keys: float32 `[B, S, A]`.
        values: float32 `[B, S, D]`.
        padding_mask: bool `[B, S]`, with at least one real annotation in each row.
    """

    keys: tf.Tensor
    values: tf.Tensor
    padding_mask: tf.Tensor


class Attention(keras.layers.Layer):
    """Attention to the annotations of a sentence.

    It computes in float32 whatever the precision policy, but for the products of its kernels.

    Args:
        score: `additive`, `general` or `dot`.
        units: A: of the additive attention, or of the query of the others; `dot` needs values of as many.

    Raises:
        ValueError: an unknown score, or values that the score cannot take.
    """

    def __init__(self, score: Literal["additive", "general", "dot"], units: int, **kwargs: Any) -> None:
        # Keys and values come in float32, and stay so.
        super().__init__(autocast=False, **kwargs)
        if score not in SCORES:
            raise ValueError(f"expected a score of {', '.join(SCORES)}. Received: {score!r}")
        self.score = score
        self.units = units

    def build(self, query_shape: Shape, values_shape: Shape) -> None:
        """Make the weights, for queries `[B, Q]` and values `[B, S, D]`."""
        queries, depth = query_shape[-1], values_shape[-1]
        if self.score == "dot" and not queries == depth == self.units:
            raise ValueError(f"expected queries and values of {self.units} units. Received: {queries} and {depth}")
        if self.score == "general" and queries != self.units:
            raise ValueError(f"expected queries of {self.units} units. Received: {queries}")
        if self.score != "dot":
            self.key_kernel = self.add_weight(shape=(depth, self.units), initializer="glorot_uniform", name="keys")
        if self.score == "additive":
            self.query_kernel = self.add_weight(shape=(queries, self.units), initializer="glorot_uniform", name="query")
            # As the outgoing weights of a layer of one unit.
            self.energy = self.add_weight(
                shape=(self.units, 1), initializer="glorot_uniform", dtype="float32", autocast=False, name="energy"
            )

    def annotate(self, values: tf.Tensor, padding_mask: tf.Tensor) -> Annotations:
        """Return keys and values of a batch of sentences.

        Args:
            values: the encoder's outputs `[B, S, D]`.
            padding_mask: bool `[B, S]`.
        """
        values = tf.cast(values, self.compute_dtype)
        keys = values
        if self.score != "dot":
            kernel = rounded(self.key_kernel, values.dtype)
            # One product of two matrices; of three axes each sentence would have a gradient of the kernel of its own.
            flat = tf.matmul(tf.reshape(values, [-1, values.shape[2]]), kernel)
            keys = tf.reshape(flat, tf.concat([tf.shape(values)[:2], [self.units]], axis=0))
            keys = tf.ensure_shape(keys, [None, None, self.units])
        return Annotations(tf.cast(keys, tf.float32), tf.cast(values, tf.float32), padding_mask)

    def project_query(self, query: tf.Tensor) -> tf.Tensor:
        """Return queries `[..., Q]` as they are held against the keys `[..., A]`, float32."""
        if self.score != "additive":
            return tf.cast(query, tf.float32)
        query = tf.cast(query, self.compute_dtype)
        kernel = rounded(self.query_kernel, query.dtype)
        return tf.cast(tf.matmul(query, kernel), tf.float32)

    def energy_vector(self) -> tf.Tensor | None:
        """Return v `[A]`, float32, of the additive score; None of the others."""
        return tf.convert_to_tensor(self.energy.value)[:, 0] if self.score == "additive" else None

    def call(self, query: tf.Tensor, annotations: Annotations) -> tuple[tf.Tensor, tf.Tensor]:
        """Attend.

        Args:
            query: `[B, Q]`, or of several steps at once `[B, T, Q]`.
            annotations: what `annotate` gave.

        Returns:
            The contexts, float32 `[B, D]` or `[B, T, D]`, and the attention weights `[B, S]` or `[B, T, S]`: 0 on
            padding, and with a sum of 1.
        """
        projected = self.project_query(query)
        if len(projected.shape) == 2:
            return attend(projected, annotations, self.energy_vector())
        steps, keys = tf.shape(projected)[1], projected.shape[2]
        found = attend(tf.reshape(projected, [-1, keys]), annotations, self.energy_vector())
        context, weights = (tf.reshape(one, [-1, steps, tf.shape(one)[1]]) for one in found)
        return tf.ensure_shape(context, [None, None, annotations.values.shape[2]]), weights

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "score": self.score, "units": self.units}


def attend(query: tf.Tensor, annotations: Annotations, energy_vector: tf.Tensor | None) -> tuple[tf.Tensor, tf.Tensor]:
    """Attend with projected queries, one a sentence, or several that stand one after the other.

    Args:
        query: `[B * N, A]`, N for each sentence.
        annotations: of B sentences.
        energy_vector: v `[A]` for additive energies; None for products.

    Returns:
        The contexts `[B * N, D]` and the attention weights `[B * N, S]`.
    """
    weights = attention_weights(query, annotations, energy_vector)
    return weighted_sum(weights, annotations.values), tf.reshape(weights, [-1, tf.shape(weights)[2]])


def attention_weights(query: tf.Tensor, annotations: Annotations, energy_vector: tf.Tensor | None) -> tf.Tensor:
    """Return the attention weights `[B, N, S]` of projected queries, as `attend` takes them."""
    keys, _, padding_mask = annotations
    sentences, source = tf.unstack(tf.shape(keys)[:2])
    grouped = tf.reshape(query, [sentences, -1, keys.shape[2]])
    if energy_vector is None:
        energies = tf.matmul(grouped, keys, transpose_b=True)
    else:
        seen = tf.tanh(keys[:, tf.newaxis] + grouped[:, :, tf.newaxis])
        # One product of two matrices. A batched one with a vector for all (`matvec` of four dimensions) overwrites
        # memory in graphs of TensorFlow 2.21 with oneDNN.
        energies = tf.matmul(tf.reshape(seen, [-1, keys.shape[2]]), energy_vector[:, tf.newaxis])
        energies = tf.reshape(energies, [sentences, -1, source])
    return tf.nn.softmax(tf.where(padding_mask[:, tf.newaxis], energies, NOWHERE))


def weighted_sum(weights: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """Return the sums `[B * N, D]` of values `[B, S, D]` by weights `[B, N, S]`."""
    return tf.reshape(tf.matmul(weights, values), [-1, values.shape[2]])
