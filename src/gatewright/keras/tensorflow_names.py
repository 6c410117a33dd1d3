"""Make `import tensorflow` in user code import a substitute with Keras 3 if TensorFlow is not installed.

Many Keras programs start with `import tensorflow as tf` and use only `tf.keras`. In TensorFlow itself, `tf.keras` is
the package `keras._tf_keras.keras`. In the substitute, `tf.keras` is the same package.

Keras and other libraries try `import tensorflow` to find out whether TensorFlow is installed. The substitute would
break them. Therefore only `import` statements in user code are changed. Imports in libraries, `importlib.import_module`
and `importlib.util.find_spec` are not affected.
"""

import builtins
import functools
import importlib
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

# The package that TensorFlow serves as tensorflow.keras since version 2.16.
_KERAS = "keras._tf_keras.keras"
# The first TensorFlow version with Keras 3, so that programs that compare versions take the right branch.
_VERSION = "2.16.0+gatewright"
# Packages that are libraries even if they are not installed in site-packages, as in a source checkout.
_LIBRARIES = frozenset({"keras", "jax", "jaxlib", "gatewright"})

_python_import = builtins.__import__


def install() -> None:
    """Make `import tensorflow` in user code import the substitute, unless TensorFlow is installed.

    Also make `keras.preprocessing.text` importable. In Keras 3, this module has only the name
    `tensorflow.keras.preprocessing.text`.
    """
    if importlib.util.find_spec("tensorflow") is not None:
        return
    builtins.__import__ = _import
    text = importlib.import_module(f"{_KERAS}.preprocessing.text")
    preprocessing = importlib.import_module("keras.preprocessing")
    sys.modules.setdefault("keras.preprocessing.text", text)
    preprocessing.__dict__.setdefault("text", text)


def uninstall() -> None:
    """Undo the changes of `install`."""
    if builtins.__import__ is not _import:
        return
    builtins.__import__ = _python_import
    del sys.modules["keras.preprocessing.text"]
    del importlib.import_module("keras.preprocessing").__dict__["text"]


def _import(
    name: str,
    globals: Mapping[str, object] | None = None,
    locals: Mapping[str, object] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    __tracebackhide__ = True  # IPython and pytest hide such frames
    if level == 0 and name.partition(".")[0] == "tensorflow" and is_user_code(globals):
        return _imported(name, fromlist or ())
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


def _imported(name: str, names: Sequence[str]) -> ModuleType:
    """Return the same module as `__import__` for `from name import names`, or for `import name` if `names` is empty."""
    module = _module(name)
    for attribute in names:
        if attribute != "*" and not hasattr(module, attribute):
            _import_submodule(name, attribute)
    return module if names else _tensorflow()


def _module(name: str) -> ModuleType:
    if name == "tensorflow":
        return _tensorflow()
    if name == "tensorflow.random":
        return _random()
    if name == "tensorflow.keras" or name.startswith("tensorflow.keras."):
        return _keras(name)
    raise ModuleNotFoundError(_not_served(name), name=name)


def _keras(name: str) -> ModuleType:
    source = _KERAS + name.removeprefix("tensorflow.keras")
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is None or not (source + ".").startswith(error.name + "."):
            raise  # the module exists, but something that it imports is missing
        version = importlib.import_module("keras").__version__
        raise ModuleNotFoundError(
            f"{name} is not in Keras {version}, which is used as tensorflow.keras. Look for its new name in Keras 3.",
            name=name,
        ) from None


def _import_submodule(package: str, name: str) -> None:
    """Import the submodule `package.name` for `from package import name`.

    Raises:
        ImportError: The submodule does not exist.
    """
    if not package.startswith("tensorflow.keras"):
        raise ImportError(_not_served(f"{package}.{name}"), name=package)
    try:
        _keras(f"{package}.{name}")
    except ModuleNotFoundError as error:
        raise ImportError(str(error), name=package) from None


class _PartialModule(ModuleType):
    """A module with only some of TensorFlow's names. The error for another name lists the available names."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_not_served(f"{self.__name__}.{name}"), name=name, obj=self)


@functools.cache
def _tensorflow() -> ModuleType:
    module = _PartialModule("tensorflow", "Keras 3 under the name of TensorFlow, provided by Gatewright.")
    module.__dict__.update(__version__=_VERSION, keras=_keras("tensorflow.keras"), random=_random())
    return module


@functools.cache
def _random() -> ModuleType:
    module = _PartialModule("tensorflow.random")
    module.__dict__["set_seed"] = _set_seed
    return module


def _set_seed(seed: int) -> None:
    """Seed the random number generators of Keras, Python and NumPy, all of which Keras uses."""
    importlib.import_module("keras").utils.set_random_seed(int(seed))


def _not_served(name: str) -> str:
    name = "tf" + name.removeprefix("tensorflow")
    return (
        f"{name} needs TensorFlow, which is not installed. Gatewright's substitute has only tf.keras, "
        f"tf.random.set_seed and tf.__version__. Use Keras or NumPy instead of {name}, or install TensorFlow."
    )
