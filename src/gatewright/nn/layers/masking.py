"""The masking of time steps."""

from dataclasses import dataclass
from typing import ClassVar

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Backend, Layer, Pullback, Rng, States, Weights, as_array


@dataclass(frozen=True)
class Masking(Layer):
    """The masking of the time steps whose features all have one value, as in Keras. Their features become 0.

    Attributes:
        mask_value: The value.
    """

    mask_value: float = 0.0
    kind: ClassVar[str] = "masking"
    stepwise: ClassVar[bool] = True

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        x = as_array(inputs.x)
        mask = (x != self.mask_value).any(axis=-1)
        return inputs._replace(x=backend.xp.where(mask[..., None], x, 0), mask=mask), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        live = (as_array(inputs.x) != self.mask_value).any(axis=-1, keepdims=True)
        return self.forward(NUMPY, w, inputs, None, None)[0], lambda d: d * live
