"""Too little memory, told as something that a user can do something about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from nlp_pipeline.errors import Problem, TrainingError


@contextmanager
def enough_memory(place: str, doing: str, remedies: str) -> Iterator[None]:
    """Within, what finds no room in the memory ends the run with one line.

    Args:
        place: where the run is; may be empty.
        doing: what is being done, such as `while the dev corpus was scored`.
        remedies: what a user can do.

    Raises:
        TrainingError: where there is no room.
    """
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        lines = str(error).strip().splitlines()
        wanted = next((line.strip() for line in lines if "allocat" in line), lines[0] if lines else "no room")
        message = f"expected room in the memory, received none, {doing}: {wanted}; {remedies}"
        raise TrainingError([Problem(place, message)]) from None
