"""How a contestant of `benchmarks/speed.py` is spoken to. Needs nothing but Python: every peer's environment has that.

A contestant is a program that is started with one argument, a JSON file of settings. It loads all it needs, says that
it is ready, and then sleeps until it is told to take a turn. So contestants that were loaded beside one another are
measured one after the other, round by round, and none pays for another's processor time, or for its own start.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


def settings() -> dict[str, Any]:
    """Return what the contestant was started with."""
    return dict(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))


def take_turns(begin: Callable[[], tuple[Callable[[], Mapping[str, Any]], Mapping[str, Any]]]) -> None:
    """Get ready, and take a turn for each line that is read; end where there is none.

    Args:
        begin: loads, and returns what takes a turn, and what is to be told of the contestant: `versions`. A turn
            returns what is to be told of it: `seconds` that it took, of which it did so many `units` of work.
    """
    # Whatever libraries print goes to the errors; the answers alone go out.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(content: Mapping[str, Any]) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    turn, about = begin()
    answer(about)
    for _ in sys.stdin:
        answer(turn())
