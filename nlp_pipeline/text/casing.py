"""How a word is written, apart from its letters: what an uncased encoder does not see."""

from __future__ import annotations

from functools import lru_cache

CASINGS = ("padding", "lower", "capitalised", "capital", "upper", "mixed", "letters and digits", "digits", "other")
"""The kinds, in the order of their ids: see `casing_of`."""

_ID_OF = {name: number for number, name in enumerate(CASINGS)}
_LONGEST_REMEMBERED = 40


def casing_of(word: str) -> int:
    """Return the id of a word's kind.

    >>> [CASINGS[casing_of(word)] for word in ("at", "Oslo", "A", "NATO", "iPhone", "B52", "1,200", "--")]
    ['lower', 'capitalised', 'capital', 'upper', 'mixed', 'letters and digits', 'digits', 'other']

    A word without capitals in a script that has none is `lower`.
    """
    return _remembered(word) if len(word) <= _LONGEST_REMEMBERED else _casing(word[:1000])


def _casing(word: str) -> int:
    letters = [character for character in word if character.isalpha()]
    digits = any(character.isdigit() for character in word)
    if not letters:
        return _ID_OF["digits" if digits else "other"]
    if digits:
        return _ID_OF["letters and digits"]
    capitals = sum(character.isupper() or character.istitle() for character in letters)
    if not capitals:
        return _ID_OF["lower"]
    if capitals == len(letters):
        return _ID_OF["capital" if len(letters) == 1 else "upper"]
    first = letters[0]
    return _ID_OF["capitalised" if capitals == 1 and (first.isupper() or first.istitle()) else "mixed"]


# Words come again and again: looking closely at each took two thirds of the time that a batch of kept vectors takes.
_remembered = lru_cache(maxsize=100_000)(_casing)
