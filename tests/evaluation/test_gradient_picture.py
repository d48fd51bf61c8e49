"""The picture of a gradient: it is drawn for any tokens, and shows what differs."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from nlp_pipeline.evaluation.fonts import FontWarning
from nlp_pipeline.evaluation.gradient_picture import gradient_pixels

ODD = ("<b>", "$x$", "a\0b", "漢字", "مرحبا", "w" * 300, "")


def _drawn(norms: list[float], chosen: int | None = 6) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FontWarning)
        return gradient_pixels(ODD, {"layer": np.array(norms, np.float32)}, chosen, "of $1$")


def test_what_differs_is_seen() -> None:
    falling = _drawn([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0])
    assert falling.dtype == np.uint8
    assert falling.shape[2] == 3
    level = _drawn([1.0] * 7)
    assert falling.shape != level.shape or (falling != level).any()
    without = _drawn([1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0], None)
    assert falling.shape != without.shape or (falling != without).any()


@pytest.mark.parametrize("norms", [[0.0] * 7, [np.nan] * 7, [np.inf, 0.0, 1.0, 0.0, 2.0, np.nan, 1e-30]])
def test_what_has_no_logarithm_has_no_point(norms: list[float]) -> None:
    assert _drawn(norms).shape[2] == 3


def test_a_long_sentence_stays_a_picture() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FontWarning)
        pixels = gradient_pixels(["word"] * 2000, {"layer": np.ones(2000, np.float32)}, 1999, "long")
    assert pixels.shape[1] < 2000


@pytest.mark.parametrize("letters", ["W" * 31 + "…", "漢" * 31 + "…", "a bc " * 6, "i" * 32])
@pytest.mark.parametrize("count", [2, 25])
def test_nothing_is_cut_off(letters: str, count: int) -> None:
    title = f"gradient of the loss of subword {count} of {count} ({letters}): states of the encoder"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FontWarning)
        pixels = gradient_pixels([letters] * count, {"encoder/layer_0": np.ones(count, np.float32)}, 0, title)
    ink = (pixels != 255).any(axis=2)
    assert not any(side.any() for side in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))


def test_letters_without_a_font_are_told_once() -> None:
    with pytest.warns(FontWarning, match=r"U\+10380") as told:
        gradient_pixels(["\U00010380", "\U00010381"], {"layer": np.ones(2, np.float32)}, 0, "of \U00010380")
    assert len(told) == 1
