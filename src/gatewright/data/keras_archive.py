"""Take the configuration and the weights out of Keras model files, as plain data. This runs in a child process.

    .keras          a zip archive of config.json, metadata.json and model.weights.h5 (Keras 2.12 and later)
    .h5, .hdf5      a whole model in HDF5, with the configuration in an attribute (Keras 1, 2 and 3)

Nothing but JSON, names and arrays of numbers is read. The arrays together are no larger than the file: an array must be
stored as it is, in the file itself. So links to other files, virtual arrays and compressed arrays are refused.
"""

import io
import json
import math
import re
import zipfile
from collections.abc import Iterator
from itertools import takewhile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

HEADER = "header"
"""Name of the archive's entry with the JSON object that describes the other entries."""

MAX_JSON = 4 << 20
"""The maximum size of a configuration in bytes. Python needs up to 25 times as much for it."""
MAX_RATIO = 16
"""The maximum ratio of the unpacked to the packed size of a member of a .keras archive."""
_MAX_METADATA = 1 << 16
# Groups and arrays that are visited, and levels of groups.
_MAX_OBJECTS, _MAX_DEPTH = 20_000, 40
# The axis of an array without values may have any length.
_MAX_AXIS = 1 << 31
_CHUNK = 1 << 20
_MAX_VOCABULARIES = 8
# The vocabulary of a layer, a word on each line, and the path of the layer.
_VOCABULARY = re.compile(r"assets/((?:layers/\w+/)*layers/\w+)/vocabulary\.txt").fullmatch
# Groups of a .keras file whose contents are not weights of layers.
_NOT_WEIGHTS = ("optimizer", "metrics", "loss", "seed_generator")


class Refused(Exception):
    """The file cannot be used. The message continues a sentence that begins with the file's name."""


def read_keras(output: IO[bytes], max_bytes: int, path: str) -> None:
    """Write what a Keras model file contains as a .npz archive.

    The entry `header` is a JSON object. If the file is refused, it is {"refused": the rest of a sentence}. Otherwise:

        layout      "keras" or "h5"
        version     the version of Keras that wrote the file, or "" if it does not say
        config      the text of the model's configuration
        layers      the names of the groups of weights and their numbers of arrays, [[name, count], ...]; the vocabulary
                    of a TextVectorization layer is a group too, "vocabulary", of one array of bytes

    The arrays of group i are the entries "i/0", "i/1" and so on. With the layout "keras", a name is the path of a group
    `vars`, without this last part; with the layout "h5", it is the name of a layer.

    Args:
        output: The stream that is written to.
        max_bytes: The maximum size of the arrays.
        path: The file.
    """
    arrays: dict[str, NDArray[Any]] = {}
    try:
        header = _read(path, min(max_bytes, _size(path)), arrays)
    except Refused as reason:
        header, arrays = {"refused": str(reason)}, {}
    text = json.dumps(header).encode()
    plain: dict[str, Any] = {HEADER: np.frombuffer(text, np.uint8), **arrays}
    np.savez(output, **plain)


def _size(path: str) -> int:
    with open(path, "rb") as file:
        return file.seek(0, io.SEEK_END)


def _read(path: str, room: int, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Fill `arrays` and return the header. `room` is the maximum size of the arrays in bytes."""
    import h5py

    with open(path, "rb") as file:
        start = file.read(4)
    if start == b"PK\3\4":
        return _read_archive(path, room, arrays)
    with h5py.File(path, "r") as opened:
        return _read_h5(opened, room, arrays)


def _read_archive(path: str, room: int, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    import h5py

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            if names.count(name) != 1:
                fault = "more than one member" if name in names else "no member"
                raise Refused(f"is a zip archive with {fault} {name}, not a model that Keras saved: save it again.")
        config = _member(archive, "config.json", MAX_JSON)
        metadata = json.loads(_member(archive, "metadata.json", _MAX_METADATA))
        weights = _member(archive, "model.weights.h5", room * MAX_RATIO)
        vocabularies = {
            found[1]: _member(archive, found[0], MAX_JSON) for found in filter(None, map(_VOCABULARY, names))
        }
    version = metadata.get("keras_version", "") if isinstance(metadata, dict) else ""
    with h5py.File(io.BytesIO(weights), "r") as opened:
        contents = _Arrays(opened, len(weights), arrays)
        texts = [(f"{path}/vocabulary", [np.frombuffer(text, np.uint8)]) for path, text in vocabularies.items()]
        layers = contents.store([*contents.groups(), *texts])
    return {"layout": "keras", "version": str(version)[:100], "config": config.decode(), "layers": layers}


def _member(archive: zipfile.ZipFile, name: str, max_size: int) -> bytes:
    """Return the content of a member. No more is unpacked than is allowed."""
    found = archive.getinfo(name)
    if found.file_size > min(max_size, found.compress_size * MAX_RATIO + _CHUNK):
        raise Refused(f"has a member {name} of {found.file_size:,} bytes after decompression, which is too large.")
    with archive.open(found) as member:
        content = member.read(found.file_size)
        if member.read(1):  # so that the checksum at the end is compared too
            raise Refused(f"has a member {name} that is larger than it says: save the model again.")
    return content


def _read_h5(file: Any, room: int, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    found = _Arrays(file, room, arrays)
    config = found.text(file, "model_config")
    if config is None:
        if "layer_names" in file.attrs or "layers" in file or "_layer_checkpoint_dependencies" in file:
            raise Refused(
                "has only the weights of a model, which do not say how its layers compute: save the whole model with "
                "model.save('model.keras')."
            )
        raise Refused("is an HDF5 file, but not a model that Keras saved: it has no attribute model_config.")
    weights = found.group(file, "model_weights")
    version = found.text(file, "keras_version") or found.text(weights, "keras_version") or ""
    layers = []
    for name in found.names(weights, "layer_names"):
        group = found.group(weights, name)
        layers.append((name, [found.array(group, weight) for weight in found.names(group, "weight_names")]))
    header = found.store(layers)
    return {"layout": "h5", "version": version[:100], "config": config, "layers": header}


class _Arrays:
    """The arrays of an HDF5 file.

    Args:
        file: The open file.
        room: The maximum size of all arrays in bytes.
        arrays: The dict that the arrays are put into.
    """

    def __init__(self, file: Any, room: int, arrays: dict[str, NDArray[Any]]) -> None:
        self._file, self._room, self._arrays, self._objects = file, room, arrays, 0

    def groups(self) -> list[tuple[str, list[NDArray[Any]]]]:
        """Return the names and arrays of all groups `vars` below the layers."""
        return list(self._walk(self._file, "", 0))

    def _walk(self, group: Any, path: str, depth: int) -> Iterator[tuple[str, list[NDArray[Any]]]]:
        if depth > _MAX_DEPTH:
            raise Refused("has groups in groups, deeper than any model that Keras saves.")
        for name in group:
            if name == "vars":
                inner = self.group(group, name)
                yield path, [self.array(inner, str(place)) for place in range(len(inner))]
            elif name not in _NOT_WEIGHTS and self._is_group(group, name):
                yield from self._walk(self.group(group, name), f"{path}/{name}".removeprefix("/"), depth + 1)

    def store(self, groups: list[tuple[str, list[NDArray[Any]]]]) -> list[tuple[str, int]]:
        """Put arrays into the dict and return the names and counts of their groups."""
        for place, (_, arrays) in enumerate(groups):
            self._arrays.update({f"{place}/{number}": array for number, array in enumerate(arrays)})
        return [(name, len(arrays)) for name, arrays in groups]

    def _is_group(self, group: Any, name: str) -> bool:
        import h5py

        return group.get(name, getclass=True, getlink=True) is h5py.HardLink and (
            group.get(name, getclass=True) is h5py.Group
        )

    def _member(self, group: Any, name: str) -> Any:
        """Return a member of a group. Links to other places and files are not followed."""
        import h5py

        found = group
        for part in name.strip("/").split("/"):
            self._objects += 1
            if self._objects > _MAX_OBJECTS:
                raise Refused(f"has more than {_MAX_OBJECTS:,} groups and arrays, more than any model needs.")
            if not isinstance(found, h5py.Group) or part not in found:  # `in` would search the numbers of an array
                raise Refused(f"has no group or array {name!r}, which it says that it has: save the model again.")
            if found.get(part, getclass=True, getlink=True) is not h5py.HardLink:
                raise Refused(f"has a link at {name!r} where Keras stores weights: save the model again.")
            found = found[part]
        return found

    def group(self, group: Any, name: str) -> Any:
        import h5py

        found = self._member(group, name)
        if not isinstance(found, h5py.Group):
            raise Refused(f"has an array at {name!r} where Keras stores a group: save the model again.")
        return found

    def array(self, group: Any, name: str) -> NDArray[Any]:
        """Return an array of numbers, if it is stored as it is in this file."""
        import h5py

        found = self._member(group, name)
        if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "fiub":
            raise Refused(f"has no array of numbers at {name!r}, where Keras stores one: save the model again.")
        size = math.prod(found.shape) * found.dtype.itemsize if found.shape is not None else -1
        stored = found.id.get_storage_size()
        if size < 0 or max(found.shape, default=0) >= _MAX_AXIS or found.is_virtual or found.external:
            raise Refused(f"has an array {name!r} that is not stored in the file: save the model again.")
        if found.chunks is not None or stored != size:
            raise Refused(
                f"has an array {name!r} that is compressed or incomplete: load the model with Keras and save it again."
            )
        self._room -= size
        if self._room < 0:
            raise Refused("has arrays that are larger than the file itself: save the model again.")
        return np.asarray(found[()])

    def text(self, group: Any, name: str) -> str | None:
        """Return an attribute that is a text, or None if there is no such attribute."""
        if name not in group.attrs:
            return None
        self._require_small(group, name)
        value = group.attrs[name]
        text = value.decode() if isinstance(value, bytes) else value
        if not isinstance(text, str) or len(text) > MAX_JSON:
            raise Refused(f"has an attribute {name} that is not a text of at most {MAX_JSON >> 20} MB.")
        return text

    def names(self, group: Any, attribute: str) -> list[str]:
        """Return a list of names in an attribute, which is split into several attributes if it is long."""
        split = list(takewhile(group.attrs.__contains__, (f"{attribute}{place}" for place in range(_MAX_OBJECTS))))
        found: list[str] = []
        for name in split or [attribute]:
            if name not in group.attrs:
                raise Refused(f"has no attribute {name} at {group.name!r}: save the model again.")
            self._require_small(group, name)
            values = np.atleast_1d(group.attrs[name])
            found += [value.decode() if isinstance(value, bytes) else str(value) for value in values.ravel()]
            if len(found) > _MAX_OBJECTS:
                raise Refused(f"has more than {_MAX_OBJECTS:,} names in its attribute {attribute}.")
        return found

    def _require_small(self, group: Any, name: str) -> None:
        import h5py

        attribute = h5py.h5a.open(group.id, name.encode())
        if math.prod(attribute.shape) * attribute.get_type().get_size() > MAX_JSON:
            raise Refused(f"has an attribute {name} that is larger than {MAX_JSON >> 20} MB.")
