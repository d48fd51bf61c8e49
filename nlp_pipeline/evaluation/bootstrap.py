"""How far a score could have come out otherwise, had the corpus held other sentences of its kind.

Sentences are drawn with replacement, as many as there are, and scored anew, many times: Efron and Tibshirani 1993, "An
Introduction to the Bootstrap", chapter 13 (percentile intervals); Koehn 2004, "Statistical Significance Tests for
Machine Translation Evaluation", also of pairs of systems; Berg-Kirkpatrick et al. 2012, "An Empirical Investigation of
Statistical Significance in NLP".

A corpus score is a function of sums over sentences (how many entities were found, how many n-grams), so a resample is
a sum of rows of a matrix, and all of them together are one product of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1_000
SEED = 20_120
LEVEL = 0.95

# How many sentences are drawn at once, of all resamples together: 16 MB of numbers.
_DRAWN_AT_ONCE = 2_000_000

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A score with its interval.

    Attributes:
        value: on the corpus as it is.
        low, high: the ends of the 95 % interval. None where no resample has a score, such as that of a type that does
            not come.
    """

    value: float
    low: float | None = None
    high: float | None = None

    def to_json(self) -> dict[str, float | None]:
        """Return the estimate as JSON has it."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Difference:
    """How much the second of two systems scores above the first, on the same sentences.

    Attributes:
        first, second: their scores.
        difference: the second's less the first's, with its interval; without one where it is of one sentence alone.
        p_value: how often a difference so large, in either direction, is to be expected between systems that are worth
            the same.
    """

    first: float
    second: float
    difference: Estimate
    p_value: float

    def to_json(self) -> dict[str, Any]:
        """Return the difference as JSON has it."""
        told = {"first": self.first, "second": self.second}
        return {**told, "difference": self.difference.to_json(), "p_value": self.p_value}


def drawn_places(sentences: int, resamples: int = RESAMPLES, seed: int = SEED) -> Iterator[NDArray[np.int64]]:
    """Yield the sentences of all resamples, as blocks [some resamples, sentences] of numbers from 0."""
    drawn = np.random.default_rng(seed)
    block = max(1, _DRAWN_AT_ONCE // max(sentences, 1))
    for start in range(0, resamples, block):
        yield drawn.integers(sentences, size=(min(block, resamples - start), sentences), dtype=np.int64)


def resampled_sums(statistics: NDArray[Any], resamples: int = RESAMPLES, seed: int = SEED) -> Numbers:
    """Return the sums over the sentences of each resample.

    Args:
        statistics: [sentences, K] whole numbers, at least one sentence.
        resamples: how many.
        seed: with the same one, and as many sentences, the same sentences are drawn.

    Returns:
        [resamples, K].
    """
    of_sentence = np.asarray(statistics, np.float64)
    sentences = len(of_sentence)
    blocks = []
    for places in drawn_places(sentences, resamples, seed):
        # How often each sentence was drawn, [block, sentences]: numbers that are apart for each resample, counted.
        apart = places + np.arange(len(places))[:, None] * sentences
        times = np.bincount(apart.ravel(), minlength=places.size).reshape(places.shape)
        blocks.append(times.astype(np.float64) @ of_sentence)
    return np.concatenate(blocks)


def estimate_of(value: float, resampled: Numbers) -> Estimate:
    """Return a score with its interval: the middle 95 % of the resamples that have a score.

    Args:
        value: on the corpus as it is.
        resampled: [resamples], NaN for those without.
    """
    known = resampled[~np.isnan(resampled)]
    if not known.size:
        return Estimate(value)
    low, high = np.quantile(known, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return Estimate(value, float(low), float(high))


def difference_of(first: float, second: float, of_first: Numbers, of_second: Numbers, differing: int) -> Difference:
    """Return the difference of two systems.

    The p-value is the share of resamples whose difference lies as far from their mean as the one of the corpus lies
    from 0, with one added to both counts, as sacrebleu has it: resamples vary around the difference that was seen, and
    systems of the same worth would vary around 0 by as much (Berg-Kirkpatrick et al. 2012, section 2; there
    one-sided).

    Few sentences vary too little for that: one alone is the same in every resample. So p is at least what the test
    that exchanges the two systems' outputs in any of the sentences could give (Noreen 1989, "Computer-Intensive Methods
    for Testing Hypotheses"): of its 2^n cases the one that was seen and its mirror image are always as
    far, so 2^(1 - n); 1 for one sentence, 0.0625 for five.

    Args:
        first: the score of the first system on the corpus as it is.
        second: likewise of the second.
        of_first: [resamples] of the first, of the same resamples as the second's.
        of_second: likewise.
        differing: n, how many sentences are not counted alike for both systems; what is alike tells nothing of them.
    """
    differences = of_second - of_first
    known = differences[~np.isnan(differences)]
    # One sentence, drawn however often, tells nothing of how far another one could be from it.
    estimate = (
        Estimate(second - first) if differing == 1 and len(set(known)) < 2 else estimate_of(second - first, known)
    )
    far = np.abs(known - known.mean()) >= abs(second - first) - 1e-12 if known.size else np.zeros(0, bool)
    p_value = float((far.sum() + 1) / (known.size + 1))
    return Difference(first, second, estimate, max(p_value, min(1.0, 2.0 ** (1 - differing))))
