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
from nlp_pipeline.layers.steps import Step, Steps


def recur(
    cell: Cell,
    projected: tf.Tensor,
    kernel: tf.Tensor,
    steps: Steps,
    is_backward: bool = False,
    initial: Sequence[tf.Tensor] | None = None,
    state_bias: tf.Tensor | None = None,
    state_mask: tf.Tensor | None = None,
    nudges: Sequence[tf.Tensor] = (),
    memories: bool = True,
) -> States:
    """Run a cell over time. Can be differentiated once.

    Args:
        cell: which.
        projected: the sums that the N inputs give `[N, gates * U]`, float32, bias added.
        kernel: by which the state before is multiplied `[U, gates * U]`. Products are computed in its precision, all
            else in float32.
        steps: of R rows, in which the inputs are read.
        is_backward: whether each row is read from its last input to its first.
        initial: what the cell is in at first, `[R, U]` float32 each; zeros when left out.
        state_bias: is added to the product `[gates * U]`.
        state_mask: by which the state is multiplied before the product `[R, U]` (dropout, the same at every step).
        nudges: what is added to the state after each input, and to an LSTM's memory, before anything sees them:
            `[N, U]` float32 each. The gradient of a nudge is that of the state itself, over all the ways that lead
            from it; see `gradient_through_time`. Left out, nothing is added.
        memories: whether an LSTM's memories are asked for: their gradient has to be looked at, at every step.

    Returns:
        the states, and for an LSTM its memories if these are asked for, after each input: `[N, U]` float32 each.
    """
    units = kernel.shape[0]
    givens = [] if initial is None else list(initial)
    biases = [] if state_bias is None else [state_bias]

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def run(projected: tf.Tensor, kernel: tf.Tensor, *rest: tf.Tensor) -> tuple[States, Any]:
        nothing = tf.zeros([steps.rows, units])
        first = rest[: len(givens)] or [nothing] * cell.parts
        bias = [tf.cast(one, tf.float32) for one in rest[len(givens) :][: len(biases)]]
        added = rest[len(givens) + len(biases) :]

        def mask_at(here: Step) -> tf.Tensor | None:
            return None if state_mask is None else here.reading(state_mask)

        def step(here: Step, states: States, _: States) -> tuple[States, States, States]:
            of_state = product(states[0], kernel, mask_at(here))
            of_state = of_state + bias[0] if bias else of_state
            after, kept = cell.advance(here.at(projected), of_state, states)
            if added:
                after = tuple(one + here.at(more) for one, more in zip(after, added, strict=True))
            return after, (), (*after, kept)

        widths = [units] * cell.parts + [cell.kept * units]
        *states, kept = steps.loop(step, first, widths, is_backward=is_backward)[2]

        def gradient(*upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            befores = [steps.before(*each, is_backward) for each in zip(first, states, strict=True)]
            slopes = cell.slopes(kept, befores)
            kernel_back = tf.transpose(kernel)

            def back(here: Step, of_states: States, _: States) -> tuple[States, States, States]:
                # Of memories that nobody asked for there is no gradient from above.
                seen = (one + here.at(above) for one, above in zip(of_states, upstream, strict=False))
                total = (*seen, *of_states[len(upstream) :])
                of_input, of_product, (direct, *others) = cell.retreat(tuple(map(here.at, slopes)), total)
                through = product_back(of_product, kernel_back, mask_at(here))
                of_befores = (through if direct is None else direct + through, *others)
                found = (of_input, of_product) if cell.is_split else (of_input,)
                return of_befores, (), (*found, *(total if added else ()), *(of_befores if givens else ()))

            widths = [cell.gates * units] * (2 if cell.is_split else 1) + [units] * (len(added) + len(givens))
            of_inputs, *more = steps.loop(back, [nothing] * cell.parts, widths, is_backward=not is_backward)[2]
            of_products = more.pop(0) if cell.is_split else of_inputs
            of_added, of_befores = more[: len(added)], more[len(added) :]
            masks = None if state_mask is None else tf.gather(state_mask, steps.places[:, 1])
            empty = steps.lengths[:, tf.newaxis] == 0
            return (
                of_inputs,
                of_kernel(befores[0], of_products, kernel, masks),
                *(tf.where(empty, 0.0, steps.ends(one, is_first=not is_backward)) for one in of_befores),
                *(tf.cast(tf.reduce_sum(of_products, axis=0), one.dtype) for one in biases),
                *of_added,
            )

        return tuple(states) if memories else (states[0],), gradient

    return tuple(run(projected, kernel, *givens, *biases, *nudges))


def product(state: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor | None = None) -> tf.Tensor:
    """Return what a state `[R, U]` adds to the sums of the gates, in float32."""
    masked = state if state_mask is None else state * state_mask
    return tf.cast(tf.matmul(tf.cast(masked, kernel.dtype), kernel), tf.float32)


def product_back(of_sum: tf.Tensor, kernel_back: tf.Tensor, state_mask: tf.Tensor | None = None) -> tf.Tensor:
    """Return the gradient of the state `[R, U]` from that of the product."""
    of_state = tf.cast(tf.matmul(tf.cast(of_sum, kernel_back.dtype), kernel_back), tf.float32)
    return of_state if state_mask is None else of_state * state_mask


def of_kernel(
    states: tf.Tensor, of_sums: tf.Tensor, kernel: tf.Tensor, state_masks: tf.Tensor | None = None
) -> tf.Tensor:
    """Return the gradient of a kernel, from what it was multiplied by `[N, U]` and those of the products."""
    masked = states if state_masks is None else states * state_masks
    return tf.matmul(tf.cast(masked, kernel.dtype), tf.cast(of_sums, kernel.dtype), transpose_a=True)
