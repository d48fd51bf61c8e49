"""Two files that are aligned line by line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from nlp_pipeline.corpora.lines import STANDARD_STREAM, name_of, read_lines
from nlp_pipeline.corpora.sides import Empty, SideCheck
from nlp_pipeline.errors import Problem, Problems
from nlp_pipeline.text.pair import SentencePair


def read_aligned(
    source: str | Path,
    target: str | Path,
    problems: Problems,
    *,
    empty: Empty = "refuse",
    dropped: Counter[str] | None = None,
) -> Iterator[SentencePair]:
    """Yield the pairs of two files, the line of the one with the line of the same number of the other.

    A line that cannot be read takes its pair with it, and shifts no other.

    Args:
        source: a file, perhaps gzipped; one of the two may be `-`, standard input.
        target: its translation, of as many lines.
        problems: takes what is wrong, each with its line; such a pair is left out.
        empty: whether a pair with one empty side is a problem, or dropped. One with two is always dropped.
        dropped: counts what is dropped, as `one_empty` and `both_empty`.
    """
    names = (name_of(source), name_of(target))
    if str(source) == str(target) == STANDARD_STREAM:
        problems.add(names[0], "expected two files, received standard input for both")
        return
    nothing = (_only_empty_lines(names[0]), _only_empty_lines(names[1]))
    check = SideCheck(nothing, problems, empty, Counter() if dropped is None else dropped)
    sides = (_Side(source, problems), _Side(target, problems))
    while sides[0].number is not None and sides[1].number is not None:
        if sides[0].number < sides[1].number:
            sides[0].go_on()
        elif sides[1].number < sides[0].number:
            sides[1].go_on()
        else:
            pair = SentencePair(sides[0].text, sides[1].text, f"{names[0]}:{sides[0].number}")
            if check.keeps(pair.source, pair.target, partial(_empty_line, names, sides[0].number)):
                yield pair
            for side in sides:
                side.go_on()
    for side in sides:
        while side.number is not None:
            side.go_on()
    if all(side.whole for side in sides) and sides[0].lines != sides[1].lines:
        expected = f"expected as many lines as {names[1]} has, {sides[1].lines}, received {sides[0].lines}"
        problems.add(names[0], expected)
    check.finish()


def _only_empty_lines(name: str) -> Problem:
    return Problem(name, "expected sentences, received only empty lines")


def _empty_line(names: tuple[str, str], number: int, side: int) -> Problem:
    other = f"{names[1 - side]}:{number}"
    return Problem(f"{names[side]}:{number}", f"expected a sentence, received an empty line; {other} holds one")


class _Side(Problems):
    """Reads the lines of a file and passes its problems on, so as to count also the lines that cannot be read.

    Attributes:
        number: of the line that was reached; None behind the last.
        text: of that line.
        lines: how many there were so far.
        whole: whether the file could be read to its end.
    """

    def __init__(self, source: str | Path, problems: Problems) -> None:
        super().__init__()
        self._name = name_of(source)
        self._problems = problems
        self._stream = read_lines(source, self)
        self.number: int | None = None
        self.text = ""
        self.lines = 0
        self.whole = True
        self.go_on()

    def add(self, place: str, message: str) -> None:
        """Pass a problem on."""
        self._problems.add(place, message)
        number = place.removeprefix(f"{self._name}:")
        if number != place:
            self.lines = int(number)
        else:
            self.whole = False

    def go_on(self) -> None:
        """Reach the next line that can be read."""
        self.number, self.text = next(self._stream, (None, ""))
        if self.number is not None:
            self.lines = self.number
