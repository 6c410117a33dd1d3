"""The base class of the cells, and the array functions that their equations share.

Letters, the same in the equations and in the code:

    x  input of a step, [batch, features]
    h  state that is also the output, [batch, units];  c  cell state of an LSTM, or candidate of a GRU
    W  kernel, [features, gates * units];  U  recurrent kernel, [units, gates * units];  b  bias
       (if no gate reads the state, U is [units, 0])
    m  dropout mask on x;  n  dropout mask on h;  both are drawn once per sequence and already scaled
    *  elementwise product;  @  matrix product

The layout is that of Keras: gates are the columns of W, U and b, in the order of `Cell.gates`. In the backward steps
d_y is the derivative of the loss with respect to y, and d_a_g the derivative with respect to the pre-activation of
gate g.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

# Arrays of NumPy or JAX. The two libraries share no type that NumPy alone could name.
Array: TypeAlias = Any


class Activation(NamedTuple):
    """A function of a pre-activation, and its derivative as a function of the output value."""

    apply: Callable[[ModuleType, Array], Array]
    derivative: Callable[[Array], Array]


def sigmoid(xp: ModuleType, a: Array) -> Array:
    """Return 1 / (1 + exp(-a)), computed so that it does not overflow for very negative a."""
    return 0.5 * xp.tanh(0.5 * a) + 0.5


def _relu(xp: ModuleType, a: Array) -> Array:
    # A selection, not max(a, 0): its derivative at 0 is 0 under JAX too, and NaN passes through.
    return xp.where(a <= 0, xp.zeros_like(a), a)


def _hard_sigmoid(xp: ModuleType, a: Array) -> Array:
    y = a / 6 + 0.5
    return xp.where(y <= 0, xp.zeros_like(y), xp.where(y >= 1, xp.ones_like(y), y))


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(lambda xp, a: xp.tanh(a), lambda y: 1 - y * y),
    "sigmoid": Activation(sigmoid, lambda y: y * (1 - y)),
    "relu": Activation(_relu, lambda y: (y > 0).astype(y.dtype)),
    "hard_sigmoid": Activation(_hard_sigmoid, lambda y: ((y > 0) & (y < 1)).astype(y.dtype) / 6),
    "linear": Activation(lambda xp, a: a, lambda y: np.ones_like(y)),
}


@dataclass(frozen=True)
class Options:
    """The fields of a recurrence: see `gatewright.ops.recurrence.Recurrence`, which checks them."""

    cell: str
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    reset_after: bool = True
    reverse: bool = False
    zero_output_for_mask: bool = False
    zoneout: float = 0.0


class Weights(NamedTuple):
    """The operands that are the same at every step, in the order of the letters W, U, b, m, n."""

    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    dropout_mask: Array | None
    recurrent_dropout_mask: Array | None


class Gradients(NamedTuple):
    """Gradients of a loss with respect to each operand, in the operand's shape; bias is None if there is none."""

    x: Array
    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    states: tuple[Array, ...]


States: TypeAlias = tuple[Array, ...]


class Cell:
    """A recurrent cell: its equations, their gradients, and the shapes of its parameters.

    A step is pure: it writes nothing in place and computes in the dtype of its operands. It is written with the array
    functions that NumPy and JAX share, so that the same equations serve as the NumPy reference implementation and as
    the body of a `jax.lax.scan`.

    Attributes:
        name: the name in code, settings and model files.
        title: the name shown to people. For SimpleRNN, LSTM and GRU it is the name of the Keras layer.
        gates: names of the gates, in the order of the columns of W, U and b.
        saved: names of the values of a step that the backward pass needs. If there is a state c, it is last.
        states: names of the states carried from step to step; the first is also the output.
        reads_state: whether the gates read the previous state. If not, there is no recurrent kernel.
        parameter_rows: number of rows [units] in the bias if it holds more than one number per gate and unit, else 0.
        gain_rows: the rows of the bias that are gains. They are 1 if no bias is given; all other rows are 0.
        forget_gate: the gate whose bias starts at 1, so that the state is kept at first; None for none.
        recurrent_activations: names of the recurrent activations that the cell can have.
    """

    name: str
    title: str
    gates: tuple[str, ...]
    saved: tuple[str, ...] = ()
    states: tuple[str, ...] = ("h",)
    reads_state: bool = True
    parameter_rows: int = 0
    gain_rows: slice = slice(0)
    forget_gate: str | None = None
    recurrent_activations: tuple[str, ...] = tuple(ACTIVATIONS)

    def saved_names(self, options: Options) -> tuple[str, ...]:
        """Return `saved`, unless it depends on the options."""
        return self.saved

    def bias_shape(self, options: Options, units: int) -> tuple[int, ...]:
        """Return the shape of the bias: [gates * units], or [parameter_rows, units]."""
        return (self.parameter_rows, units) if self.parameter_rows else (len(self.gates) * units,)

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        """Compute one step.

        Args:
            options: the recurrence.
            x: [batch, features].
            states: previous states, each [batch, units].
            weights: the weights and dropout masks.
            xp: `numpy` or `jax.numpy`.

        Returns:
            The new states, and the values of `saved_names`, each [batch, units].
        """
        raise NotImplementedError

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
        """Compute the gradients of one step, in NumPy.

        Args:
            options: the recurrence.
            d_states: gradients with respect to the new states.
            x, states, weights: the operands of `step`.
            output: the new h, after zoneout.
            saved: the values of `saved_names`. A saved c is the state after zoneout, so that a cell computes the c of
                its own step again.
        """
        raise NotImplementedError


# ---- shared by the steps -------------------------------------------------------------------------------------


def split(array: Array, gates: int) -> list[Array]:
    """Return the columns of each gate."""
    units = array.shape[-1] // gates
    return [array[..., g * units : (g + 1) * units] for g in range(gates)]


def mask_of_gate(masks: Array | None, g: int) -> Array:
    """Return the dropout mask of gate g: its own, the one that all gates share, or 1 without dropout."""
    if masks is None:
        return 1
    return masks[g if masks.shape[0] > 1 else 0]


def project(operand: Array, weights: Array, bias: Array | None, masks: Array | None, gates: int) -> list[Array]:
    """Return (operand * masks_g) @ weights_g + bias_g for each gate g."""
    if masks is None or masks.shape[0] == 1:
        # All gates see one operand, so one product serves them all.
        products = split((operand * mask_of_gate(masks, 0)) @ weights, gates)
    else:
        products = [(operand * masks[g]) @ w for g, w in enumerate(split(weights, gates))]
    if bias is None:
        return products
    return [p + b for p, b in zip(products, split(bias, gates), strict=True)]


def project_backward(
    d_products: list[Array], operand: Array, weights: Array, masks: Array | None
) -> tuple[Array, Array]:
    """Return the gradients of `project` with respect to its operand and its weights."""
    gates = len(d_products)
    d_operand = np.zeros_like(operand)
    d_weights = []
    for g, (d, w) in enumerate(zip(d_products, split(weights, gates), strict=True)):
        m = mask_of_gate(masks, g)
        d_operand = d_operand + (d @ w.T) * m
        d_weights.append((operand * m).T @ d)
    return d_operand, np.concatenate(d_weights, axis=1)


def bias_backward(bias: Array | None, *d_products: list[Array]) -> Array | None:
    """Return the gradient of the bias: of the input products, and of the recurrent ones if they have a bias."""
    if bias is None:
        return None
    return np.stack([np.concatenate(d, axis=1).sum(axis=0) for d in d_products]).reshape(bias.shape)
