"""Make `import tensorflow` in user code import a substitute with Keras 3 if TensorFlow is not installed.

Many Keras programs start with `import tensorflow as tf` and use only `tf.keras`. In TensorFlow itself, `tf.keras` is
the package `keras._tf_keras.keras`. In the substitute, `tf.keras` is the same package.

Keras and other libraries try `import tensorflow` to find out whether TensorFlow is installed. The substitute would
break them. Therefore only `import` statements in user code are changed. Imports in libraries, `importlib.import_module`
and `importlib.util.find_spec` are not affected.
"""

import builtins
import functools
import importlib.util
import os
import sysconfig
from collections.abc import Mapping, Sequence
from types import ModuleType

from gatewright.keras.tensorflow import names

# Packages that are libraries even if they are not installed in site-packages, as in a source checkout.
_LIBRARIES = frozenset({"keras", "jax", "jaxlib", "gatewright"})

_python_import = builtins.__import__


def install() -> None:
    """Make `import tensorflow` in user code import the substitute, unless TensorFlow is installed."""
    global _python_import
    if importlib.util.find_spec("tensorflow") is None and builtins.__import__ is not _import:
        _python_import = builtins.__import__
        builtins.__import__ = _import


def uninstall() -> None:
    """Undo the changes of `install`."""
    if builtins.__import__ is _import:
        builtins.__import__ = _python_import


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    __tracebackhide__ = True  # IPython and pytest hide such frames
    if level == 0 and name.partition(".")[0] == "tensorflow" and is_user_code(globals):
        return names.imported(name, fromlist or ())
    return _python_import(name, globals, locals, fromlist, level)


def is_user_code(importer: Mapping[str, object] | None) -> bool:
    """Return True if an import is in user code: in a program, a module that is not installed, or a notebook.

    `importer` contains the global variables of the module that contains the import statement.
    """
    if importer is None:
        return False
    name, file = importer.get("__name__"), importer.get("__file__")
    if name == "__main__":
        return True
    if isinstance(name, str) and name.partition(".")[0] in _LIBRARIES:
        return False
    return not _is_installed(file) if isinstance(file, str) else name is None


@functools.cache
def _is_installed(file: str) -> bool:
    file = os.path.abspath(file)
    if {"site-packages", "dist-packages"} & set(file.split(os.sep)):
        return True
    roots = map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))
    return any(file.startswith(os.path.abspath(root) + os.sep) for root in roots)
