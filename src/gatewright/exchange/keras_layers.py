"""The layers and weights of a Keras model, without Keras."""

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
    """

    kind: str
    name: str
    config: dict[str, Any]
    weights: tuple[NDArray[Any], ...]


@dataclass(frozen=True)
class KerasStack:
    """A Keras model whose layers form one chain, from its only input to its only output.

    Attributes:
        name: Name of the model's file, or of the model, for messages.
        input_shape: Shape of the input without the batch, such as (200,) or (None, 3). None if it is not known.
        layers: The layers from the input to the output, without input layers. Models in the model are taken apart.
    """

    name: str
    input_shape: tuple[int | None, ...] | None
    layers: tuple[KerasLayer, ...]
