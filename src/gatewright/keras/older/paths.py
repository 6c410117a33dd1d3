"""Modules and names of Keras 1 and Keras 2 that Keras 3 no longer has.

The modules are made when a program imports them. Libraries that try an old path to find out which Keras is installed do
not get them, apart from the modules of text, sequence and image preprocessing, which pickled tokenizers name.
"""

import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from gatewright.keras.older import names, patches

_TF = "keras._tf_keras.keras"
# Packages that contain modules with the paths below: longer names first.
_ROOTS = (_TF, "keras.src", "keras")
_PREPROCESSING = ("text", "sequence", "image")
_OWN = {
    "wrappers.scikit_learn": "gatewright.keras.older.scikit_learn",
    "backend.tensorflow_backend": "gatewright.keras.older.tensorflow_backend",
}

# Old module -> the modules of Keras 3 that have its names.
_MODULES: dict[str, tuple[str, ...]] = {
    **{
        f"layers.{name}": ("layers",)
        for name in (
            *("core", "recurrent", "recurrent_v2", "embeddings", "wrappers", "merge", "merging", "convolutional"),
            *("convolutional_recurrent", "cudnn_recurrent", "pooling", "normalization", "advanced_activations"),
            *("noise", "local", "rnn", "reshaping", "regularization", "attention", "activation", "experimental"),
            *("dense_attention", "preprocessing", "legacy_rnn"),
        )
    },
    **{
        f"optimizers.{name}": ("optimizers",)
        for name in (
            *("adam", "adam_v2", "sgd", "gradient_descent_v2", "rmsprop", "rmsprop_v2", "adagrad", "adagrad_v2"),
            *("adadelta", "adadelta_v2", "adamax", "adamax_v2", "nadam", "nadam_v2", "ftrl", "optimizer_v2"),
            *("experimental", "optimizer_v1"),
        )
    },
    **{
        f"utils.{name}": ("utils", "saving")
        for name in ("np_utils", "vis_utils", "generic_utils", "data_utils", "layer_utils", "io_utils")
    },
    "utils.training_utils": ("utils",),
    "utils.visualize_util": ("utils",),
    "utils.all_utils": ("utils", "saving"),
    "engine": ("layers", "models", "utils"),
    "engine.topology": ("layers", "models", "utils"),
    "legacy.layers": ("layers",),
    "objectives": ("losses",),
    "initializations": ("initializers",),
    "callbacks.callbacks": ("callbacks",),
    "callbacks.tensorboard_v1": ("callbacks",),
    "callbacks.tensorboard_v2": ("callbacks",),
    "optimizer_v2": ("optimizers",),
    "optimizer_v1": ("optimizers",),
    "wrappers.scikit_learn": (),
    "backend.tensorflow_backend": ("backend",),
}
# Modules with modules of any name below them, such as keras.layers.rnn.lstm and keras.engine.training.
_WITH_SUBMODULES = ("layers.", "engine.", "optimizers.optimizer_v2.", "optimizer_v2.", "optimizers.experimental.")
# The modules of Keras 3 in which old names are looked up.
_NAMED = (
    *("layers", "optimizers", "utils", "losses", "metrics", "constraints", "initializers", "regularizers"),
    *("backend", "preprocessing", "preprocessing.sequence", "preprocessing.image", "models", "callbacks"),
)

_STARRED = ("CuDNNLSTM", "CuDNNGRU")


class _Old(ModuleType):
    """A module of an earlier release, whose names come from modules of Keras 3."""

    sources: tuple[str, ...]

    def __getattr__(self, name: str) -> Any:
        if name == "__all__":
            own = [name for source in self.sources for name in dir(import_module(source)) if not name.startswith("_")]
            return [*own, *names.IMPORTED]
        for source in self.sources if not name.startswith("__") else ():
            value = getattr(import_module(source), name, None)
            if value is not None:
                return value
        if name in names.IMPORTED:
            return import_module(names.IMPORTED[name])
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")


class _Finder(MetaPathFinder, Loader):
    """Finds old modules. It is the last finder, so that modules that exist are preferred."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        sources = _sources(name)
        if sources is None or not (_is_preprocessing(name) or patches.is_imported_by_user()):
            return None
        return ModuleSpec(name, self, is_package=True, loader_state=sources)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = _Old(spec.name)
        module.sources = spec.loader_state
        return module

    def exec_module(self, module: ModuleType) -> None:
        self.made.append(module.__name__)
        if patches.is_imported_by_user() and not _is_preprocessing(module.__name__):
            _note_module(module.__name__, module.__dict__["sources"][0])


def _note_module(old: str, new: str) -> None:
    old, new = (name.replace(_TF, "tensorflow.keras") for name in (old, new))
    if old.endswith("scikit_learn"):
        patches.note("scikit_learn", f"{old} is not in Keras 3; its classes are served by Gatewright")
        return
    new = "keras.backend" if new == _OWN["backend.tensorflow_backend"] else new
    patches.note("module", f"{old} is {new} in Keras 3; it was translated")


def _sources(name: str) -> tuple[str, ...] | None:
    """Return the modules of Keras 3 that have the names of the old module `name`, or None if it is no old module."""
    package, _, rest = name.partition(".")
    if package == "keras_preprocessing":
        return (f"{_TF}.preprocessing{rest and '.' + rest}",) if rest in ("", *_PREPROCESSING) else None
    root = next((root for root in _ROOTS if name.startswith(root + ".")), None)
    if root is None:
        return None
    path = name.removeprefix(root + ".")
    if path in _OWN:
        return (_OWN[path], f"{root}.{path.partition('.')[0]}")
    if path == "preprocessing" or path.startswith("preprocessing."):
        known = path in ("preprocessing", *(f"preprocessing.{name}" for name in _PREPROCESSING))
        return (f"{_TF}.{path}",) if known else None
    while path not in _MODULES:
        parent = path.rpartition(".")[0]
        known = parent in _MODULES or parent.startswith(_WITH_SUBMODULES)
        if not (path.startswith(_WITH_SUBMODULES) and known and path.islower()):
            return None
        path = parent
    new_root = "keras" if root == "keras.src" else root
    return tuple(f"{new_root}.{source}" for source in _MODULES[path])


def _is_preprocessing(name: str) -> bool:
    return name.startswith("keras_preprocessing") or (".preprocessing" in name and ".layers." not in name)


_finder = _Finder()


def install() -> None:
    """Make old modules and names importable until `uninstall` is called."""
    sys.meta_path.append(_finder)
    for root in ("keras", _TF):
        for path in ("", *_NAMED):
            module = import_module(f"{root}.{path}".rstrip("."))
            patches.replace(module, "__getattr__", _attribute_of(module, root, path))
            if path == "layers":  # for `from keras.layers import *`
                public = [name for name in vars(module) if not name.startswith("_")]
                patches.replace(module, "__all__", [*public, *_STARRED])
        _serve_legacy_optimizers(root)


def uninstall() -> None:
    """Undo the changes of `install`, apart from those that `patches.undo` undoes."""
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    for name in _finder.made:
        module = sys.modules.pop(name, None)
        parent, _, last = name.rpartition(".")
        if parent in sys.modules and vars(sys.modules[parent]).get(last) is module:
            delattr(sys.modules[parent], last)
    _finder.made.clear()


def _attribute_of(module: ModuleType, root: str, path: str) -> Callable[[str], Any]:
    """Return a function `__getattr__` for a module of Keras 3 that finds old names."""
    stock = vars(module).get("__getattr__")

    def __getattr__(name: str) -> Any:
        __tracebackhide__ = True
        if stock is not None:
            return stock(name)
        always = path.startswith("preprocessing") or name in ("preprocessing", *_STARRED)
        if not name.startswith("__") and (always or patches.is_imported_by_user()):
            full = f"{module.__name__}.{name}"
            if _sources(full) is not None and not names.knows(path, name):
                return import_module(full)
            if names.knows(path, name):
                return names.attribute(path, name)
            elsewhere = import_module(f"{_TF}.{path}".rstrip(".")) if root == "keras" and path else None
            if elsewhere is not None and hasattr(elsewhere, name):
                return getattr(elsewhere, name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module)

    return __getattr__


def _serve_legacy_optimizers(root: str) -> None:
    """Replace the placeholders in `keras.optimizers.legacy`, which raise an error, by the optimizers of Keras 3."""
    import keras

    def legacy_attribute(name: str) -> Any:
        optimizer = getattr(keras.optimizers, name, None)
        if optimizer is None or name.startswith("__"):
            raise AttributeError(f"module 'keras.optimizers.legacy' has no attribute {name!r}")
        patches.note("legacy", f"keras.optimizers.legacy.{name} is keras.optimizers.{name} in Keras 3")
        return optimizer

    module = import_module(f"{root}.optimizers.legacy")
    for name in [name for name in vars(module) if hasattr(keras.optimizers, name) and not name.startswith("_")]:
        patches.remove(module, name)
    patches.replace(module, "__getattr__", legacy_attribute)
