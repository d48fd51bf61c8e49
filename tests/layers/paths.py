"""Every path of tags through a sentence, for the tests of the decoders."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TAGS, LENGTH = 4, 5
LENGTHS = np.array([1, 2, 3, 4, 5, 5])
MASK = np.arange(LENGTH) < LENGTHS[:, None]

# O, B-X, I-X, B-Y, I-Y: an I- follows only the B- or I- of its type. Ends are not all allowed either.
STARTS = (True, True, False, True, False)
TRANSITIONS = (
    (True, True, False, True, False),
    (True, True, True, True, False),
    (True, True, True, True, False),
    (True, True, False, True, True),
    (True, True, False, True, True),
)
ENDS = (True, True, True, False, True)
CONSTRAINTS: dict[str, Any] = {"allowed_starts": STARTS, "allowed_transitions": TRANSITIONS, "allowed_ends": ENDS}


def is_allowed(path: tuple[int, ...]) -> bool:
    pairs = itertools.pairwise(path)
    return STARTS[path[0]] and ENDS[path[-1]] and all(TRANSITIONS[before][after] for before, after in pairs)


class BruteForce:
    """Every path of a sentence with its score, in float64."""

    def __init__(self, emissions: Floats, scores: tuple[Floats, Floats, Floats], constrained: bool = False) -> None:
        transitions, starts, ends = scores
        length, tags = emissions.shape
        paths = itertools.product(range(tags), repeat=length)
        self.paths = [path for path in paths if not constrained or is_allowed(path)]
        self.tags = tags
        self.scores = np.array(
            [
                starts[path[0]]
                + sum(emissions[word, tag] for word, tag in enumerate(path))
                + sum(transitions[before, after] for before, after in itertools.pairwise(path))
                + ends[path[-1]]
                for path in self.paths
            ]
        )
        self.log_normalizer = float(np.logaddexp.reduce(self.scores))
        self.probabilities = np.exp(self.scores - self.log_normalizer)
        self.best = self.paths[int(self.scores.argmax())]

    def marginals(self) -> Floats:
        marginals = np.zeros((len(self.paths[0]), self.tags))
        for path, probability in zip(self.paths, self.probabilities, strict=True):
            marginals[np.arange(len(path)), path] += probability
        return marginals

    def expected_transitions(self) -> Floats:
        counts = np.zeros((self.tags, self.tags))
        for path, probability in zip(self.paths, self.probabilities, strict=True):
            for pair in itertools.pairwise(path):
                counts[pair] += probability
        return counts


def padded(rows: list[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    together = np.zeros((len(rows), *shape), np.asarray(rows[0]).dtype)
    for row, values in enumerate(rows):
        together[row, : len(values)] = values
    return together


def adversarial_emissions(random: np.random.Generator) -> Iterator[Floats]:
    """What argues for a forbidden path with all its might."""
    shape = (len(LENGTHS), LENGTH, 5)
    yield random.choice([-1e4, 1e4], size=shape)
    yield random.uniform(-1e4, 1e4, size=shape)
    for tag in range(5):
        emissions = np.full(shape, -1e4)
        emissions[:, :, tag] = 1e4
        yield emissions
    yield np.zeros(shape)
