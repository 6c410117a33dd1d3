"""Find the chain of layers in the configuration of a Keras model, which is JSON that may be damaged or hostile.

`support.keras_configs` first translates configurations of earlier releases to those of Keras 3. Masks, which Keras 3
stores as operations (NotEqual, Any), are compared with what the layers compute by themselves, and left out.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gatewright.support.errors import InputError
from gatewright.support.escapes import escape_control
from gatewright.support.keras_configs import model_config

MODELS = ("Sequential", "Functional")
"""The classes of models that are taken apart."""

# Levels of lists and objects. A model in a model takes four of them.
_MAX_DEPTH = 64
_MAX_LAYERS = 1000
_MAX_NAME = 200
_MAX_STEPS = 1 << 31
# What Keras 3 writes as the module of its layers and models; h5 files and Keras 2 have none.
_MODULES = re.compile(r"(tf_)?keras(\.src)?(\.(layers|models|engine)\b[\w.]*)?")
_MASK_OPERATIONS = ("NotEqual", "Any")
# Layers after which the mask of the layers before is the same.
_KEEP_MASK = frozenset(
    {
        *("Embedding", "Masking", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "TimeDistributed", "Dense"),
        *("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "Activation", "ActivityRegularization"),
        *("LayerNormalization", "BatchNormalization"),
    }
)


class Unreadable(Exception):
    """The model cannot be read. The message continues a sentence that begins with the model's name."""


@dataclass(frozen=True)
class Entry:
    """A layer or a model in a configuration.

    Attributes:
        kind: Name of the class.
        name: Name of the layer in its model.
        config: Its configuration.
        layers: For a model, its entries in the order in which Keras stores them. Empty for a layer.
        chain: For a model, the positions in `layers` from the input to the output, without input layers.
        input_shape: For a model, the shape of its input without the batch, or None if it is not known.
    """

    kind: str
    name: str
    config: dict[str, Any]
    layers: "tuple[Entry, ...]" = ()
    chain: tuple[int, ...] = ()
    input_shape: tuple[int | None, ...] | None = None

    @property
    def is_model(self) -> bool:
        """True if the entry is a model, whose layers are taken out of it."""
        return self.kind in MODELS

    @property
    def shown(self) -> str:
        """The layer in a message."""
        return f"layer {self.name!r} ({self.kind})"


def read_chain(text: str, version: str) -> Entry:
    """Return the model that a configuration describes.

    Args:
        text: The configuration, a JSON text.
        version: The version of Keras that wrote it. Empty if it is not known, as in files of Keras 1.0.

    Raises:
        Unreadable: It is damaged, or the model is not one chain of layers.
        InputError: A layer of an earlier release has no counterpart in Keras 3.
    """
    config = _parsed(text)
    is_old = version.partition(".")[0] in ("", "0", "1", "2")
    try:
        return _entry(model_config(config).value if is_old else config, is_old)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise Unreadable("has a damaged configuration: save the model again.") from None


def _parsed(text: str) -> Any:
    """Return a JSON value of limited depth."""
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise Unreadable("has a configuration that is not JSON: save the model again.") from None
    level, depth = [value], 0
    while level := [inner for one in level if isinstance(one, dict | list) for inner in _values(one)]:
        depth += 1
        if depth > _MAX_DEPTH:
            raise Unreadable(f"has a configuration of more than {_MAX_DEPTH} levels, deeper than any Keras model.")
    return value


def _values(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("the same key twice")
    return found


def _entry(entry: Any, is_old: bool) -> Entry:
    """Return a layer, or a model with its layers."""
    if not isinstance(entry, dict) or not isinstance(entry.get("config"), dict):
        raise Unreadable("has a damaged configuration: a layer has no class_name or no config.")
    kind, config = entry.get("class_name"), entry["config"]
    if not isinstance(kind, str):
        raise Unreadable("has a damaged configuration: a layer has no class_name or no config.")
    kind = "Functional" if kind == "Model" else kind
    name = config.get("name", kind) if kind in MODELS else config.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or escape_control(name) != name:
        raise Unreadable(f"has a layer of the class {kind!r} whose name is not a text of 1 to {_MAX_NAME} characters.")
    _require_keras(entry, kind, name, is_old)
    if kind not in MODELS:
        return Entry(kind, name, config)
    listed = config.get("layers")
    if not isinstance(listed, list) or not 0 < len(listed) <= _MAX_LAYERS:
        raise Unreadable(f"has a model {name!r} that has no list of 1 to {_MAX_LAYERS:,} layers.")
    if kind == "Sequential":
        layers = [_entry(layer, is_old) for layer in listed]
        chain: Iterator[int] = iter(range(len(layers)))
    else:
        layers, chain = _functional(config, name, is_old)
    inputs = [layer for layer in layers if layer.kind == "InputLayer"]
    inner = [place for place in chain if layers[place].kind != "InputLayer"]
    if not inner or len(inputs) > 1:
        raise Unreadable(f"has a model {name!r} with {len(inputs)} input layers and {len(inner)} other layers.")
    shape = _input_shape([*(one.config.get("batch_shape") for one in inputs), config.get("build_input_shape")])
    return Entry(kind, name, config, tuple(layers), tuple(inner), shape or layers[inner[0]].input_shape)


def _require_keras(entry: Mapping[str, Any], kind: str, name: str, is_old: bool) -> None:
    """Raise an error if a layer or model is not one of Keras' own."""
    module, config = entry.get("module"), entry["config"]
    is_named_so = module is None or (isinstance(module, str) and _MODULES.fullmatch(module))
    is_registered = entry.get("registered_name") not in (None, kind)
    # An operation such as keras.ops.softmax has the name of a layer, but not its settings.
    is_operation = not is_old and kind not in MODELS and not {"dtype", "trainable"} & config.keys()
    if is_named_so and not is_registered and not is_operation:
        return
    what = "is not a layer of Keras" if not is_operation else "is an operation, not a layer"
    raise Unreadable(f"has the layer {name!r} ({kind}), which {what}: build the model from layers of Keras alone.")


def _input_shape(shapes: list[Any]) -> tuple[int | None, ...] | None:
    """Return the first of several shapes that is known, without the batch."""
    for shape in shapes:
        if isinstance(shape, list | tuple) and len(shape) > 1:
            if all(one is None or (type(one) is int and 0 < one < _MAX_STEPS) for one in shape[1:]):
                return tuple(shape[1:])
            raise Unreadable("has an input of an impossible shape in its configuration: save the model again.")
    return None


def _functional(config: dict[str, Any], name: str, is_old: bool) -> tuple[list[Entry], Iterator[int]]:
    """Return the layers of a functional model, and the positions of those in its only chain."""
    operations = [entry for entry in config["layers"] if _is_mask(entry)]
    entries = [entry for entry in config["layers"] if not _is_mask(entry)]
    layers = [_entry(entry, is_old) for entry in entries]
    names = [_name_in_model(entry, layer) for entry, layer in zip(entries, layers, strict=True)]
    ends = [_only_end(config.get(key), name, key) for key in ("input_layers", "output_layers")]
    places = {one: place for place, one in enumerate(names)}
    if len(places) < len(names) or not set(ends) <= places.keys():
        raise Unreadable(f"has a model {name!r} whose layers have equal names, or which has no such input or output.")
    masks = {entry["config"]["name"]: entry for entry in operations}
    before: dict[str, str] = {}
    for entry, layer, own in zip(entries, layers, names, strict=True):
        if layer.kind != "InputLayer":
            source, mask = _call(entry, layer)
            if source in before.values():
                raise Unreadable(_branching(source, places, layers))
            before[own] = source
            if mask is not None:
                _require_own_mask(masks, mask, own, before, {one: layers[place] for one, place in places.items()})
    order, current = [ends[1]], ends[1]
    while current != ends[0]:
        if current not in before or len(order) > len(names):
            raise Unreadable(f"has a model {name!r} whose layers do not lead from its input to its output.")
        current = before[current]
        order.append(current)
    if len(order) < len(names):
        left = layers[places[next(one for one in names if one not in order)]]
        raise Unreadable(f"has the {left.shown} outside the chain from its input to its output: build it without it.")
    return layers, (places[one] for one in reversed(order))


def _branching(source: str, places: Mapping[str, int], layers: list[Entry]) -> str:
    shown = layers[places[source]].shown if source in places else f"layer {source!r}"
    return (
        f"has more than one layer after the {shown}, and only models whose layers form one chain can be read: "
        "build the model without branches."
    )


def _name_in_model(entry: Mapping[str, Any], layer: Entry) -> str:
    name = entry.get("name", layer.name)
    if not isinstance(name, str):
        raise Unreadable("has a damaged configuration: a layer has no name.")
    return name


def _is_mask(entry: Any) -> bool:
    return (
        isinstance(entry, dict)
        and entry.get("class_name") in _MASK_OPERATIONS
        and isinstance(entry.get("config"), dict)
        and not {"dtype", "trainable"} & entry["config"].keys()
    )


def _only_end(listed: Any, model: str, key: str) -> str:
    """Return the name of the only input or output layer: `[name, 0, 0]`, or a list of one of these."""
    if isinstance(listed, list) and len(listed) == 1 and isinstance(listed[0], list):
        listed = listed[0]
    if not isinstance(listed, list) or len(listed) != 3 or not isinstance(listed[0], str) or listed[2] != 0:
        number = len(listed) if isinstance(listed, list | dict) else 0
        raise Unreadable(
            f"has a model {model!r} with {number} {key.removesuffix('_layers')}s, and only models with one input and "
            "one output can be read."
        )
    return listed[0]


def _call(entry: Mapping[str, Any], layer: Entry) -> tuple[str, str | None]:
    """Return the name of the layer before a layer, and the name of the operation whose result is its mask, or None."""
    nodes = entry.get("inbound_nodes")
    if not isinstance(nodes, list) or len(nodes) != 1:
        times = len(nodes) if isinstance(nodes, list) else 0
        raise Unreadable(
            f"calls the {layer.shown} {times} times, and only models whose layers form one chain can be read: "
            "give each place in the model a layer of its own."
        )
    arguments, keywords = _arguments(nodes[0])
    tensors = [_source(one) for one in arguments]
    if len(tensors) != 1 or tensors[0] is None:
        raise Unreadable(
            f"calls the {layer.shown} with {len(tensors)} arguments, and only models whose layers form one chain can "
            "be read: build the model without branches and initial states."
        )
    keywords = dict(keywords)
    mask = keywords.pop("mask", None)
    source = _source(mask)
    used = [name for name, value in keywords.items() if value is not None and not (name == "training" and not value)]
    if used or (mask is not None and source is None):
        raise Unreadable(
            f"calls the {layer.shown} with {(used or ['mask'])[0]}=, which changes what it computes: call it with its "
            "input alone."
        )
    return tensors[0], source


def _arguments(node: Any) -> tuple[list[Any], dict[str, Any]]:
    """Return the positional and the keyword arguments of a call, in the form of Keras 3 or of Keras 1 and 2."""
    if isinstance(node, dict):
        arguments, keywords = node["args"], node["kwargs"]
    else:  # [[name, node, tensor, keywords], ...]
        arguments = [one[:3] for one in node]
        keywords = node[0][3] if len(node) == 1 and len(node[0]) > 3 else {}
    if not isinstance(arguments, list) or not isinstance(keywords, dict):
        raise Unreadable("has a damaged configuration: the arguments of a layer are not a list and an object.")
    return arguments, keywords


def _source(tensor: Any) -> str | None:
    """Return the name of the layer whose first output a tensor is, or None if it is something else."""
    if isinstance(tensor, dict) and tensor.get("class_name") == "__keras_tensor__":
        tensor = tensor["config"]["keras_history"]
    fits = isinstance(tensor, list) and len(tensor) == 3 and isinstance(tensor[0], str) and tensor[1:] == [0, 0]
    return tensor[0] if fits else None


def _require_own_mask(
    masks: Mapping[str, Any], mask: str, name: str, before: Mapping[str, str], layers: Mapping[str, Entry]
) -> None:
    """Raise an error if a mask in the configuration is not the one that the layers before compute by themselves."""
    current = before[name]
    while current in before and layers[current].kind in _KEEP_MASK:
        layer, source = layers[current], before[current]
        if layer.kind == "Embedding" and layer.config.get("mask_zero") is True and _compares(masks, mask, source, 0):
            return
        value = layer.config.get("mask_value")
        if layer.kind == "Masking" and _is_any(masks, mask) and _compares(masks, _operand(masks, mask), source, value):
            return
        current = source
    raise Unreadable(
        f"calls the {layers[name].shown} with a mask of its own: let Embedding(mask_zero=True) or Masking make it."
    )


def _operand(masks: Mapping[str, Any], name: str) -> str:
    return _source(_arguments(masks[name]["inbound_nodes"][0])[0][0]) or ""


def _is_any(masks: Mapping[str, Any], name: str) -> bool:
    """Return True if a mask is `any(..., axis=-1)`."""
    return name in masks and masks[name]["class_name"] == "Any" and masks[name]["config"].get("axis") in (-1, [-1])


def _compares(masks: Mapping[str, Any], name: str, source: str, value: Any) -> bool:
    """Return True if a mask is `not_equal(x, value)`, where x is the output of the layer `source`."""
    if name not in masks or masks[name]["class_name"] != "NotEqual":
        return False
    arguments, _ = _arguments(masks[name]["inbound_nodes"][0])
    if len(arguments) != 2 or not all(type(number) in (int, float) for number in (arguments[1], value)):
        return False
    return _operand(masks, name) == source and bool(arguments[1] == value)
