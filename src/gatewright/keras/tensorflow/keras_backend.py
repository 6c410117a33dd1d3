"""The mathematics of earlier releases in `keras.backend` and `tensorflow.keras.backend`.

Keras itself uses `keras.src.backend`, so the public modules can serve more names.
"""

import importlib
from collections.abc import Callable
from typing import Any

from gatewright.keras.tensorflow import served

_MODULES = ("keras.backend", "keras._tf_keras.keras.backend")
_HERE = __name__.rpartition(".")[0]
# For each module, what was in it before. Names that were not in it are missing.
_before: dict[str, dict[str, Any]] = {}


def install() -> None:
    """Let both modules find the names of earlier releases when they are used."""
    for path in _MODULES:
        if path in _before:
            continue
        contents = vars(importlib.import_module(path))
        # Functions of Keras that need TensorFlow would otherwise be found first.
        names = [name for words in served.BACKEND.values() for name in words.split()]
        _before[path] = {name: contents.pop(name) for name in (*names, "__getattr__") if name in contents}
        contents["__getattr__"] = _finder(path, _before[path].get("__getattr__"))


def uninstall() -> None:
    """Undo the changes of `install`."""
    for path, names in _before.items():
        contents = vars(importlib.import_module(path))
        del contents["__getattr__"]
        contents.update(names)
    _before.clear()


def _finder(path: str, others: Callable[[str], Any] | None) -> Callable[[str], Any]:
    """Return a function that finds a name of earlier releases, and asks `others` for the rest."""

    def find(name: str) -> Any:
        for ours, names in served.BACKEND.items():
            if name in names.split():
                source = vars(importlib.import_module(f"{_HERE}.{ours}"))
                return source.get(f"{name}_", source.get(name))
        if others is not None:
            return others(name)
        raise AttributeError(f"module {path!r} has no attribute {name!r}")

    return find
