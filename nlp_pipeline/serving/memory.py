"""Memory that is given back."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache


def give_back() -> None:
    """Return to the system what has been freed.

    glibc keeps the memory of freed tensors, in pieces that the next ones, of other shapes, do not fit into: how much is
    held then grows for a while, and differs from run to run by a third. It costs some milliseconds.
    """
    _trim()(0)


@cache
def _trim() -> Callable[[int], int]:
    """Return glibc's `malloc_trim`, and nothing's where the system has another allocator."""
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda _: 0
    return trim
