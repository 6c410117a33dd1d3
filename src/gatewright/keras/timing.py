"""Record the seconds that a program spends in `fit`, `evaluate` and `predict` of Keras models."""

import functools
import threading
import time
from importlib import import_module
from typing import Any

from gatewright.keras import usage
from gatewright.keras.tracebacks import without_frame_in_warnings

_METHODS = ("fit", "evaluate", "predict")

_stock: dict[str, Any] = {}  # method name -> method of stock Keras; empty after uninstall()
_running = threading.local()


def install() -> None:
    """Make the methods record their seconds. Repeated calls have no further effect."""
    trainer = _trainer()
    if not _stock:
        for name in _METHODS:
            _stock[name] = vars(trainer)[name]
            setattr(trainer, name, _timed(name, _stock[name]))


def uninstall() -> None:
    """Undo the changes of `install`."""
    for name, method in _stock.items():
        setattr(_trainer(), name, method)
    _stock.clear()


def _trainer() -> Any:
    return import_module("keras.src.backend.jax.trainer").JAXTrainer


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
