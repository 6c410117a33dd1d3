"""The dropout layer."""

from dataclasses import dataclass
from typing import ClassVar

from gatewright.nn.layer import Activations, Backend, Layer, LinearForm, Pullback, Rng, States, Step, Weights, as_array
from gatewright.nn.layers.random import dropout
from gatewright.ops.recurrence import Tokens
from gatewright.support.schema import Fraction


@dataclass(frozen=True)
class Dropout(Layer):
    """Dropout of features. The same features are dropped at all time steps of an example (Gal & Ghahramani 2016).

    Attributes:
        rate: Probability that a feature is dropped.
    """

    rate: Fraction
    kind: ClassVar[str] = "dropout"
    stepwise: ClassVar[bool] = True

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        x = inputs.x
        if isinstance(x, Tokens):
            if rng is None or not self.rate:
                return inputs, ()
            x = as_array(x)  # with dropout, equal ids have different vectors
        shape = (x.shape[0], 1, x.shape[2]) if x.ndim == 3 else x.shape
        return inputs._replace(x=dropout(backend, x, self.rate, rng, shape)), ()

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        return lambda d: (d, 0.0)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return (), lambda x, states: (x, states)

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        return inputs, lambda d: d
