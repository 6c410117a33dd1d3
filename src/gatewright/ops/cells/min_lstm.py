"""The minimal long short-term memory, minLSTM (Feng et al. 2024)."""

from collections.abc import Mapping
from types import MappingProxyType, ModuleType

import numpy as np

from gatewright.ops.cells.cell import (
    Array,
    Cell,
    Gradients,
    Options,
    States,
    Weights,
    bias_backward,
    project,
    project_backward,
    sigmoid,
)


class MinLSTM(Cell):
    """The minLSTM, with normalized gates. Its gates do not depend on the state.

    Feng, Tung, Ahmed, Bengio & Hajimirsadeghi 2024, "Were RNNs All We Needed?", section 3.2. As in minGRU, the
    candidate has no activation.

        i = sigmoid((x * m_i) @ W_i + b_i)                  input gate
        f = sigmoid((x * m_f) @ W_f + b_f)                  forget gate
        g = (x * m_c) @ W_c + b_c                           candidate
        k = f / (f + i)                                     fraction of the state that is kept
        h = k * h_prev + (1 - k) * g

    k is f' in the paper, and 1 - k = i / (f + i) is i'. The recurrent activation is always the sigmoid, because f + i
    must not be 0.
    States: (h,). Saved for the backward pass: (i, f, g, k).
    Ledger of h: k, w = (1 - k) * g.
    """

    name = "min_lstm"
    title = "minLSTM"
    gates = ("i", "f", "c")
    saved = ("i", "f", "g", "k")
    conventions = MappingProxyType(
        {
            "i": "i = 1 writes the candidate, as far as f leaves room for it",
            "f": "f = 1 keeps the state, as far as i leaves room for it",
            "k": "k = 1 keeps the state; k = 0 replaces it by the candidate",
        }
    )
    candidate = "g"
    reads_state = False
    forget_gate = "f"
    recurrent_activations = ("sigmoid",)

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        (W, _, b, m, _), (h_prev,) = weights, states
        x_i, x_f, g = project(x, W, b, m, 3)
        i, f = sigmoid(xp, x_i), sigmoid(xp, x_f)
        # sigmoid(log f - log i): with both gates closed f / (f + i) would be 0 / 0.
        k = sigmoid(xp, xp.logaddexp(0, -x_i) - xp.logaddexp(0, -x_f))
        h = k * h_prev + (1 - k) * g
        return (h,), (i, f, g, k)

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
        (d_h,), (h_prev,), (i, f, g, k) = d_states, states, saved
        d_odds = d_h * (h_prev - g) * k * (1 - k)  # with respect to log f - log i
        d_a = [-d_odds * (1 - i), d_odds * (1 - f), d_h * (1 - k)]
        d_x, d_W = project_backward(d_a, x, W, m)
        return Gradients(d_x, d_W, np.zeros_like(U), bias_backward(b, d_a), (d_h * k,))

    def ledger(self, options: Options, saved: Mapping[str, Array]) -> tuple[Array, Array] | None:
        k, g = saved["k"], saved["g"]
        return k, (1 - k) * g
