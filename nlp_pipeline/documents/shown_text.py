"""Texts of a corpus as reports and pictures show them: every character as it is, none with power over the rest."""

from __future__ import annotations

import html
import unicodedata

# Control characters, halves of surrogate pairs, line and paragraph separators; and what turns the direction of text.
_UNSHOWN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTIONS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def visible(text: str) -> str:
    r"""Return a text with its control characters spelled, such as `\u000a` for a line feed."""
    return "".join(
        f"\\u{ord(character):04x}"
        if character in _DIRECTIONS or unicodedata.category(character) in _UNSHOWN_CATEGORIES
        else character
        for character in text
    )


def in_markdown(text: str) -> str:
    """Return a text so that Markdown shows it as it is, on one line."""
    shown = "".join(f"\\{letter}" if letter in "\\`*_{}[]()#+!|~" else letter for letter in visible(text))
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def in_html(text: str) -> str:
    """Return a text so that HTML shows it as it is, on one line, in an element or in a quoted attribute."""
    return html.escape(visible(text))


def shortened(text: str, most: int) -> str:
    """Return a text, and of one that is longer than `most` characters its beginning with how many more there were."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"
