"""Make `import tensorflow` in user code import a substitute with Keras 3 if TensorFlow is not installed.

In TensorFlow, `tf.keras` is the package `keras._tf_keras.keras`. In the substitute, `tf.keras` is the same package.
`gatewright.keras.tensorflow` serves the other names, and the mathematics of earlier releases in `keras.backend`.

Keras and other libraries try `import tensorflow` to find out whether TensorFlow is installed. The substitute would
break them. Therefore only `import` statements in user code are changed. Imports in libraries, `importlib.import_module`
and `importlib.util.find_spec` are not affected.
"""

import builtins
import importlib.util
from collections.abc import Mapping, Sequence
from types import ModuleType

from gatewright.keras.tensorflow import keras_backend, names
from gatewright.keras.tracebacks import without_frame_in_warnings
from gatewright.keras.user_code import is_user_code

_python_import = builtins.__import__


def install() -> None:
    """Make `import tensorflow` in user code import the substitute, unless TensorFlow is installed."""
    global _python_import
    keras_backend.install()
    if importlib.util.find_spec("tensorflow") is None and builtins.__import__ is not _import:
        _python_import = builtins.__import__
        builtins.__import__ = _import


def uninstall() -> None:
    """Undo the changes of `install`."""
    if builtins.__import__ is _import:
        builtins.__import__ = _python_import
    keras_backend.uninstall()
    names.uninstall()


@without_frame_in_warnings
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
