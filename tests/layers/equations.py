"""The article's equations of one step, in NumPy and in the order of Keras' weights: an oracle for every layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]
State = tuple[Floats, ...]


def sigmoid(x: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-x)))


def vanilla(x: Floats, before: State, weights: list[Floats]) -> State:
    """h_t = tanh(x_t W + h_t-1 U + b) (Elman 1990)."""
    kernel, recurrent, bias = weights
    return (np.tanh(x @ kernel + before[0] @ recurrent + bias),)


def gru(x: Floats, before: State, weights: list[Floats]) -> State:
    """h_t = z h_t-1 + (1 - z) tanh(x_t W + b + r (h_t-1 U + c)): the reset gate r comes after the product."""
    kernel, recurrent, (input_bias, recurrent_bias) = weights
    of_input = np.split(x @ kernel + input_bias, 3)
    of_state = np.split(before[0] @ recurrent + recurrent_bias, 3)
    update, reset = (sigmoid(of_input[gate] + of_state[gate]) for gate in (0, 1))
    return (update * before[0] + (1.0 - update) * np.tanh(of_input[2] + reset * of_state[2]),)


def lstm(x: Floats, before: State, weights: list[Floats]) -> State:
    """c_t = f c_t-1 + i tanh(g), h_t = o tanh(c_t), with the gates i, f, g, o in this order in the kernels."""
    kernel, recurrent, bias = weights
    entry, forget, new, out = np.split(x @ kernel + before[0] @ recurrent + bias, 4)
    memory = sigmoid(forget) * before[1] + sigmoid(entry) * np.tanh(new)
    return sigmoid(out) * np.tanh(memory), memory


STEPS: dict[str, Callable[[Floats, State, list[Floats]], State]] = {"rnn": vanilla, "gru": gru, "lstm": lstm}


def run(cell: str, inputs: Floats, weights: list[Floats], first: State) -> list[State]:
    """Return what the cell is in after each step over inputs `[L, E]`."""
    states = []
    for x in inputs:
        first = STEPS[cell](x, first, weights)
        states.append(first)
    return states


def zeros(cell: str, units: int) -> State:
    return (np.zeros(units),) * (2 if cell == "lstm" else 1)


def softmax(x: Floats) -> Floats:
    powers = np.exp(x - x.max())
    return np.asarray(powers / powers.sum())


def additive(query: Floats, values: Floats, weights: list[Floats]) -> Floats:
    """a = softmax_s(v . tanh(W q + U h_s)) (Bahdanau et al. 2015): the attention weights over values `[S, D]`."""
    of_keys, of_query, energy = weights
    return softmax(np.array([np.tanh(query @ of_query + value @ of_keys) @ energy[:, 0] for value in values]))


def general(query: Floats, values: Floats, weights: list[Floats]) -> Floats:
    """a = softmax_s(q . (W h_s)) (Luong et al. 2015)."""
    return softmax(np.array([query @ (value @ weights[0]) for value in values]))


def dot(query: Floats, values: Floats, weights: list[Floats]) -> Floats:
    """a = softmax_s(q . h_s) (Luong et al. 2015)."""
    return softmax(values @ query)


SCORES: dict[str, Callable[[Floats, Floats, list[Floats]], Floats]] = {
    "additive": additive,
    "general": general,
    "dot": dot,
}
