"""The long short-term memory with layer normalization (Ba, Kiros & Hinton 2016)."""

from collections.abc import Mapping
from types import ModuleType

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
from gatewright.ops.cells.lstm import LSTM


class LayerNormLSTM(LayerNormCell, LSTM):
    """The long short-term memory with layer normalization.

    Ba, Kiros & Hinton 2016, "Layer Normalization", section 3.1 and the supplementary material.

        N(v) = (v - mean(v)) / sqrt(variance(v) + EPSILON)
        x_i, x_f, x_c, x_o = (x * m) @ W             h_i, h_f, h_c, h_o = (h_prev * n) @ U
        a = gain_x * N(x) + gain_h * N(h) + b        N acts on all four gates as one vector
        i = sigma(a_i)    f = sigma(a_f)    g = activation(a_c)    o = sigma(a_o)
        c = f * c_prev + i * g
        h = o * activation(gain_c * N(c) + shift_c)  sigma = recurrent_activation

    The paper adds a bias after each of the two normalizations. Only the sum of the two matters, and it is b here.
    The array `bias` is [14, units]. Its rows are b (i, f, c, o), gain_x (i, f, c, o), gain_h (i, f, c, o), gain_c and
    shift_c.
    States: (h, c). Saved for the backward pass: (i, f, g, o, x_i, x_f, x_c, x_o, h_i, h_f, h_c, h_o, c).
    Ledger of c: k = f, w = i * g. h is not a product of c and another number, because N(c) depends on all units.
    """

    name = "layer_norm_lstm"
    title = "LayerNormLSTM"
    parameter_rows = 14
    saved = ("i", "f", "g", "o", "x_i", "x_f", "x_c", "x_o", "h_i", "h_f", "h_c", "h_o", "c")
    gain_rows = slice(4, 13)

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        (W, U, bias, m, n), (h_prev, c_prev) = weights, states
        activation, sigma = ACTIVATIONS[options.activation].apply, ACTIVATIONS[options.recurrent_activation].apply
        rows = self.parameters(options, bias, h_prev.shape[-1], xp, h_prev)
        b, gain_x, gain_h = rows[:4], rows[4:8], rows[8:12]
        x_sums, h_sums = project(x, W, None, m, 4), project(h_prev, U, None, n, 4)
        normal_x, normal_h = normalize(xp, x_sums), normalize(xp, h_sums)
        a_i, a_f, a_c, a_o = (gain_x[k] * normal_x[k] + gain_h[k] * normal_h[k] + b[k] for k in range(4))
        i = sigma(xp, a_i)
        f = sigma(xp, a_f)
        g = activation(xp, a_c)
        o = sigma(xp, a_o)
        c = f * c_prev + i * g
        h = self.output(options, o, c, bias, xp)
        return (h, c), (i, f, g, o, *x_sums, *h_sums, c)

    def output(self, options: Options, o: Array, c: Array, bias: Array | None, xp: ModuleType) -> Array:
        rows = self.parameters(options, bias, c.shape[-1], xp, c)
        return super().output(options, o, rows[12] * normalize(xp, [c])[0] + rows[13], bias, xp)

    def output_backward(self, options: Options, d_h: Array, saved: Mapping[str, Array], bias: Array | None) -> Array:
        rows = self.parameters(options, bias, d_h.shape[-1], np, d_h)
        return self._output_backward(options, d_h, saved["o"], saved["c"], rows)[1]

    def _output_backward(
        self, options: Options, d_h: Array, o: Array, c: Array, rows: Array
    ) -> tuple[Array, Array, Array, Array]:
        """Return activation(gain_c * N(c) + shift_c), and the gradients with respect to c, gain_c and shift_c."""
        activation = ACTIVATIONS[options.activation]
        y = activation.apply(np, rows[12] * normalize(np, [c])[0] + rows[13])  # h = o * y
        d_shift = d_h * o * activation.derivative(y)
        (d_c,), (d_gain,) = normalize_backward([d_shift], [c], rows[12])
        return y, d_c, d_gain, d_shift.sum(axis=0)

    def output_ratio(self, options: Options, saved: Mapping[str, Array], state: Array) -> Array | None:
        return None  # N(c) depends on all units, and shift_c is no part of c

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
        (d_h, d_c), (h_prev, c_prev), (i, f, g, o, *sums, _) = d_states, states, saved
        activation, sigma = ACTIVATIONS[options.activation], ACTIVATIONS[options.recurrent_activation]
        rows = self.parameters(options, bias, h_prev.shape[-1], np, h_prev)
        c = f * c_prev + i * g
        y, d_c_normal, d_gain_c, d_shift_c = self._output_backward(options, d_h, o, c, rows)
        d_c = d_c + d_c_normal
        d_a = [
            d_c * g * sigma.derivative(i),
            d_c * c_prev * sigma.derivative(f),
            d_c * i * activation.derivative(g),
            d_h * y * sigma.derivative(o),
        ]
        d_x_sums, d_gain_x = normalize_backward(d_a, sums[:4], rows[4:8])
        d_h_sums, d_gain_h = normalize_backward(d_a, sums[4:], rows[8:12])
        d_x, d_W = project_backward(d_x_sums, x, W, m)
        d_h_prev, d_U = project_backward(d_h_sums, h_prev, U, n)
        d_b = [d.sum(axis=0) for d in d_a]
        d_bias = None if bias is None else np.stack([*d_b, *d_gain_x, *d_gain_h, d_gain_c, d_shift_c])
        return Gradients(d_x, d_W, d_U, d_bias, (d_h_prev, d_c * f))
