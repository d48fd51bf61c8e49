"""The recurrences of the three cells over time, with their gradients written out.

What TensorFlow's tape makes of Keras' loop multiplies the inputs by their kernel step by step, and adds up the gradient
of every kernel step by step. Here only what depends on the step before is done in a loop: the caller projects all
inputs at once, and the gradient of each kernel is one product, after the loop.

Every function takes the projected inputs `[L, B, gates * U]` in float32 (bias added, gates in Keras' order), the kernel
by which the state before is multiplied `[U, gates * U]`, and perhaps a mask `[B, U]` by which that state is multiplied
first (dropout of the state, the same at every step). It gives the outputs `[L, B, U]`; the first state is 0. Products
are computed in the precision of the kernel, all else in float32. They can be differentiated once.

Two things are easily undone. A gradient uses nothing of the way forward but whole tensors, for a SavedModel cannot hold
one that uses a TensorArray. And it transposes the kernel once: `transpose_b` in the loop costs half as much again.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf


def vanilla(projected: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor | None = None) -> tf.Tensor:
    """Run the vanilla recurrence, `h_t = tanh(x_t + h_t-1 U)` (Elman 1990)."""

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def run(projected: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        length, zeros = _length_and_zeros(projected, kernel)
        inputs = _array(length, projected.shape[2]).unstack(projected)

        def step(time: tf.Tensor, state: tf.Tensor, states: tf.TensorArray) -> tuple[Any, ...]:
            summed = inputs.read(time) + _product(state, kernel, state_mask)
            state = tf.tanh(summed)
            return time + 1, state, states.write(time, state)

        loop = (tf.constant(0), zeros, _array(length, zeros.shape[1]))
        states = tf.while_loop(lambda time, *_: time < length, step, loop)[2].stack()

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            slopes = 1.0 - tf.square(states)
            kernel_back = tf.transpose(kernel)

            def back(time: tf.Tensor, of_state: tf.Tensor, sums: tf.TensorArray) -> tuple[Any, ...]:
                of_sum = (of_state + upstream[time]) * slopes[time]
                return time - 1, _product_back(of_sum, kernel_back, state_mask), sums.write(time, of_sum)

            loop = (length - 1, zeros, _array(length, zeros.shape[1]))
            of_sums = tf.while_loop(lambda time, *_: time >= 0, back, loop)[2].stack()
            return of_sums, _of_kernel(states, of_sums, kernel, state_mask)

        return states, gradient

    return run(projected, kernel)


def gru(
    projected: tf.Tensor, kernel: tf.Tensor, recurrent_bias: tf.Tensor, state_mask: tf.Tensor | None = None
) -> tf.Tensor:
    """Run the gated recurrent unit (Cho et al. 2014) with the reset gate after the product, as in cuDNN.

    With `[s_z, s_r, s_n] = h_t-1 U + c` and the projected inputs `[x_z, x_r, x_n]`,

        z = sigmoid(x_z + s_z)    r = sigmoid(x_r + s_r)    n = tanh(x_n + r s_n)    h_t = z h_t-1 + (1 - z) n

    Args:
        projected: `[L, B, 3U]`.
        kernel: U, `[U, 3U]`.
        recurrent_bias: c, `[3U]`.
        state_mask: `[B, U]`, or None.
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def run(projected: tf.Tensor, kernel: tf.Tensor, recurrent_bias: tf.Tensor) -> tuple[tf.Tensor, Any]:
        length, zeros = _length_and_zeros(projected, kernel)
        units = zeros.shape[1]
        inputs = _array(length, projected.shape[2]).unstack(projected)
        bias = tf.cast(recurrent_bias, tf.float32)

        def step(time: tf.Tensor, state: tf.Tensor, states: tf.TensorArray, gates: tf.TensorArray) -> tuple[Any, ...]:
            of_input = inputs.read(time)
            of_state = _product(state, kernel, state_mask) + bias
            both = tf.sigmoid(of_input[:, : 2 * units] + of_state[:, : 2 * units])
            update, reset = tf.split(both, 2, axis=1)
            new = tf.tanh(of_input[:, 2 * units :] + reset * of_state[:, 2 * units :])
            state = new + update * (state - new)
            kept = tf.concat([both, new, of_state[:, 2 * units :]], axis=1)
            return time + 1, state, states.write(time, state), gates.write(time, kept)

        loop = (tf.constant(0), zeros, _array(length, zeros.shape[1]), _array(length, 4 * units))
        _, _, states, gates = tf.while_loop(lambda time, *_: time < length, step, loop)
        states, gates = states.stack(), gates.stack()

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            update, reset, new, of_state = tf.split(gates, 4, axis=2)
            kernel_back = tf.transpose(kernel)
            # What one unit of d h_t makes of the three sums of gates, all steps at once.
            to_update = (_before(states) - new) * update * (1.0 - update)
            to_new = (1.0 - update) * (1.0 - tf.square(new))
            to_reset = to_new * of_state * reset * (1.0 - reset)
            to_product = tf.concat([to_update, to_reset, to_new * reset], axis=2)

            def back(time: tf.Tensor, of_state: tf.Tensor, totals: tf.TensorArray) -> tuple[Any, ...]:
                total = of_state + upstream[time]
                of_product = tf.tile(total, [1, 3]) * to_product[time]
                before = _product_back(of_product, kernel_back, state_mask) + total * update[time]
                return time - 1, before, totals.write(time, total)

            loop = (length - 1, zeros, _array(length, zeros.shape[1]))
            totals = tf.while_loop(lambda time, *_: time >= 0, back, loop)[2].stack()
            of_inputs = tf.concat([totals * to_update, totals * to_reset, totals * to_new], axis=2)
            of_products = tf.tile(totals, [1, 1, 3]) * to_product
            of_bias = tf.cast(tf.reduce_sum(of_products, axis=[0, 1]), recurrent_bias.dtype)
            return of_inputs, _of_kernel(states, of_products, kernel, state_mask), of_bias

        return states, gradient

    return run(projected, kernel, recurrent_bias)


def lstm(projected: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor | None = None) -> tf.Tensor:
    """Run the long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000).

    With `[s_i, s_f, s_g, s_o] = x_t + h_t-1 U`,

        c_t = sigmoid(s_f) c_t-1 + sigmoid(s_i) tanh(s_g)    h_t = sigmoid(s_o) tanh(c_t)
    """

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # TensorFlow has no types
    def run(projected: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        length, zeros = _length_and_zeros(projected, kernel)
        units = zeros.shape[1]
        inputs = _array(length, projected.shape[2]).unstack(projected)

        def step(
            time: tf.Tensor,
            state: tf.Tensor,
            cell: tf.Tensor,
            states: tf.TensorArray,
            cells: tf.TensorArray,
            gates: tf.TensorArray,
        ) -> tuple[Any, ...]:
            summed = inputs.read(time) + _product(state, kernel, state_mask)
            enter, forget, new, out = tf.split(summed, 4, axis=1)
            enter, forget, new, out = tf.sigmoid(enter), tf.sigmoid(forget), tf.tanh(new), tf.sigmoid(out)
            cell = forget * cell + enter * new
            state = out * tf.tanh(cell)
            kept = tf.concat([enter, forget, new, out], axis=1)
            return time + 1, state, cell, states.write(time, state), cells.write(time, cell), gates.write(time, kept)

        arrays = (_array(length, zeros.shape[1]), _array(length, zeros.shape[1]), _array(length, 4 * units))
        loop = (tf.constant(0), zeros, zeros, *arrays)
        _, _, _, states, cells, gates = tf.while_loop(lambda time, *_: time < length, step, loop)
        states, memory, gates = states.stack(), cells.stack(), gates.stack()

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            enter, forget, new, out = tf.split(gates, 4, axis=2)
            seen = tf.tanh(memory)
            kernel_back = tf.transpose(kernel)
            # What one unit of d c_t makes of the first three sums, and one of d h_t of the fourth and of c_t.
            to_enter = new * enter * (1.0 - enter)
            to_forget = _before(memory) * forget * (1.0 - forget)
            to_new = enter * (1.0 - tf.square(new))
            to_first = tf.concat([to_enter, to_forget, to_new], axis=2)
            to_out = seen * out * (1.0 - out)
            to_cell = out * (1.0 - tf.square(seen))

            def back(time: tf.Tensor, of_state: tf.Tensor, of_cell: tf.Tensor, sums: tf.TensorArray) -> tuple[Any, ...]:
                of_state += upstream[time]
                of_cell += of_state * to_cell[time]
                of_sum = tf.concat([tf.tile(of_cell, [1, 3]) * to_first[time], of_state * to_out[time]], axis=1)
                before = _product_back(of_sum, kernel_back, state_mask)
                return time - 1, before, of_cell * forget[time], sums.write(time, of_sum)

            loop = (length - 1, zeros, zeros, _array(length, 4 * units))
            of_sums = tf.while_loop(lambda time, *_: time >= 0, back, loop)[3].stack()
            return of_sums, _of_kernel(states, of_sums, kernel, state_mask)

        return states, gradient

    return run(projected, kernel)


def _length_and_zeros(projected: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Return L, and the first state `[B, U]`."""
    length, batch = tf.unstack(tf.shape(projected)[:2])
    return length, tf.zeros([batch, kernel.shape[0]])


def _array(length: tf.Tensor, width: int) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, length, element_shape=[None, width])


def _product(state: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor | None) -> tf.Tensor:
    """Return what the state before adds to the sums of the gates `[B, gates * U]`."""
    masked = state if state_mask is None else state * state_mask
    return tf.cast(tf.matmul(tf.cast(masked, kernel.dtype), kernel), tf.float32)


def _product_back(of_sum: tf.Tensor, kernel_back: tf.Tensor, state_mask: tf.Tensor | None) -> tf.Tensor:
    """Return the gradient of the state before `[B, U]` from that of the product."""
    of_state = tf.cast(tf.matmul(tf.cast(of_sum, kernel_back.dtype), kernel_back), tf.float32)
    return of_state if state_mask is None else of_state * state_mask


def _of_kernel(states: tf.Tensor, of_sums: tf.Tensor, kernel: tf.Tensor, state_mask: tf.Tensor | None) -> tf.Tensor:
    """Return the gradient of the kernel from those of all steps' products."""
    before = _before(states) if state_mask is None else _before(states) * state_mask
    rows = tf.cast(tf.reshape(before, [-1, before.shape[2]]), kernel.dtype)
    return tf.matmul(rows, tf.cast(tf.reshape(of_sums, [-1, of_sums.shape[2]]), kernel.dtype), transpose_a=True)


def _before(states: tf.Tensor) -> tf.Tensor:
    """Return for each step what stood before it, 0 before the first."""
    return tf.concat([tf.zeros_like(states[:1]), states[:-1]], axis=0)
