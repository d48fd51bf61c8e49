"""The training of a unigram language model of subwords.

The tokenizers library trains one as well, but from the same texts it makes other vocabularies in other processes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

_LONGEST = 16  # characters of a subword
_MOST_SEEDS = 400_000  # subwords to begin with
_KEPT = 0.75  # of the subwords, each time some are dropped
_ROUNDS = 2  # of expectation and maximisation before that
_LEAST = 1e-3  # expected occurrences that a subword counts as having, so that none gets a probability of 0

_Array = np.ndarray[Any, np.dtype[Any]]


def train_unigram(
    pieces: Mapping[str, int], alphabet: Sequence[str], size: int, minimum: int = 2
) -> list[tuple[str, float]]:
    """Return subwords and their log probabilities, the likeliest first, after Kudo 2018, section 3.2.

    Begins with every string that the pieces hold often enough, but for those that always are part of one longer string.
    Expectation maximisation fits their probabilities, over all ways to cut the pieces; then those are dropped whose
    loss the likelihood of the corpus would feel least, were each of their occurrences put together from others in the
    best way. Both are repeated until `size` are left. The same input gives the same vocabulary, whatever the order of
    `pieces`.

    Args:
        pieces: how often each occurs; of characters of the alphabet alone.
        alphabet: characters, all of which are kept.
        size: how many subwords at most; no less than there are characters.
        minimum: how often a subword of several characters occurs at least in the pieces.
    """
    words = sorted(pieces)
    counts = np.array([pieces[word] for word in words], np.float64)
    strings, occurrences = _seeds(words, pieces, alphabet, minimum)
    single = np.array([len(string) == 1 for string in strings])
    log_probabilities = _log_share(occurrences)
    index = {string: number for number, string in enumerate(strings)}
    corpus = _Lattice(words, index, whole=True)
    themselves = _Lattice(strings, index, whole=False)
    alive = np.ones(len(strings), bool)
    while True:
        for _ in range(_ROUNDS):
            expected = corpus.expected(log_probabilities, counts)
            log_probabilities = np.where(alive, _log_share(np.where(alive, np.maximum(expected, _LEAST), 0)), -np.inf)
        left = int(alive.sum())
        if left <= size:
            break
        loss = np.where(single, np.inf, -np.inf)
        longer = alive & ~single
        otherwise = themselves.best(log_probabilities)
        loss[longer] = expected[longer] * (log_probabilities[longer] - otherwise[longer])
        # A stable order of what was in order already: equals stay in that of their code points.
        alive[np.argsort(-loss, kind="stable")[max(size, int(left * _KEPT)) :]] = False
        log_probabilities[~alive] = -np.inf
        corpus.keep(alive)
        themselves.keep(alive)
    kept = [(strings[number], float(log_probabilities[number])) for number in np.flatnonzero(alive)]
    return sorted(kept, key=lambda scored: (-scored[1], scored[0]))


def _seeds(
    words: Sequence[str], pieces: Mapping[str, int], alphabet: Sequence[str], minimum: int
) -> tuple[list[str], _Array]:
    """Return the subwords to begin with, in order of code points, and how many characters each accounts for."""
    occurrences: Counter[str] = Counter()
    for word in words:
        for start in range(len(word)):
            for end in range(start + 1, min(start + _LONGEST, len(word)) + 1):
                occurrences[word[start:end]] += pieces[word]
    # What never occurs but within one longer string is left to that one, as suffix arrays would have it.
    within = {
        part
        for string, count in occurrences.items()
        for part in (string[1:], string[:-1])
        if occurrences.get(part) == count
    }
    longer = (s for s, count in occurrences.items() if len(s) > 1 and count >= minimum and s not in within)
    commonest = sorted(longer, key=lambda string: (-occurrences[string] * len(string), string))[:_MOST_SEEDS]
    strings = sorted({*alphabet, *commonest})
    return strings, np.array([max(occurrences[string] * len(string), _LEAST) for string in strings])


def _log_share(weights: _Array) -> _Array:
    with np.errstate(divide="ignore"):
        share: _Array = np.log(weights) - np.log(weights.sum())
    return share


class _Lattice:
    """All ways to put strings together from subwords; those of all strings are followed at once.

    The places between the characters of all strings are nodes, numbered one string after the other; a subword is an
    edge from the node where it begins to the one where it ends.

    Args:
        strings: each has at least one way.
        index: the subwords' numbers.
        whole: whether a string may be a single subword. Where it may not, one character still may.
    """

    def __init__(self, strings: Sequence[str], index: Mapping[str, int], whole: bool) -> None:
        self._lengths = np.array([len(string) for string in strings])
        self._first = np.concatenate([[0], np.cumsum(self._lengths + 1)[:-1]])
        self._last = self._first + self._lengths
        self._nodes = int(self._last[-1]) + 1
        edges = array("q")
        node = 0
        for string in strings:
            length = len(string)
            for start in range(length):
                for end in range(start + 1, min(start + _LONGEST, length) + 1):
                    number = index.get(string[start:end])
                    if number is not None and (whole or end - start < length or length == 1):
                        edges.extend((node + start, node + end, number))
            node += length + 1
        self._start, self._end, self._number = np.array(edges, np.int64).reshape(-1, 3).T.copy()
        depth = np.arange(self._nodes) - np.repeat(self._first, self._lengths + 1)
        height = np.repeat(self._lengths, self._lengths + 1) - depth
        self._forward = _Order(self._end, depth)
        self._backward = _Order(self._start, height)

    def keep(self, alive: _Array) -> None:
        """Drop the edges of subwords that are dropped.

        Args:
            alive: boolean, shape `(V,)`.
        """
        kept = alive[self._number]
        self._start, self._end, self._number = self._start[kept], self._end[kept], self._number[kept]
        self._forward.keep(kept, self._end)
        self._backward.keep(kept, self._start)

    def best(self, log_probabilities: _Array) -> _Array:
        """Return the log probability of the likeliest way of each string, shape `(strings,)`."""
        scores = np.full(self._nodes, -np.inf)
        scores[self._first] = 0.0
        for edges, groups, nodes in self._forward.levels:
            ways = scores[self._start[edges]] + log_probabilities[self._number[edges]]
            scores[nodes] = np.maximum.reduceat(ways, groups)
        likeliest: _Array = scores[self._last]
        return likeliest

    def expected(self, log_probabilities: _Array, counts: _Array) -> _Array:
        """Return how often each subword is expected in the strings.

        Args:
            log_probabilities: shape `(V,)`.
            counts: how often each string occurs, shape `(strings,)`.

        Returns:
            Shape `(V,)`.
        """
        before = self._sums(log_probabilities, self._first, self._forward, self._start)
        behind = self._sums(log_probabilities, self._last, self._backward, self._end)
        all_ways = np.repeat(before[self._last], self._lengths + 1)
        often = np.repeat(counts, self._lengths + 1)
        way = before[self._start] + log_probabilities[self._number] + behind[self._end]
        shares = np.exp(way - all_ways[self._start])
        expected: _Array = np.bincount(self._number, shares * often[self._start], minlength=len(log_probabilities))
        return expected

    def _sums(self, log_probabilities: _Array, origins: _Array, order: _Order, others: _Array) -> _Array:
        """Return the log of the summed probabilities of all ways from the origins to each node."""
        sums = np.full(self._nodes, -np.inf)
        sums[origins] = 0.0
        for edges, groups, nodes in order.levels:
            ways = sums[others[edges]] + log_probabilities[self._number[edges]]
            highest = np.maximum.reduceat(ways, groups)
            sizes = np.diff(np.append(groups, len(edges)))
            sums[nodes] = highest + np.log(np.add.reduceat(np.exp(ways - np.repeat(highest, sizes)), groups))
        return sums


class _Order:
    """The order in which edges are followed: by the level of the node that they reach, then by the node.

    Args:
        reached: the node that each edge reaches.
        level: of each node.

    Attributes:
        levels: of each level, its edges, where in them each node's begin, and these nodes.
    """

    def __init__(self, reached: _Array, level: _Array) -> None:
        self._level = level
        self._edges = np.lexsort((reached, level[reached]))
        self.levels = self._split(reached)

    def keep(self, kept: _Array, reached: _Array) -> None:
        """Leave out edges.

        Args:
            kept: which ones stay, boolean, of all edges.
            reached: the node that each of these reaches.
        """
        renumbered = np.cumsum(kept) - 1
        self._edges = renumbered[self._edges[kept[self._edges]]]
        self.levels = self._split(reached)

    def _split(self, reached: _Array) -> list[tuple[_Array, _Array, _Array]]:
        nodes = reached[self._edges]
        first = np.flatnonzero(np.diff(nodes, prepend=-1))
        borders = np.flatnonzero(np.diff(self._level[nodes])) + 1
        levels = []
        for begin, end in zip([0, *borders], [*borders, len(nodes)], strict=True):
            groups = first[np.searchsorted(first, begin) : np.searchsorted(first, end)]
            if len(groups):
                levels.append((self._edges[begin:end], groups - begin, nodes[groups]))
        return levels
