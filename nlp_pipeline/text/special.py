"""The ids that every subword vocabulary of this package begins with."""

from __future__ import annotations

PADDING_ID, UNKNOWN_ID, START_ID, END_ID = range(4)
