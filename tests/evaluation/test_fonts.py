"""Fonts: what one has a glyph for is not missed, and what none has is named once, with what to do."""

from __future__ import annotations

import io
import unicodedata

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font

from nlp_pipeline.evaluation import fonts
from nlp_pipeline.evaluation.fonts import FontWarning, characters_without_glyph, fonts_for
from nlp_pipeline.evaluation.heatmap import AlignedTranslation

UNKNOWN = "\U0003fffd"  # in a plane that holds no character


def test_characters_without_a_font_are_named_once() -> None:
    assert characters_without_glyph(["ab", UNKNOWN, "a\u200db\n"]) == UNKNOWN
    aligned = AlignedTranslation((UNKNOWN, UNKNOWN), ("a",), np.ones((1, 2), np.float32))
    with pytest.warns(FontWarning, match=r"no font of this machine has a glyph for .* \(U\+3FFFD\)$") as told:
        aligned.write_png(io.BytesIO())
    assert len(told) == 1
    assert told[0].filename == __file__


@pytest.mark.parametrize("text", ["Ana", "Ελλάδα", "Привет", "שלום", "مرحبا", "漢字", "ひらがな", "한국어", "नमस्ते"])
def test_every_character_has_a_font_that_draws_it_or_is_told(text: str) -> None:
    charts = [FT2Font(findfont(FontProperties(family=name))).get_charmap() for name in fonts_for([text])]
    drawn = {character for character in text if any(ord(character) in chart for chart in charts)}
    assert set(text) - drawn == set(characters_without_glyph([text]))


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("漢字", r"漢 \(U\+6F22\).*\. Their script: CJK\. Install Noto Sans CJK \(Debian's fonts-noto-cjk\)$"),
        ("नम", r"Their script: Devanagari\. Install Noto Sans for it \(Debian's fonts-noto-core\)$"),
        ("한ก", r"Their script: Hangul, Thai\. Install Noto Sans CJK \(.*\) and Noto Sans for it \(.*\)$"),
    ],
)
def test_the_script_and_what_to_install_are_told(text: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As on a machine with no font but matplotlib's own.
    monkeypatch.setattr(fonts, "_fonts", lambda: iter(()))
    fonts._found.cache_clear()
    try:
        assert {unicodedata.category(letter) for letter in text} == {"Lo"}
        with pytest.warns(FontWarning, match=advice):
            AlignedTranslation((text,), ("a",), np.ones((1, 1), np.float32)).figure_array()
    finally:
        fonts._found.cache_clear()
