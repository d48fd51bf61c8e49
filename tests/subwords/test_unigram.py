"""The unigram model's training, against the enumeration of every way to cut a string."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.subwords.unigram import _Lattice, train_unigram

SUBWORDS = ["a", "ab", "aba", "b", "ba", "bb", "c"]

strings = st.lists(st.text("abc", min_size=1, max_size=7), min_size=1, max_size=5, unique=True)
weights = st.lists(st.integers(1, 50), min_size=len(SUBWORDS), max_size=len(SUBWORDS))


def ways(string: str, alive: list[bool]) -> Iterator[list[int]]:
    """Yield every way to put a string together."""
    if not string:
        yield []
    for number, subword in enumerate(SUBWORDS):
        if alive[number] and string.startswith(subword):
            yield from ([number, *rest] for rest in ways(string.removeprefix(subword), alive))


@given(strings=strings, weights=weights, dropped=st.sets(st.sampled_from([1, 2, 4, 5])))
def test_expected_counts_and_best_ways(strings: list[str], weights: list[int], dropped: set[int]) -> None:
    alive = [number not in dropped for number in range(len(SUBWORDS))]
    scores = np.where(alive, np.log(weights) - np.log(sum(weights)), -np.inf)
    lattice = _Lattice(strings, {subword: number for number, subword in enumerate(SUBWORDS)}, whole=True)
    lattice.keep(np.array(alive))
    expected, best = np.zeros(len(SUBWORDS)), []
    for count, string in enumerate(strings, start=1):
        found = list(ways(string, alive))
        shares = [math.exp(sum(scores[number] for number in way)) for way in found]
        best.append(math.log(max(shares)))
        for way, share in zip(found, shares, strict=True):
            for number in way:
                expected[number] += count * share / sum(shares)
    counts = np.arange(1, len(strings) + 1, dtype=np.float64)
    np.testing.assert_allclose(lattice.expected(scores, counts), expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(lattice.best(scores), best, rtol=1e-9)


def test_a_subword_may_be_kept_from_standing_for_itself() -> None:
    index = {subword: number for number, subword in enumerate(SUBWORDS)}
    scores = np.full(len(SUBWORDS), -1.0)
    assert _Lattice(["aba", "c"], index, whole=False).best(scores).tolist() == [-2.0, -1.0]
    assert _Lattice(["aba", "c"], index, whole=True).best(scores).tolist() == [-1.0, -1.0]


def test_what_is_worth_most_is_kept() -> None:
    pieces = {"▁dog": 50, "▁cat": 50, "▁cog": 1}
    trained = train_unigram(pieces, sorted("▁dogcat"), 9)
    assert {subword for subword, _ in trained} == {*"▁dogcat", "▁dog", "▁cat"}
    assert sum(math.exp(score) for _, score in trained) == pytest.approx(1.0)
    assert [score for _, score in trained] == sorted((score for _, score in trained), reverse=True)
    assert train_unigram(dict(reversed(pieces.items())), sorted("▁dogcat"), 9) == trained
