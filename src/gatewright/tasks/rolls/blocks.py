"""The first and the last block of a model of piano rolls: frames that say of each key whether it sounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.block import Library, Noise, States, Step, Steps, Weights
from gatewright.nn.layers import Dense

NO_FRAME = 255
"""Stands at every key of a step that is padding, in inputs and targets."""

# Few keys sound at a time: biases begin there, so that the first steps of training need not learn that alone. Lin et
# al. 2017, "Focal Loss for Dense Object Detection", section 3.3.
_SHARE = 0.05


@dataclass(frozen=True)
class Frames:
    """Frames, uint8 [batch, time, keys], 1 where a key sounds, else 0; `NO_FRAME` is padding, which is not walked."""

    kind: ClassVar[str] = "frames"

    def width(self, features: int) -> int:
        return features

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return {}

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        return {}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        return steps._replace(x=(steps.x == 1).astype(np.float32), live=steps.x[:, :, 0] != NO_FRAME), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return (), lambda x, states: (x.astype(np.float32), states)


@dataclass(frozen=True)
class Sigmoids:
    """The probability of each key, independent of the others at its step given the past: its logit.

    Boulanger-Lewandowski, Bengio & Vincent 2012, "Modeling Temporal Dependencies in High-Dimensional Sequences",
    section 3; Chung et al. 2014, "Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling",
    section 4.1.
    Asked about frames (`Steps.targets` [batch, time, keys]) it gives -log p of each, in nats, [batch, time]:

        -log p(v_t) = sum over keys k of  -v_k log p_k - (1 - v_k) log(1 - p_k),   p = sigmoid(W h_t + b)

    and 0 where a frame is padding.

    Attributes:
        units: the keys.
    """

    units: int
    kind: ClassVar[str] = "sigmoids"

    def width(self, features: int) -> int:
        return self.units

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        return Dense(self.units).shapes(features)

    def start(self, features: int, seeds: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        drawn = Dense(self.units).start(features, seeds)
        return {**drawn, "bias": drawn["bias"] - np.float32(np.log((1 - _SHARE) / _SHARE))}

    def forward(
        self, lib: Library, w: Weights, steps: Steps, states: States | None, noise: Noise | None
    ) -> tuple[Steps, States]:
        xp, targets = lib.xp, steps.targets
        logits = steps.x @ w["kernel"] + w["bias"]
        if targets is None:
            return steps._replace(x=logits), ()
        # -v log p - (1 - v) log(1 - p) = log(1 + e^s) - v s, and log(1 + e^s) = max(s, 0) + log(1 + e^-|s|)
        nats = xp.maximum(logits, 0) + xp.log1p(xp.exp(-xp.abs(logits))) - xp.where(targets == 1, logits, 0)
        return steps._replace(x=xp.where(targets[..., 0] == NO_FRAME, 0, nats.sum(axis=-1))), ()

    def stepper(self, w: Weights) -> tuple[States, Step]:
        return Dense(self.units).stepper(w)
