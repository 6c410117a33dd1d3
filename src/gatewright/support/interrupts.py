"""Ctrl-C while something long runs, kept until it can be acted on."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupts:
    """Between its beginning and its end Ctrl-C is raised by `check` alone; a second one is raised at once.

    Python raises KeyboardInterrupt wherever it happens to be. In a callback of a library (JAX has one for garbage
    collection) it would be printed there, and lost. Where the handler is not Python's own, or this is not the main
    thread, nothing is changed.
    """

    def __init__(self) -> None:
        self._asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
        if error is None:
            self.check()

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if there was a Ctrl-C."""
        if self._asked:
            raise KeyboardInterrupt

    def forget(self) -> None:
        """The Ctrl-C was acted on."""
        self._asked = False
