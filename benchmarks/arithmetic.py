"""How many floating-point operations a workload needs: its products of matrices, a multiplication and a sum each.

What is counted is what the equations ask for, for real words alone: no padding, nothing done twice, nothing kept from
before. Norms, activations and best paths are left out; they are bound by memory, not by arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# A training step goes forward once, and back with two products for each: by the inputs and by the weights.
TRAINED = 3


@dataclass(frozen=True)
class Bert:
    """The shape of an encoder; the default one's."""

    layers: int = 6
    units: int = 384
    inner_units: int = 1536

    def operations(self, lengths: Iterable[int]) -> float:
        """Return the operations of encoding rows of so many subwords each, special ones included."""
        total = 0.0
        for length in lengths:
            dense = 2 * length * self.units * (4 * self.units + 2 * self.inner_units)
            attention = 4 * length * length * self.units
            total += self.layers * (dense + attention)
        return total


def lstm(words: int, inputs: int, units: int, ways: int = 2) -> float:
    """Return the operations of a one- or two-way LSTM over so many words."""
    return 2.0 * words * ways * (inputs + units) * 4 * units


def gru(words: int, inputs: int, units: int, ways: int = 2) -> float:
    """Return the operations of a one- or two-way GRU over so many words."""
    return 2.0 * words * ways * (inputs + units) * 3 * units


def dense(words: int, inputs: int, outputs: int) -> float:
    """Return the operations of a dense layer."""
    return 2.0 * words * inputs * outputs
