from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import tensorflow as tf

from nlp_pipeline.graph.rows import Rows
from nlp_pipeline.graph.spelling import Casings, Lookup, Lowercase, Spellings
from nlp_pipeline.graph.texts import strings_of, texts_of
from nlp_pipeline.text.casing import casing_of
from nlp_pipeline.text.vocabulary import Vocabulary
from tests.graph.drawn_texts import draw_texts

LETTERS = "aAbBZz09-ΣσςΑα.\u0301\u0345'’ǅßİıéÉ一\u200dϲ:·²½Ⅷⅷⓐ\U0001d7d8"
WORDS = [
    *filter(None, draw_texts(4, 1500, LETTERS, (1, 1, 2, 3, 5, 20, 60, 1200))),
    *("at", "Oslo", "A", "NATO", "iPhone", "B52", "1,200", "--", "a" * 1000 + "B", "1" * 1000 + "a"),
    *("ΣΊΣΥΦΟΣ", "ΑΣ.Α", "Σ", "ΑΣ\u0301", "Α\u0301Σ", "ΑΣ'", "1Σ"),
]


def run(function: Callable[[Rows], Any], words: list[str] = WORDS) -> Any:
    traced = tf.function(lambda strings: function(texts_of(strings)[0]), autograph=False)
    return traced.get_concrete_function(tf.TensorSpec([None], tf.string))(tf.constant(words, tf.string))


def test_casing_is_that_of_python() -> None:
    casings = Casings()
    assert run(casings).numpy().tolist() == [casing_of(word) for word in WORDS]
    assert run(casings, []).numpy().tolist() == []


def test_lower_case_is_that_of_python() -> None:
    lower = Lowercase()
    found = run(lambda words: strings_of(lower(words)))
    assert [word.decode() for word in found.numpy()] == [word.lower() for word in WORDS]


@pytest.mark.parametrize("longest", [5, 6])
def test_of_a_long_word_both_ends_are_seen(longest: int) -> None:
    vocabulary = Vocabulary(list("abcdefgΣ"))
    words = ["a", "abcdefg", "abcdef", "abcde", "Σx"]
    expected = {
        5: ["a", "abcfg", "abcef", "abcde", "Σx"],
        6: ["a", "abcefg", "abcdef", "abcde", "Σx"],
    }[longest]
    found = run(Spellings(vocabulary, longest), words).numpy()
    for row, shown in zip(found, expected, strict=True):
        assert row.tolist() == [*vocabulary.ids(shown), *[0] * (found.shape[1] - len(shown))]


@pytest.mark.parametrize("lowercase", [False, True])
def test_words_are_looked_up(lowercase: bool) -> None:
    vocabulary = Vocabulary(["oslo", "Oslo", "σίσυφος"])
    words = ["Oslo", "OSLO", "ΣΊΣΥΦΟΣ", "x"]
    expected = vocabulary.ids([word.lower() for word in words] if lowercase else words)
    assert run(Lookup(vocabulary, lowercase), words).numpy().tolist() == expected
