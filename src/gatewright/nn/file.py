"""The format of model files. A model file is a safetensors file with a trained network and all data needed to use it.

The tensors are the float32 weights. Their names are `INDEX.NAME`: the index of the layer and the name of the weight.
The metadata has one entry, `gatewright`, which is a JSON object with these entries:

    version       version of the format
    task          the task's name in the registry
    layers        list of layers, from the input to the output: {"kind": ..., and the fields of the layer}
    prepared      data computed from the training set, such as the vocabulary and labels; see the task's `Prepared`
    training      settings and results of the training, for information only
    conventions   layout of the weights, order of the gates, position of the GRU's reset gate
    sha256        hash of the other entries (JSON with sorted keys) followed by the weights (sorted by name)

Reading a file never runs code from it, and the memory needed is proportional to the size of the file.
"""

import dataclasses
import hashlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, get_type_hints

import numpy as np
from numpy.typing import NDArray

from gatewright.nn import model as models
from gatewright.nn.layer import Layer
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError
from gatewright.support.files import atomically

VERSION = 3
_MAX_FEATURES = 1 << 20  # per time step; no trained model has more
_ENTRIES = ("version", "task", "layers", "prepared", "training", "conventions", "sha256")


class Schema(Protocol):
    """Protocol of the classes that describe the valid contents of a model file for one task.

    Attributes:
        layer_classes: The allowed layer classes. The key of each class is its `kind`.
    """

    layer_classes: Mapping[str, type[Layer]]

    def is_network(self, layers: Sequence[Layer]) -> bool:
        """Return True if the layers are a valid network for this task."""

    def parse_prepared(self, prepared: Mapping[str, Any]) -> Any:
        """Check the entry `prepared` of a model file and return it as the `Prepared` object of the task.

        The object must have an attribute `features`, the number of input features.

        Raises:
            InputError: A value has the wrong type or range. The message begins with "its" and continues a sentence: the
                model file is damaged because ...
        """


@dataclass(frozen=True)
class ModelFile:
    """The contents of a model file. The docstring of the module describes the format.

    Attributes:
        task: Name of the task.
        layers: The layers, from the input to the output.
        weights: One dict for each layer, from the name of a weight to its array.
        prepared, training: JSON values of the entries with these names; see the docstring of the module.
    """

    task: str
    layers: tuple[Layer, ...]
    weights: tuple[dict[str, NDArray[np.float32]], ...]
    prepared: dict[str, Any]
    training: dict[str, Any]


def write(model: ModelFile, path: str | os.PathLike[str]) -> None:
    """Write a model file. If writing fails, an existing file is left unchanged."""
    from safetensors.numpy import save

    record, tensors = _entries(model)
    record["sha256"] = _digest(record, tensors)
    content = save(tensors, {"gatewright": json.dumps(record, ensure_ascii=True, allow_nan=False)})
    with atomically(path) as temporary:
        temporary.write_bytes(content)


def digest(model: ModelFile) -> str:
    """Return the hash that a model file with these contents stores as `sha256`, in hexadecimal digits."""
    return _digest(*_entries(model))


def _entries(model: ModelFile) -> tuple[dict[str, Any], dict[str, NDArray[np.float32]]]:
    """Return the metadata without the entry `sha256`, and a dict of the tensors with their names as keys."""
    tensors = {
        f"{place}.{name}": np.ascontiguousarray(array, np.float32)
        for place, layer in enumerate(model.weights)
        for name, array in layer.items()
    }
    record = {
        "version": VERSION,
        "task": model.task,
        "layers": [{"kind": layer.kind, **dataclasses.asdict(layer)} for layer in model.layers],  # type: ignore[call-overload]
        "prepared": model.prepared,
        "training": model.training,
        "conventions": _conventions(model.layers),
    }
    return record, tensors


def _conventions(layers: Sequence[Layer]) -> dict[str, Any]:
    """Return the value of the entry `conventions`, which describes how recurrent layers store their weights."""
    gates = {cell: list(CELLS[cell].gates) for layer in layers for cell in layer.cells()}
    return {"layout": "keras", "gates": gates, "gru_reset": "after"}


def read(path: str | os.PathLike[str], schema_of: Callable[[str], Schema | None]) -> tuple[ModelFile, Any]:
    """Read and check a model file.

    Args:
        path: Path of the file.
        schema_of: Function that takes the name of a task and returns its schema, or None for an unknown task.

    Returns:
        The contents of the file, and the result of `Schema.parse_prepared` for its entry `prepared`.

    Raises:
        InputError: The file does not exist, is damaged, is not a model file, or has an unsupported version.
    """
    from safetensors import SafetensorError, safe_open

    file = Path(path)
    if not file.is_file():
        fault = "is a folder" if file.is_dir() else "does not exist"
        raise InputError(f"{path} {fault}: give the path of a model file, as written by `gatewright train --out`.")
    try:
        with safe_open(file, framework="numpy") as content:
            record = _metadata(file, content.metadata())
            schema = schema_of(record["task"])
            if schema is None:
                raise _damaged(file, "its task is unknown")
            layers = _layers(file, record, schema)
            try:
                prepared = schema.parse_prepared(record["prepared"])
            except InputError as error:
                raise _damaged(file, str(error).rstrip(".")) from None
            if not 0 < prepared.features < _MAX_FEATURES:
                raise _damaged(file, "its number of features is out of range")
            shapes = models.shapes(layers, prepared.features)
            if record["conventions"] != _conventions(layers):
                raise _damaged(file, "its entry 'conventions' does not match its layers")
            names = [f"{place}.{name}" for place, layer in enumerate(shapes) for name in layer]
            if sorted(content.keys()) != sorted(names):
                raise _damaged(file, "the names of its tensors do not match its layers")
            for place, layer in enumerate(shapes):
                for name, shape in layer.items():
                    stored = content.get_slice(f"{place}.{name}")
                    if stored.get_dtype() != "F32" or tuple(stored.get_shape()) != shape:
                        raise _damaged(file, f"its tensor {place}.{name} is not float32 of shape {list(shape)}")
            tensors = {name: content.get_tensor(name) for name in names}
    except (SafetensorError, OSError, OverflowError) as error:
        why = str(error).splitlines()[0][:120] if str(error) else type(error).__name__
        raise InputError(f"{file} is not a model file, or is damaged ({why}): train or download it again.") from None
    if _digest(record, tensors) != record["sha256"]:
        raise _damaged(file, "its contents have changed since it was written")
    if not all(np.isfinite(tensor).all() for tensor in tensors.values()):
        raise _damaged(file, "some weights are not finite numbers")
    weights = tuple({name: tensors[f"{place}.{name}"] for name in layer} for place, layer in enumerate(shapes))
    return ModelFile(record["task"], layers, weights, record["prepared"], record["training"]), prepared


def _digest(record: Mapping[str, Any], tensors: Mapping[str, NDArray[np.float32]]) -> str:
    entries = {name: value for name, value in record.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(entries, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()


def _damaged(file: Path, why: str) -> InputError:
    return InputError(f"{file} is damaged ({why}): train or download it again.")


def _metadata(file: Path, metadata: Mapping[str, str] | None) -> dict[str, Any]:
    """Parse the metadata entry `gatewright`, check that it has all fields with the right types, and return them."""
    if not metadata or "gatewright" not in metadata:
        raise InputError(f"{file} is a safetensors file, but not a Gatewright model: it has no entry `gatewright`.")
    try:
        record = json.loads(metadata["gatewright"])
    except (ValueError, RecursionError):
        raise _damaged(file, "its metadata is not JSON") from None
    if not isinstance(record, dict) or type(record.get("version")) is not int:
        raise _damaged(file, "its metadata has no version")
    if record["version"] != VERSION:
        raise InputError(
            f"{file} has version {record['version']}, and this release of Gatewright reads version {VERSION}: "
            "use the release that wrote the file, or train the model again."
        )
    if missing := [name for name in _ENTRIES if name not in record]:
        raise _damaged(file, f"its metadata has no {missing[0]}")
    if not isinstance(record["task"], str):
        raise _damaged(file, "its task is unknown")
    for name in ("prepared", "training"):
        if not isinstance(record[name], dict):
            raise _damaged(file, f"its {name} is not an object")
    return record


def _layers(file: Path, record: Mapping[str, Any], schema: Schema) -> tuple[Layer, ...]:
    listed = record["layers"]
    if not isinstance(listed, list) or not listed:
        raise _damaged(file, "it lists no layers")
    layers = tuple(_layer(file, fields, schema.layer_classes) for fields in listed)
    if not schema.is_network(layers):
        raise _damaged(file, "its layers are not a network of its task")
    return layers


def _layer(file: Path, fields: Any, classes: Mapping[str, type[Layer]]) -> Layer:
    kind = fields.get("kind") if isinstance(fields, dict) else None
    layer_class: Any = classes.get(kind) if isinstance(kind, str) else None
    if layer_class is None:
        raise _damaged(file, "it has a layer of an unknown kind")
    hints = get_type_hints(layer_class)
    types = {field.name: hints[field.name] for field in dataclasses.fields(layer_class)}
    values = {name: value for name, value in fields.items() if name != "kind"}
    if values.keys() != types.keys() or not all(_has_type(value, types[name]) for name, value in values.items()):
        raise _damaged(file, f"its layer {kind!r} has fields that do not fit its kind")
    if any(values.get(name) == 0 for name in ("units", "vocabulary")):
        raise _damaged(file, f"its layer {kind!r} has a size of 0")
    listed = {name: tuple(value) for name, value in values.items() if types[name] == tuple[float, ...]}
    try:
        layer: Layer = layer_class(**{**values, **listed})
    except InputError as error:  # a name is unknown, or two fields contradict each other
        raise _damaged(file, f"its layer {kind!r} has fields that do not fit: {str(error).rstrip('.')}") from None
    return layer


def _has_type(value: Any, kind: Any) -> bool:
    """Return True if a JSON value is a valid value for a field of a layer with the type `kind`.

    An integer is a size and must be at least 0 and below 2**31. A float is a probability and must be at least 0 and
    below 1.
    """
    if kind is int:
        return type(value) is int and 0 <= value < 2**31
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value) and 0 <= value < 1
    if kind == tuple[float, ...]:
        return isinstance(value, list) and all(_has_type(one, float) for one in value)
    return type(value) is kind
