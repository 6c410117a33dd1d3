"""Remove the frames of Gatewright's files from the tracebacks of a program, where they do not help to find errors."""

import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from gatewright.keras.startup import sitecustomize

_PACKAGE = str(Path(__file__).parents[1]) + "/"

_stock_init: Callable[..., None] = traceback.TracebackException.__init__
_replaced: list[tuple[Any, str, Any, Any]] = []  # owner, attribute, stock value and replacement


def strip(error: BaseException) -> None:
    """Remove our frames from the traceback of `error` and from those of its causes. Do nothing to all other frames."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = without_own_frames(current.__traceback__)
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            waiting += current.exceptions


def without_own_frames(first: TracebackType | None) -> TracebackType | None:
    """Return a traceback without our frames."""
    entries = []
    while first is not None:
        entries.append(first)
        first = first.tb_next
    kept = [entry for entry in entries if not _is_own(entry.tb_frame.f_code.co_filename)]
    if len(kept) == len(entries):
        return entries[0] if entries else None
    shortened = None
    for entry in reversed(kept):
        shortened = TracebackType(shortened, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return shortened


def _is_own(file: str) -> bool:
    return file == sitecustomize.NO_FILE or file.replace("\\", "/").startswith(_PACKAGE.replace("\\", "/"))


def without_frame_in_warnings(function: Any) -> Any:
    """Change a Python function so that warnings are never about a line of it, and return it."""
    function.__code__ = function.__code__.replace(co_filename=sitecustomize.NO_FILE)
    return function


def install() -> None:
    """Remove our frames from every traceback that Python or IPython prints. Repeated calls have no further effect.

    Most tracebacks are formatted by `traceback.TracebackException`: those of the `traceback` module, of `logging`, and
    those that `multiprocessing` sends from child processes.
    """
    if _replaced:
        return
    _replace(traceback.TracebackException, "__init__", _init)
    _replace(sys, "excepthook", _hook(sys.excepthook))
    _replace(threading, "excepthook", _thread_hook(threading.excepthook))
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is not None:
        _replace(shell.InteractiveTB, "structured_traceback", _structured(shell.InteractiveTB.structured_traceback))


def uninstall() -> None:
    """Undo the changes of `install`, except where the program has made a change of its own since then."""
    for owner, name, stock, replacement in _replaced:
        if getattr(owner, name) is replacement:
            setattr(owner, name, stock)
    _replaced.clear()


def _replace(owner: Any, name: str, replacement: Any) -> None:
    _replaced.append((owner, name, getattr(owner, name), replacement))
    setattr(owner, name, replacement)


def _init(self: Any, kind: Any, error: Any, first: TracebackType | None, *others: Any, **options: Any) -> None:
    _stock_init(self, kind, error, without_own_frames(first), *others, **options)


def _hook(stock: Callable[..., Any]) -> Callable[..., Any]:
    def excepthook(kind: type[BaseException], error: BaseException, first: TracebackType | None) -> None:
        strip(error)
        stock(kind, error, without_own_frames(first))

    return excepthook


def _thread_hook(stock: Callable[..., Any]) -> Callable[..., Any]:
    def excepthook(failure: Any) -> None:
        if failure.exc_value is not None:
            strip(failure.exc_value)
        fields = (failure.exc_type, failure.exc_value, without_own_frames(failure.exc_traceback), failure.thread)
        stock(threading.ExceptHookArgs(fields))

    return excepthook


def _structured(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Return a replacement for the method of IPython that formats tracebacks."""

    def structured_traceback(kind: Any, error: Any = None, first: Any = None, *others: Any, **options: Any) -> Any:
        if isinstance(error, BaseException):
            strip(error)
        if isinstance(first, TracebackType):
            first = without_own_frames(first)
        return stock(kind, error, first, *others, **options)

    return structured_traceback
