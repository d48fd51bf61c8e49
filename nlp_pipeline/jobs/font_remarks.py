"""What a run says of scripts that no font of the machine draws: each once, not after every epoch."""

from __future__ import annotations

import warnings
from collections.abc import Callable

from nlp_pipeline.evaluation.fonts import FontWarning
from nlp_pipeline.training.shown import Shown


def fonts_told_once(show: Callable[[], Shown], say: Callable[[str], None]) -> Callable[[], Shown]:
    """Return a function that shows what `show` does, and tells of missing fonts.

    Args:
        show: gives what there is to look at after an epoch, and may warn of fonts.
        say: is told a line for each set of scripts that is new.
    """
    said: set[str] = set()

    def shown() -> Shown:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", FontWarning)
            found = show()
        for one in told:
            if not isinstance(one.message, FontWarning):
                warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
            elif one.message.advice not in said:
                said.add(one.message.advice)
                say(f"warning: in TensorBoard's pictures, {one.message}")
        return found

    return shown
