"""Normalisation: what it does to spaces and to what is not seen, and that doing it twice does no more."""

from __future__ import annotations

import dataclasses
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.text.normalisation import INVISIBLE, Normalisation, is_blank
from nlp_pipeline.text.pair import SentencePair

AWKWARD = (
    "a e\u0301\u0327\u00a0\u202f\u3000\t\n\u0085\u2028\u1680\u00ad\u200b\u2060\ufeff\u200d\ufe0f"
    "\u0344\ufb01\u00a8\u212b\uac00\u11a8\u1100\u1161"
)

texts = st.one_of(st.text(), st.text(st.sampled_from(AWKWARD)))
normalisations = st.builds(
    Normalisation, form=st.sampled_from(["NFC", "NFKC", "none"]), spaces=st.booleans(), invisible=st.booleans()
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Vraiment\u202f?  Oui\u00a0!\t", "Vraiment ? Oui !"),
        ("\u2028a\u3000\u3000b\n", "a b"),
        ("Donau\u00addampf\u200b\u2060\ufeffer", "Donaudampfer"),
        ("cafe\u0301", "café"),
        ("e\u200b\u0301", "é"),
        ("\ufb01n", "\ufb01n"),
        ("👩\u200d🚀 ☀\ufe0f", "👩\u200d🚀 ☀\ufe0f"),
        ("\u00ad \u00a0", ""),
        ("", ""),
    ],
)
def test_what_becomes_of_a_text(text: str, expected: str) -> None:
    assert Normalisation()(text) == expected


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ({"form": "NFKC"}, "fi é x y"),
        ({"form": "none"}, "\ufb01 e\u0301 x y"),
        ({"spaces": False}, "\ufb01 é\u00a0x\ty"),
        ({"invisible": False}, "\ufb01 é x\u00ad y"),
    ],
)
def test_each_choice(setting: dict[str, Any], expected: str) -> None:
    assert dataclasses.replace(Normalisation(), **setting)("\ufb01 e\u0301\u00a0x\u00ad\ty") == expected


@given(normalise=normalisations, text=texts)
def test_twice_is_once(normalise: Normalisation, text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


@given(text=texts)
def test_what_is_left_of_any_text(text: str) -> None:
    normalised = Normalisation()(text)
    assert unicodedata.is_normalized("NFC", normalised)
    assert not set(normalised) & set(INVISIBLE)
    assert not {character for character in normalised if character.isspace()} - {" "}
    assert normalised == normalised.strip()
    assert "  " not in normalised
    assert is_blank(text) == (normalised == "")


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: 'NFD'"):
        Normalisation(form="NFD")  # type: ignore[arg-type]


def test_a_pair_is_a_value() -> None:
    pair = SentencePair("Hi.", "Salut.", place="train.en:1")
    assert pair == SentencePair("Hi.", "Salut.", place="train.en:1")
    assert (SentencePair("a", "b").place, len({pair, SentencePair("a", "b")})) == ("", 2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair.source = "Ho."  # type: ignore[misc]
