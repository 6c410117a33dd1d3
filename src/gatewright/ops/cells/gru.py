"""The gated recurrent unit (Cho et al. 2014)."""

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


class GRU(Cell):
    """The gated recurrent unit. If the update gate z is near 1, h is close to the previous h.

    Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder", section 2.3. Chung et al. 2014,
    "Empirical Evaluation of Gated Recurrent Neural Networks on Sequence Modeling", section 3.2, exchanges z and
    1 - z. `gatewright.ops.convert.swap_update_gate` converts weights between the two conventions.

        z = sigma((x * m_z) @ W_z + b_z + (h_prev * n_z) @ U_z [+ b'_z])          update gate
        r = sigma((x * m_r) @ W_r + b_r + (h_prev * n_r) @ U_r [+ b'_r])          reset gate
        reset before:  c = activation((x * m_h) @ W_h + b_h + (r * (h_prev * n_h)) @ U_h)
        reset after:   u = (h_prev * n_h) @ U_h + b'_h
                       c = activation((x * m_h) @ W_h + b_h + r * u)              candidate
        h = z * h_prev + (1 - z) * c                                              sigma = recurrent_activation

    "Reset after" is the variant with `reset_after=True`. Its bias is [2, 3 * units], with b = bias[0] and b' = bias[1].
    "Reset before" has no b'.
    States: (h,). Saved for the backward pass: (z, r, c, u) with reset after, (z, r, c) with reset before.
    Ledger of h: k = z, w = (1 - z) * c.
    """

    name = "gru"
    title = "GRU"
    gates = ("z", "r", "h")
    conventions = MappingProxyType(
        {
            "z": "z = 1 keeps the state; z = 0 replaces it by the candidate",
            "r": "r = 0 leaves the state out of the candidate; r = 1 uses all of it",
        }
    )
    candidate = "c"

    def saved_names(self, options: Options) -> tuple[str, ...]:
        return ("z", "r", "c", "u") if options.reset_after else ("z", "r", "c")

    def bias_shape(self, options: Options, units: int) -> tuple[int, ...]:
        return (2, 3 * units) if options.reset_after else (3 * units,)

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        (W, U, b, m, n), (h_prev,) = weights, states
        activation, sigma = ACTIVATIONS[options.activation].apply, ACTIVATIONS[options.recurrent_activation].apply
        input_bias, recurrent_bias = (b, None) if b is None or not options.reset_after else b
        x_z, x_r, x_h = project(x, W, input_bias, m, 3)
        if options.reset_after:
            h_z, h_r, u = project(h_prev, U, recurrent_bias, n, 3)
        else:
            units = h_prev.shape[-1]
            h_z, h_r = project(h_prev, U[:, : 2 * units], None, n, 2)
        z = sigma(xp, x_z + h_z)
        r = sigma(xp, x_r + h_r)
        if options.reset_after:
            c = activation(xp, x_h + r * u)
        else:
            c = activation(xp, x_h + (r * (h_prev * mask_of_gate(n, 2))) @ U[:, 2 * units :])
        h = z * h_prev + (1 - z) * c
        return (h,), ((z, r, c, u) if options.reset_after else (z, r, c))

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
        (d_h,), (h_prev,), (z, r, c, *u) = d_states, states, saved
        activation, sigma = ACTIVATIONS[options.activation], ACTIVATIONS[options.recurrent_activation]
        units = h_prev.shape[1]
        d_a_z = d_h * (h_prev - c) * sigma.derivative(z)
        d_a_c = d_h * (1 - z) * activation.derivative(c)
        if options.reset_after:
            d_a_r = d_a_c * u[0] * sigma.derivative(r)
            d_h_prev, d_U = project_backward([d_a_z, d_a_r, d_a_c * r], h_prev, U, n)
        else:
            h_h = h_prev * mask_of_gate(n, 2)
            d_p, d_U_h = project_backward([d_a_c], r * h_h, U[:, 2 * units :], None)
            d_a_r = d_p * h_h * sigma.derivative(r)
            d_h_prev, d_U_zr = project_backward([d_a_z, d_a_r], h_prev, U[:, : 2 * units], n)
            d_h_prev = d_h_prev + d_p * r * mask_of_gate(n, 2)
            d_U = np.concatenate([d_U_zr, d_U_h], axis=1)
        d_a = [d_a_z, d_a_r, d_a_c]
        d_x, d_W = project_backward(d_a, x, W, m)
        d_b = bias_backward(b, d_a, *([[d_a_z, d_a_r, d_a_c * r]] if options.reset_after else []))
        return Gradients(d_x, d_W, d_U, d_b, (d_h_prev + d_h * z,))

    def ledger(self, options: Options, saved: Mapping[str, Array]) -> tuple[Array, Array] | None:
        z, c = saved["z"], saved["c"]
        return z, (1 - z) * c
