"""Delay Ctrl-C during a long computation until it can be handled safely."""

import signal
import sys
import threading
from abc import ABC, abstractmethod
from types import FrameType
from typing import Any, Self


class _Handler(ABC):
    """A context manager that handles Ctrl-C in the main thread, unless the program handles it itself."""

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

    @abstractmethod
    def _handle(self, number: int, frame: FrameType | None) -> None:
        """Handle Ctrl-C."""


class Interrupts(_Handler):
    """A context manager that delays the first Ctrl-C until `check` or the end. A second Ctrl-C is raised at once.

    Without it, Python raises KeyboardInterrupt in whatever code is running. In a callback, such as JAX's callback for
    garbage collection, the exception would be printed and lost. The context manager has no effect outside the main
    thread, or if the program handles Ctrl-C itself.
    """

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        super().__exit__(kind, error, trace)
        if error is None:
            self.check()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._pressed:
            raise KeyboardInterrupt
        self._pressed = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed since the start or the last `clear`."""
        if self._pressed:
            raise KeyboardInterrupt

    def clear(self) -> None:
        """Forget that Ctrl-C was pressed, so that it is not raised again."""
        self._pressed = False


class HeldInterrupts(_Handler):
    """A context manager in which Ctrl-C can be held back for short times, from `hold` to `release`.

    Otherwise, and if it is pressed again, Ctrl-C raises KeyboardInterrupt at once. To hold it back costs less than a
    microsecond. The context manager has no effect outside the main thread, or if the program handles Ctrl-C itself.

    Python loses an exception that is raised in a finalizer or in a callback of the garbage collector, such as JAX's. If
    this happens to Ctrl-C, it is raised again at the next `release` or at the end.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held = False
        self._previous_hook: Any = None

    def __enter__(self) -> Self:
        super().__enter__()
        if self._previous_handler is not None:
            self._previous_hook, sys.unraisablehook = sys.unraisablehook, self._lost
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._previous_hook is not None:
            sys.unraisablehook = self._previous_hook
        super().__exit__(kind, error, trace)
        if error is None:
            self.release()

    def _lost(self, unraisable: Any) -> None:
        """Note Ctrl-C that Python cannot raise; pass on any other exception."""
        if issubclass(unraisable.exc_type, KeyboardInterrupt):
            self._pressed = True
        else:
            self._previous_hook(unraisable)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if not self._held or self._pressed:
            self._pressed = False
            raise KeyboardInterrupt
        self._pressed = True

    def hold(self) -> None:
        """Hold Ctrl-C back until `release`."""
        self._held = True

    def release(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed since `hold`."""
        self._held = False
        if self._pressed:
            self._pressed = False
            raise KeyboardInterrupt
