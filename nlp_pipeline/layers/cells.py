"""One step of each recurrent cell, forth and back.

A cell gets two sums for its gates, one that the inputs give and one that the state before gives, both `[B, gates * U]`
with the gates in Keras' order. What it is in is a tuple of tensors `[B, U]`: the state h, and for an LSTM the memory c.
Everything is float32. The loops over time are in `recurrences`, and with attention in `attentive_recurrence`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import tensorflow as tf

States = tuple[tf.Tensor, ...]
Befores = tuple[tf.Tensor | None, ...]


class Cell(Protocol):
    """A cell of U units.

    Attributes:
        gates: sums a unit.
        parts: of what it is in: 2 for an LSTM, else 1.
        kept: how many tensors `[B, U]`, side by side, a step keeps for the way back.
        is_split: whether a sum of the inputs and a sum of the state before have different gradients.
    """

    gates: int
    parts: int
    kept: int
    is_split: bool

    def advance(self, of_input: tf.Tensor, of_state: tf.Tensor, before: States) -> tuple[States, tf.Tensor]:
        """Return what the cell is in after a step, and what is kept of the step `[B, kept * U]`."""

    def slopes(self, kept: tf.Tensor, befores: Sequence[tf.Tensor]) -> States:
        """Return what `retreat` needs of each step, for all N words `[N, ...]` at once, as tensors that are not cut.

        Args:
            kept: what the steps kept `[N, kept * U]`.
            befores: what the cell was in before each word, `[N, U]` each.
        """

    def retreat(self, slopes: States, upstream: States) -> tuple[tf.Tensor, tf.Tensor, Befores]:
        """Return the gradients of the two sums, and of what the cell was in before.

        That of the state before is without what comes through the sum of the state: None where there is nothing else.

        Args:
            slopes: of the step, `[B, ...]` each.
            upstream: the gradient of what the cell is in after it.
        """


class Vanilla:
    """`h_t = tanh(x_t + s_t)` (Elman 1990)."""

    gates, parts, kept, is_split = 1, 1, 1, False

    def advance(self, of_input: tf.Tensor, of_state: tf.Tensor, before: States) -> tuple[States, tf.Tensor]:  # noqa: ARG002
        """Return the state, and the state."""
        state = tf.tanh(of_input + of_state)
        return (state,), state

    def slopes(self, kept: tf.Tensor, befores: Sequence[tf.Tensor]) -> States:  # noqa: ARG002
        """Return the slope of tanh."""
        return (1.0 - tf.square(kept),)

    def retreat(self, slopes: States, upstream: States) -> tuple[tf.Tensor, tf.Tensor, Befores]:
        """Go back through tanh."""
        of_sum = upstream[0] * slopes[0]
        return of_sum, of_sum, (None,)


class GRU:
    """The gated recurrent unit (Cho et al. 2014) with the reset gate after the product, as in cuDNN.

    With `[x_z, x_r, x_n]` of the inputs and `[s_z, s_r, s_n]` of the state,

        z = sigmoid(x_z + s_z)    r = sigmoid(x_r + s_r)    n = tanh(x_n + r s_n)    h_t = z h_t-1 + (1 - z) n
    """

    gates, parts, kept, is_split = 3, 1, 4, True

    def advance(self, of_input: tf.Tensor, of_state: tf.Tensor, before: States) -> tuple[States, tf.Tensor]:
        """Return the state, and z, r, n and s_n."""
        units = before[0].shape[1]
        both = tf.sigmoid(of_input[:, : 2 * units] + of_state[:, : 2 * units])
        update, reset = tf.split(both, 2, axis=1)
        product = of_state[:, 2 * units :]
        new = tf.tanh(of_input[:, 2 * units :] + reset * product)
        state = new + update * (before[0] - new)
        return (state,), tf.concat([both, new, product], axis=1)

    def slopes(self, kept: tf.Tensor, befores: Sequence[tf.Tensor]) -> States:
        """Return what one unit of d h_t makes of the first two sums, of x_n, of s_n and of h_t-1."""
        update, reset, new, product = tf.split(kept, 4, axis=1)
        to_update = (befores[0] - new) * update * (1.0 - update)
        to_new = (1.0 - update) * (1.0 - tf.square(new))
        to_product = to_new * reset
        to_reset = to_product * product * (1.0 - reset)
        return tf.concat([to_update, to_reset], axis=1), to_new, to_product, update

    def retreat(self, slopes: States, upstream: States) -> tuple[tf.Tensor, tf.Tensor, Befores]:
        """Go back through the gates."""
        to_gates, to_new, to_product, update = slopes
        (of_state,) = upstream
        of_gates = tf.tile(of_state, [1, 2]) * to_gates
        of_inputs = tf.concat([of_gates, of_state * to_new], axis=1)
        return of_inputs, tf.concat([of_gates, of_state * to_product], axis=1), (of_state * update,)


class LSTM:
    """The long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    With `[s_i, s_f, s_g, s_o] = x_t + s_t`,

        c_t = sigmoid(s_f) c_t-1 + sigmoid(s_i) tanh(s_g)    h_t = sigmoid(s_o) tanh(c_t)
    """

    gates, parts, kept, is_split = 4, 2, 4, False

    def advance(self, of_input: tf.Tensor, of_state: tf.Tensor, before: States) -> tuple[States, tf.Tensor]:
        """Return state and memory, and the sums: to compute the gates of all steps anew is faster than to join them."""
        sums = of_input + of_state
        enter, forget, new, out = self._gates(sums)
        memory = forget * before[1] + enter * new
        return (out * tf.tanh(memory), memory), sums

    def slopes(self, kept: tf.Tensor, befores: Sequence[tf.Tensor]) -> States:
        """Return what one unit of d c_t makes of the first three sums, beside what one of d h_t makes of s_o.

        And what one of d c_t makes of c_t-1, and one of d h_t of c_t.
        """
        enter, forget, new, out = self._gates(kept)
        seen = tf.tanh(forget * befores[1] + enter * new)
        to_enter = new * enter * (1.0 - enter)
        to_forget = befores[1] * forget * (1.0 - forget)
        to_new = enter * (1.0 - tf.square(new))
        to_sums = tf.concat([to_enter, to_forget, to_new, seen * out * (1.0 - out)], axis=1)
        return to_sums, forget, out * (1.0 - tf.square(seen))

    def retreat(self, slopes: States, upstream: States) -> tuple[tf.Tensor, tf.Tensor, Befores]:
        """Go back through the gates and the memory."""
        to_sums, forget, to_memory = slopes
        of_state, of_memory = upstream
        of_memory += of_state * to_memory
        of_sum = tf.concat([of_memory, of_memory, of_memory, of_state], axis=1) * to_sums
        return of_sum, of_sum, (None, of_memory * forget)

    def _gates(self, sums: tf.Tensor) -> States:
        enter, forget, new, out = tf.split(sums, 4, axis=1)
        return tf.sigmoid(enter), tf.sigmoid(forget), tf.tanh(new), tf.sigmoid(out)


CELLS: dict[str, Cell] = {"rnn": Vanilla(), "gru": GRU(), "lstm": LSTM()}
