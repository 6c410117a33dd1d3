"""Names in the modules of Keras 1 and Keras 2 that Keras 3 has under another name, or not at all."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from gatewright.keras.older import layers, patches
from gatewright.support.keras_configs import LOSSES

_OPTIMIZERS = {
    name.lower(): name for name in ("Adam", "SGD", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Ftrl")
}
_INITIALIZERS = {
    **dict.fromkeys(("zero", "zeros"), "Zeros"),
    **dict.fromkeys(("one", "ones"), "Ones"),
    **dict.fromkeys(("normal", "random_normal"), "RandomNormal"),
    **dict.fromkeys(("uniform", "random_uniform"), "RandomUniform"),
    "constant": "Constant",
    "identity": "Identity",
    "orthogonal": "Orthogonal",
    "truncated_normal": "TruncatedNormal",
    "glorot_normal": "GlorotNormal",
    "glorot_uniform": "GlorotUniform",
    "he_normal": "HeNormal",
    "he_uniform": "HeUniform",
    "lecun_normal": "LecunNormal",
    "lecun_uniform": "LecunUniform",
}
_CONSTRAINTS = {"nonneg": "NonNeg", "unitnorm": "UnitNorm"}
_RENAMED: dict[str, dict[str, str]] = {
    "optimizers": _OPTIMIZERS,
    "initializers": _INITIALIZERS,
    "constraints": _CONSTRAINTS,
    "regularizers": {"l1l2": "L1L2", "WeightRegularizer": "L1L2"},
    "losses": LOSSES,
    "utils": {"plot": "plot_model"},
}

# Modules that the modules of earlier releases imported for themselves. Programs use them after `from ... import *`, and
# import them from `keras.models`.
IMPORTED = {
    "np": "numpy",
    "K": "keras.backend",
    **{name: f"keras.{name}" for name in ("activations", "initializers", "regularizers", "constraints", "optimizers")},
}


def knows(path: str, name: str) -> bool:
    """Return True if `keras.<path>` of an earlier release has a name that this module serves."""
    if name in _RENAMED.get(path, ()) or (path, name) in _SPECIAL:
        return True
    return (path == "layers" and name in layers.NAMES) or (path == "models" and name in IMPORTED)


def attribute(path: str, name: str) -> Any:
    """Return what `keras.<path>.<name>` of an earlier release is in Keras 3."""
    import keras

    if path == "layers":
        return layers.attribute(name)
    if (path, name) in _SPECIAL:
        return _SPECIAL[path, name]
    if path == "models" and name in IMPORTED:
        patches.note(f"models.{name}", f"keras.models.{name} is {IMPORTED[name]} in Keras 3; it was translated")
        return import_module(IMPORTED[name])
    new = _RENAMED[path][name]
    patches.note(f"{path}.{name}", f"keras.{path}.{name} is keras.{path}.{new} in Keras 3; it was translated")
    return getattr(getattr(keras, path), new)


def _max_norm(m: float = 2, axis: Any = 0, max_value: float | None = None) -> Any:
    """Return the constraint that Keras 1 and 2 call `maxnorm`."""
    from keras.constraints import MaxNorm

    patches.note("maxnorm", "keras.constraints.maxnorm is MaxNorm in Keras 3; it was translated")
    return MaxNorm(m if max_value is None else max_value, axis)


def _multi_gpu_model(model: Any, *args: Any, **kwargs: Any) -> Any:
    """Return `model`, which computes the same on one device as on several."""
    patches.note("multi_gpu_model", "multi_gpu_model() was removed from Keras; the model runs on one device")
    return model


def _print_summary(model: Any, *args: Any, **kwargs: Any) -> None:
    """Print the summary of a model."""
    patches.note("print_summary", "print_summary(model) is model.summary() in Keras 3; it was translated")
    model.summary()


def _hdf5_matrix(datapath: str, dataset: str, start: int = 0, end: int | None = None, normalizer: Any = None) -> Any:
    """Return rows `start` to `end` of a data set in an HDF5 file as an array."""
    import h5py

    patches.note("HDF5Matrix", "keras.utils.HDF5Matrix was removed from Keras; the data set is read into memory")
    with h5py.File(datapath, "r") as file:
        rows = file[dataset][start:end]
    return rows if normalizer is None else normalizer(rows)


def _model_from_config(config: Any, custom_objects: Any = None) -> Any:
    """Return the model of a configuration, as `keras.models.model_from_config` does."""
    from gatewright.keras.older import files

    return files.model_from_old_config(config, custom_objects)


_SPECIAL: dict[tuple[str, str], Callable[..., Any]] = {
    ("constraints", "maxnorm"): _max_norm,
    ("utils", "multi_gpu_model"): _multi_gpu_model,
    ("utils", "print_summary"): _print_summary,
    ("utils", "HDF5Matrix"): _hdf5_matrix,
    ("models", "model_from_config"): _model_from_config,
    ("models", "model_from_yaml"): layers.refused(
        "keras.models.model_from_yaml was removed from Keras, because YAML can run code. Save the model with "
        "model.to_json(), and read it with keras.models.model_from_json."
    ),
}
