"""What a job says, line by line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def say_to(console: Console) -> Callable[[str], None]:
    """Return a function that prints a line as it is: nothing in it is markup, and a long one stays one line."""
    return lambda line: console.print(line, highlight=False, markup=False, soft_wrap=True)
