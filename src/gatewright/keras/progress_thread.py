"""One thread for the progress bars of all calls of `fit`, `evaluate` and `predict`.

Keras makes an executor with threads of its own for each call. In a notebook, Jupyter opens a socket for each thread
that prints, and closes it seconds later, so that a loop with some hundred calls of `predict` fails for lack of sockets.
"""

import functools
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from importlib import import_module
from typing import Any

from gatewright.keras.patches import Patches

_executor: ThreadPoolExecutor | None = None
_patches = Patches()


class _OneCall:
    """The executor of one call. Its functions run in the shared thread."""

    def __init__(self) -> None:
        self._futures: list[Future[Any]] = []

    def submit(self, function: Any, *arguments: Any) -> Future[Any]:
        """Run a function in the shared thread."""
        future = _shared_executor().submit(function, *arguments)
        self._futures = [*(other for other in self._futures if not other.done()), future]
        return future

    def shutdown(self) -> None:
        """Wait for the functions of this call."""
        wait(self._futures)


def install() -> None:
    """Make Keras use one thread. Repeated calls have no further effect."""
    if not _patches:
        _patches.wrap(import_module("keras.src.callbacks.callback_list").CallbackList, "_on_begin", _sharing_a_thread)


def uninstall() -> None:
    """Undo the changes of `install`."""
    _patches.undo()


def _sharing_a_thread(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `CallbackList._on_begin`, that uses the shared thread."""

    @functools.wraps(stock)
    def on_begin(self: Any) -> None:
        had_executor = self._executor is not None
        stock(self)
        # A callback that calls `predict` in the shared thread must not wait for this thread.
        if self._executor is not None and not had_executor and not threading.current_thread().name.startswith(__name__):
            self._executor = _OneCall()

    return on_begin


def _shared_executor() -> ThreadPoolExecutor:
    global _executor
    if _executor is None:
        _executor = ThreadPoolExecutor(1, thread_name_prefix=__name__)
    return _executor


def _forget_executor() -> None:
    """Forget the executor in a forked process, which has none of the threads of its parent."""
    global _executor
    _executor = None


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget_executor)
