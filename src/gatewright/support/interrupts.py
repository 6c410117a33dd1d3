"""Delay Ctrl-C during a long computation until it can be handled safely."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupts:
    """A context manager that holds back the first Ctrl-C until `check` or the end. A second one is raised at once.

    Python raises KeyboardInterrupt at the line that is running. In a library's callback (JAX has one for garbage
    collection) the exception would be printed and lost. The context manager has no effect outside the main thread, or
    if the program has its own handler of Ctrl-C.
    """

    def __init__(self) -> None:
        self._pressed = False
        self._previous_handler: Any = None

    def __enter__(self) -> Self:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._previous_handler = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._previous_handler is not None:
            signal.signal(signal.SIGINT, self._previous_handler)
        if error is None:
            self.check()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self._pressed:
            raise KeyboardInterrupt

    def clear(self) -> None:
        """Forget a Ctrl-C that has been handled."""
        self._pressed = False
