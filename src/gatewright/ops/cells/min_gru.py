"""The minimal gated recurrent unit, minGRU (Feng et al. 2024)."""

from collections.abc import Mapping
from types import MappingProxyType, ModuleType

import numpy as np

from gatewright.ops.cells.cell import (
    ACTIVATIONS,
    Array,
    Cell,
    Gradients,
    Options,
    States,
    Weights,
    bias_backward,
    project,
    project_backward,
)


class MinGRU(Cell):
    """The minGRU. Its gates do not depend on the state. If the update gate z is near 1, h is close to c.

    Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?", section 3.1.

        z = sigma((x * m_z) @ W_z + b_z)                    update gate
        c = (x * m_h) @ W_h + b_h                           candidate
        h = (1 - z) * h_prev + z * c                        sigma = recurrent_activation

    The code in the appendix of the paper also applies a function g to the candidate. The results of g are
    positive, so that the states can be computed with logarithms. Section 3.1 has no g, and neither has this class.
    States: (h,). Saved for the backward pass: (z, c).
    Ledger of h: k = 1 - z, w = z * c.
    """

    name = "min_gru"
    title = "minGRU"
    gates = ("z", "h")
    saved = ("z", "c")
    conventions = MappingProxyType({"z": "z = 1 replaces the state by the candidate; z = 0 keeps it"})
    candidate = "c"
    reads_state = False

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        (W, _, b, m, _), (h_prev,) = weights, states
        x_z, c = project(x, W, b, m, 2)
        z = ACTIVATIONS[options.recurrent_activation].apply(xp, x_z)
        h = (1 - z) * h_prev + z * c
        return (h,), (z, c)

    def step_backward(
        self,
        options: Options,
        d_states: States,
        x: Array,
        states: States,
        output: Array,
        saved: States,
        weights: Weights,
    ) -> Gradients:
        W, U, b, m, _ = weights
        (d_h,), (h_prev,), (z, c) = d_states, states, saved
        d_a = [d_h * (c - h_prev) * ACTIVATIONS[options.recurrent_activation].derivative(z), d_h * z]
        d_x, d_W = project_backward(d_a, x, W, m)
        return Gradients(d_x, d_W, np.zeros_like(U), bias_backward(b, d_a), (d_h * (1 - z),))

    def ledger(self, options: Options, saved: Mapping[str, Array]) -> tuple[Array, Array] | None:
        z, c = saved["z"], saved["c"]
        return 1 - z, z * c
