"""How far back the loss of one word or subword reaches: its gradient with respect to each state before.

A tagger's states are those of its recurrent layers over the sentence. A translator's are those of its encoder, which
the gradient reaches through the attention, the bridge or both, and those of its decoder. See
`layers.gradient_through_time` for what vanishes and what explodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.layers.cells import States
from nlp_pipeline.layers.gradient_through_time import GradientNorms, gradient_norms
from nlp_pipeline.models.network import Tensors
from nlp_pipeline.models.tagger import Tagger
from nlp_pipeline.models.translator import Translator

Norms = dict[str, NDArray[np.float32]]


def tagger_gradient(network: Tagger, batch: Tensors, word: int) -> Norms:
    """Return the norms of the gradient of one word's loss, by layer.

    The loss is the cross-entropy of the word's emissions by themselves: what a CRF's loss of a word says would reach
    every other word through the tags, whatever the recurrent layers do.

    Args:
        network: with recurrent layers.
        batch: of one sentence of L words, with its gold tags.
        word: which, from 0.

    Returns:
        For each layer, and the memory of each of an LSTM's, [L]: of a two-way layer both directions together.
    """
    stack = network.recurrent
    assert stack is not None

    def losses_of(nudges: Sequence[States]) -> tf.Tensor:
        emissions = network.emissions_with(batch, nudges)[:, word]
        return tf.nn.sparse_softmax_cross_entropy_with_logits(batch["tag_ids"][:, word], emissions)

    return _of_stack(gradient_norms(stack, 1, int(batch["padding_mask"].shape[1]), losses_of), "recurrent")


def translator_gradient(network: Translator, batch: Tensors, step: int) -> Norms:
    """Return the norms of the gradient of one subword's loss, by layer.

    Args:
        network: a translator.
        batch: of one pair of S subwords of the source, with its target.
        step: the number of the target's subword, from 0.

    Returns:
        For each layer of the encoder [S], and of the decoder [step + 1]; likewise the memories of LSTMs.
    """
    ids, target = batch["decoder_inputs"], batch["target_ids"][:, step]

    def losses_of(nudges: Sequence[States]) -> tf.Tensor:
        begun = network.begin(batch, nudges=nudges)
        outputs = network.decoder(network.embed(ids[:, : step + 1]), begun.source, begun.states).outputs
        return tf.nn.sparse_softmax_cross_entropy_with_logits(target, network.logits(outputs[:, step]))

    length = int(batch["source_mask"].shape[1])
    found = _of_stack(gradient_norms(network.encoder, 1, length, losses_of), "encoder")

    # Step by step, each state of the decoder is a tensor of its own, that a tape can be asked for.
    begun, steps = network.begin(batch), network.decoder.steps()
    source = steps.look_at(begun.source)
    states, passed = begun.states, []
    with tf.GradientTape() as tape:
        for number in range(step + 1):
            outputs, _, states = steps(network.embed(ids[:, number]), source, states)
            passed.append(states)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(target, network.logits(outputs))
    gradients = tape.gradient(loss, passed, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    for layer in range(len(states)):
        for part, name in enumerate(("", " memory")[: len(states[layer])]):
            norms = [float(tf.norm(of_step[layer][part])) for of_step in gradients]
            found[f"decoder/layer_{layer}{name}"] = np.array(norms, np.float32)
    return found


def _of_stack(found: GradientNorms, name: str) -> Norms:
    """Return the norms of each layer of a stack, of the only row."""
    norms: dict[str, Any] = {f"{name}/layer_{number}": one[0].numpy() for number, one in enumerate(found.states)}
    if found.memories is not None:
        for number, one in enumerate(found.memories):
            norms[f"{name}/layer_{number} memory"] = one[0].numpy()
    return norms
