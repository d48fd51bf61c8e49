"""A sentence and its translation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SentencePair:
    """The two sides of a parallel corpus at one place.

    Attributes:
        source: the text that is translated.
        target: its translation.
        place: where the pair stands, such as `train.en:12`.
    """

    source: str
    target: str
    place: str = ""
