"""Changes of Keras' classes and modules that can be undone, and notes about what is translated in a program."""

import functools
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from gatewright.keras import lazy_parts, notes, tracebacks, user_code
from gatewright.keras.patches import Patches
from gatewright.keras.startup import sitecustomize

# The names of files of this room and of Python's import system, and of code that replaces functions of them.
_OWN = (str(Path(__file__).parents[1]), sitecustomize.NO_FILE, "<frozen importlib")

_patches = Patches()
_items: list[tuple[dict[Any, Any], Any]] = []  # dict and the key that was added
_noted: set[str] = set()

Wrapper = Callable[..., Any]


replace = _patches.replace
remove = _patches.remove


def add_item(table: dict[Any, Any], key: Any, value: Any) -> None:
    """Add an item to a dict of Keras until `undo` is called."""
    table[key] = value
    _items.append((table, key))


def wrap(owner: Any, name: str, wrapper: Wrapper) -> None:
    """Replace the method or function `name` of `owner` by `wrapper`, whose first argument is the stock function.

    The replacement has the signature of the stock function, which Keras inspects.
    """
    _patches.wrap(owner, name, lambda stock: wrapped(stock, wrapper))


def wrapped(stock: Callable[..., Any], wrapper: Wrapper) -> Callable[..., Any]:
    """Return a function with the name and signature of `stock` that calls `wrapper(stock, ...)`."""

    @functools.wraps(stock)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True  # IPython and pytest hide such frames
        return wrapper(stock, *args, **kwargs)

    tracebacks.without_frame_in_warnings(replacement)
    tracebacks.without_frame_in_warnings(wrapper)
    # getfullargspec, which Keras uses as well, reads this attribute, but not __wrapped__.
    replacement.__signature__ = inspect.signature(stock)  # type: ignore[attr-defined]
    return replacement


def wrap_everywhere(stock: Callable[..., Any], wrapper: Wrapper) -> None:
    """Wrap a function under every name that the imported modules of Keras have for it."""
    replacement = wrapped(stock, wrapper)
    for module in lazy_parts.loaded_modules():
        for name, value in list(vars(module).items()):
            if value is stock:
                replace(module, name, replacement)


def undo() -> None:
    """Undo all changes, and forget which notes were printed."""
    _patches.undo()
    for table, key in _items:
        table.pop(key, None)
    _items.clear()
    _noted.clear()


def note(kind: str, text: str) -> None:
    """Print one note for each kind of translation. `text` has no full stop; the place in the program is added."""
    if kind not in _noted:
        _noted.add(kind)
        place = place_in_program()
        notes.note_once(f"{text}." if place is None else f"{text}. ({place})")


def note_together(changes: list[str]) -> None:
    """Print one note for the changes, such as "lr= is learning_rate=", that no note has named yet."""
    new = [change for change in changes if change not in _noted]
    _noted.update(new)
    if new:
        note(f"renamed {new}", f"{', '.join(new)} in Keras 3; {'it was' if len(new) == 1 else 'they were'} translated")


def user_frame() -> FrameType | None:
    """Return the frame of user code from which Keras or this package was called, or None."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if not frame.f_code.co_filename.startswith(_OWN) and user_code.is_user_code(frame.f_globals):
            return frame
        frame = frame.f_back
    return None


def is_imported_by_user() -> bool:
    """Return True if the innermost caller, apart from this package and Python's import system, is user code."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OWN) and "importlib" not in Path(file).parts[-2:]:
            return user_code.is_user_code(frame.f_globals)
        frame = frame.f_back
    return False


def place_in_program() -> str | None:
    """Return the file and line of user code that is running, or None."""
    frame = user_frame()
    if frame is None:
        return None
    return f"{os.path.basename(frame.f_code.co_filename)}, line {frame.f_lineno}"
