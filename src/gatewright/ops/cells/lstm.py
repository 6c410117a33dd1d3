"""The long short-term memory (Hochreiter and Schmidhuber 1997)."""

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


class LSTM(Cell):
    """The long short-term memory.

    Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", section 4; the forget gate is from Gers, Schmidhuber &
    Cummins 2000, "Learning to Forget", section 3. There are no peephole connections.

        i = sigma((x * m_i) @ W_i + b_i + (h_prev * n_i) @ U_i)           input gate
        f = sigma((x * m_f) @ W_f + b_f + (h_prev * n_f) @ U_f)           forget gate
        g = activation((x * m_c) @ W_c + b_c + (h_prev * n_c) @ U_c)      candidate
        o = sigma((x * m_o) @ W_o + b_o + (h_prev * n_o) @ U_o)           output gate
        c = f * c_prev + i * g
        h = o * activation(c)                                             sigma = recurrent_activation

    States: (h, c). Saved for the backward pass: (i, f, g, o, c).
    Ledger of c: k = f, w = i * g, and h = p * c with p = o * activation(c) / c, or o * activation'(0) at c = 0.
    """

    name = "lstm"
    title = "LSTM"
    gates = ("i", "f", "c", "o")
    saved: tuple[str, ...] = ("i", "f", "g", "o", "c")
    states = ("h", "c")
    conventions = MappingProxyType(
        {
            "i": "i = 1 writes all of the candidate; i = 0 writes nothing",
            "f": "f = 1 keeps the cell state; f = 0 erases it",
            "o": "o = 1 shows the cell state at the output; o = 0 hides it",
        }
    )
    candidate = "g"
    ledger_state = "c"
    forget_gate = "f"

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        (W, U, b, m, n), (h_prev, c_prev) = weights, states
        activation, sigma = ACTIVATIONS[options.activation].apply, ACTIVATIONS[options.recurrent_activation].apply
        x_i, x_f, x_c, x_o = project(x, W, b, m, 4)
        h_i, h_f, h_c, h_o = project(h_prev, U, None, n, 4)
        i = sigma(xp, x_i + h_i)
        f = sigma(xp, x_f + h_f)
        g = activation(xp, x_c + h_c)
        o = sigma(xp, x_o + h_o)
        c = f * c_prev + i * g
        h = self.output(options, o, c, b, xp)
        return (h, c), (i, f, g, o, c)

    def output(self, options: Options, o: Array, c: Array, bias: Array | None, xp: ModuleType) -> Array:
        """Return h, [batch, units], given the output gate o and the cell state c, each [batch, units]."""
        return o * ACTIVATIONS[options.activation].apply(xp, c)

    def output_backward(self, options: Options, d_h: Array, saved: Mapping[str, Array], bias: Array | None) -> Array:
        activation = ACTIVATIONS[options.activation]
        return np.asarray(d_h * saved["o"] * activation.derivative(activation.apply(np, saved["c"])))

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
        (d_h, d_c), (h_prev, c_prev), (i, f, g, o, _) = d_states, states, saved
        activation, sigma = ACTIVATIONS[options.activation], ACTIVATIONS[options.recurrent_activation]
        y = activation.apply(np, f * c_prev + i * g)  # h = o * y
        d_c = d_c + d_h * o * activation.derivative(y)
        d_a = [
            d_c * g * sigma.derivative(i),
            d_c * c_prev * sigma.derivative(f),
            d_c * i * activation.derivative(g),
            d_h * y * sigma.derivative(o),
        ]
        d_x, d_W = project_backward(d_a, x, W, m)
        d_h_prev, d_U = project_backward(d_a, h_prev, U, n)
        return Gradients(d_x, d_W, d_U, bias_backward(b, d_a), (d_h_prev, d_c * f))

    def ledger(self, options: Options, saved: Mapping[str, Array]) -> tuple[Array, Array] | None:
        return saved["f"], saved["i"] * saved["g"]

    def output_ratio(self, options: Options, saved: Mapping[str, Array], state: Array) -> Array | None:
        activation = ACTIVATIONS[options.activation]
        at_zero = activation.apply(np, np.zeros_like(state))
        if at_zero.any():  # an empty cell has an output, which no step wrote
            return None
        quotient = activation.apply(np, state) / np.where(state == 0, 1, state)
        return np.asarray(saved["o"] * np.where(state == 0, activation.derivative(at_zero), quotient))
