"""Letters in pictures: the fonts of the machine that can draw them, a word where there is none, and the pixels."""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nlp_pipeline.documents.shown_text import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OWN_FONT = "DejaVu Sans"  # comes with matplotlib
_LABEL_CHARACTERS = 32


class FontWarning(UserWarning):
    """No font of this machine has a glyph for a character; a box that names its script stands in its place."""


def characters_without_glyph(texts: Sequence[str]) -> str:
    """Return the characters that no font of this machine can draw, each once, by code point."""
    return fonts_for(frozenset("".join(map(visible, texts))))[1]


def label(text: str) -> str:
    """Return a text as a picture's label shows it: on one line, and not longer than 32 characters."""
    shown = visible(text)
    return shown if len(shown) <= _LABEL_CHARACTERS else shown[: _LABEL_CHARACTERS - 1] + "…"


@contextmanager
def glyph_remarks_as_one(texts: Sequence[str]) -> Iterator[None]:
    """Give one warning with all characters, in place of matplotlib's one for each of them."""
    if missing := characters_without_glyph([label(text) for text in texts]):
        named = " ".join(f"{character} (U+{ord(character):04X})" for character in missing[:5])
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        warnings.warn(f"no font of this machine has a glyph for {named}{more}", FontWarning, stacklevel=5)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ ", category=UserWarning)
        yield


@lru_cache(maxsize=64)
def fonts_for(characters: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """Return the fonts that draw these characters, by name, matplotlib's own first, and what is left without one."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager
    from matplotlib.ft2font import FT2Font

    def drawn_by(font: FT2Font) -> set[str]:
        return {character for character in missing if ord(character) in font.get_charmap()}

    families = [_OWN_FONT]
    # What formats text, such as a joiner, has no picture of its own.
    missing = {character for character in characters if unicodedata.category(character) not in {"Cf", "Zs"}}
    missing -= drawn_by(FT2Font(findfont(FontProperties(family=_OWN_FONT))))
    # Upright fonts of the usual weight; Noto, which was made to cover every script, before others.
    entries = [entry for entry in fontManager.ttflist if entry.style == "normal" and entry.weight in (400, "normal")]
    for entry in sorted(entries, key=lambda entry: (not entry.name.startswith("Noto Sans"), entry.name)):
        if not missing:
            break
        if entry.name.startswith("Last Resort"):  # has a box for everything
            continue
        try:
            drawn = drawn_by(FT2Font(entry.fname, face_index=entry.index))
        except (OSError, RuntimeError):  # removed since the list was made, or broken
            continue
        if drawn:
            families.append(entry.name)
            missing -= drawn
    return tuple(families), "".join(sorted(missing))


def pixels_of_figure(figure: Figure, dpi: int) -> NDArray[np.uint8]:
    """Return a figure on white as RGB, [H, W, 3], as TensorBoard takes pictures."""
    stream = io.BytesIO()
    figure.savefig(stream, format="rgba", dpi=dpi)
    width, height = figure.canvas.get_width_height()
    return np.frombuffer(stream.getvalue(), dtype=np.uint8).reshape(height, width, 4)[:, :, :3].copy()
