"""Put this package's classes and functions into the places where Keras on JAX needs TensorFlow."""

import functools
import importlib.util
import operator
from collections.abc import Callable
from typing import Any

from gatewright.keras.patches import Patches

_OWN = "gatewright.keras.tensorflow"
_TENSORBOARD = "keras.src.callbacks.tensorboard"
_LAYERS = ("keras.layers", "keras._tf_keras.keras.layers", "keras.src.layers")

# (module of Keras, name, module of this package, name there or "" for the module itself)
_REPLACEMENTS: list[tuple[str, str, str, str]] = [
    ("keras.src.trainers.data_adapters", "TFDatasetAdapter", "data_adapter", "DatasetAdapter"),
    ("keras.src.utils.rng_utils", "tf", "stand_in", ""),
    ("keras.src.utils.timeseries_dataset_utils", "tf", "stand_in", ""),
    ("keras.src.utils.text_dataset_utils", "tf", "stand_in", ""),
    ("keras.src.utils.audio_dataset_utils", "tf", "stand_in", ""),
    ("keras.src.utils.image_dataset_utils", "tf", "stand_in", ""),
    ("keras.src.utils.image_dataset_utils", "_load_image_tf", "stand_in", "load_image"),
    ("keras.src.layers.preprocessing.normalization", "tf", "stand_in", ""),
    ("keras.src.layers.preprocessing.discretization", "tf", "stand_in", ""),
    (_TENSORBOARD, "TensorBoard.summary", "tensorboard", "summary_property"),
    (_TENSORBOARD, "TensorBoard._configure_embeddings", "tensorboard", "configure_embeddings"),
    (_TENSORBOARD, "keras_model_summary", "summary", "write_model"),
    *[(module, "StringLookup", "lookup", "StringLookup") for module in _LAYERS],
    *[(module, "IntegerLookup", "lookup", "IntegerLookup") for module in _LAYERS],
    *[(module, "TextVectorization", "text_vectorization", "TextVectorization") for module in _LAYERS],
]
# (module of Keras, name, module of this package, function there that wraps it)
_WRAPPED = [
    ("keras.src.trainers.trainer", "Trainer._symbolic_build", "data_adapter", "wrap_build"),
    ("keras.src.trainers.epoch_iterator", "EpochIterator.__init__", "text_models", "wrap_iterator"),
    ("keras.src.models.functional", "Functional._convert_inputs_to_tensors", "text_models", "wrap_inputs"),
    ("keras.src.models.functional", "Functional._adjust_input_rank", "text_models", "wrap_inputs"),
    ("keras.src.models.functional", "Functional._assert_input_compatibility", "text_models", "wrap_check"),
    ("keras.src.models.model", "Model.__call__", "text_models", "call_model"),
    *[
        ("keras.src.backend.jax.trainer", f"JAXTrainer.{name}", "text_models", "wrap_loop")
        for name in ("fit", "evaluate", "predict")
    ],
    *[
        ("keras.src.backend.jax.trainer", f"JAXTrainer.{name}_on_batch", "text_models", "wrap_batch")
        for name in ("train", "test", "predict")
    ],
]
# Functions that import TensorFlow from Keras' module_utils when they are called.
_WITH_STAND_IN = [
    ("keras.src.utils.dataset_utils", "labels_to_dataset_tf"),
    ("keras.src.utils.dataset_utils", "_split_dataset_tf"),
]
_REGISTERED = ("StringLookup", "IntegerLookup", "TextVectorization")
_patches = Patches()
_registered: dict[str, Any] = {}


def install() -> None:
    """Replace what needs TensorFlow in Keras, unless TensorFlow is installed. Repeated calls have no further effect."""
    if _patches or importlib.util.find_spec("tensorflow") is not None:
        return
    for module, name, own, own_name in _REPLACEMENTS:
        source = importlib.import_module(f"{_OWN}.{own}")
        _patches.replace(*_attribute(module, name), getattr(source, own_name) if own_name else source)
    for module, name, own, wrapper in _WRAPPED:
        _patches.wrap(*_attribute(module, name), getattr(importlib.import_module(f"{_OWN}.{own}"), wrapper))
    for module, name in _WITH_STAND_IN:
        _patches.wrap(*_attribute(module, name), _with_stand_in)
    for name in _REGISTERED:
        _registered[name] = _register(name, getattr(importlib.import_module("keras.layers"), name))


def uninstall() -> None:
    """Undo the changes of `install`."""
    for name, layer in _registered.items():
        _register(name, layer)
    if _patches:
        importlib.import_module(f"{_OWN}.data.shuffling").forget_seed()
    _patches.undo()
    _registered.clear()


def _attribute(module: str, path: str) -> tuple[Any, str]:
    """Return the class or module that has an attribute, and the name of the attribute."""
    owner, _, name = path.rpartition(".")
    target = importlib.import_module(module)
    return (operator.attrgetter(owner)(target) if owner else target), name


def _register(name: str, layer: Any) -> Any:
    """Make Keras save and load a layer under its public name, and return the layer that had this name."""
    export: Any = importlib.import_module("keras.src.api_export")
    path = f"keras.layers.{name}"
    before = export.get_symbol_from_name(path)
    export.register_internal_serializable(path, layer)
    return before


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
