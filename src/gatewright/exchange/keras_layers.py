"""The layers and weights of a Keras model, without Keras."""

import re
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class KerasLayer:
    """One layer of a Keras model, as Keras 3 describes it.

    Attributes:
        kind: Name of the class, such as "GRU" or "Bidirectional".
        name: The name that the layer has in its model.
        config: What `layer.get_config()` returns in Keras 3, as JSON values. A wrapped layer is a dict with
            `class_name` and `config`.
        weights: The arrays in the order of `layer.get_weights()`.
        inputs: Names of the layers whose outputs it reads. Empty for the layer before it. Layers that are read from a
            file form a chain, so theirs is empty.
    """

    kind: str
    name: str
    config: dict[str, Any]
    weights: tuple[NDArray[Any], ...]
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class KerasStack:
    """A Keras model with one input and one output. Its layers form one chain, unless they name their `inputs`.

    Attributes:
        name: Name of the model's file, or of the model, for messages.
        input_shape: Shape of the input without the batch, such as (200,) or (None, 3). None if it is not known.
        layers: The layers from the input to the output, without input layers. Models in the model are taken apart.
    """

    name: str
    input_shape: tuple[int | None, ...] | None
    layers: tuple[KerasLayer, ...]


def group_name(kind: str) -> str:
    """Return the name of a class in the groups of a .keras file: "gru", "simple_rnn", "global_max_pooling1d"."""
    return re.sub(r"(?<=.)(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", "_", re.sub(r"\W", "", kind)).lower()


def weight_groups(kind: str) -> tuple[str, ...]:
    """Return the groups in the group of a layer whose arrays are its weights, in their order. "" is the layer's own."""
    if kind == "TextVectorization":
        return ("vocabulary",)
    if kind == "Bidirectional":
        return "forward_layer/cell", "backward_layer/cell"
    if kind == "TimeDistributed":
        return ("layer",)
    return ("cell",) if kind in ("SimpleRNN", "LSTM", "GRU", "RNN") else ("",)
