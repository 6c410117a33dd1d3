"""The gated recurrent unit with layer normalization (Ba, Kiros & Hinton 2016)."""

from collections.abc import Mapping
from types import MappingProxyType, ModuleType

import numpy as np

from gatewright.ops.cells.cell import (
    ACTIVATIONS,
    Array,
    Gradients,
    Options,
    States,
    Weights,
    project,
    project_backward,
)
from gatewright.ops.cells.layer_norm import LayerNormCell, normalize, normalize_backward


class LayerNormGRU(LayerNormCell):
    """The gated recurrent unit with layer normalization. If the update gate z is near 1, h is close to the candidate c.

    Ba, Kiros & Hinton 2016, "Layer Normalization", section 3.1 and the supplementary material.

        N(v) = (v - mean(v)) / sqrt(variance(v) + EPSILON)
        x_z, x_r, x_h = (x * m) @ W                  h_z, h_r, h_h = (h_prev * n) @ U
        a = gain_x * N(x) + gain_h * N(h) + b        for z and r: N acts on both as one vector
        z = sigma(a_z)    r = sigma(a_r)
        u = gain_h_h * N(h_h) + b_u
        c = activation(gain_x_h * N(x_h) + b_h + r * u)
        h = (1 - z) * h_prev + z * c                 sigma = recurrent_activation

    The paper adds a bias after each of the two normalizations for z and r. Only the sum of the two matters, and it is b
    here. The array `bias` is [10, units]. Its rows are b (z, r, h), b_u, gain_x (z, r, h) and gain_h (z, r, h).
    States: (h,). Saved for the backward pass: (z, r, c, x_z, x_r, x_h, h_z, h_r, h_h).
    Ledger of h: k = 1 - z, w = z * c.
    """

    name = "layer_norm_gru"
    title = "LayerNormGRU"
    gates = ("z", "r", "h")
    conventions = MappingProxyType(
        {
            "z": "z = 1 replaces the state by the candidate; z = 0 keeps it",
            "r": "r = 0 leaves the state out of the candidate; r = 1 uses all of it",
        }
    )
    candidate = "c"
    saved = ("z", "r", "c", "x_z", "x_r", "x_h", "h_z", "h_r", "h_h")
    parameter_rows = 10
    gain_rows = slice(4, 10)

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        (W, U, bias, m, n), (h_prev,) = weights, states
        activation, sigma = ACTIVATIONS[options.activation].apply, ACTIVATIONS[options.recurrent_activation].apply
        rows = self.parameters(options, bias, h_prev.shape[-1], xp, h_prev)
        b, b_u, gain_x, gain_h = rows[:3], rows[3], rows[4:7], rows[7:]
        x_sums, h_sums = project(x, W, None, m, 3), project(h_prev, U, None, n, 3)
        normal_x = [*normalize(xp, x_sums[:2]), *normalize(xp, x_sums[2:])]
        normal_h = [*normalize(xp, h_sums[:2]), *normalize(xp, h_sums[2:])]
        z, r = (sigma(xp, gain_x[k] * normal_x[k] + gain_h[k] * normal_h[k] + b[k]) for k in range(2))
        u = gain_h[2] * normal_h[2] + b_u
        c = activation(xp, gain_x[2] * normal_x[2] + b[2] + r * u)
        h = (1 - z) * h_prev + z * c
        return (h,), (z, r, c, *x_sums, *h_sums)

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
        W, U, bias, m, n = weights
        (d_h,), (h_prev,), (z, r, c, *sums) = d_states, states, saved
        activation, sigma = ACTIVATIONS[options.activation], ACTIVATIONS[options.recurrent_activation]
        rows = self.parameters(options, bias, h_prev.shape[-1], np, h_prev)
        gain_x, gain_h = rows[4:7], rows[7:]
        u = gain_h[2] * normalize(np, sums[5:])[0] + rows[3]
        d_a_c = d_h * z * activation.derivative(c)
        d_a_z, d_a_r = d_h * (c - h_prev) * sigma.derivative(z), d_a_c * u * sigma.derivative(r)
        d_u = d_a_c * r
        d_x_zr, d_gain_x_zr = normalize_backward([d_a_z, d_a_r], sums[:2], gain_x[:2])
        d_x_h, d_gain_x_h = normalize_backward([d_a_c], sums[2:3], gain_x[2])
        d_h_zr, d_gain_h_zr = normalize_backward([d_a_z, d_a_r], sums[3:5], gain_h[:2])
        d_h_h, d_gain_h_h = normalize_backward([d_u], sums[5:], gain_h[2])
        d_x, d_W = project_backward([*d_x_zr, *d_x_h], x, W, m)
        d_h_prev, d_U = project_backward([*d_h_zr, *d_h_h], h_prev, U, n)
        d_b = [d.sum(axis=0) for d in (d_a_z, d_a_r, d_a_c, d_u)]
        d_gains = [*d_gain_x_zr, *d_gain_x_h, *d_gain_h_zr, *d_gain_h_h]
        d_bias = None if bias is None else np.stack([*d_b, *d_gains])
        return Gradients(d_x, d_W, d_U, d_bias, (d_h_prev + d_h * (1 - z),))

    def ledger(self, options: Options, saved: Mapping[str, Array]) -> tuple[Array, Array] | None:
        z, c = saved["z"], saved["c"]
        return 1 - z, z * c
