"""The names of TensorFlow that user code can import, each from Keras 3 or from a module of this package."""

import functools
import importlib
from collections.abc import Sequence
from types import ModuleType
from typing import Any

# The package that TensorFlow serves as tensorflow.keras since version 2.16.
_KERAS = "keras._tf_keras.keras"
# Modules of TensorFlow that this package provides.
_OWN_MODULES = {
    "tensorflow.data": "gatewright.keras.tensorflow.data",
    "tensorflow.summary": "gatewright.keras.tensorflow.summary",
    "tensorflow.data.experimental": "gatewright.keras.tensorflow.data.experimental",
}
# The first TensorFlow version with Keras 3, so that programs that compare versions take the right branch.
_VERSION = "2.16.0+gatewright"


def imported(name: str, names: Sequence[str]) -> ModuleType:
    """Return the same module as `__import__` for `from name import names`, or for `import name` if `names` is empty."""
    module = _module(name)
    for attribute in names:
        if attribute != "*" and not hasattr(module, attribute):
            _import_submodule(name, attribute)
    return module if names else _tensorflow()


def _module(name: str) -> ModuleType:
    if name == "tensorflow":
        return _tensorflow()
    if name in _OWN_MODULES:
        return importlib.import_module(_OWN_MODULES[name])
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

    def __reduce__(self) -> Any:  # for pickle, cloudpickle and copy: the module is not in sys.modules
        return _module, (self.__name__,)


@functools.cache
def _tensorflow() -> ModuleType:
    module = _PartialModule("tensorflow", "Keras 3 under the name of TensorFlow, provided by Gatewright.")
    module.__dict__.update(__version__=_VERSION, keras=_keras("tensorflow.keras"), random=_random())
    module.__dict__.update(data=_module("tensorflow.data"), summary=_module("tensorflow.summary"))
    return module


@functools.cache
def _random() -> ModuleType:
    module = _PartialModule("tensorflow.random")
    module.__dict__["set_seed"] = _set_seed
    return module


def _set_seed(seed: int) -> None:
    """Seed the random number generators of Keras, Python and NumPy, all of which Keras uses, and those of tf.data."""
    importlib.import_module("gatewright.keras.tensorflow.data.shuffling").set_seed(int(seed))
    importlib.import_module("keras").utils.set_random_seed(int(seed))


def _not_served(name: str) -> str:
    name = "tf" + name.removeprefix("tensorflow")
    return (
        f"{name} needs TensorFlow, which is not installed. Gatewright's substitute has only tf.keras, "
        f"tf.random.set_seed and tf.__version__. Use Keras or NumPy instead of {name}, or install TensorFlow."
    )
