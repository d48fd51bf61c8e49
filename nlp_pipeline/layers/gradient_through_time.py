"""How much of a loss's gradient reaches each earlier state: back-propagation through time, step by step.

With the loss E_t of the outputs at step t, the gradient of the state k steps before it is

    dE_t/dh_t-k = dE_t/dh_t  dh_t/dh_t-1 ... dh_t-k+1/dh_t-k                    Pascanu et al. 2013, equation 5

For a vanilla RNN each factor is `diag(1 - h_i^2) U^T`: where their norms stay below one the product vanishes with k,
and only where they exceed one can it explode (Bengio et al. 1994, section IV; Pascanu et al. 2013, section 2.1). The
memory of an LSTM has the factor f_i, its forget gate, which can stay near one: the constant error carousel (Hochreiter
and Schmidhuber 1997, section 3.2; the gate is of Gers et al. 2000). With attention, `context = sum_s a_s h_s` gives
each annotation its share `a_s dE/dcontext` whatever the distance (Bahdanau et al. 2015, equation 5).

What is computed is not this product but the gradient itself, by the recurrences' own way back: zeros, called nudges,
are added to each state, and the gradient of a nudge is that of its state, over all ways that lead from it to the loss.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from nlp_pipeline.layers.cells import CELLS, States
from nlp_pipeline.layers.layout import Layout
from nlp_pipeline.layers.recurrent import RecurrentStack


class GradientNorms(NamedTuple):
    """Norms of a loss's gradient, of each row's loss by itself.

    The last axis is by step, and by distance from `gradient_through_time`.

    Attributes:
        states: with respect to the state h of each layer after each step, `[layers, B, L]` float32. That of a two-way
            layer is both directions' together.
        memories: likewise to the memory c of an LSTM, over the ways that do not lead through the h of the same step;
            None for other cells.
    """

    states: tf.Tensor
    memories: tf.Tensor | None


def gradient_norms(
    stack: RecurrentStack, rows: int, length: int, losses_of: Callable[[Sequence[States]], tf.Tensor]
) -> GradientNorms:
    """Return the norms of a loss's gradient with respect to every state of a stack, for a network around the stack.

    Args:
        stack: built, and not computed by cuDNN in what `losses_of` does with the nudges.
        rows: B.
        length: L.
        losses_of: gives the losses `[B]`, one a row, when the network is computed with these `nudges` of
            `RecurrentStack.read`. No row's loss may depend on another row.

    Returns:
        `[layers, B, L]`, by step. 0 for a state that no way leads from, such as one on padding.
    """
    width = stack.units * (2 if stack.bidirectional else 1)
    parts = CELLS[stack.cell].parts
    nudges = [tuple(tf.zeros([rows, length, width]) for _ in range(parts)) for _ in range(stack.layers)]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(nudges)
        losses = losses_of(nudges)
    zero = tf.UnconnectedGradients.ZERO
    gradients = tape.gradient(losses, nudges, unconnected_gradients=zero)
    states, *memories = (tf.stack([tf.norm(layer[part], axis=2) for layer in gradients]) for part in range(parts))
    return GradientNorms(states, memories[0] if memories else None)


def gradient_through_time(
    stack: RecurrentStack,
    inputs: tf.Tensor,
    padding_mask: tf.Tensor,
    step: int,
    losses_of: Callable[[tf.Tensor], tf.Tensor],
) -> GradientNorms:
    """Return how much of the gradient of a step's loss reaches each state before, by distance.

    Args:
        stack: built.
        inputs: `[B, L, E]`.
        padding_mask: bool `[B, L]`; True up to the chosen step at least.
        step: whose outputs the loss is of, from 0.
        losses_of: gives the losses `[B]` from the outputs at the step, `[B, U]` or `[B, 2U]`.

    Returns:
        `[layers, B, step + 1]`: at 0 of the chosen step itself, at k of k steps before.

    Raises:
        ValueError: a step that the inputs do not have.
    """
    rows, length = inputs.shape[0], inputs.shape[1]
    if not 0 <= step < length:
        raise ValueError(f"expected a step from 0 to {length - 1}. Received: {step}")

    layout = Layout.of(padding_mask)

    def losses(nudges: Sequence[States]) -> tf.Tensor:
        outputs = stack.outputs_of(layout.packed(inputs), layout, nudges=nudges)
        return losses_of(layout.padded(outputs)[:, step])

    found = gradient_norms(stack, rows, length, losses)
    return GradientNorms(*(None if norms is None else norms[:, :, step::-1] for norms in found))
