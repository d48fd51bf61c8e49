"""Scores with their intervals as reports show them."""

from __future__ import annotations

from nlp_pipeline.documents.document import Meter
from nlp_pipeline.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Estimate

BOOTSTRAP = (
    f"in brackets the {100 * LEVEL:.0f} % interval of a bootstrap ({RESAMPLES:,} resamples of the sentences, "
    f"seed {SEED}, percentiles)"
)
"""What a report says of its intervals, within a sentence."""


def bootstrap_json() -> dict[str, float | str]:
    """Return how intervals were made, as JSON has it."""
    return {"resamples": RESAMPLES, "seed": SEED, "level": LEVEL, "interval": "percentile"}


def interval_of(estimate: Estimate, scale: float = 100.0) -> str:
    """Return an interval such as `[41.2, 45.0]`; nothing where there is none.

    Args:
        estimate: the score.
        scale: what it is multiplied with: 100 for per cent, 1 for what goes up to 100 already.
    """
    if estimate.low is None or estimate.high is None:
        return ""
    return f"[{scale * estimate.low:.1f}, {scale * estimate.high:.1f}]"


def meter_of(estimate: Estimate, scale: float = 1.0) -> Meter:
    """Return a score with its interval as a drawing from 0 to 1; `scale` is what it is multiplied with."""
    low, high = (None if end is None else end * scale for end in (estimate.low, estimate.high))
    return Meter(estimate.value * scale, low, high)
