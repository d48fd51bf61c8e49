"""What the tokenizers library makes of every single character, asked for many at once: a call costs more than its work.

All that is asked here takes each character by itself, whatever stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

Kind = Literal["inside", "outside", "alone"]

_BETWEEN = "|"  # no other character becomes one
_LETTER = "x"
_AT_ONCE = 256


def texts_of_each(normalise: Callable[[str], str], characters: Sequence[str]) -> list[str]:
    """Return what becomes of each character.

    Args:
        normalise: a normaliser of texts.
        characters: single characters.
    """
    texts: list[str] = []
    for chunk in _chunks(characters):
        found = normalise(_BETWEEN.join(chunk)).split(_BETWEEN)
        texts += found if len(found) == len(chunk) else [normalise(character) for character in chunk]
    return texts


def kinds_of_each(split: Callable[[str], list[tuple[str, tuple[int, int]]]], characters: Sequence[str]) -> list[Kind]:
    """Return what each character is between two letters: in one piece with them, in none, or a piece alone.

    Args:
        split: a pre-tokenizer; returns pieces with their places.
        characters: single characters.
    """
    kinds: list[Kind] = []
    for chunk in _chunks(characters):
        pieces: list[Any] = split(_LETTER + "".join(character + _LETTER for character in chunk))
        borders = {place for _, places in pieces for place in places}
        covered = [False] * (2 * len(chunk) + 1)
        for _, (start, end) in pieces:
            covered[start:end] = [True] * (end - start)
        for place in range(1, 2 * len(chunk), 2):
            inside: Kind = "alone" if {place, place + 1} <= borders else "inside"
            kinds.append(inside if covered[place] else "outside")
    return kinds


def _chunks(characters: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(characters), _AT_ONCE):
        yield characters[start : start + _AT_ONCE]
