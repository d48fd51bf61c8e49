"""Recurrent layers over right-padded sequences: vanilla, GRU or LSTM, one- or two-way, one above the other.

No mask goes into the recurrences. Padding on the right cannot influence what stands before it, so that the forward
direction needs none; and the backward direction is a forward one over each sequence turned round by itself
(`tf.reverse_sequence`), whose padding is on the right again.

The weights are those of Keras' layers, with their initialisation. With cuDNN, Keras' layers also compute; elsewhere
`nlp_pipeline.layers.recurrences` does, which takes about half the time of Keras' loop for a step of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from nlp_pipeline.layers import recurrences

Shape = Sequence[int | None]

CELLS = ("rnn", "gru", "lstm")


class RecurrentStack(keras.layers.Layer):
    """A stack of recurrent layers; the outputs of each are the inputs of the next.

    In a two-way layer the forward and the backward outputs stand side by side, forward first (Schuster and Paliwal
    1997). Outputs on padding are 0.

    Args:
        cell: `rnn` (Elman 1990, tanh), `gru` (Cho et al. 2014, with the reset gate after the product, as in cuDNN) or
            `lstm` (Hochreiter and Schmidhuber 1997, with forget gates that start at a bias of 1).
        units: of one direction, U.
        layers: how many.
        bidirectional: whether each layer reads both ways.
        dropout_inputs: share of the inputs of the first layer that is dropped in training.
        dropout_between: share of the inputs of each further layer that is dropped.
        dropout_recurrent: share of the state that is dropped on its way to the next step, the same units at every step
            of a sequence (Gal and Ghahramani 2016). It cannot be had with cuDNN, which is then not used.
        variational: whether the two other dropouts also drop the same units at every step (Gal and Ghahramani 2016),
            rather than others at each.
        use_cudnn: `auto` for cuDNN where there is a GPU; False for a graph that runs anywhere. Does not apply to `rnn`.
        seed: of the dropouts; drawn from Keras' global seed when left out.

    Raises:
        ValueError: an unknown cell, no units, or no layer.
    """

    def __init__(
        self,
        cell: Literal["rnn", "gru", "lstm"],
        units: int,
        layers: int = 1,
        bidirectional: bool = True,
        dropout_inputs: float = 0.0,
        dropout_between: float = 0.0,
        dropout_recurrent: float = 0.0,
        variational: bool = True,
        use_cudnn: bool | str = "auto",
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if cell not in CELLS:
            raise ValueError(f"expected a cell of {', '.join(CELLS)}. Received: {cell!r}")
        if units < 1 or layers < 1:
            raise ValueError(f"expected at least one unit and one layer. Received: units={units}, layers={layers}")
        self.cell = cell
        self.units = units
        self.layers = layers
        self.bidirectional = bidirectional
        self.dropout_inputs = dropout_inputs
        self.dropout_between = dropout_between
        self.dropout_recurrent = dropout_recurrent
        self.variational = variational
        self.use_cudnn = use_cudnn
        self.seed = seed
        noise_shape = (None, 1, None) if variational else None
        self.droppers = [
            keras.layers.Dropout(
                dropout_between if number else dropout_inputs,
                noise_shape=noise_shape,
                # With one seed for all, two layers would drop the same units.
                seed=None if seed is None else seed + 1 + number,
                dtype=self.dtype_policy,
                name=f"dropper_{number}",
            )
            for number in range(layers)
        ]
        self.forward_layers = [self._recurrence(f"forward_{number}") for number in range(layers)]
        self.backward_layers = [
            self._recurrence(f"backward_{number}") for number in range(layers if bidirectional else 0)
        ]
        self.state_seeds = keras.random.SeedGenerator(seed)

    def _recurrence(self, name: str) -> keras.layers.Layer:
        settings = {"return_sequences": True, "dtype": self.dtype_policy, "name": name}
        if self.cell == "rnn":
            return keras.layers.SimpleRNN(self.units, **settings)
        made = keras.layers.GRU if self.cell == "gru" else keras.layers.LSTM
        return made(self.units, use_cudnn=self.use_cudnn, **settings)

    def build(self, inputs_shape: Shape, padding_mask_shape: Shape | None = None) -> None:  # noqa: ARG002
        """Make the weights of every layer, for inputs `[B, L, E]`."""
        for number, forward in enumerate(self.forward_layers):
            forward.build(inputs_shape)
            if self.bidirectional:
                self.backward_layers[number].build(inputs_shape)
            inputs_shape = self.compute_output_shape(inputs_shape)

    def call(self, inputs: tf.Tensor, padding_mask: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """Read the sequences.

        Args:
            inputs: `[B, L, E]`; what stands on padding does not matter, as long as it is finite.
            padding_mask: bool `[B, L]`, True where there is a word: on the left of each row.
            training: whether to drop out.

        Returns:
            `[B, L, U]`, or `[B, L, 2U]` of a two-way stack; 0 on padding.
        """
        lengths = tf.reduce_sum(tf.cast(padding_mask, tf.int32), axis=1)
        states = inputs
        for number, forward in enumerate(self.forward_layers):
            states = self.droppers[number](states, training=training)
            outputs = self._read(forward, states, training)
            if self.bidirectional:
                turned = tf.reverse_sequence(states, lengths, seq_axis=1)
                turned_outputs = self._read(self.backward_layers[number], turned, training)
                outputs = tf.concat([outputs, tf.reverse_sequence(turned_outputs, lengths, seq_axis=1)], axis=-1)
            states = outputs
        return tf.where(padding_mask[:, :, tf.newaxis], states, tf.zeros([], states.dtype))

    def _read(self, layer: keras.layers.Layer, inputs: tf.Tensor, training: bool | None) -> tf.Tensor:
        """Run one layer from left to right over `[B, L, E]`; gives `[B, L, U]`."""
        if self._has_cudnn():
            return layer(inputs)
        cell = layer.cell
        bias, recurrent_bias = tf.unstack(cell.bias.value) if self.cell == "gru" else (cell.bias.value, None)
        by_time = tf.transpose(inputs, [1, 0, 2])
        length, batch = tf.unstack(tf.shape(by_time)[:2])
        products = tf.matmul(tf.reshape(by_time, [-1, by_time.shape[2]]), cell.kernel.value)
        # In float32 from here on: the gradient of the bias is a sum over all words.
        flat = tf.nn.bias_add(tf.cast(products, tf.float32), tf.cast(bias, tf.float32))
        projected = tf.reshape(flat, [length, batch, flat.shape[1]])

        state_mask = None
        if training and self.dropout_recurrent:
            ones = tf.ones([batch, self.units])
            state_mask = keras.random.dropout(ones, self.dropout_recurrent, seed=self.state_seeds)
        # A tensor, not a variable: a function with a gradient of its own must not touch one, mirrored or not.
        kernel = tf.convert_to_tensor(cell.recurrent_kernel.value)
        if self.cell == "rnn":
            outputs = recurrences.vanilla(projected, kernel, state_mask)
        elif self.cell == "gru":
            outputs = recurrences.gru(projected, kernel, recurrent_bias, state_mask)
        else:
            outputs = recurrences.lstm(projected, kernel, state_mask)
        return tf.cast(tf.transpose(outputs, [1, 0, 2]), self.compute_dtype)

    def _has_cudnn(self) -> bool:
        if self.cell == "rnn" or self.dropout_recurrent or self.use_cudnn is False:
            return False
        return bool(tf.config.list_logical_devices("GPU"))

    def compute_output_shape(self, inputs_shape: Shape, padding_mask_shape: Shape | None = None) -> Shape:  # noqa: ARG002
        """Return `[B, L, U]`, or `[B, L, 2U]` of a two-way stack."""
        return (*inputs_shape[:-1], self.units * (2 if self.bidirectional else 1))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {
            **super().get_config(),
            "cell": self.cell,
            "units": self.units,
            "layers": self.layers,
            "bidirectional": self.bidirectional,
            "dropout_inputs": self.dropout_inputs,
            "dropout_between": self.dropout_between,
            "dropout_recurrent": self.dropout_recurrent,
            "variational": self.variational,
            "use_cudnn": self.use_cudnn,
            "seed": self.seed,
        }
