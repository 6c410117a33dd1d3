"""Model and weight files of Keras 1 and Keras 2, and the names of files that those releases took."""

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from typing import Any

from gatewright.keras.older import optimizer_weights, patches, weights
from gatewright.support.errors import InputError
from gatewright.support.keras_configs import model_config, training_config

_H5 = (".h5", ".hdf5")
_INSIDE = "model.keras"  # the file in a folder that was given as the path of a model


def install() -> None:
    """Read and write files as earlier releases do until `patches.undo()` is called."""
    import keras
    from keras.src.saving import saving_api

    weights.install()
    patches.wrap_everywhere(saving_api.save_model, _save_model)
    patches.wrap_everywhere(saving_api.load_model, _load_model)
    patches.wrap_everywhere(saving_api.load_weights, _load_weights)
    patches.wrap_everywhere(keras.models.model_from_json, _model_from_json)
    patches.replace(keras.Sequential, "from_config", classmethod(_from_config(keras.Sequential.from_config.__func__)))
    patches.wrap(keras.Model, "save_weights", _save_weights)
    patches.wrap(keras.callbacks.ModelCheckpoint, "__init__", _init_checkpoint)
    patches.wrap(keras.callbacks.ModelCheckpoint, "on_epoch_end", _checkpoint_at_epoch_end)


def _save_model(stock: Any, model: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> Any:
    __tracebackhide__ = True
    from keras.src.legacy.saving import legacy_h5_format

    path = _path(filepath)
    for name in ("options", "signatures", "save_traces"):
        if name in kwargs:
            kwargs.pop(name)
            patches.note(name, f"{name}= is not an argument in Keras 3; it was left out")
    if path is None or kwargs.get("zipped") is not None or path.endswith((".keras", *_H5)) or path.startswith("hf:"):
        return stock(model, filepath, overwrite=overwrite, **kwargs)
    include_optimizer, save_format = kwargs.pop("include_optimizer", True), kwargs.pop("save_format", None)
    path = path.rstrip(os.sep)
    if os.path.isdir(path):
        path = os.path.join(path, _INSIDE)
    if not _may_write(path, overwrite):
        return None
    patches.note(
        "save", f"Keras 3 saves models as .keras or .h5; {path} was written in the format of .keras, for load_model"
    )
    config = dict(model._compile_config.config) if model.compiled else {}
    with tempfile.TemporaryDirectory(dir=os.path.dirname(os.path.abspath(path))) as folder:
        whole = os.path.join(folder, _INSIDE)
        if save_format in ("h5", "hdf5"):
            legacy_h5_format.save_model_to_hdf5(model, whole, True, include_optimizer)
        else:
            if model.compiled:  # Keras removes the optimizer when it saves an .h5 file
                model._compile_config.config["optimizer"] = model.optimizer
            stock(model, whole)
        os.replace(whole, path)
    if model.compiled:
        model._compile_config.config.update(config)
    return None


def _may_write(path: str, overwrite: bool) -> bool:
    """Make the folder of a file. Ask first if the file exists and must not be replaced."""
    from keras.src.utils import io_utils

    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    return overwrite or not os.path.exists(path) or bool(io_utils.ask_to_proceed_with_overwrite(path))


def _load_model(stock: Any, filepath: Any, custom_objects: Any = None, compile: bool = True, **kwargs: Any) -> Any:
    __tracebackhide__ = True
    import h5py

    path = _path(filepath)
    kwargs.pop("options", None)
    if path is None or not os.path.exists(path):
        return stock(filepath, custom_objects, compile, **kwargs)
    if os.path.isfile(os.path.join(path, "saved_model.pb")):
        raise InputError(
            f"{path} is a SavedModel of TensorFlow, which Keras 3 cannot load as a model. Load it with TensorFlow 2.15 "
            "or earlier, and save it there as an .h5 file."
        )
    if os.path.isfile(os.path.join(path, _INSIDE)):
        return stock(os.path.join(path, _INSIDE), custom_objects, compile, **kwargs)
    if os.path.isfile(path) and h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            if "model_config" in file.attrs and weights.is_old(file):
                return _load_old_model(file, custom_objects, compile, **kwargs)
    if os.path.isfile(path) and not path.endswith((".keras", *_H5)):
        suffix = ".keras" if zipfile.is_zipfile(path) else ".h5" if h5py.is_hdf5(path) else ""
        with _linked(path, suffix) as link:
            return stock(link, custom_objects, compile, **kwargs)
    return stock(filepath, custom_objects, compile, **kwargs)


@contextlib.contextmanager
def _linked(path: str, suffix: str) -> Iterator[str]:
    """Yield a path that ends with `suffix`, for the file at `path`."""
    if path.endswith(suffix):
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = os.path.join(folder, f"model{suffix}")
        os.symlink(os.path.abspath(path), link)
        yield link


def _load_old_model(file: Any, custom_objects: Any, compile: bool, safe_mode: bool = True) -> Any:
    """Return the model in an .h5 file of Keras 1 or 2."""
    from keras.src.legacy.saving import legacy_h5_format

    translated = model_config(_json(file.attrs["model_config"]))
    changes, name = f" ({'; '.join(translated.changes)})" if translated.changes else "", os.path.basename(file.filename)
    patches.note(f"file{changes}", f"{name} was saved by Keras {weights.version(file)}; it was translated{changes}")
    model = _build(translated.value, custom_objects, safe_mode)
    legacy_h5_format.load_weights_from_hdf5_group(file["model_weights"], model)
    if compile and "training_config" in file.attrs:
        _compile(model, _json(file.attrs["training_config"]), custom_objects)
        if "optimizer_weights" in file:
            optimizer_weights.restore(model, file["optimizer_weights"])
    return model


def _build(config: dict[str, Any], custom_objects: Any, safe_mode: bool = True) -> Any:
    """Return the model of a translated configuration."""
    from keras.src.legacy.saving import saving_options, saving_utils
    from keras.src.saving import object_registration, serialization_lib

    scopes = (
        saving_options.keras_option_scope(use_legacy_config=True),
        serialization_lib.SafeModeScope(safe_mode),
        object_registration.CustomObjectScope(custom_objects or {}),
    )
    with scopes[0], scopes[1], scopes[2]:
        return saving_utils.model_from_config(config, custom_objects=custom_objects or {})


def _compile(model: Any, config: dict[str, Any], custom_objects: Any) -> None:
    from keras.src.legacy.saving import saving_utils

    try:
        translated = training_config(config)
    except InputError as error:
        patches.note("not compiled", f"The model was not compiled: {str(error).rstrip('.')}")
        return
    model.compile(**saving_utils.compile_args_from_training_config(translated.value, custom_objects))
    model.optimizer.build(model.trainable_variables)


def _json(value: Any) -> Any:
    try:
        return json.loads(value)
    except (UnicodeDecodeError, json.JSONDecodeError, TypeError):
        raise InputError(
            "The configuration in the .h5 file is damaged: it is not JSON. Save the model again."
        ) from None


def model_from_old_config(config: dict[str, Any], custom_objects: Any = None) -> Any:
    """Return the model of a configuration that Keras 1 or 2 wrote."""
    translated = model_config(config)
    changes = f" ({'; '.join(translated.changes)})" if translated.changes else ""
    patches.note(f"config{changes}", f"The configuration is one of Keras 1 or 2; it was translated{changes}")
    return _build(translated.value, custom_objects)


def _from_config(stock: Any) -> Any:
    def from_config(cls: Any, config: Any, custom_objects: Any = None) -> Any:
        """`Sequential.from_config`, whose configuration was a list of layers."""
        __tracebackhide__ = True
        if isinstance(config, list):
            return model_from_old_config({"class_name": "Sequential", "config": config}, custom_objects)
        return stock(cls, config, custom_objects)

    return patches.wrapped(stock, lambda _, *args, **kwargs: from_config(*args, **kwargs))


def _model_from_json(stock: Any, json_string: Any, custom_objects: Any = None) -> Any:
    __tracebackhide__ = True
    config = json.loads(json_string)
    if isinstance(config, dict) and "module" not in config and "class_name" in config:
        return model_from_old_config(config, custom_objects)
    return stock(json_string, custom_objects)


def _save_weights(stock: Any, self: Any, filepath: Any, overwrite: bool = True, *args: Any, **kwargs: Any) -> None:
    """`Model.save_weights`. A name that Keras 3 refuses gets the layout of Keras 2, which `load_weights` reads."""
    __tracebackhide__ = True
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    path = _path(filepath)
    for name in ("save_format", "options"):
        if name in kwargs:
            kwargs.pop(name)
            patches.note(name, f"{name}= is not an argument in Keras 3; it was left out")
    if path is None or args or kwargs.get("max_shard_size") is not None or path.endswith(".weights.h5"):
        stock(self, filepath, overwrite, *args, **kwargs)
        return
    if os.path.isdir(path) or path.endswith(os.sep):
        raise InputError(f"save_weights: {path} is a folder. Give the path of a file, such as {path}/model.weights.h5.")
    if _may_write(path, overwrite):
        name = os.path.basename(path)
        text = f"Keras 3 saves weights as .weights.h5; {name} was written in the layout of Keras 2"
        patches.note("save_weights", text)
        with h5py.File(path, "w") as file:
            legacy_h5_format.save_weights_to_hdf5_group(file, self)


def _load_weights(stock: Any, model: Any, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> None:
    __tracebackhide__ = True
    import h5py

    path = _path(filepath)
    kwargs.pop("options", None)
    if path is not None and (os.path.exists(f"{path}.index") or os.path.isfile(os.path.join(path, "checkpoint"))):
        raise InputError(
            f"{path} is a checkpoint of TensorFlow, which Keras 3 cannot read. Load it with TensorFlow 2.15 or "
            "earlier, and save it there with save_weights('model.h5')."
        )
    suffix = ""
    if path is not None and os.path.isfile(path):
        if h5py.is_hdf5(path):
            suffix = _suffix_of_layout(path)
        elif zipfile.is_zipfile(path):
            suffix = ".keras"
    if not suffix or path is None:
        stock(model, filepath, skip_mismatch, **kwargs)
        return
    with _linked(path, suffix) as link:
        stock(model, link, skip_mismatch, **kwargs)


def _suffix_of_layout(path: str) -> str:
    """Return the end of a file name by which Keras 3 knows the layout of a file of weights, or nothing if it fits."""
    import h5py

    with h5py.File(path, "r") as file:
        old = any(name in file.attrs for name in ("layer_names", "layer_names0")) or "model_weights" in file
    if old:
        return "" if path.endswith(_H5) and not path.endswith(".weights.h5") else ".h5"
    return "" if path.endswith(".weights.h5") else ".weights.h5"


def _init_checkpoint(stock: Any, self: Any, filepath: Any, *args: Any, **kwargs: Any) -> None:
    """`ModelCheckpoint(...)`, with any file name, and `period`."""
    __tracebackhide__ = True
    self._older_period, self._older_epochs = kwargs.pop("period", 1), 0
    if self._older_period != 1:
        patches.note("period", "ModelCheckpoint(period=) is not in Keras 3; it saves after every period as in Keras 2")
    for name in ("load_weights_on_restart", "options"):
        kwargs.pop(name, None)
    only_weights = kwargs.get("save_weights_only", args[3] if len(args) > 3 else False)
    allowed = (".weights.h5",) if only_weights else (".keras", ".h5")
    path = _path(filepath)
    if path is None or path.endswith(allowed):
        stock(self, filepath, *args, **kwargs)
        return
    stock(self, path + allowed[0], *args, **kwargs)
    patches.note("checkpoint", f"ModelCheckpoint of Keras 3 needs a name that ends with {allowed[0]}; {path} was kept")
    self.filepath = path


def _checkpoint_at_epoch_end(stock: Any, self: Any, epoch: int, logs: Any = None) -> None:
    __tracebackhide__ = True
    self._older_epochs = getattr(self, "_older_epochs", 0) + 1
    if self._older_epochs >= getattr(self, "_older_period", 1):
        self._older_epochs = 0
        stock(self, epoch, logs)


def _path(filepath: Any) -> str | None:
    """Return a path as a string, or None if it is an open file."""
    return os.fspath(filepath) if isinstance(filepath, str | os.PathLike) else None
