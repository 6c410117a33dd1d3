"""The mathematics of earlier releases in `keras.backend` and `tensorflow.keras.backend`.

Keras itself uses `keras.src.backend`, so the public modules can serve more names.
"""

import importlib
from types import ModuleType
from typing import Any

from gatewright.keras.tensorflow import served

_MODULES = ("keras.backend", "keras._tf_keras.keras.backend")
_HERE = __name__.rpartition(".")[0]
_removed: dict[str, dict[str, Any]] = {}


def install() -> None:
    """Let both modules find the names of earlier releases when they are used."""
    for path in _MODULES:
        module = importlib.import_module(path)
        if path in _removed:
            continue
        # Functions of Keras that need TensorFlow would otherwise be found first.
        names = [name for words in served.BACKEND.values() for name in words.split()]
        _removed[path] = {name: vars(module).pop(name) for name in names if name in vars(module)}
        vars(module)["__getattr__"] = _finder(module)


def uninstall() -> None:
    """Undo the changes of `install`."""
    for path, names in _removed.items():
        module = vars(importlib.import_module(path))
        module.pop("__getattr__", None)
        module.update(names)
    _removed.clear()


def _finder(module: ModuleType) -> Any:
    def find(name: str) -> Any:
        for ours, names in served.BACKEND.items():
            if name in names.split():
                source = vars(importlib.import_module(f"{_HERE}.{ours}"))
                return source.get(f"{name}_", source.get(name))
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    return find
