"""What stands between an encoder and the recurrent layers: pooling of subwords, mixing of layers, dropout of words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from nlp_pipeline.layers.dropout import of_replica

Shape = Sequence[int | None]


class WordPooling(keras.layers.Layer):
    """The mean of the vectors of a word's subwords, wherever in the batch these stand.

    A sentence may lie in several rows (windows) of the encoder; each subword names the word that it counts for. To let
    the first or the last subword stand for its word, only that one names it.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)

    def call(self, vectors: tf.Tensor, word_of_subword: tf.Tensor, words: int | tf.Tensor) -> tf.Tensor:
        """Pool.

        Args:
            vectors: of R windows of S subwords, `[R, S, E]`.
            word_of_subword: int32 `[R, S]`: n > 0 for a subword of word n - 1 of the N words; 0 for one that counts for
                no word.
            words: N, how many there are.

        Returns:
            `[N, E]`; zeros for a word that no subword names.
        """
        units = vectors.shape[-1]
        flat = tf.cast(tf.reshape(vectors, [-1, units]), tf.float32)
        # A segment of -1 is dropped: that is where the subwords of no word go.
        segments = tf.reshape(word_of_subword, [-1]) - 1
        return tf.cast(tf.math.unsorted_segment_mean(flat, segments, words), self.compute_dtype)

    def compute_output_shape(self, vectors_shape: Shape, **other_shapes: Shape) -> Shape:  # noqa: ARG002
        """Return `[N, E]`."""
        return (None, vectors_shape[-1])


class LayerMix(keras.layers.Layer):
    """A learned mixture of an encoder's layers, `gamma * sum_n softmax(w)_n h_n` (Peters et al. 2018, equation 1).

    It starts as the plain mean of the layers.
    """

    def build(self, inputs_shape: Shape) -> None:
        """Make `layer_scores` w `[M]` and the scale `gamma`, for inputs `[..., M, E]`."""
        self.layer_scores = self.add_weight(
            shape=(inputs_shape[-2],), initializer="zeros", autocast=False, name="layer_scores"
        )
        self.gamma = self.add_weight(shape=(), initializer="ones", autocast=False, name="gamma")

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Mix `[..., M, E]`, M layers of E units, into `[..., E]`."""
        weights = tf.cast(self.gamma * tf.nn.softmax(self.layer_scores), inputs.dtype)
        return tf.reduce_sum(inputs * weights[:, tf.newaxis], axis=-2)

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        """Return `[..., E]`."""
        return (*inputs_shape[:-2], inputs_shape[-1])


class WordDropout(keras.layers.Layer):
    """Drops whole word vectors in training, as Flair does; the others stay as they are, without scaling.

    Args:
        rate: share of the words.
        seed: drawn from Keras' global seed when left out.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = rate
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Drop words of `[..., E]`."""
        if not training or self.rate == 0.0:
            return inputs
        drawn = keras.random.uniform(tf.shape(inputs)[:-1], dtype="float32", seed=of_replica(self.seed_generator))
        return tf.where((drawn >= self.rate)[..., tf.newaxis], inputs, tf.zeros([], inputs.dtype))

    def compute_output_shape(self, inputs_shape: Shape) -> Shape:
        """Return the shape of the inputs."""
        return inputs_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
