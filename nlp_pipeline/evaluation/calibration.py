"""Whether a tagger is as sure as it is right: of what it gives 80 %, 80 in a hundred should be right.

Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2: reliability diagrams and equation 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.evaluation.tagged_example import TaggedExample

BINS = 10


@dataclass(frozen=True)
class Bin:
    """What was predicted with a confidence in `(low, high]`; the first bin holds 0, too.

    Attributes:
        low, high: its borders, from 0 to 1.
        count: how many predictions it holds.
        confidence: their mean confidence; None of none.
        right: the share of them that is right; None of none.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    right: float | None


@dataclass(frozen=True)
class Calibration:
    """Predictions in bins of their confidence.

    Attributes:
        bins: of equal width, from 0 to 1.
        error: the expected calibration error, from 0 to 1: the mean over all predictions of how far confidence and
            share of right ones lie apart in their bin. None of no prediction.
    """

    bins: tuple[Bin, ...]
    error: float | None

    @property
    def count(self) -> int:
        """How many predictions there are."""
        return sum(one.count for one in self.bins)

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as JSON has it."""
        bins = [
            {"low": b.low, "high": b.high, "count": b.count, "confidence": b.confidence, "right": b.right}
            for b in self.bins
        ]
        return {"expected_calibration_error": self.error, "count": self.count, "bins": bins}


def calibration_of(
    confidences: Sequence[float] | NDArray[np.floating[Any]],
    right: Sequence[bool] | NDArray[np.bool_],
    bins: int = BINS,
) -> Calibration:
    """Return the calibration of predictions.

    Args:
        confidences: of each, from 0 to 1; what rounding adds to that is cut off.
        right: whether it is right.
        bins: how many.

    Raises:
        ValueError: where there is not one for each, or a confidence is none.
    """
    given, correct = np.asarray(confidences, np.float64), np.asarray(right, np.float64)
    if given.shape != correct.shape or given.ndim != 1:
        raise ValueError(f"expected as many confidences as predictions. Received: {given.shape} and {correct.shape}")
    if not (np.isfinite(given) & (given >= -0.01) & (given <= 1.01)).all():
        raise ValueError(f"expected confidences from 0 to 1. Received: {given.min()} to {given.max()}")
    given = np.clip(given, 0.0, 1.0)
    borders = np.arange(bins + 1) / bins
    places = np.clip(np.searchsorted(borders, given, side="left") - 1, 0, bins - 1)
    counts = np.bincount(places, minlength=bins)
    sure, hits = (np.bincount(places, weights=one, minlength=bins) for one in (given, correct))
    told = tuple(
        Bin(
            float(borders[place]),
            float(borders[place + 1]),
            int(count),
            float(sure[place] / count) if count else None,
            float(hits[place] / count) if count else None,
        )
        for place, count in enumerate(counts)
    )
    return Calibration(told, float(np.abs(sure - hits).sum() / len(given)) if len(given) else None)


def word_calibration_of(examples: Sequence[TaggedExample], bins: int = BINS) -> Calibration:
    """Return the calibration of all tags: a word is right where its tag is that of the corpus."""
    confidences = [one for example in examples for one in example.confidences]
    right = [one == other for example in examples for one, other in zip(example.gold, example.predicted, strict=True)]
    return calibration_of(confidences, right, bins)


def entity_calibration_of(examples: Sequence[TaggedExample], bins: int = BINS) -> Calibration:
    """Return the calibration of predicted entities: one is right where the corpus has it, with borders and type.

    Its confidence is the lowest among its words. Most words are outside of entities, and easy: this is what to look at
    before entities are kept or thrown away by their score.
    """
    found = [
        (example.score_of(entity), entity in example.hits)
        for example in examples
        for entity in example.predicted_entities
    ]
    return calibration_of([score for score, _ in found], [right for _, right in found], bins)
