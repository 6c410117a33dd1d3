"""Pooling over time."""

from dataclasses import dataclass
from types import ModuleType
from typing import Annotated, ClassVar, TypeAlias

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
from gatewright.support.errors import InputError
from gatewright.support.schema import Text

POOLS = ("mean", "max", "attention")
"""The allowed values of `Pool.method`."""
PoolMethod: TypeAlias = Annotated[str, Text(choices=POOLS)]


@dataclass(frozen=True)
class Pool(Layer):
    """Pooling over time, from [batch, time, features] to [batch, features].

    The result is zero if no step is pooled.

    Attributes:
        method: "mean", "max", or "attention", which is a weighted mean with learned weights (Yang et al. 2016,
            "Hierarchical Attention Networks for Document Classification", section 2.2).
        padding: True if masked steps are pooled like others, as in Keras' GlobalMaxPooling1D. False if they are
            ignored, as in Keras' GlobalAveragePooling1D.
    """

    method: PoolMethod
    padding: bool = False
    kind: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        if self.method not in POOLS:
            raise InputError(f"The pooling method must be one of {', '.join(POOLS)}, not {self.method!r}.")

    def shapes(self, features: int) -> dict[str, tuple[int, ...]]:
        if self.method != "attention":
            return {}
        return {"kernel": (features, features), "bias": (features,), "context": (features,)}

    def initial_weights(self, features: int, rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
        if self.method != "attention":
            return {}
        bias, context = np.zeros(features, np.float32), glorot((features, 1), rng)[:, 0]
        return {"kernel": glorot((features, features), rng), "bias": bias, "context": context}

    def forward(
        self, backend: Backend, w: Weights, inputs: Activations, states: States | None, rng: Rng | None
    ) -> tuple[Activations, States]:
        xp, x = backend.xp, as_array(inputs.x)
        mask = xp.ones(x.shape[:2], bool) if inputs.mask is None or self.padding else inputs.mask
        now = self._accumulate(xp, w, x, mask)
        after = now if states is None else self._merge(xp, states, now)
        return inputs._replace(x=self._result(xp, after).astype(x.dtype), mask=None), after

    def _accumulate(self, xp: ModuleType, w: Weights, x: Array, mask: Array) -> States:
        """Return the values from which the pooled features of the time steps of x are computed.

        For "mean" these are (sum, number of live steps), for "max" (maximum, True if any step is live), and for
        "attention" (highest score, weighted sum, sum of the weights).
        """
        live = mask[:, :, None]
        # A stream can have millions of steps, whose sums float32 rounds. JAX, which only trains, lacks float64.
        wide = np.float64 if xp is np else x.dtype
        if self.method == "mean":
            return xp.where(live, x, 0).sum(axis=1, dtype=wide), mask.sum(axis=1)[:, None].astype(wide)
        if self.method == "max":
            return xp.where(live, x, -xp.inf).max(axis=1), mask.any(axis=1)[:, None]
        top, a = self._attention(xp, w, x, mask)
        return top, (a[:, :, None] * x).sum(axis=1, dtype=wide), a.sum(axis=1, keepdims=True, dtype=wide)

    def _attention(self, xp: ModuleType, w: Weights, x: Array, mask: Array) -> tuple[Array, Array]:
        """Return the highest score, [batch, 1], and the weights of the steps before their division by the sum.

        u_t = tanh(W h_t + b),  a_t = exp(u_t c) / sum of exp(u_t c),  s = sum of a_t h_t
        """
        scores = xp.where(mask, xp.tanh(x @ w["kernel"] + w["bias"]) @ w["context"], -xp.inf)
        top = scores.max(axis=1, keepdims=True)
        return top, xp.exp(scores - xp.where(top == -xp.inf, 0, top))

    def _merge(self, xp: ModuleType, before: States, now: States) -> States:
        if self.method == "mean":
            return before[0] + now[0], before[1] + now[1]
        if self.method == "max":
            return xp.maximum(before[0], now[0]), before[1] | now[1]
        top = xp.maximum(before[0], now[0])
        safe = xp.where(top == -xp.inf, 0, top)
        one, other = xp.exp(before[0] - safe), xp.exp(now[0] - safe)
        return top, one * before[1] + other * now[1], one * before[2] + other * now[2]

    def _result(self, xp: ModuleType, states: States) -> Array:
        if self.method == "mean":
            return states[0] / xp.maximum(states[1], 1)
        if self.method == "max":
            return xp.where(states[1], states[0], 0)
        return states[1] / xp.where(states[2] > 0, states[2], 1)

    def linear_form(self, w: Weights, inputs: Activations) -> LinearForm | None:
        x = as_array(inputs.x)
        mask = np.ones(x.shape[:2], bool) if inputs.mask is None or self.padding else inputs.mask
        shares = self._shares(w, x, mask)
        return lambda d: (shares * d[:, None], 0.0)

    def _shares(self, w: Weights, x: Array, mask: Array) -> Array:
        """Return a_t with pooled = sum over t of a_t * x_t, [batch, time, features or 1]: 0 if all steps are masked.

        For "max", a_t is 1 at the first step that has the maximum of its feature, and 0 at the others.
        """
        live = mask[:, :, None]
        if self.method == "mean":
            return live / np.maximum(mask.sum(axis=1), 1)[:, None, None]
        if self.method == "max":
            first = np.where(live, x, -np.inf).argmax(axis=1)[:, None] if x.shape[1] else 0
            return live & (np.arange(x.shape[1])[:, None] == first)
        _, a = self._attention(np, w, x, mask)
        total = a.sum(axis=1, keepdims=True, dtype=np.float64)
        return (a / np.where(total > 0, total, 1))[:, :, None]

    def stepper(self, w: Weights) -> tuple[States, Step]:
        mask = np.ones((1, 1), bool)

        def step(x: Array, states: States) -> tuple[Array, States]:
            now = self._accumulate(np, w, x[:, None], mask)
            after = self._merge(np, states, now) if states else now
            return self._result(np, after).astype(x.dtype), after

        return (), step

    def vjp(self, w: Weights, inputs: Activations) -> tuple[Activations, Pullback]:
        x = as_array(inputs.x)
        mask = np.ones(x.shape[:2], bool) if inputs.mask is None or self.padding else inputs.mask
        outputs, _ = self.forward(NUMPY, w, inputs, None, None)
        pooled, live = outputs.x[:, None], mask[:, :, None]
        if self.method == "mean":
            shares = (live / np.maximum(mask.sum(axis=1), 1)[:, None, None]).astype(x.dtype)
            return outputs, lambda d: shares * d[:, None]
        if self.method == "max":
            # Steps with equal maxima share the gradient, as in JAX.
            highest = live & (x == pooled)
            shares = (highest / np.maximum(highest.sum(axis=1, keepdims=True), 1)).astype(x.dtype)
            return outputs, lambda d: shares * d[:, None]
        u = np.tanh(x @ w["kernel"] + w["bias"])
        scores = np.where(mask, u @ w["context"], -np.inf)
        top = scores.max(axis=1, keepdims=True)
        a = np.exp(scores - np.where(top == -np.inf, 0, top))
        a = (a / np.maximum(a.sum(axis=1, keepdims=True), np.finfo(x.dtype).tiny))[:, :, None]

        def pullback(d: Array) -> Array:
            # d a_t / d score_t' = a_t (1[t = t'] - a_t'), so d_score_t = a_t (d h_t - d s)
            d_scores = a * ((x - pooled) * d[:, None]).sum(axis=2, keepdims=True)
            return a * d[:, None] + (d_scores * (1 - u * u) * w["context"]) @ w["kernel"].T

        return outputs, pullback
