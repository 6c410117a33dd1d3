"""Write trained models as .keras files, which stock Keras 3 loads, without Keras.

The Keras model has the layers of the network and an activation after the last one. It predicts the probabilities of our
model from the ids or scaled numbers that the network reads. Steps with id 0 are masked by `Embedding(mask_zero=True)`.

Keras' max pooling reads masked steps too. So infinity is subtracted from the outputs at masked steps first, and 0 from
the others, which loses no bit. A layer next to the network makes these numbers from the inputs. Inputs that are masked
at all steps have NaN as output, as with Keras' mean pooling.
"""

import io
import json
import os
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gatewright.exchange.keras_layers import KerasLayer, KerasStack, group_name, weight_groups
from gatewright.nn.layer import Layer, Weights
from gatewright.nn.layers import Dense, Dropout, Embedding, Flatten, Masking, Pool, Recurrent, Softmax
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError
from gatewright.support.files import atomically
from gatewright.support.ids import PADDING
from gatewright.support.packages import require_packages
from gatewright.tasks.base.model import TrainedModel

# The release whose format is written.
_KERAS_VERSION = "3.15.0"
_CELLS = {"simple_rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}
# The value of all numbers at a padded step, in place of NaN. float32 has it exactly.
_NO_STEP = -1e9
# The input layers of networks of numbers, and the value that marks padding.
_INPUTS = {"series_input": _NO_STEP, "frames": 255.0}
_INPUT = "input_layer"


@dataclass(frozen=True)
class KerasExport:
    """A model as Keras has it.

    Attributes:
        stack: The layers and weights.
        notes: Sentences about what the Keras model reads and returns.
    """

    stack: KerasStack
    notes: tuple[str, ...]


def stack_of_model(model: TrainedModel, name: str = "model") -> KerasExport:
    """Return the layers of a trained model as layers of Keras.

    Args:
        model: The model.
        name: The name of the Keras model.

    Raises:
        InputError: Keras' own layers cannot express a layer. The message names it.
    """
    activation = model.output_activation()
    builder = _Builder(model.prepared.features)
    for layer, weights in zip(model.layers, model.weights, strict=True):
        builder.add(layer, weights)
    return KerasExport(builder.stack(name, activation), builder.notes(model))


class _Builder:
    """The Keras layers so far, and what is known of their outputs.

    Attributes:
        mask: What masks steps: "" if nothing does.
        has_time: True if the outputs have a time axis.
        steps: The number of time steps, if the network needs a fixed one.
    """

    def __init__(self, features: int) -> None:
        self._features = features
        self._layers: list[KerasLayer] = []
        self.reads_ids = self._masks_ids = False
        self.mask = ""
        self.has_time = True
        self.steps: int | None = None
        # Appends a layer whose outputs are infinity at masked steps and 0 at others, and returns its name.
        self._append_padding: Callable[[], str] | None = None
        self._differs = False  # from Keras in the outputs at masked steps, which usually nothing reads

    def add(self, layer: Layer, weights: Weights) -> None:
        """Add a layer.

        Raises:
            InputError: Keras' own layers cannot express it.
        """
        kinds: Mapping[str, Callable[[Any, Weights], None]] = {
            Embedding.kind: self._embedding,
            Masking.kind: self._masking,
            Dropout.kind: self._dropout,
            Recurrent.kind: self._recurrent,
            Pool.kind: self._pool,
            Flatten.kind: self._flatten,
            Dense.kind: self._dense,
            Softmax.kind: self._softmax,
            "sigmoids": self._sigmoids,
            **dict.fromkeys(_INPUTS, self._input),
        }
        if layer.kind not in kinds:
            raise _refused(f"its layer {layer.kind}")
        kinds[layer.kind](layer, weights)

    def stack(self, name: str, activation: str) -> KerasStack:
        """Return the layers, with an activation after the last one."""
        last = self._layers[-1]
        if activation != "linear" and last.kind == "Dense" and last.config["activation"] == "linear":
            self._layers[-1] = replace(last, config={**last.config, "activation": activation})
        elif activation != "linear":
            self._append("Activation", {"activation": activation})
        shape = (self.steps,) if self.reads_ids else (self.steps, self._features)
        return KerasStack(name, shape, tuple(self._layers))

    def notes(self, model: TrainedModel) -> tuple[str, ...]:
        """Return sentences about the inputs and outputs."""
        first = model.layers[0].kind
        ids = "ids; 0 is padding" + (" and masked" if self._masks_ids else ", which is read like other ids")
        reads = ids if self.reads_ids else "the numbers that the network reads"
        notes = [f"The Keras model reads {reads} ({model.describe().reads})."]
        if first in _INPUTS:
            notes.append(f"Steps whose numbers are all {_INPUTS[first]:.0f} are masked.")
        if first == "series_input":
            notes.append("Scale the series as in the training, and replace missing numbers by 0.")
        return tuple(notes)

    def _append(self, kind: str, config: dict[str, Any], *weights: Any, inputs: tuple[str, ...] = ()) -> str:
        """Append a layer and return its name. See `KerasLayer` for `inputs`."""
        number = sum(layer.kind == kind for layer in self._layers)
        name = group_name(kind) + (f"_{number}" if number else "")
        arrays = tuple(np.ascontiguousarray(array, np.float32) for array in weights)
        self._layers.append(KerasLayer(kind, name, {"name": name, "dtype": "float32", **config}, arrays, inputs))
        return name

    def _embedding(self, layer: Embedding, w: Weights) -> None:
        self.reads_ids, self._masks_ids = True, layer.mask
        self.mask = "an embedding that masks id 0" if layer.mask else ""
        config = {"input_dim": layer.vocabulary, "output_dim": layer.units, "mask_zero": layer.mask}
        self._append("Embedding", config, w["table"])
        self._append_padding = self._padding_of_ids if layer.mask else None

    def _masking(self, layer: Masking, w: Weights) -> None:
        self.mask, self._append_padding = "masked steps", None
        self._append("Masking", {"mask_value": layer.mask_value})

    def _input(self, layer: Layer, w: Weights) -> None:
        value = _INPUTS[layer.kind]
        self.mask, self._append_padding = "masked steps", lambda: self._padding_of_numbers(value)
        self._append("Masking", {"mask_value": value})

    def _padding_of_ids(self) -> str:
        rows = self._layers[0].config["input_dim"]
        table = np.zeros((rows, 1))
        table[PADDING] = np.inf
        config = {"input_dim": rows, "output_dim": 1, "trainable": False}
        return self._append("Embedding", config, table, inputs=(_INPUT,))

    def _padding_of_numbers(self, value: float) -> str:
        # relu(1e39 mean(x) / value - 1e38), which overflows float32 if all numbers of a step are the value
        kernel = np.full((self._features, 1), 1e39 / value / self._features)
        config = {"units": 1, "activation": "relu", "use_bias": True, "trainable": False}
        return self._append("Dense", config, kernel, np.full(1, -1e38), inputs=(_INPUT,))

    def _subtract_padding(self) -> None:
        if self._append_padding is not None:
            outputs, padding = self._layers[-1].name, self._append_padding()
            self._append("Subtract", {}, inputs=(outputs, padding))

    def _dropout(self, layer: Dropout, w: Weights) -> None:
        # The same features are dropped at all time steps.
        self._append("SpatialDropout1D" if self.has_time else "Dropout", {"rate": layer.rate})

    def _recurrent(self, layer: Recurrent, w: Weights) -> None:
        if layer.cell not in _CELLS:
            raise _refused(f"its recurrent layer of the cell {layer.cell} ({CELLS[layer.cell].title})")
        if layer.zoneout:
            raise _refused(f"its recurrent layer with zoneout {layer.zoneout:g}")
        kind = _CELLS[layer.cell]
        config = {
            "units": layer.units,
            "activation": layer.activation,
            **({} if kind == "SimpleRNN" else {"recurrent_activation": layer.recurrent_activation}),
            **({"reset_after": layer.reset_after} if kind == "GRU" else {}),
            "use_bias": layer.use_bias,
            "return_sequences": layer.return_sequences,
            "go_backwards": layer.go_backwards,
            "recurrent_dropout": layer.recurrent_dropout,
            "zero_output_for_mask": layer.zero_output_for_mask,
        }
        names = [f"{prefix}{name}" for prefix, _ in layer.directions() for name in _weight_names(layer)]
        arrays = [w[name] for name in names]
        if layer.bidirectional:
            inner = {"name": f"forward_{group_name(kind)}", "dtype": "float32", **config}
            self._append(
                "Bidirectional", {"merge_mode": layer.merge, "layer": _object("keras.layers", kind, inner)}, *arrays
            )
            # Keras' layer has zeros at masked steps.
            differs = bool(self.mask) and layer.return_sequences and not layer.zero_output_for_mask
            self._differs = self._differs or differs
        else:
            self._append(kind, config, *arrays)
        self.has_time = layer.return_sequences

    def _pool(self, layer: Pool, w: Weights) -> None:
        if self.mask and not layer.padding and layer.method != "mean" and self._append_padding is None:
            raise _refused(f"its {layer.method} pooling of the steps that are not masked")
        if self.mask and layer.padding and layer.method != "max":
            raise _refused(f"its {layer.method} pooling of masked steps")
        self._require_same_masked_outputs(layer.padding, "max pooling")
        if layer.method == "mean":
            self._append("GlobalAveragePooling1D", {})
        elif layer.method == "max":
            if not layer.padding:
                self._subtract_padding()
            self._append("GlobalMaxPooling1D", {})
        else:
            self._attention(w)
        self.has_time, self.mask = False, ""

    def _attention(self, w: Weights) -> None:
        """Append layers that compute the equations of `Pool`, whose letters are h, u, c, a and s."""
        h, units = self._layers[-1].name, len(w["bias"])
        self._append("Dense", {"units": units, "activation": "tanh"}, w["kernel"], w["bias"])  # u
        self._append("Dense", {"units": 1, "use_bias": False}, w["context"][:, None])  # u c
        self._subtract_padding()
        a = self._append("Softmax", {"axis": 1})
        self._append("Dot", {"axes": 1}, inputs=(h, a))  # s, with an axis of length 1
        self._append("Flatten", {})

    def _flatten(self, layer: Flatten, w: Weights) -> None:
        self._require_same_masked_outputs(True, "flatten")
        self._append("Flatten", {})
        self.steps, self.has_time, self.mask = layer.steps, False, ""

    def _require_same_masked_outputs(self, reads_masked: bool, name: str) -> None:
        if reads_masked and self._differs:
            raise _refused(f"its layer {name} after a bidirectional layer, whose outputs at masked steps Keras makes 0")

    def _dense(self, layer: Dense, w: Weights) -> None:
        config = {"units": layer.units, "activation": layer.activation, "use_bias": layer.use_bias}
        self._append("Dense", config, *(w[name] for name in ("kernel", "bias")[: 1 + layer.use_bias]))

    def _softmax(self, layer: Softmax, w: Weights) -> None:
        kernel = w["table"].T if layer.tied else w["kernel"]
        self._append("Dense", {"units": layer.vocabulary, "activation": "linear"}, kernel, w["bias"])

    def _sigmoids(self, layer: Any, w: Weights) -> None:
        self._append("Dense", {"units": layer.units, "activation": "linear"}, w["kernel"], w["bias"])


def _weight_names(layer: Recurrent) -> tuple[str, ...]:
    return ("kernel", "recurrent_kernel", "bias")[: 2 + layer.use_bias]


def _refused(what: str) -> InputError:
    return InputError(
        f"The model cannot be exported to Keras: stock Keras has no layer for {what}. Use the model file with "
        "gatewright.runtime, or train a model without it."
    )


def write_stack(stack: KerasStack, path: str | os.PathLike[str]) -> None:
    """Write layers and weights as a .keras file. If writing fails, an existing file is left unchanged.

    Args:
        stack: The layers, none of which is a model. The first is an `Embedding` if the inputs are ids.
        path: The file.

    Raises:
        ImportError: h5py is not installed.
        OSError: The file cannot be written.
    """
    require_packages("Writing Keras files", ("h5py",), "keras-files")
    members = {
        "metadata.json": json.dumps({"keras_version": _KERAS_VERSION}).encode(),
        "config.json": json.dumps(_config(stack)).encode(),
        "model.weights.h5": _weights_file(stack),
    }
    with atomically(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)  # without the time, so that equal models are equal files


def _object(module: str, kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    return {"module": module, "class_name": kind, "config": dict(config), "registered_name": None}


def _config(stack: KerasStack) -> dict[str, Any]:
    dtype = "int32" if stack.layers[0].kind == "Embedding" else "float32"
    first = {"name": _INPUT, "batch_shape": [None, *(stack.input_shape or ())], "dtype": dtype}
    layers = [_object("keras.layers", "InputLayer", first)]
    layers += [_object("keras.layers", layer.kind, layer.config) for layer in stack.layers]
    if not any(layer.inputs for layer in stack.layers):
        return _object("keras", "Sequential", {"name": stack.name, "layers": layers})
    names = [_INPUT, *(layer.name for layer in stack.layers)]
    sources = [(), *(layer.inputs or (before,) for layer, before in zip(stack.layers, names, strict=False))]
    for entry, name, inputs in zip(layers, names, sources, strict=True):
        # One call, in the form of Keras 1 and 2, which needs no shapes of tensors. Keras 3 reads it too.
        calls = [[[source, 0, 0, {}] for source in inputs]] if inputs else []
        entry |= {"name": name, "inbound_nodes": calls}
    ends = {"input_layers": [_INPUT, 0, 0], "output_layers": [names[-1], 0, 0]}
    return _object("keras.src.models.functional", "Functional", {"name": stack.name, "layers": layers, **ends})


def _weights_file(stack: KerasStack) -> bytes:
    """Return the HDF5 file of the weights, with a group for each layer, named by its class and number."""
    import h5py

    stream = io.BytesIO()
    with h5py.File(stream, "w") as file:
        file.create_group("vars").attrs["name"] = stack.name
        numbers: dict[str, int] = {}
        for layer in stack.layers:
            number = numbers[layer.kind] = numbers.get(layer.kind, -1) + 1
            group = file.create_group(f"layers/{group_name(layer.kind)}" + (f"_{number}" if number else ""))
            group.create_group("vars").attrs["name"] = layer.name
            places = weight_groups(layer.kind)
            each = len(layer.weights) // len(places)
            for place, inner in enumerate(places):
                variables = group.require_group(f"{inner}/vars".removeprefix("/"))
                for index, array in enumerate(layer.weights[place * each : place * each + each]):
                    variables.create_dataset(str(index), data=array)
    return stream.getvalue()
