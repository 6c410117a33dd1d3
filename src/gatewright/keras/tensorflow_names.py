"""Gives a program's own `tensorflow` imports to Keras 3, where TensorFlow is not installed.

Many Keras programs begin with `import tensorflow as tf` and use nothing of it but `tf.keras`. TensorFlow
itself gives that name to the package `keras._tf_keras.keras`, and so do we.

Keras and other libraries try `import tensorflow` to learn whether it is there, and break on a stand-in. So
nothing is put into `sys.modules` and no finder is added: the `import` statement alone is wrapped, and it
looks at who imports. A library's import, `importlib.import_module` and `importlib.util.find_spec` answer as
before.
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

# Where tensorflow.keras comes from in TensorFlow itself, since 2.16.
_KERAS = "keras._tf_keras.keras"
# The first TensorFlow whose keras is Keras 3, so that programs which compare versions take the right branch.
_VERSION = "2.16.0+gatewright"
# A checkout of these may lie outside site-packages, and their probes must find nothing there either.
_LIBRARIES = frozenset({"keras", "jax", "jaxlib", "gatewright"})

_python_import = builtins.__import__


def serve() -> bool:
    """Serve `tensorflow` imports of the user's own modules from now on; False where TensorFlow is installed.

    Also brings back `keras.preprocessing.text`, which Keras 3 keeps for `tensorflow.keras` alone.
    """
    if importlib.util.find_spec("tensorflow") is not None:
        return False
    builtins.__import__ = _import
    text = importlib.import_module(f"{_KERAS}.preprocessing.text")
    preprocessing = importlib.import_module("keras.preprocessing")
    sys.modules.setdefault("keras.preprocessing.text", text)
    preprocessing.__dict__.setdefault("text", text)
    return True


def withdraw() -> None:
    """Undo `serve`."""
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
    __tracebackhide__ = True  # IPython and pytest leave such frames out
    if level == 0 and name.partition(".")[0] == "tensorflow" and _is_the_users(globals):
        return _served(name, fromlist or ())
    return _python_import(name, globals, locals, fromlist, level)


def _is_the_users(importer: Mapping[str, object] | None) -> bool:
    """Whether the importing module is the program, a module of its own, or a notebook."""
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
    paths = sysconfig.get_paths()
    roots = (paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib"))
    return any(file.startswith(os.path.abspath(root) + os.sep) for root in roots)


def _served(name: str, names: Sequence[str]) -> ModuleType:
    """What the `import` statement needs for `import name` (no names) or `from name import names`."""
    module = _module(name)
    for wanted in names:
        if wanted != "*" and not hasattr(module, wanted):
            _submodule(name, wanted)
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
            raise  # the module is there, and something that it imports is not
        raise ModuleNotFoundError(_not_in_keras(name), name=name) from None


def _submodule(package: str, name: str) -> None:
    """Import `package.name`, for `from package import name`.

    Raises:
        ImportError: there is no such name.
    """
    if not package.startswith("tensorflow.keras"):
        raise ImportError(_not_served(f"{package}.{name}"), name=package)
    try:
        _keras(f"{package}.{name}")
    except ModuleNotFoundError as error:
        raise ImportError(str(error), name=package) from None


class _Served(ModuleType):
    """A module of few names, which says so when it is asked for another."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(_not_served(f"{self.__name__}.{name}"), name=name, obj=self)


@functools.cache
def _tensorflow() -> ModuleType:
    module = _Served("tensorflow", "Keras 3 under TensorFlow's name, served by gatewright.")
    module.__dict__.update(__version__=_VERSION, keras=_keras("tensorflow.keras"), random=_random())
    return module


@functools.cache
def _random() -> ModuleType:
    module = _Served("tensorflow.random")
    module.__dict__["set_seed"] = _set_seed
    return module


def _set_seed(seed: int) -> None:
    """Seed all that Keras draws from: its own generators, Python's, and NumPy's, which shuffles batches."""
    importlib.import_module("keras").utils.set_random_seed(int(seed))


def _not_served(name: str) -> str:
    name = "tf" + name.removeprefix("tensorflow")
    return (
        f"{name} is TensorFlow's own, and TensorFlow is not installed: gatewright serves tf.keras, "
        f"tf.random.set_seed and tf.__version__ alone, so use Keras or NumPy in place of {name}, or install "
        "TensorFlow."
    )


def _not_in_keras(name: str) -> str:
    version = importlib.import_module("keras").__version__
    return f"{name} is not in Keras {version}, which serves tensorflow.keras here: look for its name in Keras 3."
