"""Put this package's classes and functions into the places where Keras on JAX needs TensorFlow."""

import functools
import importlib
from collections.abc import Callable
from types import ModuleType
from typing import Any

_OWN = "gatewright.keras.tensorflow"

# (module of Keras, name, module of this package, name there or None for the module itself)
_REPLACEMENTS: list[tuple[str, str, str, str | None]] = [
    ("keras.src.trainers.data_adapters", "TFDatasetAdapter", "data_adapter", "DatasetAdapter"),
    ("keras.src.utils.rng_utils", "tf", "stand_in", None),
    ("keras.src.utils.timeseries_dataset_utils", "tf", "stand_in", None),
    ("keras.src.utils.text_dataset_utils", "tf", "stand_in", None),
    ("keras.src.utils.audio_dataset_utils", "tf", "stand_in", None),
    ("keras.src.utils.image_dataset_utils", "tf", "stand_in", None),
    ("keras.src.utils.image_dataset_utils", "_load_image_tf", "stand_in", "load_image"),
    ("keras.src.layers.preprocessing.normalization", "tf", "stand_in", None),
    ("keras.src.layers.preprocessing.discretization", "tf", "stand_in", None),
]
# Functions that import TensorFlow from Keras' module_utils when they are called.
_WITH_STAND_IN = [
    ("keras.src.utils.dataset_utils", "labels_to_dataset_tf"),
    ("keras.src.utils.dataset_utils", "_split_dataset_tf"),
]
_stock: dict[tuple[str, str], Any] = {}


def install() -> None:
    """Replace what needs TensorFlow in Keras. Repeated calls have no further effect."""
    if _stock:
        return
    for module, name, own, own_name in _REPLACEMENTS:
        source = importlib.import_module(f"{_OWN}.{own}")
        _replace(module, name, source if own_name is None else getattr(source, own_name))
    for module, name in _WITH_STAND_IN:
        _replace(module, name, _with_stand_in(getattr(importlib.import_module(module), name)))


def uninstall() -> None:
    """Undo the changes of `install`."""
    for (module, name), value in _stock.items():
        setattr(importlib.import_module(module), name, value)
    _stock.clear()
    importlib.import_module(f"{_OWN}.data.shuffling").forget_seed()


def _replace(module: str, name: str, value: Any) -> None:
    target: ModuleType = importlib.import_module(module)
    _stock[module, name] = getattr(target, name)
    setattr(target, name, value)


def _with_stand_in(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that finds the stand-in when it imports TensorFlow from Keras' module_utils."""

    @functools.wraps(function)
    def wrapped(*args: Any, **options: Any) -> Any:
        utilities: Any = importlib.import_module("keras.src.utils.module_utils")
        stock = utilities.tensorflow
        utilities.tensorflow = importlib.import_module(f"{_OWN}.stand_in")
        try:
            return function(*args, **options)
        finally:
            utilities.tensorflow = stock

    return wrapped
