"""The networks that the memory study compares: the product's recurrent layers between an embedding and a softmax."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import tensorflow as tf

from nlp_pipeline.layers.cells import States
from nlp_pipeline.layers.decoder import RecurrentDecoder
from nlp_pipeline.layers.gradient_through_time import GradientNorms, gradient_norms
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.recurrent import RecurrentStack
from nlp_pipeline.studies.networks import Form
from nlp_pipeline.studies.recall import SYMBOLS, VOCABULARY

_EMBEDDING = 16


class RecallNetwork(keras.layers.Layer):
    """Reads symbols and answers the question at their end.

    Without attention it answers from the outputs at the question, as a tagger tags a word. With attention, the symbols
    before the question are read by an encoder, and the question by a decoder that begins in the encoder's last state
    and asks it for a context (Bahdanau et al. 2015); it answers from its state and the context.

    Args:
        form: what it is made of.
        units: of each layer and direction, U.
    """

    def __init__(self, form: Form, units: int) -> None:
        super().__init__()
        self.form = form
        scaled = keras.initializers.RandomNormal(stddev=1.0)
        self.embedding = keras.layers.Embedding(VOCABULARY, _EMBEDDING, embeddings_initializer=scaled)
        self.embedding.build(())
        self.stack = RecurrentStack(
            form.cell, units, layers=form.layers, bidirectional=form.bidirectional, use_cudnn=False
        )
        self.stack.build((None, None, _EMBEDDING))
        width = units * (2 if form.bidirectional else 1)
        self.decoder = None
        if form.attends:
            self.decoder = RecurrentDecoder(form.cell, units, attention="additive")
            self.decoder.build((None, None, _EMBEDDING), (None, None, width), (None, width))
            width += units
        self.answer = keras.layers.Dense(SYMBOLS)
        self.answer.build((None, width))
        self.built = True

    def call(self, symbol_ids: tf.Tensor, nudges: Sequence[States] | None = None) -> tf.Tensor:
        """Return the scores of the symbols `[B, SYMBOLS]`.

        Args:
            symbol_ids: `[B, distance + 2]`.
            nudges: of `RecurrentStack.read`: `[B, distance + 2, U]` each, and of a network with attention one fewer.
        """
        inputs = self.embedding(symbol_ids)
        if self.decoder is None:
            padding_mask = tf.ones(tf.shape(symbol_ids), tf.bool)
            return self.answer(self._read(inputs, padding_mask, nudges)[0][:, -1])
        padding_mask = tf.ones(tf.shape(symbol_ids[:, :-1]), tf.bool)
        outputs, ends = self._read(inputs[:, :-1], padding_mask, nudges)
        source = self.decoder.look_at(outputs, padding_mask, ends[-1][0])
        return self.answer(self.decoder(inputs[:, -1:], source, ends).outputs[:, 0])

    def _read(
        self, inputs: tf.Tensor, padding_mask: tf.Tensor, nudges: Sequence[States] | None
    ) -> tuple[tf.Tensor, list[States]]:
        """Return what the stack gives `[B, L, U]`, and its ends."""
        layout = Layout.of(padding_mask)
        outputs, ends = self.stack.read(layout.packed(inputs), layout, nudges=nudges)
        return layout.padded(outputs), ends

    def losses_of(self, symbol_ids: tf.Tensor, answers: tf.Tensor, nudges: Sequence[States] | None = None) -> tf.Tensor:
        """Return the negative log-likelihood of each answer `[B]`, in nats."""
        return tf.nn.sparse_softmax_cross_entropy_with_logits(answers, self(symbol_ids, nudges))

    def gradient_by_distance(self, symbol_ids: tf.Tensor, answers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """Return how much of the error at the answer reaches the state after each symbol before the question.

        That is the norm of the loss's gradient with respect to the state, of all layers together, over that with
        respect to the scores, which is the error itself: both a mean over the examples. It does not depend on how large
        the error is, so that networks of any accuracy can be compared.

        Args:
            symbol_ids: `[B, distance + 2]`.
            answers: `[B]`.

        Returns:
            `[distance + 1]`: first that of the state one step before the question, last that of the symbol to recall;
            and the same of an LSTM's memory, None of other cells.
        """
        rows, length = symbol_ids.shape
        known = length - 1 if self.form.attends else length
        found: GradientNorms = gradient_norms(
            self.stack, rows, known, lambda nudges: self.losses_of(symbol_ids, answers, nudges)
        )
        errors = tf.nn.softmax(self(symbol_ids)) - tf.one_hot(answers, SYMBOLS)
        error = tf.reduce_mean(tf.norm(errors, axis=1))

        def share(norms: tf.Tensor) -> tf.Tensor:
            return tf.reduce_mean(tf.norm(norms, axis=0), axis=0)[: length - 1][::-1] / error

        return share(found.states), None if found.memories is None else share(found.memories)
