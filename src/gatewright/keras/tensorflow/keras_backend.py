"""The mathematics of earlier releases in `keras.backend` and `tensorflow.keras.backend`.

Keras itself uses `keras.src.backend`, so the public modules can serve more names.
"""

import functools
import importlib
from collections.abc import Callable
from typing import Any

from gatewright.keras.patches import Patches
from gatewright.keras.tensorflow import served

_MODULES = ("keras.backend", "keras._tf_keras.keras.backend")
_HERE = __name__.rpartition(".")[0]
_patches = Patches()


def install() -> None:
    """Let both modules find the names of earlier releases when they are used."""
    for path in () if _patches else _MODULES:
        module = importlib.import_module(path)
        # Functions of Keras that need TensorFlow would otherwise be found first.
        for name in [name for words in served.BACKEND.values() for name in words.split() if name in vars(module)]:
            _patches.remove(module, name)
        _patches.wrap(module, "__getattr__", functools.partial(_finder, path))


def uninstall() -> None:
    """Undo the changes of `install`."""
    _patches.undo()


def _finder(path: str, others: Callable[[str], Any] | None) -> Callable[[str], Any]:
    """Return a function that finds a name of earlier releases, and asks `others`, if it is a function, for the rest."""

    def find(name: str) -> Any:
        for ours, names in served.BACKEND.items():
            if name in names.split():
                source = vars(importlib.import_module(f"{_HERE}.{ours}"))
                return source.get(f"{name}_", source.get(name))
        if others is not None:
            return others(name)
        raise AttributeError(f"module {path!r} has no attribute {name!r}")

    return find
