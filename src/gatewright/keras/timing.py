"""Record the seconds that a program spends in `fit`, `evaluate` and `predict` of Keras models."""

import functools
import threading
import time
from importlib import import_module
from typing import Any

from gatewright.keras import usage
from gatewright.keras.patches import Patches
from gatewright.keras.tracebacks import without_frame_in_warnings

_METHODS = ("fit", "evaluate", "predict")

_patches = Patches()
_running = threading.local()


def install() -> None:
    """Make the methods record their seconds. Repeated calls have no further effect."""
    trainer = import_module("keras.src.backend.jax.trainer").JAXTrainer
    if not _patches:
        for name in _METHODS:
            _patches.wrap(trainer, name, functools.partial(_timed, name))


def uninstall() -> None:
    """Undo the changes of `install`."""
    _patches.undo()


def _timed(name: str, stock: Any) -> Any:
    def timed(*arguments: Any, **options: Any) -> Any:
        if getattr(_running, "method", None):  # a validation in `fit` counts as `fit`
            return stock(*arguments, **options)
        _running.method, start = name, time.perf_counter()
        try:
            return stock(*arguments, **options)
        finally:
            _running.method = None
            usage.record_seconds(name, time.perf_counter() - start)

    return functools.wraps(stock)(without_frame_in_warnings(timed))
