"""Warnings that point to the user's program."""

import os
import sys
import warnings
from collections.abc import Iterator
from types import FrameType


def warn_user(message: str, category: type[Warning]) -> None:
    """Issue a warning at the line of the user's program that is being executed.

    This is the innermost line outside Keras, JAX and Gatewright.
    """
    libraries = _library_folders()
    found = list(frames())
    frame = next((f for f in found if not f.f_code.co_filename.startswith(libraries)), found[-1])
    warnings.warn_explicit(
        message,
        category,
        frame.f_code.co_filename,
        frame.f_lineno,
        module=frame.f_globals.get("__name__"),
        registry=frame.f_globals.setdefault("__warningregistry__", {}),
    )


def frames() -> Iterator[FrameType]:
    """Yield the frames of the functions that are being executed, from the caller outwards."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _library_folders() -> tuple[str, ...]:
    own = os.path.dirname(os.path.dirname(__file__))
    others = [sys.modules[name].__file__ for name in ("keras", "jax") if name in sys.modules]
    folders = [own, *(os.path.dirname(file) for file in others if file)]
    return (
        *(folder + os.sep for folder in folders),
        "<frozen ",
        "<gatewright ",
        os.path.dirname(os.__file__) + os.sep + "contextlib.py",
    )
