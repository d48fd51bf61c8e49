"""Pairs of which a side is empty: refused, or dropped and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal

from nlp_pipeline.errors import Problem, Problems
from nlp_pipeline.text.normalisation import is_blank

Empty = Literal["refuse", "drop"]
BOTH_EMPTY = "both_empty"
ONE_EMPTY = "one_empty"


class SideCheck:
    """Looks for empty sides, those that hold nothing but white space and what is not seen, in the pairs of a corpus.

    A pair with two empty sides is dropped. One empty side is a problem, or such a pair is dropped, too. Where a side is
    empty in all pairs, this is one problem, not one a pair.

    Args:
        nothing: what is wrong where the source, or the target, holds no sentence at all.
        problems: takes what is wrong.
        empty: what becomes of a pair with one empty side.
        dropped: counts the pairs that are dropped, as `both_empty` and `one_empty`.
    """

    def __init__(
        self, nothing: tuple[Problem, Problem], problems: Problems, empty: Empty, dropped: Counter[str]
    ) -> None:
        self._nothing = nothing
        self._problems = problems
        self._before = problems.count
        self._empty = empty
        self._dropped = dropped
        self._holds = [False, False]
        self._held: tuple[list[Problem], list[Problem]] = ([], [])  # until the side is known to hold a sentence
        self._any = False

    def keeps(self, source: str, target: str, wrong: Callable[[int], Problem]) -> bool:
        """Return whether both sides of a pair hold a sentence.

        Args:
            source: the one side.
            target: the other.
            wrong: says what is wrong where the source (0) or the target (1) alone is empty.
        """
        self._any = True
        blank = (is_blank(source), is_blank(target))
        for side in (0, 1):
            if not (blank[side] or self._holds[side]):
                self._holds[side] = True
                self._tell(side)
        if all(blank):
            self._dropped[BOTH_EMPTY] += 1
        elif any(blank) and self._empty == "drop":
            self._dropped[ONE_EMPTY] += 1
        elif any(blank):
            side = blank.index(True)
            self._held[side].append(wrong(side))
            if self._holds[side]:
                self._tell(side)
        return not any(blank)

    def finish(self) -> None:
        """Tell what is only known after the last pair."""
        alone = self._problems.count == self._before
        for side in (0, 1):
            if self._any and not self._holds[side]:
                if alone:
                    self._problems.add(*self._nothing[side])
                else:
                    self._tell(side)

    def _tell(self, side: int) -> None:
        for problem in self._held[side]:
            self._problems.add(*problem)
        self._held[side].clear()
