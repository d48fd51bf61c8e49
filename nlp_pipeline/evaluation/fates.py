"""What became of a sentence between two systems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

MENDED, BROKEN, OTHERWISE = FATES = ("mended", "broken", "otherwise")
"""Of a sentence that the two see differently: the second is better at it, worse, or wrong in another way."""

SHOWN_SENTENCES = 50
"""How many sentences of each fate a report shows."""


def fate_of(gain: float) -> str:
    """Return the fate of a sentence; `gain` is how much better the second is at it."""
    return MENDED if gain > 0 else BROKEN if gain < 0 else OTHERWISE


def counted(fates: Iterable[str], sentences: int) -> dict[str, int]:
    """Return how many sentences have each fate, and `same` for those of all that have not changed."""
    found = Counter(fates)
    return {**{fate: found[fate] for fate in FATES}, "same": sentences - found.total()}
