"""The simple recurrent network (Elman 1990)."""

from types import ModuleType

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


class SimpleRNN(Cell):
    """The simple recurrent network.

    Elman 1990, "Finding Structure in Time", section "Networks with memory".

        h = activation((x * m) @ W + b + (h_prev * n) @ U)

    States: (h,). Saved for the backward pass: nothing, because the derivative of the activation can be computed from h.
    With zoneout: (y,), where y is h before zoneout.
    """

    name = "simple_rnn"
    title = "SimpleRNN"
    gates = ("h",)

    def saved_names(self, options: Options) -> tuple[str, ...]:
        return ("y",) if options.zoneout else ()

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        (W, U, b, m, n), (h_prev,) = weights, states
        (x_h,) = project(x, W, b, m, 1)
        (h_h,) = project(h_prev, U, None, n, 1)
        h = ACTIVATIONS[options.activation].apply(xp, x_h + h_h)
        return (h,), (h,) if options.zoneout else ()

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
        (d_h,), (h_prev,), y = d_states, states, saved[0] if options.zoneout else output
        d_a = [d_h * ACTIVATIONS[options.activation].derivative(y)]
        d_x, d_W = project_backward(d_a, x, W, m)
        d_h_prev, d_U = project_backward(d_a, h_prev, U, n)
        return Gradients(d_x, d_W, d_U, bias_backward(b, d_a), (d_h_prev,))
