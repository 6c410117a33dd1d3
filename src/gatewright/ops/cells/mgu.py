"""The minimal gated unit (Zhou et al. 2016)."""

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
    mask_of_gate,
    project,
    project_backward,
)


class MGU(Cell):
    """The minimal gated unit. Its only gate f acts as both reset gate and update gate. If f is near 1, h is close to c.

    Zhou, Wu, Zhang & Zhou 2016, "Minimal Gated Unit for Recurrent Neural Networks", International Journal of
    Automation and Computing 13(3), section 3.

        f = sigma((x * m_f) @ W_f + b_f + (h_prev * n_f) @ U_f)                   forget gate
        c = activation((x * m_h) @ W_h + b_h + (f * (h_prev * n_h)) @ U_h)        candidate
        h = (1 - f) * h_prev + f * c                                              sigma = recurrent_activation

    States: (h,). Saved for the backward pass: (f, c).
    Ledger of h: k = 1 - f, w = f * c.
    """

    name = "mgu"
    title = "MGU"
    gates = ("f", "h")
    saved = ("f", "c")
    conventions = MappingProxyType(
        {"f": "f = 1 replaces the state by the candidate, which uses all of the state; f = 0 keeps the state"}
    )
    candidate = "c"

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        (W, U, b, m, n), (h_prev,) = weights, states
        activation, sigma = ACTIVATIONS[options.activation].apply, ACTIVATIONS[options.recurrent_activation].apply
        units = h_prev.shape[-1]
        x_f, x_h = project(x, W, b, m, 2)
        (h_f,) = project(h_prev, U[:, :units], None, None if n is None else n[:1], 1)
        f = sigma(xp, x_f + h_f)
        c = activation(xp, x_h + (f * (h_prev * mask_of_gate(n, 1))) @ U[:, units:])
        h = (1 - f) * h_prev + f * c
        return (h,), (f, c)

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
        W, U, b, m, n = weights
        (d_h,), (h_prev,), (f, c) = d_states, states, saved
        activation, sigma = ACTIVATIONS[options.activation], ACTIVATIONS[options.recurrent_activation]
        units, h_h = h_prev.shape[1], h_prev * mask_of_gate(n, 1)
        d_a_c = d_h * f * activation.derivative(c)
        d_p, d_U_h = project_backward([d_a_c], f * h_h, U[:, units:], None)
        d_a_f = (d_h * (c - h_prev) + d_p * h_h) * sigma.derivative(f)
        d_h_prev, d_U_f = project_backward([d_a_f], h_prev, U[:, :units], n)
        d_h_prev = d_h_prev + d_p * f * mask_of_gate(n, 1) + d_h * (1 - f)
        d_a = [d_a_f, d_a_c]
        d_x, d_W = project_backward(d_a, x, W, m)
        return Gradients(
            d_x,
            d_W,
            np.concatenate([d_U_f, d_U_h], axis=1),
            bias_backward(b, d_a),
            (d_h_prev,),
        )

    def ledger(self, options: Options, saved: Mapping[str, Array]) -> tuple[Array, Array] | None:
        f, c = saved["f"], saved["c"]
        return 1 - f, f * c
