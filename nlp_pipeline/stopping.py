"""The signals that end a run: what is being done is finished first, and a second signal does not wait for that."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any

from nlp_pipeline.errors import PipelineError, StoppedByUserError, TerminatedError

ERRORS: dict[int, type[PipelineError]] = {signal.SIGINT: StoppedByUserError, signal.SIGTERM: TerminatedError}


class StopNow(KeyboardInterrupt):
    """Ends what is being done at once."""


class Signals:
    """Waits for SIGINT and SIGTERM, but for those that are ignored, and in a thread that can have signals.

    Attributes:
        received: the signal; None until there is one.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._at_once = False
        self._finishing = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for number in ERRORS:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _receive(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        again = self.received is not None
        self.received = self.received or number
        if self._at_once or (again and not self._finishing):
            # What is raised now must not be broken off by the next one while it clears up.
            self._at_once = False
            raise StopNow

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within, the first signal ends things at once: for what may wait for ever, such as reading."""
        self.check()
        self._at_once = True
        try:
            self.check()
            yield
        finally:
            self._at_once = False

    @contextmanager
    def finishing(self) -> Iterator[None]:
        """Within, but for what is `at_once`, a second signal does not end things either: for what must be whole."""
        self._finishing += 1
        try:
            yield
        finally:
            self._finishing -= 1

    def check(self) -> None:
        """Raise `StopNow` where a signal was received."""
        if self.received is not None:
            raise StopNow

    def error(self, message: str, received: int | None = None) -> PipelineError:
        """Return the error that ends the run.

        Args:
            message: what became of it.
            received: the signal, where another process got it.
        """
        number = received or self.received or signal.SIGINT
        return ERRORS[number](f"{signal.Signals(number).name}: {message}")
