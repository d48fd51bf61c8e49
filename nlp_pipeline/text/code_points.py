"""Every code point as one ASCII character that says what it is to the segmentation.

A text's class string has exactly its length, and is ASCII: whatever matches in it lies at the same code points of the
text, for any engine of regular expressions and any version of Unicode that the engine knows. A graph that looks the
classes up in a table made from `class_of` cuts a text in the very same places.
"""

from __future__ import annotations

import unicodedata

SPACE = " "
LINE_END = "\n"
# Letters and digits beyond ASCII are written as ASCII ones, since an expression's `\b` knows no others. No expression
# names `q`, so that none takes such a letter for one that it looks for.
LOWER = "q"  # a small letter
UPPER = "Q"  # a capital
CASELESS = "_"  # a letter of a script without capitals, but for ideographs
DIGIT = "0"
MARK = "\x03"  # combining marks, variation selectors, format characters: belong to what stands before
IDEOGRAPH = "\x05"  # ideographs and kana: each is a word
TERMINATOR = "\x06"  # ends a sentence, outside ASCII
WIDE_TERMINATOR = "\x15"  # ends a sentence of ideographs, after which no space is written
OPENING = "\x07"  # opening quotes and brackets, also the Spanish marks
CLOSING = "\x08"
DASH = "\x0e"
EMOJI = "\x0f"
SIGN = "\x10"  # currency, mathematics
JOINER = "\x11"  # U+200D
FLAG = "\x12"  # half of a flag
OTHER = "\x13"  # the rest: punctuation, controls, what Unicode does not know

_SINGLE = {
    **{ord(character): LINE_END for character in "\n\r\x0b\x0c\x85\u2028\u2029"},
    ord("\t"): SPACE,
    **{ord(character): TERMINATOR for character in "…‥؟۔।॥։።"},
    **{ord(character): WIDE_TERMINATOR for character in "。｡．！？"},
    **{ord(character): OPENING for character in "¿¡‚„‘«‹"},
    **{ord(character): CLOSING for character in "»›"},
    ord("’"): "'",
    ord("‐"): "-",
    ord("‑"): "-",
    0x200D: JOINER,
}
_OF_CATEGORY = {
    "Ll": LOWER,
    "Lu": UPPER,
    "Lt": UPPER,
    "Lo": CASELESS,
    "Lm": CASELESS,
    "Mn": MARK,
    "Mc": MARK,
    "Me": MARK,
    "Cf": MARK,
    "Nd": DIGIT,
    "Nl": DIGIT,
    "No": DIGIT,
    "Zs": SPACE,
    "Ps": OPENING,
    "Pi": OPENING,
    "Pe": CLOSING,
    "Pf": CLOSING,
    "Pd": DASH,
    "Pc": OTHER,
    "So": EMOJI,
    "Sc": SIGN,
    "Sm": SIGN,
    "Sk": OTHER,
}
_IDEOGRAPHS = (
    (0x2E80, 0x2FFF),
    (0x3005, 0x3007),
    (0x3021, 0x303C),
    (0x3040, 0x30FF),
    (0x31C0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF66, 0xFF9D),
    (0x20000, 0x3FFFF),
)


# Of letters that are written without a space between words: Thai, Lao, Tibetan, Burmese, Khmer.
_UNSPACED = ((0x0E00, 0x0FFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F))


def class_of(code_point: int) -> str:
    """Return the class of a code point: one ASCII character; printable ASCII is its own class."""
    if code_point in _SINGLE:
        return _SINGLE[code_point]
    if code_point < 0x80:
        return chr(code_point) if 0x20 <= code_point < 0x7F else OTHER
    if 0x1F1E6 <= code_point <= 0x1F1FF:
        return FLAG
    if 0x1F3FB <= code_point <= 0x1F3FF or 0xE0020 <= code_point <= 0xE007F:
        return MARK  # skin tones, and the tags of regional flags
    category = unicodedata.category(chr(code_point))
    if category in ("Lo", "Lm", "Nl", "So") and any(low <= code_point <= high for low, high in _IDEOGRAPHS):
        return IDEOGRAPH
    return _OF_CATEGORY.get(category, OTHER)


class _Classes(dict[int, str]):
    """The classes that were asked for so far; `str.translate` asks for the others."""

    def __missing__(self, code_point: int) -> str:
        self[code_point] = found = class_of(code_point)
        return found


_CLASSES = _Classes()


def class_string(text: str) -> str:
    """Return the classes of a text's code points, a string of the same length."""
    return text.translate(_CLASSES)


def is_unspaced(text: str) -> bool:
    """Return whether a text has a character of a script that puts no spaces between words, such as Chinese or Thai."""
    return IDEOGRAPH in class_string(text) or any(low <= ord(one) <= high for one in text for low, high in _UNSPACED)
