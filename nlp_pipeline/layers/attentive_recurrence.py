"""A recurrence that looks at the source before each step, with its gradient written out.

Bahdanau et al. 2015, section 3.1: the state before is the query, and the context that it finds is an input of the step,
beside the input proper:

    context_t = attend(h_t-1)      h_t = cell(x_t W + context_t C, h_t-1 U, h_t-1)

The query may hold more than the state, such as what the input asks for by itself.

The inputs are projected before the loop, as in `recurrences`; the state is multiplied by its kernel and by the query's
in one product; the gradients of all kernels are products after the loop. The hyperbolic tangents of the additive
energies are computed anew on the way back, which takes less time than to keep them, and no memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from nlp_pipeline.layers.attention import Annotations, attend, attention_weights, weighted_sum
from nlp_pipeline.layers.cells import Cell, States
from nlp_pipeline.layers.recurrences import array, of_kernel, product, product_back, shifted


class AttentiveKernels(NamedTuple):
    """The weights of the loop.

    Attributes:
        state: U `[U, gates * U]`.
        context: C `[D, gates * U]`, in the precision of U.
        inputs: W `[E, gates * U]`, which inputs are projected by before the loop.
        query: of an additive attention `[U, A]`, in the precision of U; None where the query is the state itself.
        energy: v of an additive attention, float32 `[A]`; None where energies are products.
        state_bias: is added to the product of the state `[gates * U]`; None for none.
    """

    state: tf.Tensor
    context: tf.Tensor
    inputs: tf.Tensor
    query: tf.Tensor | None = None
    energy: tf.Tensor | None = None
    state_bias: tf.Tensor | None = None


def attentive_step(
    cell: Cell,
    of_input: tf.Tensor,
    kernels: AttentiveKernels,
    annotations: Annotations,
    added: tf.Tensor,
    before: States,
    asking: tf.Tensor | None = None,
) -> tuple[States, tf.Tensor, tf.Tensor]:
    """Run one step, as a search needs it.

    The context is a weighted sum, and whatever it is multiplied by, the same weighted sum of products. So these are
    computed once for each annotation, and not at every step of every hypothesis.

    Args:
        cell: which.
        of_input: the sums that the input gives `[B * N, gates * U]`, float32.
        kernels: the weights.
        annotations: what is attended to, of B sentences.
        added: of each annotation its product with the context's kernel, and after it whatever else the context's
            weighted sum is wanted of, `[B, S, gates * U + R]`, float32.
        before: what the cell is in.
        asking: is added to the projected query `[B * N, A]`, float32; None for the state's query alone.

    Returns:
        What the cell is in afterwards, the weighted sum of what else there was `[B * N, R]`, and the attention weights
        `[B * N, S]`.
    """
    query = before[0] if kernels.query is None else product(before[0], kernels.query)
    query = query if asking is None else query + asking
    weights = attention_weights(query, annotations, kernels.energy)
    found = weighted_sum(weights, added)
    of_state = product(before[0], kernels.state)
    if kernels.state_bias is not None:
        of_state += tf.cast(kernels.state_bias, tf.float32)
    sums = kernels.context.shape[1]
    after, _ = cell.advance(of_input + found[:, :sums], of_state, before)
    return after, found[:, sums:], tf.reshape(weights, [-1, tf.shape(weights)[2]])


def attentive_recur(
    cell: Cell,
    projected: tf.Tensor,
    kernels: AttentiveKernels,
    annotations: Annotations,
    initial: Sequence[tf.Tensor],
    asking: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Run a cell over time, with attention. Can be differentiated once.

    Args:
        cell: which.
        projected: the sums that the inputs give `[T, B, gates * U]`, float32, bias added.
        kernels: the weights.
        annotations: what is attended to.
        initial: what the cell is in at first, `[B, U]` float32 each.
        asking: is added to the projected query of each step `[T, B, A]`, float32; None for the state's queries alone.

    Returns:
        The states `[T, B, U]`, the contexts `[T, B, D]`, and the attention weights `[T, B, S]`, whose gradient is not
        looked at: all float32.
    """
    length = tf.shape(projected)[0]
    units, widths = kernels.state.shape[0], [kernels.state.shape[1]]
    if kernels.query is not None:
        widths.append(kernels.query.shape[1])
    depth = annotations.values.shape[2]
    # What may be left out, as lists of one tensor or none.
    queries, energies, biases, askings = ([] if one is None else [one] for one in (*kernels[3:], asking))

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def run(
        projected: tf.Tensor,
        state_kernel: tf.Tensor,
        context_kernel: tf.Tensor,
        keys: tf.Tensor,
        values: tf.Tensor,
        *rest: tf.Tensor,
    ) -> tuple[tuple[tf.Tensor, ...], Any]:
        first, rest = rest[: cell.parts], rest[cell.parts :]
        fused = tf.concat([state_kernel, *rest[: len(queries)]], axis=1)
        energy = rest[len(queries)] if energies else None
        bias = tf.cast(rest[len(queries) + len(energies)], tf.float32) if biases else None
        asking = rest[-1] if askings else None
        held = Annotations(keys, values, annotations.padding_mask)
        inputs = array(length, projected.shape[2]).unstack(projected)

        def step(time: tf.Tensor, before: States, arrays: States) -> tuple[Any, ...]:
            both = product(before[0], fused)
            of_state, query = both[:, : widths[0]], both[:, widths[0] :] if queries else before[0]
            of_state = of_state if bias is None else of_state + bias
            query = query if asking is None else query + asking[time]
            context, weights = attend(query, held, energy)
            after, kept = cell.advance(inputs.read(time) + product(context, context_kernel), of_state, before)
            made = (*after, kept, context, weights)
            return time + 1, after, tuple(into.write(time, one) for into, one in zip(arrays, made, strict=True))

        arrays = [array(length, width) for width in (*[units] * cell.parts, cell.kept * units, depth)]
        arrays.append(tf.TensorArray(tf.float32, length, element_shape=[None, None]))
        loop = tf.while_loop(lambda time, *_: time < length, step, (tf.constant(0), tuple(first), tuple(arrays)))
        *states, kept, contexts, weights = (one.stack() for one in loop[2])

        def gradient(of_states: tf.Tensor, of_contexts: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
            befores = [shifted(one, sequence) for one, sequence in zip(first, states, strict=True)]
            slopes = cell.slopes(kept, befores)
            fused_back, context_back = tf.transpose(fused), tf.transpose(context_kernel)
            # The queries of all steps, which the energies are computed from anew.
            asked = befores[0]
            if queries:
                flat = tf.reshape(asked, [-1, units])
                asked = tf.reshape(product(flat, rest[0]), [length, -1, widths[1]])
            if asking is not None:
                asked += asking

            def back(time: tf.Tensor, upstream: States, of_keys: tf.Tensor, of_energy: tf.Tensor, sums: States) -> Any:
                total = (upstream[0] + of_states[time], *upstream[1:])
                of_input, of_product, (direct, *others) = cell.retreat(slopes[time], total)
                of_context = of_contexts[time] + product_back(of_input, context_back)
                of_weights = tf.linalg.matvec(values, of_context)
                share = weights[time]
                of_energies = share * (of_weights - tf.reduce_sum(share * of_weights, axis=1, keepdims=True))
                if energy is None:
                    of_query = tf.linalg.matvec(keys, of_energies, transpose_a=True)
                    of_keys += of_energies[:, :, tf.newaxis] * asked[time][:, tf.newaxis]
                else:
                    seen = tf.tanh(keys + asked[time][:, tf.newaxis])
                    flat = tf.reshape(seen, [-1, widths[1]])
                    of_energy += tf.linalg.matvec(flat, tf.reshape(of_energies, [-1]), transpose_a=True)
                    of_sums = (of_energies[:, :, tf.newaxis] * energy) * (1.0 - tf.square(seen))
                    of_query = tf.reduce_sum(of_sums, axis=1)
                    of_keys += of_sums
                if queries:
                    before = direct + product_back(tf.concat([of_product, of_query], axis=1), fused_back)
                else:
                    before = direct + of_query + product_back(of_product, fused_back)
                found = (of_input, of_product, of_query, of_context)
                written = tuple(into.write(time, one) for into, one in zip(sums, found, strict=True))
                return time - 1, (before, *others), of_keys, of_energy, written

            of_nothing = tf.zeros([1]) if energy is None else tf.zeros_like(energy)
            widths_of_sums = (widths[0], widths[0], widths[1] if queries else units, depth)
            sums = tuple(array(length, width) for width in widths_of_sums)
            start = (length - 1, tuple(tf.zeros_like(one) for one in first), tf.zeros_like(keys), of_nothing, sums)
            _, of_first, of_keys, of_energy, sums = tf.while_loop(lambda time, *_: time >= 0, back, start)
            of_inputs, of_products, of_queries, all_contexts = (one.stack() for one in sums)
            found = [
                of_inputs,
                of_kernel(befores[0], of_products, state_kernel),
                of_kernel(contexts, of_inputs, context_kernel),
                of_keys,
                tf.einsum("tbs,tbd->bsd", weights, all_contexts),
                *of_first,
            ]
            if queries:
                found.append(of_kernel(befores[0], of_queries, rest[0]))
            if energies:
                found.append(of_energy)
            if biases:
                found.append(tf.cast(tf.reduce_sum(of_products, axis=[0, 1]), biases[0].dtype))
            if askings:
                found.append(of_queries)
            return tuple(found)

        return (states[0], contexts, weights), gradient

    given = (projected, kernels.state, kernels.context, annotations.keys, annotations.values)
    states, contexts, weights = run(*given, *initial, *queries, *energies, *biases, *askings)
    return states, contexts, weights
