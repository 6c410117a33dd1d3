"""The fully connected layer."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import (
    Activations,
    Array,
    Backend,
    Layer,
    LinearForm,
    Pullback,
    Rng,
    States,
    Step,
    Weights,
    as_array,
)
from gatewright.nn.layers.random import glorot
from gatewright.ops.cells.cell import ACTIVATIONS
from gatewright.support.errors import require_one_of
from gatewright.support.schema import Size, Text


def softmax(xp: ModuleType, a: Array) -> Array:
    """Return exp(a) divided by its sum over the last axis."""
    powers = xp.exp(a - a.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


DENSE_ACTIVATIONS: dict[str, Callable[[ModuleType, Array], Array]] = {
    **{name: activation.apply for name, activation in ACTIVATIONS.items()},
    "softmax": softmax,
}
"""The allowed values of `Dense.activation`, and their functions of `numpy` or `jax.numpy` and an array."""


@dataclass(frozen=True)
class Dense(Layer):
    """A fully connected layer. If there is a time axis, it computes each time step separately.

    Attributes:
        units: Number of output features.
        activation: Name of the activation, one of `DENSE_ACTIVATIONS`.
        use_bias: Add a bias.
    """

    units: Size
    activation: Annotated[str, Text(choices=tuple(DENSE_ACTIVATIONS))] = "linear"
    use_bias: bool = True
    kind: ClassVar[str] = "dense"
    stepwise: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require_one_of("The activation", self.activation, tuple(DENSE_ACTIVATIONS))

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (features, self.units), **({"bias": (self.units,)} if self.use_bias else {})}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        kernel = glorot((features, self.units), rng)
        return {"kernel": kernel, **({"bias": np.zeros(self.units, np.float32)} if self.use_bias else {})}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        return inputs._replace(x=self._apply(backend.xp, w, as_array(inputs.x))), ()

    def _apply(self, xp: ModuleType, w: Weights, x: Array) -> Array:
        a = x @ w["kernel"]
        if self.use_bias:
            a = a + w["bias"]
        return a if self.activation == "linear" else DENSE_ACTIVATIONS[self.activation](xp, a)

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        if self.activation != "linear":
            return None
        return lambda d: (d @ w["kernel"].T, float((d * w["bias"]).sum()) if self.use_bias else 0.0)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        if self.use_bias and self.activation == "linear":
            kernel, bias = w["kernel"], w["bias"]
            return (), lambda x, states: (x @ kernel + bias, states)
        return (), lambda x, states: (self._apply(np, w, x), states)

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        outputs, _ = self.forward(NUMPY, w, inputs, None, None)
        y = outputs.x

        def pullback(d: Array) -> Array:
            if self.activation == "softmax":
                d = y * (d - (d * y).sum(axis=-1, keepdims=True))
            elif self.activation != "linear":
                d = d * ACTIVATIONS[self.activation].derivative(y)
            return d @ w["kernel"].T

        return outputs, pullback
