"""A recurrence that looks at the source before each step, with its gradient written out.

Bahdanau et al. 2015, section 3.1: the state before is the query, and the context that it finds is an input of the step,
beside the input proper:

    context_t = attend(h_t-1)      h_t = cell(x_t W + context_t C, h_t-1 U, h_t-1)

The query may hold more than the state, such as what the input asks for by itself.

The inputs are projected before the loop, and read step by step, as in `recurrences`; the state is multiplied by its
kernel and by the query's in one product; the gradients of all kernels are products after the loop. The hyperbolic
tangents of the additive energies are computed anew on the way back, which takes less time than to keep them, and no
memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from nlp_pipeline.layers.attention import Annotations, attend, attention_weights, weighted_sum
from nlp_pipeline.layers.cells import Cell, States
from nlp_pipeline.layers.recurrences import of_kernel, product, product_back
from nlp_pipeline.layers.steps import Step, Steps


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
    steps: Steps,
    annotations: Annotations,
    initial: Sequence[tf.Tensor],
    asking: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Run a cell over time, with attention. Can be differentiated once.

    Args:
        cell: which.
        projected: the sums that the N inputs give `[N, gates * U]`, float32, bias added.
        kernels: the weights.
        steps: of R rows, in which the inputs are read.
        annotations: what each row attends to, `[R, S, ...]`.
        initial: what the cell is in at first, `[R, U]` float32 each.
        asking: is added to the projected query of each input `[N, A]`, float32; None for the state's queries alone.

    Returns:
        The states `[N, U]`, the contexts `[N, D]`, and the attention weights `[N, S]`, whose gradient is not looked at:
        all float32.
    """
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

        def step(here: Step, states: States, _: States) -> tuple[States, States, States]:
            both = product(states[0], fused)
            of_state, query = both[:, : widths[0]], both[:, widths[0] :] if queries else states[0]
            of_state = of_state if bias is None else of_state + bias
            query = query if asking is None else query + here.at(asking)
            context, weights = attend(query, Annotations(*(here.reading(one) for one in held)), energy)
            of_input = here.at(projected) + product(context, context_kernel)
            after, kept = cell.advance(of_input, of_state, states)
            return after, (), (*after, kept, context, weights)

        widths_of_found = (*[units] * cell.parts, cell.kept * units, depth, None)
        *states, kept, contexts, weights = steps.loop(step, first, widths_of_found)[2]

        def gradient(of_states: tf.Tensor, of_contexts: tf.Tensor, _: tf.Tensor) -> tuple[tf.Tensor, ...]:
            befores = [steps.before(*each, False) for each in zip(first, states, strict=True)]
            slopes = cell.slopes(kept, befores)
            fused_back, context_back = tf.transpose(fused), tf.transpose(context_kernel)
            # The queries of all steps, which the energies are computed from anew.
            asked = product(befores[0], rest[0]) if queries else befores[0]
            asked = asked if asking is None else asked + asking
            no_rows = [*(tf.zeros_like(one) for one in first), tf.zeros_like(keys)]

            def back(here: Step, rows: States, sums: States) -> tuple[States, States, States]:
                *upstream, of_keys = rows
                keys_here, values_here = here.reading(keys), here.reading(values)
                total = (upstream[0] + here.at(of_states), *upstream[1:])
                of_input, of_product, (direct, *others) = cell.retreat(tuple(map(here.at, slopes)), total)
                of_context = here.at(of_contexts) + product_back(of_input, context_back)
                of_weights = tf.matmul(of_context[:, tf.newaxis], values_here, transpose_b=True)[:, 0]
                share, query = here.at(weights), here.at(asked)
                of_energies = share * (of_weights - tf.reduce_sum(share * of_weights, axis=1, keepdims=True))
                if energy is None:
                    of_query = tf.linalg.matvec(keys_here, of_energies, transpose_a=True)
                    of_keys += of_energies[:, :, tf.newaxis] * query[:, tf.newaxis]
                else:
                    # With e_s the gradients of the energies, each sum has that of e_s v (1 - seen^2): v is multiplied
                    # last, after all sums over annotations and steps.
                    seen = tf.tanh(keys_here + query[:, tf.newaxis])
                    flat = tf.reshape(seen, [-1, keys.shape[2]])
                    sums = (sums[0] + tf.linalg.matvec(flat, tf.reshape(of_energies, [-1]), transpose_a=True),)
                    of_sums = of_energies[:, :, tf.newaxis] * (1.0 - tf.square(seen))
                    of_query = tf.reduce_sum(of_sums, axis=1) * energy
                    of_keys += of_sums
                if queries:
                    before = product_back(tf.concat([of_product, of_query], axis=1), fused_back)
                else:
                    before = of_query + product_back(of_product, fused_back)
                before = before if direct is None else direct + before
                return (before, *others, of_keys), sums, (of_input, of_product, of_query, of_context)

            of_nothing = [tf.zeros_like(one) for one in (() if energy is None else (energy,))]
            widths_of_found = (widths[0], widths[0], widths[1] if queries else units, depth)
            rows, of_energy, of_steps = steps.loop(back, no_rows, widths_of_found, of_nothing, is_backward=True)
            of_inputs, of_products, of_queries, all_contexts = of_steps
            # Of rows without any input there is no gradient.
            *of_first, of_keys = (
                tf.concat([one, none[tf.shape(one)[0] :]], axis=0) for one, none in zip(rows, no_rows, strict=True)
            )
            found = [
                of_inputs,
                of_kernel(befores[0], of_products, state_kernel),
                of_kernel(contexts, of_inputs, context_kernel),
                of_keys if energy is None else of_keys * energy,
                tf.matmul(steps.side_by_side(weights), steps.side_by_side(all_contexts), transpose_a=True),
                *of_first,
            ]
            if queries:
                found.append(of_kernel(befores[0], of_queries, rest[0]))
            found.extend(of_energy)
            if biases:
                found.append(tf.cast(tf.reduce_sum(of_products, axis=0), biases[0].dtype))
            if askings:
                found.append(of_queries)
            return tuple(found)

        return (states[0], contexts, weights), gradient

    given = (projected, kernels.state, kernels.context, annotations.keys, annotations.values)
    states, contexts, weights = run(*given, *initial, *queries, *energies, *biases, *askings)
    return states, contexts, weights
