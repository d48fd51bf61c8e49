"""Which fonts of this machine draw a text, whatever its script, and a word where there is none.

Letters are shaped and put in their order by matplotlib itself (from 3.11 on), so that Arabic joins its letters and
Hebrew runs from right to left. For what its own font lacks, the fonts of the machine are searched.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from nlp_pipeline.documents.shown_text import visible

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.font_manager import FontEntry
    from matplotlib.transforms import Bbox

_OWN_FONT = "DejaVu Sans"  # comes with matplotlib
_NAMED = 5
_LABEL_CHARACTERS = 32
# The first word of a character's name in Unicode tells its script. Of these, the font that has them is called by
# another name than the script's.
_EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "HALFWIDTH", "FULLWIDTH")


class FontWarning(UserWarning):
    """No font of this machine has a glyph for a character; a box that names its script stands in its place.

    Args:
        message: which characters.
        advice: of what scripts they are, and what to install for them; may be empty.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message + advice)
        self.advice = advice


def fonts_for(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the fonts that draw these texts, by name, matplotlib's own first: a `family` of `FontProperties`."""
    return _found(frozenset("".join(texts)))[0]


def characters_without_glyph(texts: Iterable[str]) -> str:
    """Return the characters that no font of this machine can draw, each once, by code point."""
    return _found(frozenset("".join(map(visible, texts))))[1]


def label(text: str) -> str:
    """Return a text as a picture's label shows it: on one line, and not longer than 32 characters."""
    shown = visible(text)
    return shown if len(shown) <= _LABEL_CHARACTERS else shown[: _LABEL_CHARACTERS - 1] + "…"


@contextmanager
def glyph_remarks_as_one(texts: Sequence[str]) -> Iterator[None]:
    """Give one warning with all characters, in place of matplotlib's one for each of them.

    Warns:
        FontWarning: where one of the texts has a character without a glyph: which, of what script, and which font has
            it.
    """
    if missing := characters_without_glyph(texts):
        named = " ".join(f"{character} (U+{ord(character):04X})" for character in missing[:_NAMED])
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        message = f"no font of this machine has a glyph for {named}{more}"
        warnings.warn(FontWarning(message, _advice(missing)), stacklevel=5)
    with _without_glyph_remarks():
        yield


def box_of_labels(axis: Axis) -> Bbox:
    """Return where an axis with its ticks and labels lies, in pixels, without a word on what has no glyph."""
    with _without_glyph_remarks():
        box = axis.get_tightbbox()
    assert box is not None  # of an axis that is seen
    return box


@contextmanager
def _without_glyph_remarks() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+ ", category=UserWarning)
        yield


def _advice(missing: str) -> str:
    """Return of what scripts characters are, and what to install for them; nothing for what Unicode has no name for."""
    words = {unicodedata.name(character, "").partition(" ")[0] for character in missing} - {""}
    if not words:
        return ""
    east_asian = not words.isdisjoint(_EAST_ASIAN)
    others = words.difference(_EAST_ASIAN)
    fonts = ["Noto Sans CJK (Debian's fonts-noto-cjk)"] * east_asian
    fonts += ["Noto Sans for it (Debian's fonts-noto-core)"] * bool(others)
    scripts = ", ".join("CJK" if word == "CJK" else word.capitalize() for word in sorted(words))
    return f". Their script: {scripts}. Install {' and '.join(fonts)}"


@lru_cache(maxsize=64)
def _found(characters: frozenset[str]) -> tuple[tuple[str, ...], str]:
    """Return the fonts that draw these characters, by name, matplotlib's own first, and what is left without one."""
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    def drawn_by(font: FT2Font) -> set[str]:
        return {character for character in missing if ord(character) in font.get_charmap()}

    families = [_OWN_FONT]
    # What formats text, such as a joiner, has no picture of its own.
    missing = {character for character in characters if unicodedata.category(character) not in {"Cf", "Zs"}}
    missing -= drawn_by(FT2Font(findfont(FontProperties(family=_OWN_FONT))))
    for entry in _fonts() if missing else ():
        if not missing:
            break
        try:
            drawn = drawn_by(FT2Font(entry.fname, face_index=entry.index))
        except (OSError, RuntimeError):  # removed since the list was made, or broken
            continue
        if drawn:
            families.append(entry.name)
            missing -= drawn
    return tuple(families), "".join(sorted(missing))


def _fonts() -> Iterator[FontEntry]:
    """Yield the machine's upright fonts of the usual weight; Noto, which was made to cover every script, first."""
    from matplotlib.font_manager import findSystemFonts, fontManager

    # The list is kept from one process to the next, and knows nothing of what was installed since.
    known = {entry.fname for entry in fontManager.ttflist}
    for path in findSystemFonts():
        if path not in known:
            try:
                fontManager.addfont(path)
            except (OSError, RuntimeError):  # broken, or of a kind that matplotlib does not draw
                continue
    entries = [entry for entry in fontManager.ttflist if entry.style == "normal" and entry.weight in (400, "normal")]
    for entry in sorted(entries, key=lambda entry: (not entry.name.startswith("Noto Sans"), entry.name)):
        if not entry.name.startswith("Last Resort"):  # has a box for everything
            yield entry
