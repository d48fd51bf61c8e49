"""What BLEU, chrF and TER are computed from: for each sentence, n-grams, lengths and edits as sacrebleu counts them.

A corpus score is a function of their sums, here computed for many sums at once. `tests/evaluation` holds these
functions against sacrebleu's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
        of: by the name of a score, as `TranslationScores` has it, [sentences, K]. Of `bleu` and `bleu_lower_tokenized`
            10: length of the hypothesis, of the reference; right n-grams of orders 1 to 4; all n-grams of the
            hypothesis of orders 1 to 4. Of `chrf` 18: for each order from 1 to 6 the character n-grams of the
            hypothesis, of the reference, and of both. Of `ter` 2: edits, words of the reference.
    """

    of: Mapping[str, NDArray[np.int64]]

    @cached_property
    def resampled(self) -> dict[str, Numbers]:
        """Each score of each resample [resamples]."""
        # All drawn at once: every score is of the same resamples.
        sums = resampled_sums(np.concatenate(list(self.of.values()), axis=1))
        ends = np.cumsum([counts.shape[1] for counts in self.of.values()])
        parts = np.split(sums, ends[:-1], axis=1)
        return {name: _SCORES[name](part) for name, part in zip(self.of, parts, strict=True)}

    def scores(self) -> dict[str, float]:
        """Return each score of the corpus as it is."""
        return {name: float(_SCORES[name](np.asarray(one.sum(axis=0), np.float64))) for name, one in self.of.items()}

    def estimates(self) -> dict[str, Estimate]:
        """Return each score with a bootstrap interval over sentences; of one sentence without."""
        if len(next(iter(self.of.values()))) == 1:
            return {name: Estimate(score) for name, score in self.scores().items()}
        return {name: estimate_of(score, self.resampled[name]) for name, score in self.scores().items()}

    def of_some(self, places: Sequence[int], name: str) -> TranslationCounts:
        """Return the counts of one score, of some sentences."""
        return TranslationCounts({name: self.of[name][np.asarray(places, np.int64)]})


def translation_counts_of(references: Sequence[str], hypotheses: Sequence[str]) -> TranslationCounts:
    """Count each sentence, for all scores of `score_translations`.

    Raises:
        ValueError: where the lengths differ or there is nothing to count.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.metrics.ter import TER

    if len(references) != len(hypotheses) or not references:
        received = f"{len(references)} references and {len(hypotheses)} hypotheses"
        raise ValueError(f"expected a hypothesis for each reference, and at least one. Received: {received}")
    metrics = {
        "bleu": BLEU(force=True),
        "bleu_lower_tokenized": BLEU(lowercase=True, force=True),
        "chrf": CHRF(),
        "ter": TER(),
    }
    # Not public, but what sacrebleu's own tests of significance are made of.
    counted = {
        name: metric._extract_corpus_statistics(list(hypotheses), [list(references)])
        for name, metric in metrics.items()
    }
    return TranslationCounts({name: np.asarray(one, np.int64) for name, one in counted.items()})


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


def ter_of_sums(sums: Numbers) -> Numbers:
    """Return the translation edit rate, in edits for 100 words of the references, of summed counts [..., 2].

    Snover et al. 2006, "A Study of Translation Edit Rate", section 2. Where the references hold no word it is 100
    if there are edits, as sacrebleu has it.
    """
    edits, of_reference = sums[..., 0], sums[..., 1]
    return 100 * np.where(of_reference > 0, edits / np.maximum(of_reference, 1), edits > 0)


_SCORES: dict[str, Callable[[Numbers], Numbers]] = {
    "bleu": bleu_of_sums,
    "bleu_lower_tokenized": bleu_of_sums,
    "chrf": chrf_of_sums,
    "ter": ter_of_sums,
}
