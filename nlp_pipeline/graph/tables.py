"""Tables with an entry for every code point, small enough for a graph."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from nlp_pipeline.graph.rows import Rows, splits_of

CODE_POINTS = 0x110000
SURROGATES = range(0xD800, 0xE000)
"""No text has these: they cannot be written in UTF-8."""

_BITS = 7
_BLOCK = 1 << _BITS


class CodePointTable:
    """A number for each code point.

    Most neighbours are alike, and so are most blocks of 128 neighbours; each distinct block is kept once.

    Args:
        numbers: of every code point, shape `(0x110000,)`.
    """

    def __init__(self, numbers: NDArray[Any]) -> None:
        if numbers.shape != (CODE_POINTS,):
            raise ValueError(f"expected a number for each of {CODE_POINTS} code points. Received: {numbers.shape}")
        numbered: dict[bytes, int] = {}
        index = [numbered.setdefault(block.tobytes(), len(numbered)) for block in numbers.reshape(-1, _BLOCK)]
        self._numbers = np.frombuffer(b"".join(numbered), numbers.dtype)
        self._first = (np.array(index) * _BLOCK).astype(np.int32)

    @classmethod
    @functools.cache
    def of(cls, number_of: Callable[[int], int], dtype: Any = np.int32) -> CodePointTable:
        """Return the table of a function, which is asked once for every code point but surrogates; these get 0.

        The table is remembered for the function.
        """
        numbers = np.zeros(CODE_POINTS, dtype)
        for code_point in range(CODE_POINTS):
            if code_point not in SURROGATES:
                numbers[code_point] = number_of(code_point)
        return cls(numbers)

    @classmethod
    def of_all(cls, numbers_of: Callable[[list[str]], Iterable[int]], dtype: Any = np.int32) -> CodePointTable:
        """Return the table of a function that is asked for all characters at once; surrogates get 0."""
        characters = _characters()
        numbers = np.zeros(CODE_POINTS, dtype)
        numbers[[ord(character) for character in characters]] = list(numbers_of(characters))
        return cls(numbers)

    @classmethod
    def of_some(cls, numbers: Mapping[int, int], otherwise: int, dtype: Any = np.int32) -> CodePointTable:
        """Return the table in which all but some code points have the same number."""
        table = np.full(CODE_POINTS, otherwise, dtype)
        table[np.fromiter(numbers.keys(), np.int64, len(numbers))] = list(numbers.values())
        return cls(table)

    def __call__(self, code_points: tf.Tensor) -> tf.Tensor:
        """Return the numbers of code points, in their shape."""
        first = tf.gather(tf.constant(self._first), tf.bitwise.right_shift(code_points, _BITS))
        return tf.gather(tf.constant(self._numbers), first + tf.bitwise.bitwise_and(code_points, _BLOCK - 1))


class Mapped(NamedTuple):
    """What code points became.

    Attributes:
        code_points: int32 `[M]`.
        origins: for each of them, which of the N code points it comes from, int32 `[M]`, never decreasing.
    """

    code_points: tf.Tensor
    origins: tf.Tensor


class CodePointMapping:
    """What becomes of each code point: itself, another, several, or nothing.

    Args:
        changed: for each code point that does not stay as it is, what it becomes.
    """

    def __init__(self, changed: Mapping[int, str]) -> None:
        # Row 0 is for those that stay.
        rows = ["", *sorted(set(changed.values()))]
        number_of = {text: number for number, text in enumerate(rows[1:], start=1)}
        self._row = CodePointTable.of_some({point: number_of[text] for point, text in changed.items()}, 0)
        lengths = [len(row) for row in rows]
        self._lengths = np.array([1, *lengths[1:]], np.int32)
        self._first = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.int32)
        # One more, so that there is something to read where nothing is meant.
        self._content = np.array([*map(ord, "".join(rows)), 0], np.int32)

    @classmethod
    @functools.cache
    def of(cls, text_of: Callable[[str], str]) -> CodePointMapping:
        """Return the mapping of a function of single characters, which is asked once for each but surrogates.

        The mapping is remembered for the function.
        """
        return cls.of_all(lambda characters: map(text_of, characters))

    @classmethod
    def of_all(cls, texts_of: Callable[[list[str]], Iterable[str]]) -> CodePointMapping:
        """Return the mapping of a function that is asked for all characters at once, but for surrogates."""
        characters = _characters()
        answers = zip(characters, texts_of(characters), strict=True)
        return cls({ord(character): text for character, text in answers if text != character})

    def __call__(self, code_points: tf.Tensor) -> Mapped:
        """Return what code points `[N]` become."""
        rows = self._row(code_points)
        counts = tf.gather(tf.constant(self._lengths), rows)
        spread = Rows(code_points, splits_of(counts))
        origins = spread.of_values
        own = tf.gather(rows, origins)
        places = tf.where(own > 0, tf.gather(tf.constant(self._first), own) + spread.places, 0)
        content = tf.gather(tf.constant(self._content), places)
        return Mapped(tf.where(own > 0, content, tf.gather(code_points, origins)), origins)


def _characters() -> list[str]:
    return [chr(point) for point in range(CODE_POINTS) if point not in SURROGATES]


def is_space(code_point: int) -> bool:
    """Return whether Python takes a code point for white space."""
    return chr(code_point).isspace()


def is_alphanumeric(code_point: int) -> bool:
    """Return whether Python takes a code point for a letter or a digit."""
    return chr(code_point).isalnum()
