"""The shapes that the weights of Keras layers have, by their configuration."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gatewright.exchange.keras_chain import Entry, Unreadable
from gatewright.exchange.keras_layers import KerasLayer

Shape = tuple[int | None, ...]

_GATES = {"SimpleRNN": 1, "GRU": 3, "LSTM": 4}
# Layers without weights, which keep the number of features.
_KEEP_FEATURES = frozenset(
    {
        "InputLayer",
        *("Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "Activation", "Softmax", "ReLU"),
        *("Masking", "ActivityRegularization", "GlobalMaxPooling1D", "GlobalAveragePooling1D", "LeakyReLU", "ELU"),
    }
)
_MAX_UNITS = 1 << 31


def count_weights(layer: Entry) -> int | None:
    """Return the number of arrays that a layer has, or None if the kind of layer is not known."""
    shapes = _shapes(layer.kind, layer.config, None)
    return None if shapes is None else len(shapes[0])


def require_fitting(layers: Sequence[KerasLayer], input_shape: Sequence[int | None] | None) -> None:
    """Raise an error if the weights of a layer do not fit its configuration and the layers before it.

    Raises:
        Unreadable: A shape differs, or a weight is not a finite number.
    """
    features = input_shape[-1] if input_shape else None
    for layer in layers:
        if not all(np.isfinite(array).all() for array in layer.weights):
            raise Unreadable(f"has weights that are not finite in layer {layer.name!r} ({layer.kind}): train it again.")
        found = _shapes(layer.kind, layer.config, features)
        if found is None:
            features = None
            continue
        shapes, features = found
        if not _fit(layer, shapes):
            needed = ", ".join(str(shape).replace("None", "any") for shape in shapes) or "none"
            given = ", ".join(str(array.shape) for array in layer.weights[:8]) or "none"
            raise Unreadable(
                f"has weights of the shapes {given} in layer {layer.name!r} ({layer.kind}), but its configuration and "
                f"the layers before need {needed}: save the model again."
            )


def _fit(layer: KerasLayer, shapes: Sequence[Shape]) -> bool:
    return len(shapes) == len(layer.weights) and all(
        len(shape) == array.ndim
        and array.dtype.kind == "f"
        and all(one in (None, length) for one, length in zip(shape, array.shape, strict=True))
        for shape, array in zip(shapes, layer.weights, strict=True)
    )


def _shapes(kind: str, config: dict[str, Any], features: int | None) -> tuple[list[Shape], int | None] | None:
    """Return the shapes of the weights of a layer and its number of output features, or None if it is not known.

    Args:
        kind: Name of the class.
        config: Its configuration.
        features: Number of input features, or None if it is not known.
    """
    if kind in _KEEP_FEATURES:
        return [], features
    if kind == "Embedding":
        length = _size(config, "output_dim")
        return [(_size(config, "input_dim"), length)], length
    if kind == "Dense":
        units = _size(config, "units")
        return [(features, units), *([(units,)] if config.get("use_bias", True) else [])], units
    if kind in _GATES:
        units = _size(config, "units")
        width = _GATES[kind] * units
        after = kind == "GRU" and config.get("reset_after", True)
        bias = [(2, width) if after else (width,)] if config.get("use_bias", True) else []
        return [(features, width), (units, width), *bias], units
    if kind == "TimeDistributed":
        return _shapes(*_inner(config, "layer"), features)
    if kind == "Bidirectional":
        forward = _shapes(*_inner(config, "layer"), features)
        backward = _shapes(*_inner(config, "backward_layer" if config.get("backward_layer") else "layer"), features)
        if forward is None or backward is None or None in (forward[1], backward[1]):
            return None
        together = config.get("merge_mode", "concat") == "concat"
        return [*forward[0], *backward[0]], forward[1] + backward[1] if together else forward[1]  # type: ignore[operator]
    return None


def _inner(config: dict[str, Any], key: str) -> tuple[str, dict[str, Any]]:
    """Return class and configuration of the layer in a wrapper."""
    inner = config.get(key)
    if (
        not isinstance(inner, dict)
        or not isinstance(inner.get("class_name"), str)
        or not isinstance(inner.get("config"), dict)
    ):
        raise Unreadable("has a damaged configuration: a wrapper has no layer.")
    return inner["class_name"], inner["config"]


def _size(config: dict[str, Any], key: str) -> int:
    value = config.get(key)
    if type(value) is not int or not 0 < value < _MAX_UNITS:
        raise Unreadable(f"has a damaged configuration: {key} of a layer is not a number of units.")
    return value
