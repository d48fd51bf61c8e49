"""Texts of a corpus as reports and pictures show them: every character as it is, none with power over the rest."""

from __future__ import annotations

import html
import re
import unicodedata

# Control characters, halves of surrogate pairs, line and paragraph separators; and what turns the direction of text.
_UNSHOWN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTIONS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# What some flavour of Markdown takes for its own: markup, formulas, links, names of pictures and people, quotation
# marks. A point, a hyphen and a colon stay where prose and places such as `x:12` have them and no flavour minds.
_TAKEN = re.compile(
    r"""[\\`*_{}\[\]()#+!|~$@^="'<>&]|(?<!\w)-|-(?!\w)|:(?!\d*(?:\s|$))"""
    r"|(?<=\d)\.(?=\s|$)|\.(?=\.)|(?<=\.)\.|(?<=[Ww]{3})\."
)
# What every flavour has a backslash for; the others are told by their numbers, which are plain text to all of them.
_WITH_BACKSLASH = "\\`*_{}[]()#+-.!"


def visible(text: str) -> str:
    r"""Return a text with its control characters spelled, such as `\u000a` for a line feed."""
    return "".join(
        f"\\u{ord(character):04x}"
        if character in _DIRECTIONS or unicodedata.category(character) in _UNSHOWN_CATEGORIES
        else character
        for character in text
    )


def in_markdown(text: str) -> str:
    """Return a text so that Markdown of every flavour shows it as it is, on one line, within a line or a table's cell.

    Where a site looks for names such as `:smile:` in the page that was made of the Markdown, no Markdown can help.
    """
    return _TAKEN.sub(lambda found: _escaped(found[0]), visible(text))


def _escaped(mark: str) -> str:
    if mark in "&<>":
        return html.escape(mark)
    return f"\\{mark}" if mark in _WITH_BACKSLASH else f"&#{ord(mark)};"


def in_html(text: str) -> str:
    """Return a text so that HTML shows it as it is, on one line, in an element or in a quoted attribute."""
    return html.escape(visible(text))


def shortened(text: str, most: int) -> str:
    """Return a text, and of one that is longer than `most` characters its beginning with how many more there were."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"
