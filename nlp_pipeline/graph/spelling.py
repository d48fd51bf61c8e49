"""What a tagger sees of words themselves, in a graph: their characters, their casing, their place in a vocabulary.

The twins are `TaggingInputs`, `text.casing` and Python's own `str.lower`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from nlp_pipeline.graph.rows import Rows, places_of, splits_of
from nlp_pipeline.graph.tables import CodePointMapping, CodePointTable
from nlp_pipeline.graph.texts import strings_of
from nlp_pipeline.text.casing import CASINGS
from nlp_pipeline.text.vocabulary import Vocabulary

_LETTER, _DIGIT, _CAPITAL = 1, 2, 4
# As many as `casing_of` looks at.
_LOOKED_AT = 1000
_SIGMA, _FINAL_SIGMA = ord("Σ"), ord("ς")
_NEITHER, _IGNORABLE, _CASED = range(3)


class Casings:
    """Returns the id of each word's casing, as `casing_of` does."""

    def __init__(self) -> None:
        self._flags = CodePointTable.of(_flags_of, np.uint8)

    def __call__(self, words: Rows) -> tf.Tensor:
        """Return ids int32 `[W]`."""
        flags = tf.where(words.places < _LOOKED_AT, tf.cast(self._flags(words.values), tf.int32), 0)
        rows, count = words.of_values, words.count

        def counted(wanted: tf.Tensor) -> tf.Tensor:
            return tf.math.unsorted_segment_sum(tf.cast(wanted, tf.int32), rows, count)

        is_letter = tf.bitwise.bitwise_and(flags, _LETTER) > 0
        is_capital = is_letter & (tf.bitwise.bitwise_and(flags, _CAPITAL) > 0)
        letters, capitals = counted(is_letter), counted(is_capital)
        has_digit = counted(tf.bitwise.bitwise_and(flags, _DIGIT) > 0) > 0
        # The first letter is the one of which a word has had none before.
        before = splits_of(tf.cast(is_letter, tf.int32))
        is_first = is_letter & tf.equal(before[:-1], tf.gather(tf.gather(before, words.splits), rows))
        first_is_capital = counted(is_first & is_capital) > 0

        def kind(name: str) -> tf.Tensor:
            return tf.fill([count], CASINGS.index(name))

        all_capitals = tf.where(tf.equal(letters, 1), kind("capital"), kind("upper"))
        some_capitals = tf.where(first_is_capital & tf.equal(capitals, 1), kind("capitalised"), kind("mixed"))
        of_letters = tf.where(tf.equal(capitals, letters), all_capitals, some_capitals)
        of_letters = tf.where(tf.equal(capitals, 0), kind("lower"), of_letters)
        of_letters = tf.where(has_digit, kind("letters and digits"), of_letters)
        return tf.where(letters > 0, of_letters, tf.where(has_digit, kind("digits"), kind("other")))


def _flags_of(code_point: int) -> int:
    character = chr(code_point)
    is_capital = character.isupper() or character.istitle()
    return _LETTER * character.isalpha() | _DIGIT * character.isdigit() | _CAPITAL * is_capital


class Lowercase:
    """Returns texts in lower case, as `str.lower` does.

    Every character by itself, but for the sigma, which has a form of its own at the end of a word (Unicode Standard,
    table 3-17): behind a letter with a case, and not before one, whatever marks stand between.
    """

    def __init__(self) -> None:
        self._mapping = CodePointMapping.of(str.lower)
        self._kinds = CodePointTable.of(_kind_of, np.uint8)

    def __call__(self, texts: Rows) -> Rows:
        """Return the texts in lower case."""
        kinds = tf.cast(self._kinds(texts.values), tf.int32)
        counts = ~tf.equal(kinds, _IGNORABLE)
        number = tf.cumsum(tf.cast(counts, tf.int32))
        counting = places_of(counts)
        rows, sigmas = texts.of_values, tf.equal(texts.values, _SIGMA)

        def is_cased(index: tf.Tensor) -> tf.Tensor:
            """Return whether one of those that count is cased, and of the same text as each place."""
            there = (index >= 0) & (index < tf.size(counting))
            found = tf.gather(tf.concat([counting, [0]], axis=0), tf.where(there, index, tf.size(counting)))
            same = tf.equal(tf.gather(tf.concat([rows, [-1]], axis=0), found), rows)
            return there & same & tf.equal(tf.gather(tf.concat([kinds, [0]], axis=0), found), _CASED)

        # A sigma itself counts: those before it are numbered from 0 to two below its own number from 1.
        is_final = sigmas & is_cased(number - 2) & ~is_cased(number)
        mapped = self._mapping(texts.values)
        values = tf.where(tf.gather(is_final, mapped.origins), _FINAL_SIGMA, mapped.code_points)
        lengths = tf.math.unsorted_segment_sum(tf.ones_like(values), tf.gather(rows, mapped.origins), texts.count)
        return Rows(values, splits_of(lengths))


def _kind_of(code_point: int) -> int:
    """Ask `str.lower` what it takes a code point for: there is no other way to see what it goes by."""
    character = chr(code_point)
    if f"{character}Σ".lower().endswith("ς"):
        return _CASED
    return _IGNORABLE if f"A{character}Σ".lower().endswith("ς") else _NEITHER


class Spellings:
    """Returns the ids of words' characters.

    Args:
        vocabulary: the characters.
        longest: of a longer word, its beginning and its end are seen, so many characters together.
    """

    def __init__(self, vocabulary: Vocabulary, longest: int) -> None:
        ids = {ord(character): vocabulary.id_of(character) for character in vocabulary.items}
        self._ids = CodePointTable.of_some(ids, Vocabulary.UNKNOWN)
        self._longest = longest

    def __call__(self, words: Rows) -> tf.Tensor:
        """Return ids int32 `[W, C]`, 0 on padding."""
        places, lengths = words.places, tf.gather(words.lengths, words.of_values)
        behind = self._longest // 2
        is_seen = (lengths <= self._longest) | (places < self._longest - behind) | (places >= lengths - behind)
        seen = words.keep(is_seen)
        ids = Rows(self._ids(seen.values), seen.splits)
        return ids.padded(tf.reduce_max(tf.concat([[1], ids.lengths], axis=0)), Vocabulary.PADDING)


class Lookup(tf.Module):
    """Returns the ids of words in a vocabulary.

    Args:
        vocabulary: the words.
        lowercase: whether it holds them in lower case.
    """

    def __init__(self, vocabulary: Vocabulary, lowercase: bool) -> None:
        super().__init__(name="words")
        ids = tf.constant([vocabulary.id_of(item) for item in vocabulary.items], tf.int64)
        initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(list(vocabulary.items), tf.string), ids)
        self._ids: Any = tf.lookup.StaticHashTable(initializer, Vocabulary.UNKNOWN)
        self._lowercase = Lowercase() if lowercase else None

    def __call__(self, words: Rows) -> tf.Tensor:
        """Return ids int32 `[W]`."""
        shown = words if self._lowercase is None else self._lowercase(words)
        return tf.cast(self._ids.lookup(strings_of(shown)), tf.int32)
