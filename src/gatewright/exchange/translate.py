"""Translate the layers of a Keras model into layers and weights of our networks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.exchange.keras_layers import KerasLayer, KerasStack
from gatewright.nn.layer import Layer
from gatewright.nn.layers import DENSE_ACTIVATIONS, MERGE_MODES, Dense, Embedding, Flatten, Masking, Pool, Recurrent
from gatewright.ops.cells.cell import ACTIVATIONS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.support.keras_arguments import HARD_SIGMOID
from gatewright.support.schema import shown

_CELLS = {"SimpleRNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru", "CuDNNLSTM": "lstm", "CuDNNGRU": "gru"}
# In inference they return their input.
_WITHOUT_EFFECT = frozenset(
    {
        *("InputLayer", "Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "AlphaDropout"),
        *("ActivityRegularization", "Identity"),
    }
)
_LAYERS_WITH_ACTIVATION = {"ReLU": "relu", "Softmax": "softmax"}
# clip(0.2 a + 0.5, 0, 1) = clip(1.2 a / 6 + 0.5, 0, 1): the hard sigmoid of Keras 1 and 2 is that of Keras 3 of 1.2 a.
_HARD_SIGMOID_FACTOR = np.float32(1.2)

Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Translated:
    """The network of a Keras model. Its outputs are logits if the last activation is a sigmoid or softmax.

    Attributes:
        layers: The layers.
        weights: The weights of each layer.
        features: The number of features of the input at each time step; 1 for ids.
        outputs: The number of outputs.
        activation: The activation that belongs to the head: "sigmoid", "softmax" or "linear".
        per_step: True if there are outputs at each time step.
    """

    layers: tuple[Layer, ...]
    weights: tuple[Weights, ...]
    features: int
    outputs: int
    activation: str
    per_step: bool


def without_effect(layer: KerasLayer) -> bool:
    """Return True if a layer returns its input in inference."""
    if layer.kind == "Activation":
        return bool(_activation_name(layer.config.get("activation")) == "linear")
    if layer.kind == "TimeDistributed":
        return _inner(layer, "layer").kind in _WITHOUT_EFFECT
    return layer.kind in _WITHOUT_EFFECT


def translate(stack: KerasStack, layers: Sequence[KerasLayer], steps: int | None) -> Translated:
    """Return the network with these layers.

    Args:
        stack: The model, for messages and the number of features of its input.
        layers: The layers that have an effect, without those that make ids of texts.
        steps: The number of steps that the network reads, or None if it is not fixed.

    Raises:
        InputError: A layer cannot be expressed.
    """
    if not layers:
        raise InputError(f"{stack.name} has no layers that can be imported.")
    builder = _Builder(stack, steps)
    for layer in layers:
        builder.add(layer)
    return builder.result()


class _Builder:
    """The layers so far, and what is known of their outputs.

    Attributes:
        layers, weights: The layers, and their weights.
        per_step: True if the outputs have a time axis.
        width: The number of features of the outputs.
    """

    def __init__(self, stack: KerasStack, steps: int | None) -> None:
        self._stack, self._steps = stack, steps
        self.layers: list[Layer] = []
        self.weights: list[Weights] = []
        self.per_step = True
        self.features: int | None = None
        self.width = 0

    def add(self, layer: KerasLayer) -> None:
        """Add a layer.

        Raises:
            InputError: The layer cannot be expressed, or not after the layers so far.
        """
        kinds: Mapping[str, Callable[[KerasLayer], None]] = {
            "Embedding": self._embedding,
            "Masking": self._masking,
            "Bidirectional": self._bidirectional,
            "TimeDistributed": self._time_distributed,
            "Dense": self._dense,
            "GlobalMaxPooling1D": self._pool,
            "GlobalAveragePooling1D": self._pool,
            "Flatten": self._flatten,
            "Activation": self._activation,
            **dict.fromkeys(_LAYERS_WITH_ACTIVATION, self._activation),
            **dict.fromkeys(_CELLS, self._recurrent),
        }
        if layer.kind not in kinds:
            raise _refused(layer, f"is of the kind {layer.kind}", "which cannot be imported")
        dtype = layer.config.get("dtype")
        policy = dtype.get("config", {}).get("name") if isinstance(dtype, dict) else dtype
        if isinstance(policy, str) and policy not in ("float32", "float64"):
            raise _refused(layer, f"computes in {shown(policy)}", "but only float32 can be imported")
        kinds[layer.kind](layer)

    def result(self) -> Translated:
        """Return the network, without the last activation if the head applies it."""
        last = self.layers[-1]
        if not isinstance(last, Dense):
            raise InputError(
                f"The last layer of {self._stack.name} is {self._stack.layers[-1].name!r}, but only models that end "
                "with Dense can be imported: add Dense to the model."
            )
        activation = last.activation if last.activation in ("sigmoid", "softmax") else "linear"
        if activation != "linear":
            self.layers[-1] = Dense(last.units, use_bias=last.use_bias)
        if activation == "softmax" and last.units == 1:
            raise InputError(
                f"The last layer of {self._stack.name} is a softmax with one output, which is always 1: train the "
                "model with a sigmoid instead."
            )
        features = self.features or 1
        return Translated(tuple(self.layers), tuple(self.weights), features, last.units, activation, self.per_step)

    def _append(self, layer: Layer, source: KerasLayer, weights: Weights) -> None:
        """Append a layer whose weights must have the shapes that it needs."""
        if self.features is None:
            self.features = 1 if isinstance(layer, Embedding) else self._input_features(weights)
            self.width = self.features
        shapes = layer.shapes(self.width)
        found = {name: array.shape for name, array in weights.items()}
        if found != shapes:
            wrong = next((name for name in shapes if found.get(name) != shapes[name]), "weights")
            raise _refused(
                source,
                f"has weights {wrong!r} of shape {list(found.get(wrong, ()))}",
                f"but needs {list(shapes.get(wrong, ()))}",
                "save the model again",
            )
        if not all(np.isfinite(array).all() for array in weights.values()):
            raise _refused(source, "has weights that are not finite", "so its training failed", "train it again")
        self.layers.append(layer)
        self.weights.append({name: np.ascontiguousarray(array, np.float32) for name, array in weights.items()})
        self.width = layer.width(self.width)

    def _input_features(self, weights: Weights) -> int:
        shape = self._stack.input_shape
        if "kernel" in weights and weights["kernel"].ndim == 2:
            return int(weights["kernel"].shape[0])
        if shape is not None and len(shape) == 2 and shape[1] is not None:
            return shape[1]
        raise InputError(f"The number of features of {self._stack.name} is unknown: build the model with an Input.")

    def _require_time(self, layer: KerasLayer) -> None:
        if not self.per_step:
            raise _refused(layer, "needs a time axis", "which the layers before it have removed")

    def _embedding(self, layer: KerasLayer) -> None:
        if self.layers:
            raise _refused(layer, "is an Embedding", "which must be the first layer")
        if layer.config.get("lora_rank"):
            raise _refused(layer, "has lora_rank", "which cannot be imported", "merge the weights first")
        table = _weights(layer, 1)[0]
        if table.ndim != 2:
            raise _refused(layer, f"has a table of shape {list(table.shape)}", "but needs two axes")
        rows, units = table.shape
        self._append(Embedding(rows, units, mask=bool(layer.config.get("mask_zero"))), layer, {"table": table})

    def _masking(self, layer: KerasLayer) -> None:
        self._require_time(layer)
        value = layer.config.get("mask_value", 0.0)
        if type(value) not in (int, float):
            raise _refused(layer, f"has mask_value={shown(value)}", "which is not a number")
        self._append(Masking(float(np.float32(value))), layer, {})

    def _recurrent(self, layer: KerasLayer) -> None:
        self._require_time(layer)
        made, weights = _recurrent(layer, bidirectional=False)
        self._append(made, layer, weights)
        self.per_step = made.return_sequences

    def _bidirectional(self, layer: KerasLayer) -> None:
        self._require_time(layer)
        merge = layer.config.get("merge_mode", "concat")
        if merge not in MERGE_MODES:
            raise _refused(layer, f"has merge_mode={shown(merge)}", "so it has two outputs")
        forward, half = _inner(layer, "layer"), len(layer.weights) // 2
        if forward.kind not in _CELLS:
            raise _refused(layer, f"wraps the kind {forward.kind}", "which cannot be imported")
        backward = _inner(layer, "backward_layer") if layer.config.get("backward_layer") else forward
        one, first = _recurrent(_with_weights(forward, layer.weights[:half]), bidirectional=True)
        other, second = _recurrent(_with_weights(backward, layer.weights[half:]), bidirectional=True)
        same = backward is forward or (one.go_backwards != other.go_backwards)
        if not same or _without_direction(one) != _without_direction(other):
            raise _refused(layer, "has different layers for the two directions", "which cannot be imported")
        made = Recurrent(**{**_fields(one), "bidirectional": True, "merge": merge})
        self._append(made, layer, first | {f"backward_{name}": array for name, array in second.items()})
        self.per_step = made.return_sequences

    def _time_distributed(self, layer: KerasLayer) -> None:
        self._require_time(layer)
        inner = _with_weights(_inner(layer, "layer"), layer.weights)
        if inner.kind not in ("Dense", "Activation", *_LAYERS_WITH_ACTIVATION):
            raise _refused(layer, f"wraps the kind {inner.kind}", "but only Dense can be imported")
        self.add(inner)

    def _dense(self, layer: KerasLayer) -> None:
        if layer.config.get("lora_rank") or layer.config.get("quantization_config"):
            raise _refused(layer, "has adapted or quantized weights", "which cannot be imported")
        use_bias = bool(layer.config.get("use_bias", True))
        kernel, *bias = _weights(layer, 1 + use_bias)
        if kernel.ndim != 2:
            raise _refused(layer, f"has a kernel of shape {list(kernel.shape)}", "but needs two axes")
        activation = _activation(layer, "activation", "linear", tuple(DENSE_ACTIVATIONS))
        factor = 1 if activation != HARD_SIGMOID else _HARD_SIGMOID_FACTOR
        activation = "hard_sigmoid" if activation == HARD_SIGMOID else activation
        weights = {"kernel": kernel * factor, **({"bias": bias[0] * factor} if bias else {})}
        self._append(Dense(kernel.shape[1], activation, use_bias), layer, weights)

    def _activation(self, layer: KerasLayer) -> None:
        """Give an activation to the Dense layer before."""
        last = self.layers[-1] if self.layers else None
        if not isinstance(last, Dense) or last.activation != "linear":
            raise _refused(layer, f"is {layer.kind} after a layer that is not a linear Dense", "so it is not imported")
        if layer.kind in _LAYERS_WITH_ACTIVATION:
            defaults = {"axis": -1, "max_value": None, "negative_slope": 0.0, "threshold": 0.0}
            for key, value in defaults.items():
                if layer.config.get(key, value) != value:
                    raise _refused(layer, f"has {key}={shown(layer.config[key])}", "which cannot be imported")
            activation = _LAYERS_WITH_ACTIVATION[layer.kind]
        else:
            activation = _activation(layer, "activation", "linear", tuple(DENSE_ACTIVATIONS))
        if activation == HARD_SIGMOID:
            self.weights[-1] = {name: array * _HARD_SIGMOID_FACTOR for name, array in self.weights[-1].items()}
            activation = "hard_sigmoid"
        self.layers[-1] = Dense(last.units, activation, last.use_bias)

    def _pool(self, layer: KerasLayer) -> None:
        self._require_time(layer)
        _require_last_axis(layer)
        if layer.config.get("keepdims"):
            raise _refused(layer, "has keepdims=True", "which cannot be imported", "use keepdims=False")
        is_max = layer.kind == "GlobalMaxPooling1D"
        self._append(Pool("max" if is_max else "mean", padding=is_max), layer, {})
        self.per_step = False

    def _flatten(self, layer: KerasLayer) -> None:
        if not self.per_step:
            return  # [batch, features] is flat already
        _require_last_axis(layer)
        if self._steps is None:
            raise _refused(layer, "is Flatten", "which needs a model whose input has a fixed length")
        self._append(Flatten(self._steps), layer, {})
        self.per_step = False


def _recurrent(layer: KerasLayer, bidirectional: bool) -> tuple[Recurrent, Weights]:
    """Return one direction of a recurrent layer, and its weights."""
    config, cell = layer.config, _CELLS[layer.kind]
    for name in ("return_state", "time_major"):
        if config.get(name):
            raise _refused(layer, f"has {name}=True", "which cannot be imported", f"use {name}=False")
    units = config.get("units")
    if type(units) is not int or units < 1:
        raise _refused(layer, f"has units={shown(units)}", "which is not a size")
    activation = _activation(layer, "activation", "tanh", tuple(ACTIVATIONS))
    gates = _activation(layer, "recurrent_activation", "sigmoid", tuple(ACTIVATIONS))
    if activation == HARD_SIGMOID:
        raise _refused(layer, "has hard_sigmoid of an earlier Keras as its activation", "which cannot be imported")
    reset_after = bool(config.get("reset_after", True)) or layer.kind == "CuDNNGRU"
    use_bias, sequences = bool(config.get("use_bias", True)), bool(config.get("return_sequences"))
    zero = sequences if bidirectional else bool(config.get("zero_output_for_mask"))
    if zero and not sequences:
        raise _refused(layer, "has zero_output_for_mask without return_sequences", "which cannot be imported")
    made = Recurrent(
        cell,
        units,
        return_sequences=sequences,
        activation=activation,
        recurrent_activation="hard_sigmoid" if gates == HARD_SIGMOID else gates,
        reset_after=reset_after,
        use_bias=use_bias,
        go_backwards=bool(config.get("go_backwards")),
        zero_output_for_mask=zero and not config.get("unroll"),
    )
    names = ("kernel", "recurrent_kernel", "bias")[: 2 + use_bias]
    weights = dict(zip(names, _weights(layer, len(names)), strict=True))
    return made, _scaled_gates(made, weights) if gates == HARD_SIGMOID else weights


def _scaled_gates(layer: Recurrent, weights: Weights) -> Weights:
    """Return the weights with those of the gates multiplied by the factor of the hard sigmoid."""
    rec = Recurrence(layer.cell)
    candidates = {"simple_rnn": (), "lstm": ("c",), "gru": ("c", "h")}[layer.cell]
    factors = [np.float32(1) if gate in candidates else _HARD_SIGMOID_FACTOR for gate in rec.gate_names]
    columns = np.repeat(np.array(factors, np.float32), layer.units)
    if any(array.shape[-1] != len(columns) for array in weights.values()):
        return weights  # refused by its shape
    return {name: array * columns for name, array in weights.items()}


def _fields(layer: Recurrent) -> dict[str, Any]:
    return {field.name: getattr(layer, field.name) for field in fields(layer)}


def _without_direction(layer: Recurrent) -> dict[str, Any]:
    return {**_fields(layer), "go_backwards": False}


def _inner(layer: KerasLayer, key: str) -> KerasLayer:
    """Return a layer that is wrapped, without its weights."""
    entry = layer.config.get(key)
    config = entry.get("config") if isinstance(entry, dict) else None
    kind = entry.get("class_name") if isinstance(entry, dict) else None
    if not isinstance(config, dict) or not isinstance(kind, str):
        raise _refused(layer, f"has no {key}", "so its configuration is damaged", "save the model again")
    return KerasLayer(kind, layer.name, config, ())


def _with_weights(layer: KerasLayer, weights: Sequence[NDArray[Any]]) -> KerasLayer:
    return KerasLayer(layer.kind, layer.name, layer.config, tuple(weights))


def _weights(layer: KerasLayer, count: int) -> list[NDArray[np.float32]]:
    if len(layer.weights) != count:
        raise _refused(
            layer, f"has {len(layer.weights)} arrays of weights", f"but needs {count}", "save the whole built model"
        )
    return [np.asarray(array, np.float32) for array in layer.weights]


def _require_last_axis(layer: KerasLayer) -> None:
    if layer.config.get("data_format") == "channels_first":
        raise _refused(layer, "has data_format='channels_first'", "which cannot be imported")


def _activation_name(value: Any) -> Any:
    """Return the name of an activation in a configuration, which may be wrapped."""
    if isinstance(value, dict):
        value = value.get("config") if isinstance(value.get("config"), str) else value.get("registered_name")
    return "linear" if value is None else value


def _activation(layer: KerasLayer, key: str, default: str, known: Sequence[str]) -> str:
    name = _activation_name(layer.config.get(key, default))
    if name == HARD_SIGMOID or name in known:
        return str(name)
    raise _refused(layer, f"has {key}={shown(name)}", f"but only {', '.join(known)} can be imported")


def _refused(layer: KerasLayer, what: str, why: str, remedy: str = "change the model") -> InputError:
    return InputError(f"Layer {layer.name[:80]!r} {what}, {why}: {remedy}.")
