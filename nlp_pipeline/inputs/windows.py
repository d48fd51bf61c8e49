"""Long sentences through an encoder of limited length: overlapping windows, each word kept from exactly one of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Words `[start, end)` that are encoded together, of which `[kept_start, kept_end)` are kept.

    The kept parts of a sentence's windows are disjoint and cover it; what is not kept is context.
    """

    start: int
    end: int
    kept_start: int
    kept_end: int


def windows_of(subword_counts: Sequence[int], room: int, overlap: int) -> list[Window]:
    """Cut a sentence into windows at word borders.

        words    a b c d e f g h i j
        first    a b c d e f                 keeps a b c d e
        second           d e f g h i         keeps f g h
        third                  g h i j       keeps i j

    Two neighbours share at most `overlap` subwords, and the border of what each keeps lies in the middle of the words
    that they share, so that every word is kept from the window in which it has more context.

    Args:
        subword_counts: how many subwords each word has, at least 1.
        room: how many subwords a window holds, without special tokens.
        overlap: how many subwords neighbours may share, so that `overlap + max(subword_counts) <= room`.

    Raises:
        ValueError: where a window could not get past the words that it shares with the one before.
    """
    if subword_counts and overlap + max(subword_counts) > room:
        raise ValueError(
            f"expected the overlap and the longest word to fit into a window of {room} subwords. "
            f"Received: overlap={overlap}, longest={max(subword_counts)}"
        )
    windows: list[Window] = []
    start = kept_start = 0
    length = len(subword_counts)
    while start < length:
        end, used = start, 0
        while end < length and used + subword_counts[end] <= room:
            used += subword_counts[end]
            end += 1
        if end == length:
            windows.append(Window(start, end, kept_start, end))
            break
        shared_start, shared = end, 0
        while shared_start > start + 1 and shared + subword_counts[shared_start - 1] <= overlap:
            shared_start -= 1
            shared += subword_counts[shared_start]
        kept_end = (shared_start + end + 1) // 2
        windows.append(Window(start, end, kept_start, kept_end))
        start, kept_start = shared_start, kept_end
    return windows
