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
import errno
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewright.nn import model as models
from gatewright.nn.layer import Layer
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError
from gatewright.support.files import atomically
from gatewright.support.schema import parse_json, read_as, shown

VERSION = 3
_MAX_FEATURES = 1 << 20  # per time step; no trained model has more
_MAX_LAYERS = 1000
# Bytes of the header, as in the safetensors library.
_MAX_HEADER = 100_000_000
# No trained network has a larger weight. Products of two such weights do not overflow.
_MAX_WEIGHT = 1e18


class Relation(NamedTuple):
    """Two values of a model file that must be equal.

    Attributes:
        what: A name for the value in error messages, such as "number of labels".
        found: The value.
        needed: The value that the other parts of the file need.
    """

    what: str
    found: Any
    needed: Any


class Schema(Protocol):
    """Protocol of the classes that describe the valid contents of a model file for one task.

    Attributes:
        layer_classes: The allowed layer classes, whose annotations declare the allowed values of their fields.
        layer_order: The allowed orders of layers, as a regular expression whose letters are the layers' `kind`. Spaces
            between them are ignored, as in "embedding (recurrent dropout?)+ dense".
    """

    layer_classes: tuple[type[Layer], ...]
    layer_order: str

    def parse_prepared(self, prepared: Any) -> Any:
        """Check the entry `prepared` of a model file and return it as the `Prepared` object of the task.

        The object must have an attribute `features`, the number of input features.

        Raises:
            InputError: A value has the wrong type or range. The message begins with "its" and continues a sentence: the
                model file is damaged because ...
        """

    def parse_training(self, training: Any) -> dict[str, Any]:
        """Check the entry `training` of a model file and return it.

        Raises:
            InputError: As for `parse_prepared`.
        """

    def relations(self, layers: Sequence[Layer], prepared: Any, training: Mapping[str, Any]) -> Iterable[Relation]:
        """Return the values that must be equal, given layers in an allowed order and the other entries."""


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
    resets = {place for layer in layers for place in layer.gru_resets()}
    return {"layout": "keras", "gates": gates, "gru_reset": " and ".join(sorted(resets)) or "after"}


def read(path: str | os.PathLike[str], schema_of: Callable[[str], Schema | None]) -> tuple[ModelFile, Any]:
    """Read and check a model file.

    The file is read into memory once, so that later changes to it do no harm.

    Args:
        path: Path of the file.
        schema_of: Function that takes the name of a task and returns its schema, or None for an unknown task.

    Returns:
        The contents of the file, and the result of `Schema.parse_prepared` for its entry `prepared`.

    Raises:
        InputError: The file does not exist, is damaged, is not a model file, or has an unsupported version.
    """
    try:
        with _opened(path) as file:
            try:
                return _read(path, file, schema_of)
            except _Damaged as error:
                raise InputError(f"{path} is damaged ({error}): train or download it again.") from None
    except MemoryError:
        raise InputError(f"{path} does not fit into memory: use a smaller model, or more memory.") from None
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise InputError(f"{path} cannot be read ({why}): give the path of a file that you can read.") from None


def _opened(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file to read it.

    Raises:
        InputError: The path does not name a regular file.
        OSError: The file cannot be opened.
    """
    fault = "does not exist"
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISREG(mode):
            return open(path, "rb")
        fault = "is a folder" if stat.S_ISDIR(mode) else "is not a regular file"
    except ValueError:  # a null character
        pass
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR):
            raise
    raise InputError(f"{path} {fault}: give the path of a model file, as written by `gatewright train --out`.")


class _Damaged(Exception):
    """The contents of a file are damaged. The message begins with "its" or "it", and has no full stop."""


def _checked(function: Callable[..., Any], *arguments: Any) -> Any:
    """Return the result of a function, and turn its `InputError` into `_Damaged`."""
    try:
        return function(*arguments)
    except InputError as error:
        raise _Damaged(str(error).rstrip(".")) from None


def _read(
    path: str | os.PathLike[str], file: BinaryIO, schema_of: Callable[[str], Schema | None]
) -> tuple[ModelFile, Any]:
    header = _header(path, file)
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("gatewright"), str):
        raise InputError(f"{path} is a safetensors file, but not a Gatewright model: it has no entry `gatewright`.")
    record = _record(path, metadata["gatewright"])
    schema = schema_of(record.task)
    if schema is None:
        raise _Damaged("its task is unknown")
    layers = _layers(record.layers, schema)
    stored: Any = record.prepared
    prepared = _checked(schema.parse_prepared, stored)
    training = _checked(schema.parse_training, record.training)
    for relation in schema.relations(layers, prepared, training):
        if relation.found != relation.needed:
            found, needed = (shown(value) for value in (relation.found, relation.needed))
            raise _Damaged(f"its {relation.what} is {found}, but its other parts need {needed}")
    if record.conventions != _conventions(layers):
        raise _Damaged("its entry 'conventions' does not match its layers")
    if not 0 < prepared.features < _MAX_FEATURES:
        raise _Damaged("its number of features is out of range")
    tensors = _tensors(file, header, _shapes(layers, prepared.features))
    if _digest(vars(record), tensors) != record.sha256:
        raise _Damaged("its contents have changed since it was written")
    if not all((np.abs(tensor) <= _MAX_WEIGHT).all() for tensor in tensors.values()):
        raise _Damaged(f"some weights are not finite, or above {_MAX_WEIGHT:g}")
    weights = tuple(
        {name.partition(".")[2]: tensor for name, tensor in tensors.items() if name.startswith(f"{place}.")}
        for place in range(len(layers))
    )
    return ModelFile(record.task, layers, weights, stored, training), prepared


def _header(path: str | os.PathLike[str], file: BinaryIO) -> dict[str, Any]:
    """Return the header of a safetensors file: a JSON object with an entry for each tensor, and the metadata."""
    size = os.fstat(file.fileno()).st_size
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if len(start) < 8 or not 2 <= length <= min(size - 8, _MAX_HEADER):
        raise InputError(f"{path} is not a model file, or is damaged: train or download it again.")
    header = _checked(parse_json, file.read(length))
    if not isinstance(header, dict):
        raise _Damaged("its header is not a JSON object")
    return header


@dataclass(frozen=True)
class _Record:
    """The metadata of a model file; see the docstring of the module."""

    version: int
    task: str
    layers: object
    prepared: object
    training: object
    conventions: object
    sha256: str


def _record(path: str | os.PathLike[str], text: str) -> _Record:
    values = _checked(parse_json, text)
    if not isinstance(values, dict) or type(values.get("version")) is not int:
        raise _Damaged("its metadata has no version")
    if values["version"] != VERSION:
        raise InputError(
            f"{path} has version {shown(values['version'])}, and this release of Gatewright reads version {VERSION}: "
            "use the release that wrote the file, or train the model again."
        )
    if missing := [name for name in _Record.__dataclass_fields__ if name not in values]:
        raise _Damaged(f"its metadata has no {missing[0]}")
    record: _Record = _checked(read_as, _Record, values, "its metadata")
    return record


def _layers(listed: Any, schema: Schema) -> tuple[Layer, ...]:
    """Return the layers of a model file in an order that the schema allows."""
    if not isinstance(listed, list) or not 0 < len(listed) <= _MAX_LAYERS:
        raise _Damaged(f"its layers are not a list of 1 to {_MAX_LAYERS:,} layers")
    classes = {layer.kind: layer for layer in schema.layer_classes}
    layers = []
    for place, fields in enumerate(listed):
        kind = fields.get("kind") if isinstance(fields, dict) else None
        if not isinstance(kind, str) or kind not in classes:
            raise _Damaged(f"its layers[{place}] is of a kind that is unknown, or does not belong to the task")
        own = {name: value for name, value in fields.items() if name != "kind"}
        layers.append(_checked(read_as, classes[kind], own, f"its layers[{place}]"))
    order = re.sub("[a-z_]+", r"(?:\g<0>;)", schema.layer_order).replace(" ", "")
    if not re.fullmatch(order, "".join(f"{layer.kind};" for layer in layers)):
        raise _Damaged("its layers are not a network of its task")
    return tuple(layers)


def _shapes(layers: Sequence[Layer], features: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of each tensor of a file, with the names of the tensors as keys."""
    return {
        f"{place}.{name}": shape
        for place, layer in enumerate(models.shapes(layers, features))
        for name, shape in layer.items()
    }


def _tensors(
    file: BinaryIO, header: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, NDArray[np.float32]]:
    """Read the tensors, which follow the header without gaps. Nothing is read if the file has a wrong size."""
    if header.keys() != shapes.keys():
        raise _Damaged("the names of its tensors do not match its layers")
    sizes = {name: 4 * math.prod(shape) for name, shape in shapes.items()}
    for name, shape in shapes.items():
        entry = header[name]
        if not isinstance(entry, dict) or (entry.get("dtype"), entry.get("shape")) != ("F32", list(shape)):
            raise _Damaged(f"its tensor {name} is not float32 of shape {list(shape)}")
    places = [entry.get("data_offsets") for entry in header.values()]
    if not all(isinstance(ends, list) and len(ends) == 2 and all(type(end) is int for end in ends) for ends in places):
        raise _Damaged("its tensors have no places")
    in_order, end = sorted(shapes, key=lambda name: header[name]["data_offsets"]), 0
    for name in in_order:
        if header[name]["data_offsets"] != [end, end + sizes[name]]:
            raise _Damaged(f"its tensor {name} is not at its place")
        end += sizes[name]
    if os.fstat(file.fileno()).st_size != file.tell() + end:
        raise _Damaged("its size does not match its tensors")
    tensors = {}
    for name in in_order:
        tensors[name] = np.empty(shapes[name], np.float32)
        if file.readinto(tensors[name].reshape(-1).view(np.uint8)) != sizes[name]:  # type: ignore[attr-defined]
            raise _Damaged("it was cut off while it was read")
    return {name: tensors[name] for name in shapes}


def _digest(record: Mapping[str, Any], tensors: Mapping[str, NDArray[np.float32]]) -> str:
    entries = {name: value for name, value in record.items() if name != "sha256"}
    digest = hashlib.sha256(json.dumps(entries, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(np.ascontiguousarray(tensors[name]).data)
    return digest.hexdigest()
