"""The pieces that a text falls into before a model cuts them into subwords."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

SPACE = "▁"
"""Stands before a subword that has a space, or the beginning of the text, before it."""

SWAP = str.maketrans({" ": SPACE, SPACE: " "})
"""From a text's characters to those of subwords, and back: a `▁` of the text itself is a space there."""

SURROGATE = re.compile("[\ud800-\udfff]")

# Tiles any text: a run of other characters, or one digit or mark alone, each with the space before it. A longer run is
# cut, since some models take the square of its length.
LONGEST_PIECE = 1000
"""Code points, without the space."""
_ALONE = r"\p{P}\p{S} "
_PIECE = rf"▁?[[{_ALONE}\p{{Nd}}]&&[^▁]]|▁?[^▁{_ALONE}\p{{Nd}}]{{1,{LONGEST_PIECE}}}|▁"


def marked(text: str) -> str:
    """Return a text with a mark for each space, and one at its beginning; an empty one stays empty.

    Raises:
        ValueError: for a lone surrogate.
    """
    if SURROGATE.search(text):
        raise ValueError("expected Unicode text. Received: a lone surrogate")
    return SPACE + text.translate(SWAP) if text else ""


def lowercased(text: str) -> str:
    """Return a text in lower case, as the tokenizers library has it: each character on its own."""
    from tokenizers import normalizers

    return str(normalizers.Lowercase().normalize_str(text))


def splitter() -> Any:
    """Return the pre-tokenizer of the tokenizers library that cuts marked text into pieces."""
    from tokenizers import Regex, pre_tokenizers

    return pre_tokenizers.Split(Regex(_PIECE), behavior="isolated")


def count_pieces(texts: Iterable[str], lowercase: bool) -> Counter[str]:
    """Return how often each piece occurs that the model is to cut."""
    split = splitter().pre_tokenize_str
    pieces: Counter[str] = Counter()
    for text in texts:
        shown = marked(text)
        pieces.update(piece for piece, _ in split(lowercased(shown) if lowercase else shown))
    return pieces


def common_characters(pieces: Mapping[str, int], room: int) -> set[str]:
    """Return the commonest characters, the mark of a space always among them."""
    counts: Counter[str] = Counter()
    for piece, count in pieces.items():
        for character in piece:
            counts[character] += count
    counts.pop(SPACE)
    return {SPACE, *sorted(counts, key=lambda character: (-counts[character], character))[: room - 1]}


def cut_to(pieces: Mapping[str, int], alphabet: set[str]) -> Counter[str]:
    """Return the pieces, cut where they hold a character that is not in the alphabet."""
    kept: Counter[str] = Counter()
    for piece, count in pieces.items():
        if alphabet.issuperset(piece):
            kept[piece] += count
        else:
            for known, part in groupby(piece, alphabet.__contains__):
                if known:
                    kept["".join(part)] += count
    return kept
