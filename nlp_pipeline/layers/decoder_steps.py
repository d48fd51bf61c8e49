"""A decoder one subword at a time, as a search runs it.

What is the same at every step is computed once: the weights are read, and rounded to the precision of the products,
and what the source gives to the sums is multiplied out. The context is a weighted sum of annotations, and whatever it
is multiplied by, the same weighted sum of products; so these are computed for each annotation, and not for the context
of every hypothesis at every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import tensorflow as tf

from nlp_pipeline.layers.attention import Annotations
from nlp_pipeline.layers.attentive_recurrence import attentive_step
from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.recurrences import product
from nlp_pipeline.layers.recurrent import input_bias_of, state_bias_of, state_kernel_of
from nlp_pipeline.layers.rounding import rounded

if TYPE_CHECKING:
    from nlp_pipeline.layers.decoder import RecurrentDecoder, Source


class KnownSource(NamedTuple):
    """What the steps know of the source.

    Attributes:
        annotations: what is attended to; None without attention.
        context: the encoder's last state `[B, C]`, for a decoder that sees it at every step; else None.
        added: with input feeding, what each annotation gives to the first layer's sums, and after it to the readout's
            `[B, S, gates * U + R]`, float32; without a readout, the annotation itself stands there.
    """

    annotations: Annotations | None
    context: tf.Tensor | None
    added: tf.Tensor | None


class LayerKernels(NamedTuple):
    """The weights of a layer: kernels in the precision of the products, biases in float32.

    Attributes:
        inputs: of the inputs proper `[E, gates * U]`, without the rows of a context that attention finds.
        input_bias: `[gates * U]`.
        state: `[U, gates * U]`.
        state_bias: `[gates * U]`; None for a cell that has none.
    """

    inputs: tf.Tensor
    input_bias: tf.Tensor
    state: tf.Tensor
    state_bias: tf.Tensor | None


class DecoderSteps:
    """The steps of a decoder whose weights do not change meanwhile.

    Args:
        decoder: a built one.
    """

    def __init__(self, decoder: RecurrentDecoder) -> None:
        self._decoder = decoder
        self._cell = CELLS[decoder.cell]
        self._feeds = decoder.feeds
        embedding = decoder.embedding
        self._attentive = decoder.attentive_kernels() if self._feeds else None
        self._layers = [
            LayerKernels(
                self._attentive.inputs if self._attentive and number == 0 else self._rounded(cell.kernel),
                _exact(input_bias_of(cell)),
                state_kernel_of(cell),
                None if (bias := state_bias_of(cell)) is None else _exact(bias),
            )
            for number, cell in enumerate(decoder.cells)
        ]
        self._query_kernel = self._rounded(decoder.query_kernel) if decoder.query_input else None
        self._readout = None
        if decoder.readout is not None:
            kernel = self._rounded(decoder.readout.kernel)
            borders = (decoder.units, kernel.shape[0] - embedding)
            rows = (kernel[: borders[0]], kernel[borders[0] : borders[1]], kernel[borders[1] :])
            self._readout = (*rows, _exact(decoder.readout.bias.value))

    def look_at(self, source: Source) -> KnownSource:
        """Return what the steps have to know of the source, from what `RecurrentDecoder.look_at` gave."""
        annotations = source.annotations
        if annotations is None or self._attentive is None:
            return KnownSource(annotations, source.context, None)
        values = annotations.values
        flat = tf.reshape(values, [-1, values.shape[2]])
        others = flat if self._readout is None else product(flat, self._readout[1])
        added = tf.concat([product(flat, self._attentive.context), others], axis=1)
        shape = tf.concat([tf.shape(values)[:2], [added.shape[1]]], axis=0)
        added = tf.ensure_shape(tf.reshape(added, shape), [None, None, added.shape[1]])
        return KnownSource(annotations, None, added)

    def __call__(
        self, inputs: tf.Tensor, source: KnownSource, before: Sequence[States]
    ) -> tuple[tf.Tensor, tf.Tensor | None, list[States]]:
        """Read one subword of each row, or of several that belong to one sentence and stand one after the other.

        Args:
            inputs: embedded `[B * N, E]`.
            source: what `look_at` gave of B sentences.
            before: for each layer what it is in, `[B * N, U]` each.

        Returns:
            What is predicted from `[B * N, R]`, the attention weights `[B * N, S]` or None, and for each layer what it
            is in afterwards.
        """
        decoder = self._decoder
        inputs = tf.cast(inputs, decoder.compute_dtype)
        context = of_context = weights = None
        state = inputs
        afters: list[States] = []
        for number, layer in enumerate(self._layers):
            if number == 0 and source.context is not None:
                several = tf.shape(state)[0] // tf.shape(source.context)[0]
                context = tf.repeat(source.context, several, axis=0)
                state = tf.concat([state, tf.cast(context, state.dtype)], axis=1)
            of_input = product(state, layer.inputs) + layer.input_bias
            if number == 0 and self._attentive is not None and source.annotations is not None:
                asking = None if self._query_kernel is None else product(inputs, self._query_kernel)
                of_source = (source.annotations, source.added)
                found = attentive_step(self._cell, of_input, self._attentive, *of_source, before[number], asking)
                after, of_context, weights = found
            else:
                of_state = product(before[number][0], layer.state)
                of_state = of_state if layer.state_bias is None else of_state + layer.state_bias
                after, _ = self._cell.advance(of_input, of_state, before[number])
            afters.append(after)
            state = decoder.between(number, after[0], False)
        if decoder.attend is not None and not self._feeds:
            context, weights = decoder.attend(state, source.annotations)
        return self._read_out(state, context, of_context, inputs), weights, afters

    def _read_out(
        self, state: tf.Tensor, context: tf.Tensor | None, of_context: tf.Tensor | None, inputs: tf.Tensor
    ) -> tf.Tensor:
        """Return the readout of a state beside its context, or beside what the context gives to the readout's sums."""
        decoder = self._decoder
        if self._readout is None:
            seen = context if of_context is None else of_context
            return state if seen is None else tf.concat([state, tf.cast(seen, state.dtype)], axis=1)
        of_state, rows_of_context, of_input, bias = self._readout
        if of_context is None and context is not None:
            of_context = product(context, rows_of_context)
        sums = product(state, of_state) + product(inputs, of_input) + bias
        sums = sums if of_context is None else sums + of_context
        return decoder.finished(tf.cast(sums, decoder.compute_dtype), False)

    def _rounded(self, weight: tf.Variable) -> tf.Tensor:
        return rounded(weight, self._decoder.compute_dtype)


def _exact(weight: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.convert_to_tensor(weight), tf.float32)
