"""The input layer and the output layer of piano roll models."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations, Backend, Layer, LinearForm, Pullback, Rng, States, Step, Weights
from gatewright.nn.layers import Dense
from gatewright.support.schema import Size

NO_FRAME = 255
"""The value of every key at a padded step, in inputs and targets."""

# Few keys sound at a time. The initial biases give this probability, so that the first training steps need not learn
# it: Lin et al. 2017, "Focal Loss for Dense Object Detection", section 3.3.
_INITIAL_PROBABILITY = 0.05


@dataclass(frozen=True)
class Frames(Layer):
    """An input layer for frames, uint8 [batch, time, keys]: 1 if a key sounds, else 0. Mask `NO_FRAME`, the padding."""

    kind: ClassVar[str] = "frames"
    stepwise: ClassVar[bool] = True

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        return inputs._replace(x=(inputs.x == 1).astype(np.float32), mask=inputs.x[:, :, 0] != NO_FRAME), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return (), lambda x, states: (x.astype(np.float32), states)

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        return self.forward(NUMPY, w, inputs, None, None)[0], lambda d: d


@dataclass(frozen=True)
class Sigmoids(Layer):
    """Return a logit for each key. Given the previous frames, the keys of a frame are independent of one another.

    Boulanger-Lewandowski, Bengio & Vincent 2012, "Modeling Temporal Dependencies in High-Dimensional Sequences",
    section 3; Chung et al. 2014, "Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling",
    section 4.1.

    If `Activations.targets` are given (frames, [batch, time, keys]), the outputs are -log p of each target frame in
    nats, [batch, time], and 0 for padding:

        -log p(v_t) = sum over keys k of  -v_k log p_k - (1 - v_k) log(1 - p_k),   p = sigmoid(W h_t + b)

    Attributes:
        units: Number of keys.
    """

    units: Size
    kind: ClassVar[str] = "sigmoids"
    stepwise: ClassVar[bool] = True

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return Dense(self.units).shapes(features)

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        drawn = Dense(self.units).initial_weights(features, rng)
        bias = drawn["bias"] - np.float32(np.log((1 - _INITIAL_PROBABILITY) / _INITIAL_PROBABILITY))
        return {**drawn, "bias": bias}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, targets = backend.xp, inputs.targets
        logits = inputs.x @ w["kernel"] + w["bias"]
        if targets is None:
            return inputs._replace(x=logits), ()
        # -v log p - (1 - v) log(1 - p) = log(1 + e^s) - v s, and log(1 + e^s) = max(s, 0) + log(1 + e^-|s|)
        nats = xp.maximum(logits, 0) + xp.log1p(xp.exp(-xp.abs(logits))) - xp.where(targets == 1, logits, 0)
        return inputs._replace(x=xp.where(targets[..., 0] == NO_FRAME, 0, nats.sum(axis=-1))), ()

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        """Run the layer and return the logits, and their pullback; see `Layer.vjp`. Targets are ignored."""
        outputs, _ = self.forward(NUMPY, w, inputs._replace(targets=None), None, None)
        return outputs, lambda d: d @ w["kernel"].T

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        return Dense(self.units).linear_form(w, inputs)

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return Dense(self.units).stepper(w)
