"""The decoder: a recurrent language model of the target, conditioned on the source, in two altitudes.

The layer reads a whole target at once, as training and scoring do; `steps` reads one subword, as a search does. Both
give the same numbers.

    no attention       the context is the encoder's last state: the decoder begins with it, or sees it at every step
    input feeding      the state before finds the context, which is an input of the first layer (Bahdanau et al. 2015)
    no input feeding   the top layer's state finds the context, which is seen by the readout alone (Luong et al. 2015)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import keras
import tensorflow as tf

from nlp_pipeline.layers.attention import Annotations, Attention
from nlp_pipeline.layers.attentive_recurrence import AttentiveKernels, attentive_recur
from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.decoder_steps import DecoderSteps
from nlp_pipeline.layers.dropout import Dropout
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.recurrences import recur
from nlp_pipeline.layers.recurrent import project, state_bias_of, state_kernel_of
from nlp_pipeline.layers.rounding import rounded

Shape = Sequence[int | None]


class Source(NamedTuple):
    """What the decoder knows of the source.

    Attributes:
        annotations: what it attends to; None without attention.
        context: the encoder's last state `[B, C]`, which it sees at every step; None for a decoder that does not.
    """

    annotations: Annotations | None
    context: tf.Tensor | None


class Decoded(NamedTuple):
    """What a decoder makes of its inputs.

    Attributes:
        outputs: what the words are predicted from `[B, T, R]`, or `[N, R]` of those that are no padding.
        weights: attention weights `[B, T, S]` or `[N, S]`; None without attention.
    """

    outputs: tf.Tensor
    weights: tf.Tensor | None


class RecurrentDecoder(keras.layers.Layer):
    """A stack of one-way recurrent layers with a readout.

    Args:
        cell: `rnn`, `gru` or `lstm`.
        units: of each layer, U.
        layers: how many.
        attention: `additive`, `general`, `dot`, or None for the context alone.
        attention_units: A of an additive attention.
        input_feeding: whether the context that the state before finds is an input of the first layer.
        query_input: whether the query of an additive attention with input feeding holds the input of the step as well:
            e_s = v . tanh(W state + Q input + U value_s). The state before does not know yet which subword was written.
        sees_context: without attention, whether the context is an input at every step.
        readout_units: R, of the deep output (Pascanu et al. 2014) `tanh(S state + C context + Y input)`; None for the
            top layer's state, beside its context, as it is.
        normalise: whether the outputs of each layer and the readout are normalised (Ba et al. 2016).
        dropout_between: share of the inputs of each further layer, and of the top layer's outputs, that is dropped.
        dropout_readout: share of the readout that is dropped.
        seed: of the dropouts; drawn from Keras' global seed when left out.
    """

    def __init__(
        self,
        cell: Literal["rnn", "gru", "lstm"],
        units: int,
        layers: int = 1,
        attention: Literal["additive", "general", "dot"] | None = "additive",
        attention_units: int | None = None,
        input_feeding: bool = True,
        query_input: bool = False,
        sees_context: bool = False,
        readout_units: int | None = None,
        normalise: bool = False,
        dropout_between: float = 0.0,
        dropout_readout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        # What is known of the source, and the states, stay in float32.
        super().__init__(autocast=False, **kwargs)
        if cell not in CELLS:
            raise ValueError(f"expected a cell of {', '.join(CELLS)}. Received: {cell!r}")
        if units < 1 or layers < 1:
            raise ValueError(f"expected at least one unit and one layer. Received: units={units}, layers={layers}")
        self.cell = cell
        self.units = units
        self.layers = layers
        self.attention = attention
        self.attention_units = attention_units
        self.input_feeding = input_feeding
        if query_input and not (attention == "additive" and input_feeding):
            raise ValueError(
                "expected an additive attention with input feeding beside query_input. "
                f"Received: attention={attention!r}, input_feeding={input_feeding}"
            )
        self.query_input = query_input
        self.sees_context = sees_context
        self.readout_units = readout_units
        self.normalise = normalise
        self.dropout_between = dropout_between
        self.dropout_readout = dropout_readout
        self.seed = seed
        made = {"rnn": keras.layers.SimpleRNNCell, "gru": keras.layers.GRUCell, "lstm": keras.layers.LSTMCell}[cell]
        policy = self.dtype_policy
        self.cells = [made(units, dtype=policy, name=f"layer_{number}") for number in range(layers)]
        self.attend = None
        if attention is not None:
            asked = attention_units if attention == "additive" and attention_units else units
            self.attend = Attention(attention, asked, dtype=policy, name="attention")
        self.norms = [
            keras.layers.LayerNormalization(epsilon=1e-5, dtype="float32", name=f"norm_{number}")
            for number in range(layers if normalise else 0)
        ]
        self.droppers = [
            Dropout(
                dropout_between,
                seed=None if seed is None else seed + 1 + number,
                dtype=policy,
                name=f"dropper_{number}",
            )
            for number in range(layers)
        ]
        self.readout = (
            None if readout_units is None else keras.layers.Dense(readout_units, dtype=policy, name="readout")
        )
        self.readout_norm = None
        if normalise and readout_units is not None:
            self.readout_norm = keras.layers.LayerNormalization(epsilon=1e-5, dtype="float32", name="readout_norm")
        self.readout_dropper = Dropout(
            dropout_readout, seed=None if seed is None else seed, dtype=policy, name="readout_dropper"
        )

    @property
    def feeds(self) -> bool:
        """Whether a context that attention finds is an input of the first layer."""
        return self.attend is not None and self.input_feeding

    def build(self, inputs_shape: Shape, values_shape: Shape, context_shape: Shape) -> None:
        """Make the weights.

        Args:
            inputs_shape: of the embedded target `[B, T, E]`.
            values_shape: of the encoder's outputs `[B, S, D]`.
            context_shape: of the encoder's last state `[B, C]`.
        """
        embedding, depth = int(inputs_shape[-1] or 0), int(values_shape[-1] or 0)
        self.embedding = embedding
        context = depth if self.attend is not None else int(context_shape[-1] or 0) if self.sees_context else 0
        width = embedding + (context if self.feeds or self.attend is None else 0)
        for cell in self.cells:
            cell.build((None, width))
            width = self.units
        for norm in self.norms:
            norm.build((None, None, self.units))
        if self.attend is not None:
            self.attend.build((None, self.units), values_shape)
            if self.query_input:
                self.query_kernel = self.add_weight(
                    shape=(embedding, self.attend.units), initializer="glorot_uniform", name="query_input"
                )
        if self.readout is not None:
            self.readout.build((None, None, self.units + context + embedding))
            if self.readout_norm is not None:
                self.readout_norm.build((None, None, self.readout_units))

    def look_at(self, values: tf.Tensor, padding_mask: tf.Tensor, context: tf.Tensor) -> Source:
        """Return what the decoder will know of the source.

        Args:
            values: the encoder's outputs `[B, S, D]`.
            padding_mask: bool `[B, S]`.
            context: the encoder's last state `[B, C]`.
        """
        if self.attend is not None:
            return Source(self.attend.annotate(values, padding_mask), None)
        return Source(None, tf.cast(context, tf.float32) if self.sees_context else None)

    def call(
        self,
        inputs: tf.Tensor,
        source: Source,
        initial: Sequence[States],
        padding_mask: tf.Tensor | None = None,
        training: bool | None = None,
    ) -> Decoded:
        """Read whole targets.

        Args:
            inputs: the embedded decoder inputs `[B, T, E]`.
            source: what `look_at` gave.
            initial: for each layer what it begins in, as the bridge gives it.
            padding_mask: bool `[B, T]`, True where there is an input: on the left of each row. Everywhere when left
                out.
            training: whether to drop out.

        Returns:
            Outputs and weights; what they are on padding means nothing.
        """
        layout = Layout.of(tf.ones(tf.shape(inputs)[:2], tf.bool) if padding_mask is None else padding_mask)
        outputs, weights = self.read(layout.packed(inputs), layout, source, initial, training)
        return Decoded(layout.padded(outputs), None if weights is None else layout.padded(weights))

    def read(
        self,
        words: tf.Tensor,
        layout: Layout,
        source: Source,
        initial: Sequence[States],
        training: bool | None = None,
    ) -> Decoded:
        """Read whole targets, given without their padding.

        Args:
            words: the embedded decoder inputs `[N, E]`.
            layout: where they stand.
            source: what `look_at` gave.
            initial: for each layer what it begins in, as the bridge gives it.
            training: whether to drop out.

        Returns:
            Outputs `[N, R]` and weights `[N, S]`.
        """
        words = tf.cast(words, self.compute_dtype)
        steps, states = layout.steps, words
        contexts = weights = None
        for number, cell in enumerate(self.cells):
            begin = [layout.by_length(one) for one in initial[number]]
            if number == 0 and self.feeds and source.annotations is not None:
                kernels = self.attentive_kernels()
                projected = project(cell, states, training, kernels.inputs)
                held = Annotations(*map(layout.by_length, source.annotations))
                found = attentive_recur(CELLS[self.cell], projected, kernels, steps, held, begin, self._asking(states))
                states, contexts, weights = found
            else:
                if number == 0 and source.context is not None:
                    contexts = tf.gather(source.context, layout.sentences)
                    states = tf.concat([states, tf.cast(contexts, states.dtype)], axis=1)
                kernel, bias = state_kernel_of(cell), state_bias_of(cell)
                projected = project(cell, states, training)
                (states,) = recur(
                    *(CELLS[self.cell], projected, kernel, steps), initial=begin, state_bias=bias, memories=False
                )
            states = self.between(number, states, training)
        if self.attend is not None and not self.feeds:
            found = self.attend(layout.padded(states), source.annotations)
            contexts, weights = map(layout.packed, found)
        return Decoded(self._read_out(states, contexts, words, training), weights)

    def steps(self) -> DecoderSteps:
        """Return what reads one subword after the other, with the weights as they are now."""
        return DecoderSteps(self)

    def attentive_kernels(self) -> AttentiveKernels:
        """Return the first layer's kernels: below the rows of its inputs stand those of the context."""
        cell, attend = self.cells[0], self.attend
        assert attend is not None
        both = rounded(cell.kernel, self.compute_dtype)
        # Of a split, the gradient is put together; of two slices, it would be two padded with zeros, and their sum.
        inputs, context = tf.split(both, [self.embedding, both.shape[0] - self.embedding])
        query = None
        if attend.score == "additive":
            query = rounded(attend.query_kernel, self.compute_dtype)
        return AttentiveKernels(
            state_kernel_of(cell),
            context,
            inputs,
            query,
            attend.energy_vector(),
            state_bias_of(cell),
        )

    def _asking(self, inputs: tf.Tensor) -> tf.Tensor | None:
        """Return what the inputs `[..., E]` add to the projected queries `[..., A]`, float32; None for nothing."""
        if not self.query_input:
            return None
        kernel = rounded(self.query_kernel, inputs.dtype)
        return tf.cast(tf.matmul(inputs, kernel), tf.float32)

    def between(self, number: int, states: tf.Tensor, training: bool | None) -> tf.Tensor:
        """Return a layer's outputs as the next one gets them."""
        if self.normalise:
            states = self.norms[number](states)
        return self.droppers[number](tf.cast(states, self.compute_dtype), training=training)

    def _read_out(
        self, states: tf.Tensor, contexts: tf.Tensor | None, inputs: tf.Tensor, training: bool | None
    ) -> tf.Tensor:
        seen = [states] if contexts is None else [states, tf.cast(contexts, states.dtype)]
        if self.readout is None:
            return self.readout_dropper(tf.concat(seen, axis=-1), training=training)
        return self.finished(self.readout(tf.concat([*seen, tf.cast(inputs, states.dtype)], axis=-1)), training)

    def finished(self, sums: tf.Tensor, training: bool | None) -> tf.Tensor:
        """Return the readout, from the sums of its layer."""
        if self.readout_norm is not None:
            sums = tf.cast(self.readout_norm(sums), self.compute_dtype)
        return self.readout_dropper(tf.tanh(sums), training=training)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = (
            *("cell", "units", "layers", "attention", "attention_units", "input_feeding"),
            *("query_input", "sees_context"),
            *("readout_units", "normalise", "dropout_between", "dropout_readout", "seed"),
        )
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}
