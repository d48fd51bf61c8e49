"""Text in one form, so that what looks the same is the same."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

INVISIBLE = "\u00ad\u200b\u2060\ufeff"
"""Soft hyphen, zero-width space, word joiner, zero-width no-break space."""

_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_VISIBLE = re.compile(rf"[^\s{INVISIBLE}]")


@dataclass(frozen=True, slots=True)
class Normalisation:
    """Puts a text into one form, in training and in use. A text that is in it already stays as it is.

    Attributes:
        form: Unicode's normalisation form (Unicode Standard Annex 15); `none` leaves code points as they are.
        spaces: whether every run of white space, also of no-break spaces, line ends and tabs, becomes one plain space,
            and none is left at the ends.
        invisible: whether U+00AD, U+200B, U+2060 and U+FEFF are left out. U+200D and U+FE0F, which decide how emoji
            look, and U+200C, which some scripts spell with, stay.
    """

    form: Literal["NFC", "NFKC", "none"] = "NFC"
    spaces: bool = True
    invisible: bool = True

    def __post_init__(self) -> None:
        if self.form not in ("NFC", "NFKC", "none"):
            raise ValueError(f"expected one of the forms NFC, NFKC and none. Received: {self.form!r}")

    def __call__(self, text: str) -> str:
        """Return the text in this form."""
        # What lies between a letter and its accent has to go before they are composed, and NFKC makes new spaces.
        if self.invisible:
            text = _INVISIBLE.sub("", text)
        if self.form != "none":
            text = unicodedata.normalize(self.form, text)
        return " ".join(text.split()) if self.spaces else text


def is_blank(text: str) -> bool:
    """Return whether a text holds nothing but white space and what `Normalisation` leaves out as invisible."""
    return _VISIBLE.search(text) is None
