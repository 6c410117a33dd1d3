"""The fully connected layer."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import Activations, Backend, Layer, Rng, States, Step, Weights
from gatewright.nn.layers.random import glorot
from gatewright.support.schema import Size


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer without an activation.

    Attributes:
        units: Number of output features.
    """

    units: Size
    kind: ClassVar[str] = "dense"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (features, self.units), "bias": (self.units,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {"kernel": glorot((features, self.units), rng), "bias": np.zeros(self.units, np.float32)}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        return inputs._replace(x=inputs.x @ w["kernel"] + w["bias"]), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        kernel, bias = w["kernel"], w["bias"]
        return (), lambda x, states: (x @ kernel + bias, states)
