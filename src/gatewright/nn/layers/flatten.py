"""The flattening of time steps."""

from dataclasses import dataclass
from typing import ClassVar

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Backend, Layer, LinearForm, Pullback, Rng, States, Weights, as_array
from gatewright.support.schema import Size


@dataclass(frozen=True)
class Flatten(Layer):
    """The features of all time steps as one vector, from [batch, time, features] to [batch, time * features].

    Masked steps are read like others, as in Keras.

    Attributes:
        steps: Number of time steps.
    """

    steps: Size
    kind: ClassVar[str] = "flatten"

    def width(self, features: int) -> int:
        return self.steps * features

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        x = as_array(inputs.x)
        return inputs._replace(x=x.reshape(len(x), -1), mask=None), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        shape = as_array(inputs.x).shape
        return self.forward(NUMPY, w, inputs, None, None)[0], lambda d: d.reshape(shape)

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        shape = as_array(inputs.x).shape
        return lambda d: (d.reshape(shape), 0.0)
