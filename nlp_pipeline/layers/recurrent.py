"""Recurrent layers over sequences: vanilla, GRU or LSTM, one- or two-way, one above the other.

What a layer reads, and what it gives, are the words without any padding (`nlp_pipeline.layers.layout`), step by step.
The backward direction reads the same steps from the last to the first.

The weights are those of Keras' layers, with their initialisation. With cuDNN, Keras' layers also compute, and are told
the mask, so that their last states are those of the last real step; elsewhere `nlp_pipeline.layers.recurrences` does,
which takes about half the time of Keras' loop for a step of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.dropout import Dropout, of_replica
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.products import of_words
from nlp_pipeline.layers.recurrences import recur
from nlp_pipeline.layers.rounding import rounded

Shape = Sequence[int | None]


class RecurrentStack(keras.layers.Layer):
    """A stack of recurrent layers; the outputs of each are the inputs of the next.

    In a two-way layer the forward and the backward outputs stand side by side, forward first (Schuster and Paliwal
    1997).

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
        self.droppers = [
            Dropout(
                dropout_between if number else dropout_inputs,
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
        settings = {"return_sequences": True, "return_state": True, "dtype": self.dtype_policy, "name": name}
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
            inputs: `[B, L, E]`; what stands on padding does not matter.
            padding_mask: bool `[B, L]`, True where there is a word: on the left of each row.
            training: whether to drop out.

        Returns:
            `[B, L, U]`, or `[B, L, 2U]` of a two-way stack; 0 on padding.
        """
        layout = Layout.of(padding_mask)
        states = layout.padded(self.outputs_of(layout.packed(inputs), layout, training))
        # Where there is no word at all, the layout has one nevertheless.
        return tf.where(padding_mask[:, :, tf.newaxis], states, tf.zeros([], states.dtype))

    def read(
        self,
        words: tf.Tensor,
        layout: Layout,
        initial: Sequence[States] | None = None,
        training: bool | None = None,
        nudges: Sequence[States] | None = None,
    ) -> tuple[tf.Tensor, list[States]]:
        """Read the sequences, given without their padding, and tell what each layer ended in.

        Args:
            words: `[N, E]`.
            layout: where they stand; with at least one word in each row, where the ends are of use: that of an empty
                row is no better than any other number.
            initial: for each layer what it begins in: the state, and the memory of an LSTM, float32 `[B, U]`, or
                `[B, 2U]` of a two-way stack; zeros when left out.
            training: whether to drop out.
            nudges: for each layer what is added to its state after each step, and to the memory of an LSTM, float32
                `[B, L, U]`, or `[B, L, 2U]` of a two-way stack, whose backward direction gets at each word what stands
                there. Their gradients are those of the states; see `gradient_through_time`. cuDNN is not used then.

        Returns:
            the outputs `[N, U]`, or `[N, 2U]` of a two-way stack, and for each layer what it was in after the last real
            step of each row (the backward direction: after the first word), float32, in the form of `initial`.
        """
        return self._read_layers(words, layout, initial, training, nudges, memories=True)

    def outputs_of(
        self,
        words: tf.Tensor,
        layout: Layout,
        training: bool | None = None,
        nudges: Sequence[States] | None = None,
    ) -> tf.Tensor:
        """Return the outputs alone, as `read` gives them. Where no end is asked for, the gradient has less to do."""
        return self._read_layers(words, layout, None, training, nudges, memories=False)[0]

    def _read_layers(
        self,
        words: tf.Tensor,
        layout: Layout,
        initial: Sequence[States] | None,
        training: bool | None,
        nudges: Sequence[States] | None,
        memories: bool,
    ) -> tuple[tf.Tensor, list[States]]:
        """Do what `read` does; without the memories, the ends have none."""
        states = words
        ends: list[States] = []
        for number, forward in enumerate(self.forward_layers):
            states = self._dropped(number, states, layout, training)
            begin = None if initial is None else initial[number]
            added = () if nudges is None else tuple(map(layout.packed, nudges[number]))
            if not self.bidirectional:
                states, end = self._read(forward, states, layout, False, begin, training, added, memories)
            else:
                begins = [None, None] if begin is None else [tf.split(one, 2, axis=1) for one in begin]
                ways = [None, None] if begin is None else list(zip(*begins, strict=True))
                halves = [tf.split(one, 2, axis=1) for one in added]
                outputs, end = self._read(
                    forward, states, layout, False, ways[0], training, [half[0] for half in halves], memories
                )
                backward = self.backward_layers[number]
                others, other = self._read(
                    backward, states, layout, True, ways[1], training, [half[1] for half in halves], memories
                )
                states = tf.concat([outputs, others], axis=-1)
                end = tuple(tf.concat(pair, axis=1) for pair in zip(end, other, strict=True))
            ends.append(end)
        return states, ends

    def _dropped(self, number: int, words: tf.Tensor, layout: Layout, training: bool | None) -> tf.Tensor:
        """Return the inputs of a layer [N, E] with dropout."""
        dropper = self.droppers[number]
        if not self.variational or not training or not dropper.rate:
            return dropper(words, training=training)
        ones = tf.ones([layout.shape[0], words.shape[1]], words.dtype)
        return words * tf.gather(dropper(ones, training=True), layout.sentences)

    def _read(
        self,
        layer: keras.layers.Layer,
        words: tf.Tensor,
        layout: Layout,
        is_backward: bool,
        initial: States | None,
        training: bool | None,
        nudges: Sequence[tf.Tensor],
        memories: bool,
    ) -> tuple[tf.Tensor, States]:
        """Run one layer in one direction over the words [N, E]; gives [N, U], and its end."""
        if self._has_cudnn() and not nudges:
            return self._read_by_cudnn(layer, words, layout, is_backward, initial)
        state_mask = None
        if training and self.dropout_recurrent:
            ones = tf.ones([layout.shape[0], self.units])
            state_mask = keras.random.dropout(ones, self.dropout_recurrent, seed=of_replica(self.state_seeds))
        kernel, bias, steps = state_kernel_of(layer.cell), state_bias_of(layer.cell), layout.steps
        begin = None if initial is None else [layout.by_length(one) for one in initial]
        cell, projected = CELLS[self.cell], project(layer.cell, words, training)
        sequences = recur(cell, projected, kernel, steps, is_backward, begin, bias, state_mask, nudges, memories)
        end = tuple(layout.restored(steps.ends(sequence, is_first=is_backward)) for sequence in sequences)
        return tf.cast(sequences[0], self.compute_dtype), end

    def _read_by_cudnn(
        self, layer: keras.layers.Layer, words: tf.Tensor, layout: Layout, is_backward: bool, initial: States | None
    ) -> tuple[tf.Tensor, States]:
        def turned(padded: tf.Tensor) -> tf.Tensor:
            return tf.reverse_sequence(padded, layout.lengths, seq_axis=1) if is_backward else padded

        begin = None if initial is None else [tf.cast(one, self.compute_dtype) for one in initial]
        mask = tf.sequence_mask(layout.lengths, layout.shape[1])
        outputs, *end = layer(turned(layout.padded(words)), mask=mask, initial_state=begin)
        return layout.packed(turned(outputs)), tuple(tf.cast(one, tf.float32) for one in end)

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


def project(cell: Any, inputs: tf.Tensor, training: bool | None, kernel: tf.Tensor | None = None) -> tf.Tensor:
    """Return what the inputs add to the sums of a Keras cell's gates.

    Args:
        cell: a SimpleRNNCell, GRUCell or LSTMCell.
        inputs: `[..., E]`, by time or in any other order.
        training: as `products.of_words` has it.
        kernel: `[E, gates * U]`, for a cell that has further inputs; the cell's own when left out.

    Returns:
        `[..., gates * U]`, bias added, in float32: the gradient of the bias is a sum over all words.
    """
    kernel = rounded(cell.kernel, inputs.dtype) if kernel is None else tf.cast(kernel, inputs.dtype)
    products = of_words(tf.reshape(inputs, [-1, inputs.shape[-1]]), kernel, training)
    flat = tf.nn.bias_add(tf.cast(products, tf.float32), tf.cast(input_bias_of(cell), tf.float32))
    return tf.reshape(flat, tf.concat([tf.shape(inputs)[:-1], [flat.shape[1]]], axis=0))


def input_bias_of(cell: Any) -> tf.Tensor:
    """Return the bias of the product of the inputs: a GRU's first one."""
    bias = tf.convert_to_tensor(cell.bias.value)
    return bias if len(bias.shape) == 1 else bias[0]


def state_kernel_of(cell: Any) -> tf.Tensor:
    """Return a Keras cell's kernel of the state, in the precision that it computes in.

    As a tensor, not a variable: a function with a gradient of its own must not touch one, mirrored or not.
    """
    return rounded(cell.recurrent_kernel, cell.compute_dtype)


def state_bias_of(cell: Any) -> tf.Tensor | None:
    """Return the bias of the product of the state: a GRU's second one, None of the others."""
    return None if len(cell.bias.shape) == 1 else tf.convert_to_tensor(cell.bias.value)[1]
