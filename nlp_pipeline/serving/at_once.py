"""Several batches at a time, each by a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

from nlp_pipeline.devices import batches_at_once

_Batch = TypeVar("_Batch")
_Result = TypeVar("_Result")
# How many batches are ahead of the result that is waited for, for each thread: results would pile up otherwise.
_AHEAD = 2


@dataclass(frozen=True)
class Begun(Generic[_Result]):
    """Work that has been begun.

    Attributes:
        results: gives what comes of it, in order.
        cancel: leaves out what has not been begun yet; to be called where not all results are taken.
    """

    results: Iterator[_Result]
    cancel: Callable[[], None] = lambda: None


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
        threads = self._started(together)
        waiting: deque[Future[_Result]] = deque()
        try:
            for batch in batches:
                waiting.append(threads.submit(function, batch))
                if len(waiting) > _AHEAD * together:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for one in waiting:
                one.cancel()

    def begin(self, function: Callable[[_Batch], _Result], batches: Sequence[_Batch]) -> Begun[_Result]:
        """Begin to compute batches, all of them, after those that were begun before.

        Where one batch is computed at a time, and where there is but one, it is begun when its result is asked for.
        """
        together = batches_at_once()
        if together == 1 or len(batches) == 1:
            return Begun(map(function, batches))
        threads = self._started(together)
        waiting: deque[Future[_Result]] = deque()

        def results() -> Iterator[_Result]:
            while waiting:
                yield waiting.popleft().result()

        def cancel() -> None:
            for one in waiting:
                one.cancel()

        try:
            for batch in batches:
                waiting.append(threads.submit(function, batch))
        except BaseException:
            # A signal: nobody else knows of them yet, and the threads would do them all before the process ends.
            cancel()
            raise
        return Begun(results(), cancel)

    def _started(self, together: int) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(together, thread_name_prefix="batch")
        return self._threads
