"""Several batches at a time, each by a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from nlp_pipeline.devices import batches_at_once

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")
# How many batches are ahead of the result that is waited for, for each thread: results would pile up otherwise.
_AHEAD = 2


class AtOnce:
    """Computes batches, as many at a time as `devices.batches_at_once` says.

    TensorFlow lets other threads of Python run while it computes. The threads are made with the first batches.
    """

    def __init__(self) -> None:
        self._threads: ThreadPoolExecutor | None = None

    def map(self, function: Callable[[_Batch], _Result], batches: Sequence[_Batch]) -> Iterator[_Result]:
        """Yield what a function makes of each batch, in their order.

        An exception of one of them is raised in its place; those that have not been begun by then are not.
        """
        together = batches_at_once()
        if together == 1 or len(batches) == 1:
            yield from map(function, batches)
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(together, thread_name_prefix="batch")
        waiting: deque[Future[_Result]] = deque()
        try:
            for batch in batches:
                waiting.append(self._threads.submit(function, batch))
                if len(waiting) > _AHEAD * together:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()
