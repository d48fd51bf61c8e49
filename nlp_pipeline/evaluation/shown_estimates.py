"""Scores with their intervals as reports show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nlp_pipeline.documents.document import Inline, Meter, Table, table
from nlp_pipeline.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Difference, Estimate

LEVEL_SHOWN = f"{100 * LEVEL:.0f} %"
"""How often an interval holds the truth, such as `95 %`."""

BOOTSTRAP = (
    f"in brackets the {LEVEL_SHOWN} interval of a bootstrap ({RESAMPLES:,} resamples of the sentences, "
    f"seed {SEED}, percentiles)"
)
"""What a report says of its intervals, within a sentence."""

PAIRED = (
    f"Both are scored on the same {RESAMPLES:,} resamples of the sentences (paired bootstrap, seed {SEED}); in "
    f"brackets the {LEVEL_SHOWN} interval of the difference. p is how often a difference so large, in either "
    "direction, is to be expected between two that are worth the same (Koehn 2004; Berg-Kirkpatrick et al. 2012); "
    "where n sentences are counted differently, it is at least 2^(1 - n)."
)
"""What a comparison says of its differences."""


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


def p_value_of(difference: Difference) -> str:
    """Return a p-value to three places."""
    return f"{difference.p_value:.3f}" if difference.p_value >= 0.001 else "< 0.001"


def differences_table(caption: str, differences: Mapping[Inline, Difference], scale: float) -> Table:
    """Return a table of differences; `scale` is what scores are multiplied with to be from 0 to 100."""
    rows: list[list[Any]] = [
        [
            name,
            *(f"{scale * score:.2f}" for score in (one.first, one.second)),
            f"{scale * one.difference.value:+.2f}",
            interval_of(one.difference, scale),
            p_value_of(one),
        ]
        for name, one in differences.items()
    ]
    return table(caption, ("", "first", "second", "difference", "", "p"), rows)
