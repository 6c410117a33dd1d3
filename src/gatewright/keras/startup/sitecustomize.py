"""Call `gatewright.enable()` at the first import of Keras or TensorFlow in this process.

Python imports this module when it starts, because `gatewright.keras.children` puts its folder into PYTHONPATH. Every
Python process that inherits PYTHONPATH pays for it, also in other environments. Therefore the module imports only what
Python has imported already, and changes nothing but the lookup of modules until Keras or TensorFlow is imported.
"""

from __future__ import annotations

import builtins
import os
import sys

TYPE_CHECKING = False  # `typing` is slow to import; type checkers know this name
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any

# Python skips frames of files with such names when it looks for the line that a warning is about.
NO_FILE = "<gatewright importlib._bootstrap>"

_python_import: Any = builtins.__import__
_python_excepthook: Any = sys.excepthook


def install() -> None:
    """Install the hooks for the first import of Keras or TensorFlow, unless Keras was imported already."""
    global _python_import, _python_excepthook
    if "keras" in sys.modules or _finder in sys.meta_path:
        return
    _python_import, _python_excepthook = builtins.__import__, sys.excepthook
    builtins.__import__ = _import
    sys.excepthook = _excepthook
    sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo the changes of `install`."""
    if builtins.__import__ is _import:
        builtins.__import__ = _python_import
    if sys.excepthook is _excepthook:
        sys.excepthook = _python_excepthook
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)


class _Finder:
    """A finder of modules that calls `enable()` after any code, also a library, has imported Keras."""

    def __init__(self) -> None:
        self._is_searching = False

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        if name != "keras" or self._is_searching:
            return None
        from importlib.util import find_spec

        self._is_searching = True
        try:
            spec = find_spec(name)
        finally:
            self._is_searching = False
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)  # type: ignore[assignment]
        return spec


class _Loader:
    """The loader of Keras. It calls `enable()` at the end."""

    def __init__(self, stock: Any) -> None:
        self._stock = stock

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stock, name)

    def exec_module(self, module: Any) -> None:
        module.__loader__ = module.__spec__.loader = self._stock
        _select_jax()
        with _module("lazy_parts").deferred():
            self._stock.exec_module(module)
        _enable()


_finder = _Finder()


def _import(name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0) -> ModuleType:
    """Import like Python, but call `enable()` before user code imports TensorFlow or Keras."""
    __tracebackhide__ = True  # IPython and pytest hide such frames
    # Code that has kept a reference to this function may call it after `uninstall`.
    concerns_us = level == 0 and name.startswith(("tensorflow", "keras")) and builtins.__import__ is _import
    if concerns_us and _module("user_code").is_user_code(globals):
        _select_jax()
        _enable()
        return builtins.__import__(name, globals, locals, fromlist, level)
    module: ModuleType = _python_import(name, globals, locals, fromlist, level)
    return module


_import.__code__ = _import.__code__.replace(co_filename=NO_FILE)


def _excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    _module("tracebacks").strip(error)
    _python_excepthook(kind, error, error.__traceback__)


def _select_jax() -> None:
    """Select Keras' JAX backend. Print a note if the program has selected another backend since it started."""
    chosen = os.environ.get("KERAS_BACKEND") or "jax"
    os.environ["KERAS_BACKEND"] = "jax"
    if chosen != "jax":
        note = f"The program sets KERAS_BACKEND to {chosen!r}, but it runs on JAX, which the kernels need."
        _module("notes").note_once(note)


def _enable() -> None:
    uninstall()
    _module("enable").enable()


def _module(name: str) -> Any:
    """Import one of our modules when it is needed, since most of them import this one."""
    from importlib import import_module

    return import_module(f"gatewright.keras.{name}")


def _start() -> None:
    """Prepare this process if it runs in the environment that GATEWRIGHT_CHILDREN names."""
    folder = os.path.dirname(__file__)
    sys.path[:] = [path for path in sys.path if path != folder]
    is_ours = os.environ.get("GATEWRIGHT_CHILDREN") == sys.prefix
    # A process may be meant for another backend, but not for one that is not installed.
    backend = os.environ.get("KERAS_BACKEND") or "jax"
    is_for_jax = backend == "jax" or not _is_installed(backend)
    if is_ours and is_for_jax and _is_installed("gatewright"):
        sys.modules["gatewright.keras.startup.sitecustomize"] = sys.modules[__name__]
        install()
    if _is_installed("sitecustomize"):  # the one that Python would have imported without this one
        del sys.modules["sitecustomize"]
        __import__("sitecustomize")


def _is_installed(name: str) -> bool:
    return any(finder.find_spec(name, None) is not None for finder in sys.meta_path)


if __name__ == "sitecustomize":
    _start()
