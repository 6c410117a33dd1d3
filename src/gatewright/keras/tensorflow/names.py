"""The names of TensorFlow that user code can import, each from Keras 3 or from a module of this package."""

import functools
import importlib
import os
from collections.abc import Sequence
from importlib.util import find_spec
from types import ModuleType
from typing import Any, NoReturn

from gatewright.keras.tensorflow import served

# The package that TensorFlow serves as tensorflow.keras since version 2.16.
_KERAS = "keras._tf_keras.keras"
_HERE = __name__.rpartition(".")[0]


def imported(name: str, names: Sequence[str]) -> ModuleType:
    """Return the same module as `__import__` for `from name import names`, or for `import name` if `names` is empty."""
    found = module(name)
    for attribute in names:
        if attribute != "*" and not hasattr(found, attribute):
            _import_submodule(name, attribute)
    return found if names else module("tensorflow")


def uninstall() -> None:
    """Undo the changes that the substitute has made to Keras and JAX."""
    if _namespace.cache_info().currsize:
        for ours in ("methods", "train_steps", "seeds"):
            importlib.import_module(f"{_HERE}.{ours}").uninstall()
        _namespace.cache_clear()


def module(name: str) -> ModuleType:
    """Return the substitute for a module of TensorFlow.

    Raises:
        ModuleNotFoundError: There is none.
    """
    name = _target(name)
    if name in _tables():
        return _namespace(name)
    if _exists(served.MODULES.get(name, "?")):
        return importlib.import_module(f"{_HERE}.{served.MODULES[name]}")
    if _keras_source(name) is not None:
        return _keras(name)
    raise ModuleNotFoundError(_not_served(name), name=name)


def _target(name: str) -> str:
    """Return the name under which a module is served."""
    for other, target in served.SHARED.items():
        if name == other or name.startswith(f"{other}."):
            if name in _tables() or name in served.KERAS or name in served.MODULES:
                return name
            return _target(target + name.removeprefix(other))
    return name


@functools.cache
def _tables() -> dict[str, dict[str, str]]:
    """Return the modules whose names are in tables."""
    tables = dict(served.NAMES)
    if _exists("data.specs"):  # a dataset checks its elements with this class
        for name in ("tensorflow", "tensorflow.compat.v1"):
            tables[name] = {"data.specs": "TensorSpec"} | tables[name]
    return tables


@functools.cache
def _exists(ours: str) -> bool:
    try:
        return find_spec(f"{_HERE}.{ours}") is not None
    except ModuleNotFoundError:
        return False


class Namespace(ModuleType):
    """A module of TensorFlow. It finds its names when they are used, and says what to use instead of others."""

    def __getattr__(self, name: str) -> Any:
        value = _attribute(self.__name__, name)
        self.__dict__[name] = value
        return value

    def __dir__(self) -> list[str]:
        own = " ".join(_tables()[self.__name__].values()).split()
        prefix = f"{self.__name__}."
        children = [
            name.removeprefix(prefix)
            for name in (*_tables(), *served.KERAS, *served.MODULES)
            if name.startswith(prefix)
        ]
        return sorted({*own, *(name for name in children if "." not in name)})

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return module, (self.__name__,)


@functools.cache
def _namespace(name: str) -> ModuleType:
    os.environ.setdefault("KERAS_BACKEND", "jax")
    for ours in ("keras_backend", "methods", "train_steps"):  # also in a process that unpickles a module
        importlib.import_module(f"{_HERE}.{ours}").install()
    namespace = Namespace(name, "Names of TensorFlow on Keras 3 and JAX, provided by Gatewright.")
    namespace.__dict__["__path__"] = []
    return namespace


def _attribute(module_name: str, name: str) -> Any:
    for ours, names in _tables()[module_name].items():
        if name in names.split():
            return _value(ours, name)
    full = f"{module_name}.{name}"
    target = _target(full)
    if name.startswith("__"):
        raise AttributeError(f"module {module_name!r} has no attribute {name!r}")
    if target in _tables() or target in served.MODULES or _keras_source(target) is not None:
        try:
            return module(target)
        except ModuleNotFoundError:
            _refuse(full)
    if target != full and "." in target:
        return getattr(module(target.rpartition(".")[0]), name)
    _refuse(full)


def _value(ours: str, name: str) -> Any:
    """Return what a module of this package serves as `name`. A name that Python has ends in an underscore there."""
    source = importlib.import_module(f"{_HERE}.{ours}")
    return vars(source)[f"{name}_"] if f"{name}_" in vars(source) else getattr(source, name)


def _refuse(full: str) -> NoReturn:
    raise AttributeError(_not_served(full))


def _keras_source(name: str) -> str | None:
    """Return the path of a module in Keras that a module of TensorFlow is, or None."""
    for prefix in sorted(served.KERAS, key=len, reverse=True):
        if name == prefix or name.startswith(f"{prefix}."):
            return _KERAS + served.KERAS[prefix] + name.removeprefix(prefix)
    return None


def _keras(name: str) -> ModuleType:
    source = str(_keras_source(name))
    try:
        return importlib.import_module(source)
    except ModuleNotFoundError as error:
        if error.name is None or not (source + ".").startswith(error.name + "."):
            raise  # the module exists, but something that it imports is missing
    try:  # a module that Keras 3 has under no name of TensorFlow
        return importlib.import_module(source.removeprefix(_KERAS.removesuffix("keras")))
    except ModuleNotFoundError:
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
    try:
        module(f"{package}.{name}")
    except ModuleNotFoundError as error:
        raise ImportError(str(error), name=package) from None


def _not_served(name: str) -> str:
    """Return the sentence about a name that is not served. Everything that it names exists."""
    shown = "tf" + name.removeprefix("tensorflow")
    return f"{shown} is not served by Gatewright's substitute for TensorFlow. Use {_counterpart(name)}."


def _counterpart(name: str) -> str:
    plain = name.replace("tensorflow.compat.v1.", "tensorflow.").replace("tensorflow.compat.v2.", "tensorflow.")
    parts = plain.split(".")
    for end in range(len(parts), 1, -1):
        found = served.COUNTERPARTS.get(".".join(parts[:end]))
        if found is not None:
            return found
    last = parts[-1]
    other = next((f"tf{space[10:]}.{last}" for space, names in served.NAMES.items() if last in _words(names)), None)
    if other is not None:
        return other
    for path in ("keras.ops", "jax.numpy", "jax.nn", "jax.scipy.special"):
        if not last.startswith("_") and hasattr(importlib.import_module(path), last):
            return f"{path}.{last}"
    return "keras.ops, jax.numpy or NumPy"


def _words(names: dict[str, str]) -> list[str]:
    return " ".join(names.values()).split()
