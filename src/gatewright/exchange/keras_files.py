"""Read Keras models without Keras: from .keras and .h5 files of all releases, or from a model in memory.

No code of a file runs: HDF5 is read in a child process with limits of memory and time (`data.keras_archive`), and the
configuration is JSON. Lambda layers and classes of the program stay names.

Memory: a file is refused if its arrays together are larger than the file, or than 16 times the file for a compressed
.keras file, and if its configuration is larger than 4 MB. The child process may use 1 GB and 40 times the size of the
file. This process uses about twice the size of the arrays, and at most 100 MB for the configuration.
"""

import io
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from gatewright.data.archives import arrays_of_archive
from gatewright.data.foreign import one_error, read_in_child
from gatewright.data.keras_archive import HEADER
from gatewright.data.limits import max_bytes, too_large
from gatewright.exchange.keras_chain import Entry, Unreadable, read_chain
from gatewright.exchange.keras_layers import KerasLayer, KerasStack, group_name, weight_groups
from gatewright.exchange.keras_shapes import count_weights, require_fitting
from gatewright.support.errors import InputError
from gatewright.support.keras_weights import arrange_recurrent
from gatewright.support.packages import require_packages

Arrays = list[NDArray[Any]]

_MEMORY_PER_BYTE = 40
# Of the processor, besides a second for each megabyte: HDF5 searches some damaged files without end.
_SECONDS = 10
_CELLS = ("SimpleRNN", "LSTM", "GRU")
# The number of arrays that Keras 1 stored: W, U and b of each gate.
_BY_GATE = {"LSTM": 12, "GRU": 9}


def read_stack(path: str | os.PathLike[str]) -> KerasStack:
    """Return the layers and weights of a Keras model file.

    Args:
        path: A `.keras` file, or an `.h5` or `.hdf5` file with a whole model of Keras 1, 2 or 3.

    Raises:
        InputError: The file is damaged, has only weights, or its layers are not one chain.
        ImportError: h5py is not installed.
        OSError: The file cannot be read.
    """
    file = Path(path)
    require_packages("Reading Keras files", ("h5py",), "keras-files")
    if file.is_dir():
        raise InputError(f"{path} is a folder: give a .keras or .h5 file, as model.save('model.keras') writes it.")
    size = os.stat(file).st_size
    if size > max_bytes():
        raise too_large(path)
    damaged = f"{path} is not a .keras or .h5 file of a Keras model, or is damaged: save the model again."
    with open(file, "rb") as opened:
        if opened.read(4) not in (b"PK\3\4", b"\x89HDF"):
            raise InputError(damaged)
    content = read_in_child("read_keras", file, damaged=damaged, memory=_MEMORY_PER_BYTE * size, seconds=_SECONDS)
    return stack_of(content, str(path))


def stack_of(content: bytes | bytearray, name: str) -> KerasStack:
    """Return the model in the archive that `data.keras_archive.read_keras` writes. `name` is the path of the file.

    Raises:
        InputError: The file is damaged, has only weights, or its layers are not one chain.
    """
    arrays = arrays_of_archive(io.BytesIO(content), Path(name))
    header = json.loads(arrays[HEADER].tobytes())
    with _named(name):
        if "refused" in header:
            raise Unreadable(header["refused"])
        groups: list[tuple[str, Arrays]] = [
            (group, [arrays[f"{place}/{number}"] for number in range(count)])
            for place, (group, count) in enumerate(header["layers"])
        ]
        model = read_chain(header["config"], header["version"])
        if not model.is_model:
            raise Unreadable(f"is a model of the class {model.kind!r}, and only Sequential and Functional can be read.")
        if header["layout"] == "keras":
            return _stack(name, model, _ArchiveWeights("", dict(groups)))
        return _stack(name, model, _ModelWeights(groups))


def live_stack(model: Any) -> KerasStack:
    """Return the layers and weights of a Keras model in memory. Keras is not imported.

    Args:
        model: A Sequential model, or a functional model whose layers form one chain.

    Raises:
        InputError: It is something else, or has no weights yet.
    """
    if not any(one.__module__.partition(".")[0] in ("keras", "tf_keras") for one in type(model).__mro__):
        raise InputError(f"A {type(model).__name__} is not a Keras model: give a keras.Sequential or keras.Model.")
    name = f"The model {model.name!r}"
    if not model.built:
        raise InputError(f"{name} has no weights yet: build it, or train it first.")
    with one_error(f"{name} has no configuration that can be read: REASON."):
        text = model.to_json()
    with _named(name):
        version = json.loads(text).get("keras_version", "3")
        return _stack(model.name, read_chain(text, version), _LiveWeights(model))


class _named:
    """Turn `Unreadable` into `InputError` with the name of the model."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> None:
        if isinstance(error, Unreadable):
            raise InputError(f"{self._name} {error}") from None


def _stack(name: str, model: Entry, weights: "_Weights") -> KerasStack:
    layers = tuple(_layers(model, weights))
    require_fitting(layers, model.input_shape)
    return KerasStack(name, model.input_shape, layers)


def _layers(model: Entry, weights: "_Weights") -> list[KerasLayer]:
    """Return the layers of a model from its input to its output. Models in it are taken apart."""
    listed: list[KerasLayer] = []
    inside = weights.inside(model.layers)
    for place in model.chain:
        entry = model.layers[place]
        if entry.is_model:
            listed += _layers(entry, inside[place])
        else:
            listed.append(_layer(entry, inside[place].arrays(entry)))
    return listed


def _layer(entry: Entry, arrays: Arrays) -> KerasLayer:
    """Return a layer. The words of a TextVectorization layer, a text in bytes, become a part of its configuration."""
    if entry.kind != "TextVectorization" or not arrays:
        return KerasLayer(entry.kind, entry.name, entry.config, tuple(arrays))
    try:
        words = arrays[0].tobytes().decode().split("\n")
    except UnicodeDecodeError:
        raise Unreadable(f"has a vocabulary of the {entry.shown} that is not text in UTF-8: save it again.") from None
    return KerasLayer(entry.kind, entry.name, {**entry.config, "vocabulary": words}, ())


class _Weights(Protocol):
    """The weights of a model or a layer."""

    def inside(self, layers: Sequence[Entry]) -> "Sequence[_Weights]":
        """Return the weights of each layer of a model."""

    def arrays(self, layer: Entry) -> Arrays:
        """Return the arrays of a layer in the order of `get_weights()`."""


class _ArchiveWeights:
    """Weights in a .keras file, whose groups are named by class and number, such as "layers/gru_1/cell".

    Files of Keras 2 skip numbers. So the layers of a class take the groups of this class in their order.
    """

    def __init__(self, path: str, groups: Mapping[str, Arrays]) -> None:
        self._path, self._groups = path, groups

    def inside(self, layers: Sequence[Entry]) -> "list[_ArchiveWeights]":
        containers = [self._join(name) for name in ("layers", "_layer_checkpoint_dependencies")]
        found = next((one for one in containers if any(group.startswith(f"{one}/") for group in self._groups)), None)
        if found is None and self._path:  # a model in the model
            return [_ArchiveWeights("/", {}) for _ in layers]
        if found is None:
            raise Unreadable("stores its weights in an unknown layout: load the model with Keras 3 and save it again.")
        names = {group[len(found) + 1 :].partition("/")[0] for group in self._groups if group.startswith(f"{found}/")}
        left = {
            kind: iter(sorted((one for one in names if _is_numbered(one, group_name(kind))), key=_number))
            for kind in {layer.kind for layer in layers}
        }
        return [_ArchiveWeights(f"{found}/{next(left[layer.kind], '')}", self._groups) for layer in layers]

    def arrays(self, layer: Entry) -> Arrays:
        if self._path.endswith("/"):  # there is no further group of this class
            if count_weights(layer) == 0:
                return []
            raise Unreadable(
                f"has no weights for the {layer.shown}, or stores them with another layer that shares them: give each "
                "place in the model a layer of its own."
            )
        return [array for place in weight_groups(layer.kind) for array in self._groups.get(self._join(place), [])]

    def _join(self, name: str) -> str:
        return "/".join(part for part in (self._path, name) if part)


def _is_numbered(name: str, start: str) -> bool:
    return re.fullmatch(re.escape(start) + r"(_\d{1,6})?", name) is not None


def _number(name: str) -> int:
    number = name.rpartition("_")[2]
    return int(number) if number.isdigit() else 0


class _ModelWeights:
    """Weights in an .h5 file: arrays for each layer of the model, by its name."""

    def __init__(self, groups: Sequence[tuple[str, Arrays]]) -> None:
        self._groups = dict(groups)

    def inside(self, layers: Sequence[Entry]) -> "list[_Listed]":
        return [_Listed(self._groups.get(layer.name, [])) for layer in layers]

    def arrays(self, layer: Entry) -> Arrays:
        raise NotImplementedError


class _Listed:
    """The arrays of one layer of an .h5 file. A model in it has the trainable arrays of its layers, then the others."""

    def __init__(self, arrays: Arrays) -> None:
        self._arrays = arrays

    def inside(self, layers: Sequence[Entry]) -> "list[_Nested]":
        leaves = [leaf for layer in layers for leaf in _leaves(layer, True)]
        counts = _stored_counts([leaf for leaf, _ in leaves], len(self._arrays))
        if sum(counts) != len(self._arrays):
            raise Unreadable(
                f"has a model in the model with {len(self._arrays)} arrays of weights, but its layers need "
                f"{sum(counts)}: save it without a model in the model."
            )
        arrays, taken = iter(self._arrays), [list[NDArray[Any]]() for _ in leaves]
        for is_trainable in (True, False):
            for (_, trains), count, own in zip(leaves, counts, taken, strict=True):
                if trains is is_trainable:
                    own += [next(arrays) for _ in range(count)]
        own_arrays = iter(taken)
        return [_Nested([next(own_arrays) for _ in _leaves(layer, True)]) for layer in layers]

    def arrays(self, layer: Entry) -> Arrays:
        return _arranged(layer, self._arrays)


class _Nested:
    """The arrays of a layer in a model in an .h5 file, or of each layer of a model in it."""

    def __init__(self, arrays: Sequence[Arrays]) -> None:
        self._arrays = arrays

    def inside(self, layers: Sequence[Entry]) -> "list[_Nested]":
        left = iter(self._arrays)
        return [_Nested([next(left) for _ in _leaves(layer, True)]) for layer in layers]

    def arrays(self, layer: Entry) -> Arrays:
        return _arranged(layer, self._arrays[0])


def _leaves(entry: Entry, trains: bool) -> list[tuple[Entry, bool]]:
    """Return the layers of a model in the model's order, each with True if it is trained."""
    trains = trains and entry.config.get("trainable", True) is not False
    if not entry.is_model:
        return [(entry, trains)]
    return [leaf for layer in entry.layers for leaf in _leaves(layer, trains)]


def _stored_counts(layers: Sequence[Entry], stored: int) -> list[int]:
    """Return the number of arrays of each layer. Keras 1 stored recurrent layers gate by gate."""
    counts = []
    for layer in layers:
        count = count_weights(layer)
        if count is None:
            raise Unreadable(f"has the {layer.shown} in a model in the model: save it without a model in the model.")
        counts.append(count)
    by_gate = [_BY_GATE.get(layer.kind, count) for layer, count in zip(layers, counts, strict=True)]
    return by_gate if sum(by_gate) == stored else counts


def _arranged(layer: Entry, arrays: Arrays) -> Arrays:
    """Return the arrays of a layer as Keras 3 has them."""
    if layer.kind in ("Bidirectional", "TimeDistributed"):
        inner = layer.config.get("layer")
        if not isinstance(inner, dict) or not isinstance(inner.get("config"), dict):
            raise Unreadable(f"has the {layer.shown}, which has no layer in its configuration.")
        kind, units = inner.get("class_name"), inner["config"].get("units")
        parts = 2 if layer.kind == "Bidirectional" else 1
    else:
        kind, units, parts = layer.kind, layer.config.get("units"), 1
    if kind not in _CELLS or type(units) is not int or len(arrays) % parts:
        return arrays
    half = max(1, len(arrays) // parts)
    try:
        halves = [arrange_recurrent(kind, units, arrays[start : start + half]) for start in range(0, len(arrays), half)]
    except (ValueError, IndexError):  # of NumPy
        raise Unreadable(f"has weights of impossible shapes in the {layer.shown}: save the model again.") from None
    return [array for arranged in halves for array in arranged]


class _LiveWeights:
    """Weights of a model or layer in memory."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def inside(self, layers: Sequence[Entry]) -> "list[_LiveWeights]":
        by_name = {layer.name: layer for layer in self._layer.layers}
        return [_LiveWeights(by_name.get(layer.name)) for layer in layers]

    def arrays(self, layer: Entry) -> Arrays:
        if self._layer is None:
            raise Unreadable(f"has no {layer.shown}, which is in its configuration.")
        if layer.kind == "TextVectorization":
            return [np.frombuffer("\n".join(self._layer.get_vocabulary()).encode(), np.uint8)]
        return [np.asarray(array) for array in self._layer.get_weights()]
