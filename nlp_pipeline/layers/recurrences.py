"""A recurrence over time, with its gradient written out.

What TensorFlow's tape makes of Keras' loop multiplies the inputs by their kernel step by step, and adds up the gradient
of every kernel step by step. Here only what depends on the step before is done in a loop: the caller projects all
inputs at once, and the gradient of each kernel is one product, after the loop.

Two things are easily undone. A gradient uses nothing of the way forward but whole tensors, for a SavedModel cannot hold
one that uses a TensorArray. And it transposes the kernel once: `transpose_b` in the loop costs half as much again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from nlp_pipeline.layers.cells import Cell, States
from nlp_pipeline.layers.layout import Order


def recur(
    cell: Cell,
    projected: tf.Tensor,
    kernel: tf.Tensor,
    initial: Sequence[tf.Tensor] | None = None,
    state_bias: tf.Tensor | None = None,
    state_mask: tf.Tensor | None = None,
    nudges: Sequence[tf.Tensor] = (),
    order: Order | None = None,
) -> States:
    """Run a cell over time. Can be differentiated once.

    Args:
        cell: which.
        projected: the sums that the inputs give `[L, B, gates * U]`, float32, bias added; with an `order`, those of N
            words `[N, gates * U]`.
        kernel: by which the state before is multiplied `[U, gates * U]`. Products are computed in its precision, all
            else in float32.
        initial: what the cell is in at first, `[B, U]` float32 each; zeros when left out.
        state_bias: is added to the product `[gates * U]`.
        state_mask: by which the state is multiplied before the product `[B, U]` (dropout, the same at every step).
        nudges: what is added to the state after each step, and to an LSTM's memory, before anything sees them:
            `[L, B, U]` float32 each. The gradient of a nudge is that of the state itself, over all the ways that lead
            from it; see `gradient_through_time`. Left out, nothing is added.
        order: which word is read at each step. What is read once a sentence has ended must not matter to the loss.

    Returns:
        the states, and for an LSTM its memories, after each step: `[L, B, U]` float32 each.
    """
    length, batch = tf.unstack(tf.shape(projected)[:2] if order is None else tf.shape(order.rows))
    units = kernel.shape[0]
    if initial is None:
        initial = [tf.zeros([batch, units])] * cell.parts
    biases = [] if state_bias is None else [state_bias]

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def run(projected: tf.Tensor, kernel: tf.Tensor, *rest: tf.Tensor) -> tuple[States, Any]:
        first, bias = rest[: cell.parts], [tf.cast(one, tf.float32) for one in rest[cell.parts :][: len(biases)]]
        added = rest[cell.parts + len(biases) :]
        inputs = projected if order is not None else array(length, projected.shape[2]).unstack(projected)

        def step(time: tf.Tensor, before: States, arrays: States) -> tuple[Any, ...]:
            of_input = inputs.read(time) if order is None else tf.gather(inputs, order.rows[time])
            of_state = product(before[0], kernel, state_mask)
            of_state = of_state + bias[0] if bias else of_state
            after, kept = cell.advance(of_input, of_state, before)
            if added:
                after = tuple(one + more[time] for one, more in zip(after, added, strict=True))
            made = (*after, kept)
            return time + 1, after, tuple(into.write(time, one) for into, one in zip(arrays, made, strict=True))

        arrays = (*(array(length, units) for _ in first), array(length, cell.kept * units))
        loop = tf.while_loop(lambda time, *_: time < length, step, (tf.constant(0), tuple(first), arrays))
        *states, kept = (one.stack() for one in loop[2])

        def gradient(*upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            befores = [shifted(one, sequence) for one, sequence in zip(first, states, strict=True)]
            slopes = cell.slopes(kept, befores)
            kernel_back = tf.transpose(kernel)

            def back(time: tf.Tensor, of_states: States, sums: States) -> tuple[Any, ...]:
                total = tuple(one + above[time] for one, above in zip(of_states, upstream, strict=True))
                of_input, of_product, (direct, *others) = cell.retreat(slopes[time], total)
                direct = direct + product_back(of_product, kernel_back, state_mask)
                found = (of_input, of_product) if cell.is_split else (of_input,)
                found = (*found, *total) if added else found
                written = tuple(into.write(time, one) for into, one in zip(sums, found, strict=True))
                return time - 1, (direct, *others), written

            count = 2 if cell.is_split else 1
            sums = tuple(array(length, cell.gates * units) for _ in range(count))
            sums = (*sums, *(array(length, units) for _ in added))
            zeros = tuple(tf.zeros_like(one) for one in first)
            loop = tf.while_loop(lambda time, *_: time >= 0, back, (length - 1, zeros, sums))
            of_inputs, of_products = loop[2][0].stack(), loop[2][count - 1].stack()
            of_added = [one.stack() for one in loop[2][count:]]
            of_bias = [tf.cast(tf.reduce_sum(of_products, axis=[0, 1]), one.dtype) for one in biases]
            of_read = of_inputs if order is None else tf.gather_nd(of_inputs, order.places)
            return of_read, of_kernel(befores[0], of_products, kernel, state_mask), *loop[1], *of_bias, *of_added

        return tuple(states), gradient

    return tuple(run(projected, kernel, *initial, *biases, *nudges))


def array(length: tf.Tensor, width: int) -> tf.TensorArray:
    """Return an array of `[B, width]`."""
    return tf.TensorArray(tf.float32, length, element_shape=[None, width])


def product(state: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor | None = None) -> tf.Tensor:
    """Return what a state `[B, U]` adds to the sums of the gates, in float32."""
    masked = state if state_mask is None else state * state_mask
    return tf.cast(tf.matmul(tf.cast(masked, kernel.dtype), kernel), tf.float32)


def product_back(of_sum: tf.Tensor, kernel_back: tf.Tensor, state_mask: tf.Tensor | None = None) -> tf.Tensor:
    """Return the gradient of the state `[B, U]` from that of the product."""
    of_state = tf.cast(tf.matmul(tf.cast(of_sum, kernel_back.dtype), kernel_back), tf.float32)
    return of_state if state_mask is None else of_state * state_mask


def of_kernel(
    states: tf.Tensor, of_sums: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the gradient of a kernel from what it was multiplied by and those of the products, over all steps."""
    masked = states if state_mask is None else states * state_mask
    rows = tf.cast(tf.reshape(masked, [-1, masked.shape[2]]), kernel.dtype)
    return tf.matmul(rows, tf.cast(tf.reshape(of_sums, [-1, of_sums.shape[2]]), kernel.dtype), transpose_a=True)


def shifted(first: tf.Tensor, sequence: tf.Tensor) -> tf.Tensor:
    """Return for each step what stood before it: `first` before the first."""
    return tf.concat([first[tf.newaxis], sequence[:-1]], axis=0)
