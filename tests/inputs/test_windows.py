"""Windows: every word is kept from exactly one of them, with context, whatever the words weigh."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_pipeline.inputs.windows import Window, windows_of


@given(
    counts=st.lists(st.integers(1, 9), max_size=200),
    overlap=st.integers(0, 12),
    slack=st.integers(0, 20),
)
def test_every_word_is_kept_once_and_no_window_is_too_long(counts: list[int], overlap: int, slack: int) -> None:
    room = overlap + 9 + slack
    windows = windows_of(counts, room, overlap)
    kept = [word for window in windows for word in range(window.kept_start, window.kept_end)]
    assert kept == list(range(len(counts)))
    for window in windows:
        assert window.start <= window.kept_start < window.kept_end <= window.end
        assert sum(counts[window.start : window.end]) <= room
    for one, other in itertools.pairwise(windows):
        assert sum(counts[other.start : one.end]) <= overlap


@given(
    counts=st.lists(st.integers(1, 9), min_size=1, max_size=200), overlap=st.integers(0, 12), more=st.integers(0, 20)
)
def test_no_window_is_longer_than_as_many_alike_would_be(counts: list[int], overlap: int, more: int) -> None:
    room = overlap + 18 + more
    total, longest = sum(counts), max(counts)
    sizes = [sum(counts[window.start : window.end]) for window in windows_of(counts, room, overlap)]
    if len(sizes) == 1:
        assert total <= room
        return
    # A window may end up to the longest word before it is full, and share up to the longest word less.
    assert len(sizes) <= -(-(total - overlap) // (room - overlap - longest + 1))
    alike = -(-(total - overlap) // (room - overlap))
    assert max(sizes) <= -(-(total - overlap) // alike) + overlap + longest - 1


def test_two_windows_are_as_long_as_each_other() -> None:
    windows = windows_of([1] * 520, room=510, overlap=128)
    assert [window.end - window.start for window in windows] == [324, 324]


def test_what_fits_is_one_window() -> None:
    assert windows_of([2, 3, 5], room=10, overlap=2) == [Window(0, 3, 0, 3)]
    assert windows_of([], room=10, overlap=2) == []


def test_the_border_lies_in_the_middle_of_what_is_shared() -> None:
    windows = windows_of([1] * 10, room=6, overlap=3)
    assert windows == [Window(0, 6, 0, 5), Window(3, 9, 5, 8), Window(6, 10, 8, 10)]


def test_two_thousand_words_have_context_on_both_sides() -> None:
    windows = windows_of([1] * 2000, room=510, overlap=128)
    for one, other in itertools.pairwise(windows):
        assert one.end - one.kept_end >= 63
        assert other.kept_start - other.start >= 63


def test_a_window_that_cannot_move_on_is_refused() -> None:
    with pytest.raises(ValueError, match="Received: overlap=8, longest=3"):
        windows_of([3], room=10, overlap=8)
