"""A text in parts: all of it, in order, each short enough."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nlp_pipeline.text.parts import parts_of

TEXTS = st.text(st.sampled_from("ab .!?\nÉ\u00a0\u3002狗\u0301"), max_size=80) | st.text(max_size=40)


def test_what_fits_stays_as_it_is() -> None:
    assert parts_of(" One. Two. ", lambda part: len(part) <= 11) == [" One. Two. "]


@pytest.mark.parametrize(
    ("text", "longest", "expected"),
    [
        ("It is late. We go home.", 12, ["It is late.", "We go home."]),
        ("One. Two. Three. Four.", 10, ["One. Two.", "Three.", "Four."]),
        ("It is late. We go home by the last train.", 20, ["It is late.", "We go home by", "the last train."]),
        ("one two three four", 9, ["one two", "three", "four"]),
        ("abcdefgh", 3, ["ab", "cd", "ef", "gh"]),
        ("a abcdefgh", 4, ["a", "abcd", "efgh"]),
    ],
)
def test_where_it_is_cut(text: str, longest: int, expected: list[str]) -> None:
    assert parts_of(text, lambda part: len(part) <= longest) == expected


def test_each_sentence_by_itself() -> None:
    text = "One. Two and more. Three."
    assert parts_of(text, lambda part: len(part) <= 99, by_sentence=True) == ["One.", "Two and more.", "Three."]
    assert parts_of(text, lambda part: len(part) <= 8, by_sentence=True) == ["One.", "Two and", "more.", "Three."]
    assert parts_of(" One. ", lambda part: len(part) <= 99, by_sentence=True) == [" One. "]


@example(" \x1f0", 2, False)
@given(TEXTS, st.integers(1, 12), st.booleans())
def test_nothing_is_lost_and_every_part_fits(text: str, longest: int, by_sentence: bool) -> None:
    parts = parts_of(text, lambda part: len(part) <= longest, by_sentence)
    if parts != [text]:
        assert all(0 < len(part) <= longest and part == part.strip() for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_a_long_text_is_cut_in_little_time() -> None:
    asked = 0

    def fits(part: str) -> bool:
        nonlocal asked
        asked += 1
        return len(part) <= 100

    parts = parts_of("word " * 20_000, fits)
    assert len(parts) < 3_000
    assert asked < 3 * len(parts)
