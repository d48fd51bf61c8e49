"""What BLEU and chrF are computed from: for each sentence, n-grams and lengths as sacrebleu counts them.

A corpus score is a function of their sums, here computed for many sums at once. `tests/evaluation` holds both functions
against sacrebleu's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.bootstrap import Estimate, Numbers, estimate_of, resampled_sums

_ORDERS = 4  # of BLEU's n-grams
_BETA = 2.0  # of chrF


@dataclass(frozen=True, eq=False)
class TranslationCounts:
    """Counts of each sentence.

    Attributes:
        bleu: [sentences, 10]: length of the hypothesis, of the reference; right n-grams of orders 1 to 4; all n-grams
            of the hypothesis of orders 1 to 4.
        chrf: [sentences, 18]: for each order from 1 to 6 the character n-grams of the hypothesis, of the reference, and
            of both.
    """

    bleu: NDArray[np.int64]
    chrf: NDArray[np.int64]

    @cached_property
    def resampled(self) -> tuple[Numbers, Numbers]:
        """BLEU and chrF of each resample, both [resamples], from 0 to 100."""
        sums = resampled_sums(np.concatenate((self.bleu, self.chrf), axis=1))
        width = self.bleu.shape[1]
        return bleu_of_sums(sums[:, :width]), chrf_of_sums(sums[:, width:])

    def scores(self) -> tuple[float, float]:
        """Return BLEU and chrF of the corpus as it is, from 0 to 100."""
        bleu, chrf = (np.asarray(some.sum(axis=0), np.float64) for some in (self.bleu, self.chrf))
        return float(bleu_of_sums(bleu)), float(chrf_of_sums(chrf))

    def estimates(self) -> tuple[Estimate, Estimate]:
        """Return BLEU and chrF with bootstrap intervals over sentences."""
        bleu, chrf = map(estimate_of, self.scores(), self.resampled)
        return bleu, chrf


def translation_counts_of(references: Sequence[str], hypotheses: Sequence[str]) -> TranslationCounts:
    """Count each sentence, for BLEU with case and tokenizer 13a, and chrF2 with case.

    Raises:
        ValueError: where the lengths differ or there is nothing to count.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    if len(references) != len(hypotheses) or not references:
        received = f"{len(references)} references and {len(hypotheses)} hypotheses"
        raise ValueError(f"expected a hypothesis for each reference, and at least one. Received: {received}")
    # Not public, but what sacrebleu's own tests of significance are made of.
    counted = [
        metric._extract_corpus_statistics(list(hypotheses), [list(references)]) for metric in (BLEU(force=True), CHRF())
    ]
    return TranslationCounts(np.asarray(counted[0], np.int64), np.asarray(counted[1], np.int64))


def bleu_of_sums(sums: Numbers) -> Numbers:
    """Return BLEU, from 0 to 100, of summed counts [..., 10].

    Papineni et al. 2002, "BLEU", section 2.3, with sacrebleu's `smooth:exp`: the n-th order in turn without any right
    n-gram counts as if it had 1 / 2^n of one.
    """
    length, of_reference = sums[..., 0], sums[..., 1]
    right, all_of_them = sums[..., 2 : 2 + _ORDERS], sums[..., 2 + _ORDERS :]
    halvings = np.cumsum(right == 0, axis=-1)
    smoothed = np.where(right > 0, right, 0.5**halvings)
    # Of an order without any n-gram sacrebleu takes the logarithm of 0 to be -9999999999: nothing is left of the score.
    scored = (all_of_them > 0).all(axis=-1) & (right > 0).any(axis=-1)
    precisions = 100 * smoothed / np.maximum(all_of_them, 1)
    brevity = np.minimum(1.0, np.exp(1 - of_reference / np.maximum(length, 1)))
    return np.where(scored, brevity * np.exp(np.log(precisions).mean(axis=-1)), 0.0)


def chrf_of_sums(sums: Numbers) -> Numbers:
    """Return chrF2, from 0 to 100, of summed counts [..., 18].

    Popovic 2015, "chrF", equation 1, with precision and recall averaged over the orders that both sides have.
    """
    orders = sums.reshape(*sums.shape[:-1], -1, 3)
    of_hypothesis, of_reference, of_both = (orders[..., column] for column in range(3))
    there = (of_hypothesis > 0) & (of_reference > 0)
    count = np.maximum(there.sum(axis=-1), 1)
    precision, recall = (
        np.where(there, of_both / np.maximum(side, 1), 0.0).sum(axis=-1) / count
        for side in (of_hypothesis, of_reference)
    )
    below = _BETA**2 * precision + recall
    return np.where(below > 0, 100 * (1 + _BETA**2) * precision * recall / np.where(below > 0, below, 1.0), 0.0)
