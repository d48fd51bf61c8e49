"""Segmentation: words that slice the text, whole where they should be, and the same under TensorFlow's RE2."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.text.code_points import LINE_END, SPACE, class_of, class_string
from nlp_pipeline.text.segmentation import WORD_EXPRESSION, segment

# Text that is rich in what the expression looks for.
PIECES = [
    "a",
    "B",
    "é",
    "É",
    "ß",
    "3",
    ".",
    "'",
    "’",
    "-",
    "@",
    "#",
    "http://",
    "www.",
    ".com",
    "Mr.",
    " ",
    "\n",
    "…",
    "。",
]
PIECES += [
    "(",
    ")",
    '"',
    "“",
    "”",
    "%",
    ",",
    "\u0301",
    "\ufe0f",
    "\u200d",
    "👩",
    "🇫🇷",
    "漢",
    "ア",
    "م",
    "\0",
    "\x1f",
    "$",
    "_",
]
awkward = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=30).map("".join)


def words_of(text: str) -> list[list[str]]:
    return [[text[span.start : span.end] for span in sentence] for sentence in segment(text)]


@given(awkward)
def test_words_are_in_order_and_hold_everything_but_white_space(text: str) -> None:
    spans = [span for sentence in segment(text) for span in sentence]
    place = 0
    for span in spans:
        assert place <= span.start
        assert all(class_of(ord(character)) in (SPACE, LINE_END) for character in text[place : span.start])
        place = span.end
    assert all(class_of(ord(character)) in (SPACE, LINE_END) for character in text[place:])
    for span in spans:
        assert not {SPACE, LINE_END} & set(class_string(text[span.start : span.end]))


@given(awkward)
def test_a_class_string_is_ascii_and_as_long_as_the_text(text: str) -> None:
    classes = class_string(text)
    assert len(classes) == len(text)
    assert classes.isascii()


def test_re2_finds_the_same_words() -> None:
    import tensorflow as tf

    # TensorFlow's own engine is the oracle: what a served graph will use.
    @given(st.lists(awkward, min_size=1, max_size=20))
    def check(texts: list[str]) -> None:
        classes = [class_string(text) for text in texts]
        marked = tf.strings.regex_replace(classes, WORD_EXPRESSION, "\x1c\\0\x1d").numpy()
        for own, theirs in zip(classes, marked, strict=True):
            assert re.sub(WORD_EXPRESSION, "\x1c\\g<0>\x1d", own, flags=re.ASCII) == theirs.decode()

    check()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mr. O'Brien didn't go.", ["Mr.", "O'Brien", "didn't", "go", "."]),
        ("Ghana's and Ghana’s", ["Ghana", "'s", "and", "Ghana", "’s"]),
        ("they've we'll I'm he'd you're", ["they", "'ve", "we", "'ll", "I", "'m", "he", "'d", "you", "'re"]),
        ("rock'n'roll, l'homme, ma'am", ["rock'n'roll", ",", "l'homme", ",", "ma'am"]),
        ("Zoé's 'más' l'Été ‘dür’ 'sí", ["Zoé", "'s", "'", "más", "'", "l'Été", "‘", "dür", "’", "'", "sí"]),
        ("see https://a.org/b_(c)?d=1, ok", ["see", "https://a.org/b_(c)?d=1", ",", "ok"]),
        ("https://a.org/A_(b), (http://a.org/x)", ["https://a.org/A_(b)", ",", "(", "http://a.org/x", ")"]),
        ("www.a.org/b(c d", ["www.a.org/b", "(", "c", "d"]),
        ("Her Ph.D. and M.Sc. theses", ["Her", "Ph.D.", "and", "M.Sc.", "theses"]),
        ("on www.tarvo.example.", ["on", "www.tarvo.example", "."]),
        ("write to ana.reis+x@mail.example.org!", ["write", "to", "ana.reis+x@mail.example.org", "!"]),
        ("@ana says #won to C# and # too", ["@ana", "says", "#won", "to", "C", "#", "and", "#", "too"]),
        ("1,234.5 is 50% of 3.14 at 10:30", ["1,234.5", "is", "50%", "of", "3.14", "at", "10:30"]),
        ("21st 12/05/2024 2024-11-23 the '90s", ["21st", "12/05/2024", "2024-11-23", "the", "'90s"]),
        ("U.S. and e.g. 5 p.m., J. Reis Jr.", ["U.S.", "and", "e.g.", "5", "p.m.", ",", "J.", "Reis", "Jr."]),
        ("well-known AT&T (R&D)", ["well-known", "AT&T", "(", "R&D", ")"]),
        ("1990–1995 — yes", ["1990", "–", "1995", "—", "yes"]),
        ("[SEP] <b>", ["[", "SEP", "]", "<", "b", ">"]),
        ("👩‍👩‍👧🏽🇫🇷🇩🇪 :-)", ["👩‍👩‍👧🏽", "🇫🇷", "🇩🇪", ":-)"]),
        ("cafe\u0301 na\u00efve", ["cafe\u0301", "na\u00efve"]),
        ("東京へ", ["東", "京", "へ"]),
        ("\ufe0f x", ["\ufe0f", "x"]),
    ],
)
def test_what_stays_whole(text: str, expected: list[str]) -> None:
    assert [word for sentence in words_of(text) for word in sentence] == expected


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("One. Two! Three? Four", 4),
        ("Mr. Sol met Dr. Reis in the U.S. Senate.", 1),
        ('He said "Go." Then he left.', 2),
        ('It ended. "Then what?" (So she asked.) Nothing.', 4),
        ("It cost 3. euros and... nothing more", 1),
        ("first line\nsecond line", 2),
        ("\n\n one \n\n", 1),
        ("¿Qué? ¡Nada! Él vino.", 3),
        ("好。走吧！是", 3),
        ("انتهى. ثم ذهب؟ نعم", 3),
        ("   ", 0),
        ("", 0),
    ],
)
def test_borders_of_sentences(text: str, count: int) -> None:
    assert len(segment(text)) == count


@pytest.mark.parametrize(
    "piece", ["a", "a.", "'", "a-", "http://", "@", "1,", "a'", "a@", "\u0301", "www.", "😀", "a.b@"]
)
def test_a_very_long_word_takes_linear_time(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    started = time.process_time()
    segment(text)
    assert time.process_time() - started < 120.0  # a quadratic engine would need hours
