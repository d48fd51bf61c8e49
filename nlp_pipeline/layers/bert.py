"""The BERT encoder (Devlin et al., 2019, https://aclanthology.org/N19-1423/) as Keras layers.

A stack of post-norm transformer blocks (Vaswani et al., 2017) over the sum of three embeddings. The layers hold what a
checkpoint's configuration says, number by number; `nlp_pipeline.models.checkpoint` fills them.
"""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from nlp_pipeline.layers.bert_block import BertBlock, BertNorm, Shape
from nlp_pipeline.layers.dropout import Dropout


class BertEmbeddings(keras.layers.Layer):
    """Sum of a subword's, its position's and its segment's embedding, normalised.

    Args:
        vocabulary_size: number of subwords, V.
        units: width, E.
        positions: the longest sequence there are positions for.
        segments: number of segments (`type_vocab_size`).
        epsilon: of the normalisation.
        dropout: share of the result that is dropped in training.
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int,
        positions: int = 512,
        segments: int = 2,
        epsilon: float = 1e-12,
        dropout: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.positions = positions
        self.segments = segments
        self.epsilon = epsilon
        self.dropout = dropout
        self.norm = BertNorm(epsilon, dtype="float32", name="norm")
        self.dropper = Dropout(dropout, dtype="float32", name="dropper")

    def build(
        self,
        subword_ids_shape: Shape,
        segment_ids_shape: Shape | None = None,  # noqa: ARG002  (Keras passes the shape of every input)
    ) -> None:
        """Make the three tables: `[V, E]`, `[positions, E]`, `[segments, E]`."""

        # Not cast automatically: rows are looked up first, so that mixed precision does not cast a whole table a step.
        def table(rows: int, name: str) -> keras.Variable:
            initializer = keras.initializers.TruncatedNormal(stddev=0.02)
            return self.add_weight(shape=(rows, self.units), initializer=initializer, autocast=False, name=name)

        self.subword_table = table(self.vocabulary_size, "subword_table")
        self.position_table = table(self.positions, "position_table")
        self.segment_table = table(self.segments, "segment_table")
        self.norm.build((*subword_ids_shape, self.units))

    def call(
        self, subword_ids: tf.Tensor, segment_ids: tf.Tensor | None = None, training: bool | None = None
    ) -> tf.Tensor:
        """Embed a batch.

        Args:
            subword_ids: int32 `[B, S]`.
            segment_ids: int32 `[B, S]`; all zeros when left out.
            training: whether to drop out.

        Returns:
            `[B, S, E]` float32.

        Raises:
            ValueError: S is known while tracing and is more than `positions`.
            tf.errors.InvalidArgumentError: S turns out to be more than `positions`.
        """
        length = self._checked_length(subword_ids)
        summed = tf.gather(self.subword_table, subword_ids) + self.position_table[:length]
        if segment_ids is None:
            summed += self.segment_table[0]
        else:
            summed += tf.gather(self.segment_table, segment_ids)
        return self.dropper(self.norm(summed), training=training)

    def _checked_length(self, subword_ids: tf.Tensor) -> int | tf.Tensor:
        """Return S; without the check a longer batch would meet a confusing broadcasting error, or none."""
        message = f"expected at most {self.positions} subwords in a sequence, as many as this encoder has positions"
        length = subword_ids.shape[1]
        if length is not None:
            if length > self.positions:
                raise ValueError(f"{message}. Received: a batch of shape {tuple(subword_ids.shape)}")
            return int(length)
        dynamic = tf.shape(subword_ids)[1]
        with tf.control_dependencies([tf.debugging.assert_less_equal(dynamic, self.positions, message=message)]):
            return tf.identity(dynamic)

    def compute_output_shape(self, subword_ids_shape: Shape, segment_ids_shape: Shape | None = None) -> Shape:  # noqa: ARG002
        """Return `[B, S, E]`."""
        return (*subword_ids_shape, self.units)

    def compute_output_spec(self, subword_ids: Any, *_: Any, **__: Any) -> Any:
        """Return `[B, S, E]`, float32 under every policy."""
        return keras.KerasTensor((*subword_ids.shape, self.units), "float32")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "positions": self.positions,
            "segments": self.segments,
            "epsilon": self.epsilon,
            "dropout": self.dropout,
        }


class BertEncoder(keras.layers.Layer):
    """The whole encoder: embeddings, then `layers` blocks; gives the states after each of them.

    Args:
        vocabulary_size: number of subwords, V.
        units: width, E.
        layers: number of blocks of the checkpoint.
        heads: attention heads of a block.
        inner_units: width between a block's two dense layers.
        positions: the longest sequence, in subwords.
        segments: number of segments (`type_vocab_size`).
        activation: a name of `ACTIVATIONS`.
        epsilon: of every normalisation.
        dropout: on embeddings and on the outputs of attention and dense layers, in training.
        attention_dropout: on attention weights, in training.
        up_to_layer: the last block that is there; those above are neither kept nor computed. None: all of them;
            0: the embeddings alone.
    """

    def __init__(
        self,
        vocabulary_size: int,
        units: int,
        layers: int,
        heads: int,
        inner_units: int,
        positions: int = 512,
        segments: int = 2,
        activation: str = "gelu",
        epsilon: float = 1e-12,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        up_to_layer: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if up_to_layer is not None and not 0 <= up_to_layer <= layers:
            raise ValueError(f"expected `up_to_layer` from 0 to {layers}. Received: {up_to_layer}")
        self.vocabulary_size = vocabulary_size
        self.units = units
        self.layers = layers
        self.heads = heads
        self.inner_units = inner_units
        self.positions = positions
        self.segments = segments
        self.activation = activation
        self.epsilon = epsilon
        self.dropout = dropout
        self.attention_dropout = attention_dropout
        self.up_to_layer = up_to_layer
        policy = self.dtype_policy
        self.embeddings = BertEmbeddings(
            vocabulary_size, units, positions, segments, epsilon, dropout, dtype=policy, name="embeddings"
        )
        self.blocks = [
            BertBlock(
                units,
                heads,
                inner_units,
                activation,
                epsilon,
                dropout,
                attention_dropout,
                dtype=policy,
                name=f"block_{number}",
            )
            for number in range(layers if up_to_layer is None else up_to_layer)
        ]

    def build(
        self,
        subword_ids_shape: Shape = (None, None),
        padding_mask_shape: Shape | None = None,
        segment_ids_shape: Shape | None = None,
    ) -> None:
        """Make the weights; they depend on no shape, so `build()` alone will do."""
        self.embeddings.build(subword_ids_shape, segment_ids_shape)
        for block in self.blocks:
            block.build((*subword_ids_shape, self.units), padding_mask_shape)

    def call(
        self,
        subword_ids: tf.Tensor,
        padding_mask: tf.Tensor,
        segment_ids: tf.Tensor | None = None,
        training: bool | None = None,
    ) -> list[tf.Tensor]:
        """Encode a batch.

        Args:
            subword_ids: int32 `[B, S]`, S at most `positions`.
            padding_mask: bool `[B, S]`, True where there is a real subword.
            segment_ids: int32 `[B, S]`; all zeros when left out.
            training: whether to drop out.

        Returns:
            `up_to_layer + 1` tensors `[B, S, E]` float32: the embeddings, then the states after each block. What stands
            at padded positions means nothing.
        """
        states = [self.embeddings(subword_ids, segment_ids, training=training)]
        for block in self.blocks:
            states.append(block(states[-1], padding_mask, training=training))
        return states

    def compute_output_shape(
        self,
        subword_ids_shape: Shape,
        padding_mask_shape: Shape | None = None,  # noqa: ARG002
        segment_ids_shape: Shape | None = None,  # noqa: ARG002
    ) -> list[Shape]:
        """Return `[B, S, E]` for the embeddings and for each block."""
        return [(*subword_ids_shape, self.units)] * (len(self.blocks) + 1)

    def compute_output_spec(self, subword_ids: Any, *_: Any, **__: Any) -> Any:
        """Return the same, float32 under every policy."""
        shapes = self.compute_output_shape(subword_ids.shape)
        return [keras.KerasTensor(shape, "float32") for shape in shapes]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "units": self.units,
            "layers": self.layers,
            "heads": self.heads,
            "inner_units": self.inner_units,
            "positions": self.positions,
            "segments": self.segments,
            "activation": self.activation,
            "epsilon": self.epsilon,
            "dropout": self.dropout,
            "attention_dropout": self.attention_dropout,
            "up_to_layer": self.up_to_layer,
        }
