"""Words' vectors from their characters, for what the spelling tells: suffixes, capitals, digits.

Both layers read the DISTINCT words of a batch, `[W, C]` character ids padded with 0 on the right, and give `[W, D]`;
the tagger gathers from these rows the vector of each word of each sentence. A row of padding alone gives zeros.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from nlp_pipeline.layers.dropout import Dropout
from nlp_pipeline.layers.recurrent import RecurrentStack

Shape = Sequence[int | None]


class _CharacterEmbedding(keras.layers.Layer):
    """What both ways of reading characters begin with: an embedding of each character, and dropout.

    Args:
        vocabulary_size: number of characters, padding (0) included.
        size: of a character's embedding, E.
        dropout: share of the embeddings' numbers that is dropped in training.
        seed: of the dropout; drawn from Keras' global seed when left out.
    """

    def __init__(
        self, vocabulary_size: int, size: int, dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.size = size
        self.dropout = dropout
        self.seed = seed
        self.embedding = keras.layers.Embedding(vocabulary_size, size, dtype=self.dtype_policy, name="embedding")
        self.dropper = Dropout(dropout, seed=seed, dtype=self.dtype_policy, name="dropper")

    def embed(self, character_ids: tf.Tensor, training: bool | None) -> tf.Tensor:
        """Return the embeddings `[..., E]` of character ids `[...]`, with dropout."""
        return self.dropper(self.embedding(character_ids), training=training)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "size": self.size,
            "dropout": self.dropout,
            "seed": self.seed,
        }


class CharacterLSTM(_CharacterEmbedding):
    """The last states of a two-way LSTM over a word's characters, side by side (Lample et al. 2016, section 4.1).

    The forward state has read the word up to its last character, the backward one up to its first.

    Args:
        vocabulary_size: number of characters, padding (0) included.
        size: of a character's embedding, E.
        units: of one direction, U.
        dropout: share of the embeddings' numbers that is dropped in training.
        use_cudnn: as in `RecurrentStack`.
        seed: of the dropout; drawn from Keras' global seed when left out.
    """

    def __init__(
        self,
        vocabulary_size: int,
        size: int,
        units: int,
        dropout: float = 0.0,
        use_cudnn: bool | str = "auto",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, size, dropout, seed, **kwargs)
        self.units = units
        self.use_cudnn = use_cudnn
        self.recurrent = RecurrentStack(
            "lstm", units, use_cudnn=use_cudnn, seed=seed, dtype=self.dtype_policy, name="recurrent"
        )

    def build(self, character_ids_shape: Shape) -> None:
        """Make the table `[V, E]` and the two LSTMs."""
        self.embedding.build(character_ids_shape)
        self.recurrent.build((*character_ids_shape, self.size))

    def call(self, character_ids: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Read words: `character_ids` int32 `[W, C]`, 0 on padding; gives `[W, 2U]`."""
        padding_mask = character_ids > 0
        outputs = self.recurrent(self.embed(character_ids, training), padding_mask=padding_mask, training=training)
        last = tf.maximum(tf.reduce_sum(tf.cast(padding_mask, tf.int32), axis=1) - 1, 0)
        forward = tf.gather(outputs[:, :, : self.units], last, axis=1, batch_dims=1)
        return tf.concat([forward, outputs[:, 0, self.units :]], axis=-1)

    def compute_output_shape(self, character_ids_shape: Shape) -> Shape:
        """Return `[W, 2U]`."""
        return (character_ids_shape[0], 2 * self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "use_cudnn": self.use_cudnn}


class CharacterCNN(_CharacterEmbedding):
    """Convolutions over a word's characters, the maximum of each filter over the word (Ma and Hovy 2016, section 2.1).

    For each width, `relu(max_t (filter * characters around t + bias))`. Outside the word there are zeros. Only the
    windows around real characters are looked at: padding can neither win the maximum nor cost anything, where one long
    word makes the batch wide.

    Args:
        vocabulary_size: number of characters, padding (0) included.
        size: of a character's embedding, E.
        filters: for each width, F.
        widths: of the filters, in characters; the window of an even one reaches one further to the right.
        dropout: share of the embeddings' numbers that is dropped in training.
        seed: of the dropout; drawn from Keras' global seed when left out.

    Raises:
        ValueError: there is no width, or one below 1.
    """

    def __init__(
        self,
        vocabulary_size: int,
        size: int,
        filters: int,
        widths: Sequence[int] = (3,),
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(vocabulary_size, size, dropout, seed, **kwargs)
        if not widths or min(widths) < 1:
            raise ValueError(f"expected `widths` of one character or more. Received: {list(widths)}")
        self.filters = filters
        self.widths = list(widths)

    def build(self, character_ids_shape: Shape) -> None:
        """Make the table `[V, E]`, and for each width a kernel `[width, E, F]` and a bias `[F]`."""
        self.embedding.build(character_ids_shape)
        self.kernels = []
        self.biases = []
        for number, width in enumerate(self.widths):
            self.kernels.append(self.add_weight(shape=(width, self.size, self.filters), name=f"kernel_{number}"))
            self.biases.append(self.add_weight(shape=(self.filters,), initializer="zeros", name=f"bias_{number}"))

    def call(self, character_ids: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Read words: `character_ids` int32 `[W, C]`, 0 on padding; gives `[W, F x number of widths]`."""
        padding_mask = character_ids > 0
        embedded = self.embed(tf.boolean_mask(character_ids, padding_mask), training)
        windows = tf.gather(tf.pad(embedded, [[1, 0], [0, 0]]), self._windows(padding_mask))  # [N, widest, E]

        widest = max(self.widths)
        kernels = []
        for kernel, width in zip(self.kernels, self.widths, strict=True):
            before = _reach(widest) - _reach(width)
            kernels.append(tf.pad(kernel.value, [[before, widest - width - before], [0, 0], [0, 0]]))
        kernel = tf.reshape(tf.concat(kernels, axis=2), [widest * self.size, -1])
        bias = tf.concat([bias.value for bias in self.biases], axis=0)
        convolved = tf.nn.bias_add(tf.matmul(tf.reshape(windows, [-1, widest * self.size]), kernel), bias)

        word_of_character = tf.cast(tf.where(padding_mask)[:, 0], tf.int32)
        return tf.nn.relu(tf.math.unsorted_segment_max(convolved, word_of_character, tf.shape(character_ids)[0]))

    def _windows(self, padding_mask: tf.Tensor) -> tf.Tensor:
        """Return for each of the N real characters the numbers of those in the window around it `[N, widest]`.

        They are counted from 1; 0 stands for what is outside the word.
        """
        widest, characters = max(self.widths), tf.shape(padding_mask)[1]
        counted = tf.reshape(tf.cumsum(tf.cast(tf.reshape(padding_mask, [-1]), tf.int32)), tf.shape(padding_mask))
        numbers = tf.pad(tf.where(padding_mask, counted, 0), [[0, 0], [_reach(widest), widest - 1 - _reach(widest)]])
        around = tf.stack([numbers[:, offset : offset + characters] for offset in range(widest)], axis=2)
        return tf.boolean_mask(around, padding_mask)

    def compute_output_shape(self, character_ids_shape: Shape) -> Shape:
        """Return `[W, F x number of widths]`."""
        return (character_ids_shape[0], self.filters * len(self.widths))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "filters": self.filters, "widths": list(self.widths)}


def _reach(width: int) -> int:
    """Return how many characters to the left of its own a window of this width has."""
    return (width - 1) // 2
