"""The base class of the cells, and array functions that several cells use.

The equations and the code use the same letters:

    x  input of a step, [batch, features]
    h  state that is also the output, [batch, units];  c  cell state of an LSTM, or candidate of a GRU
    W  kernel, [features, gates * units];  U  recurrent kernel, [units, gates * units];  b  bias
       (if no gate reads the state, U is [units, 0])
    m  dropout mask on x;  n  dropout mask on h;  0 or 1 / (1 - rate), the same at every step of a sequence
    *  elementwise product;  @  matrix product

Weights have the layout of Keras: the columns of W, U and b belong to the gates, in the order of `Cell.gates`. In
`step_backward`, d_y is the derivative of the loss with respect to y, and d_a_g is the derivative with respect to the
pre-activation of gate g.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple, TypeAlias

import numpy as np

# An array of NumPy or JAX. No type covers both without importing JAX.
Array: TypeAlias = Any


class Activation(NamedTuple):
    """An activation function.

    Attributes:
        apply: Function that takes `numpy` or `jax.numpy` and an array, and returns the activation y of the array.
        derivative: Function that takes y, the result of `apply`, and returns the derivative of the activation.
    """

    apply: Callable[[ModuleType, Array], Array]
    derivative: Callable[[Array], Array]


def sigmoid(xp: ModuleType, a: Array) -> Array:
    """Return 1 / (1 + exp(-a)), computed in a way that does not overflow for very negative a."""
    return 0.5 * xp.tanh(0.5 * a) + 0.5


def _hard_sigmoid(xp: ModuleType, a: Array) -> Array:
    y = a / 6 + 0.5
    return xp.where(y <= 0, xp.zeros_like(y), xp.where(y >= 1, xp.ones_like(y), y))


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(lambda xp, a: xp.tanh(a), lambda y: 1 - y * y),
    "sigmoid": Activation(sigmoid, lambda y: y * (1 - y)),
    # A selection, not max(a, 0): its derivative at 0 is 0 under JAX too, and NaN passes through.
    "relu": Activation(lambda xp, a: xp.where(a <= 0, xp.zeros_like(a), a), lambda y: (y > 0).astype(y.dtype)),
    "hard_sigmoid": Activation(_hard_sigmoid, lambda y: ((y > 0) & (y < 1)).astype(y.dtype) / 6),
    "linear": Activation(lambda xp, a: a, lambda y: np.ones_like(y)),
}


@dataclass(frozen=True)
class Options:
    """The options of a recurrence. The subclass `gatewright.ops.recurrence.Recurrence` describes and checks them."""

    cell: str
    activation: str = "tanh"
    recurrent_activation: str = "sigmoid"
    reset_after: bool = True
    reverse: bool = False
    zero_output_for_mask: bool = False
    zoneout: float = 0.0
    precision: str = "float32"


class Weights(NamedTuple):
    """The weights and dropout masks of a recurrence: W, U, b, m and n. They are the same at every step."""

    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    dropout_mask: Array | None
    recurrent_dropout_mask: Array | None


class Gradients(NamedTuple):
    """Gradients of a loss with respect to the operands of a recurrence.

    Each gradient has the shape of the operand of the same name. `bias` is None if the recurrence has no bias.
    """

    x: Array
    kernel: Array
    recurrent_kernel: Array
    bias: Array | None
    states: tuple[Array, ...]


States: TypeAlias = tuple[Array, ...]


class Cell:
    """A recurrent cell: its equations, their gradients, and the shapes of its parameters.

    `step` does not modify its arguments, and it computes in their dtype. It uses only functions that NumPy and JAX have
    in common, so that the same code runs in the NumPy reference implementation and inside `jax.lax.scan`.

    Attributes:
        name: The name in code, settings and model files.
        title: The name shown to people. For SimpleRNN, LSTM and GRU it is the name of the Keras layer.
        gates: Names of the gates, in the order of the columns of W, U and b.
        saved: Names of the values that a step saves for the backward pass. If the cell has a state c, it is the last.
        states: Names of the states. The first one, h, is also the output.
        reads_state: True if the gates depend on the previous state. Otherwise the cell has no recurrent kernel.
        parameter_rows: Number of rows of a bias with the shape [parameter_rows, units]. 0 if the shape is
            [gates * units].
        gain_rows: The rows of the bias that contain gains of a layer normalization. Without a bias, the gains are 1.
        forget_gate: Name of the gate whose bias is initialized with 1, so that the cell remembers its state at the
            beginning of training. None if the cell has no such gate.
        recurrent_activations: Names of the recurrent activations that the cell supports.
        conventions: For the letter of each gate among the saved values, a phrase that says what a value near 1 or 0
            means. Cells differ in this: z = 1 keeps the state of a GRU, and overwrites that of a minGRU.
        candidate: The letter of the candidate among the saved values. None if the cell saves no candidate.
        ledger_state: Name of the state that `ledger` describes.
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
    conventions: Mapping[str, str] = MappingProxyType({})
    candidate: str | None = None
    ledger_state: str = "h"

    def saved_names(self, options: Options) -> tuple[str, ...]:
        """Return the names of the values that a step saves for the backward pass.

        The default is `saved`. Cells override this method if the names depend on the options.
        """
        return self.saved

    def bias_shape(self, options: Options, units: int) -> tuple[int, ...]:
        """Return the shape of the bias: [gates * units], or [parameter_rows, units]."""
        return (self.parameter_rows, units) if self.parameter_rows else (len(self.gates) * units,)

    def step(
        self, options: Options, x: Array, states: States, weights: Weights, xp: ModuleType
    ) -> tuple[States, States]:
        """Compute one time step.

        Args:
            options: The recurrence.
            x: Input of the step, [batch, features].
            states: Previous states, each [batch, units].
            weights: The weights and dropout masks.
            xp: `numpy` or `jax.numpy`.

        Returns:
            The new states in the order of `states`, and the saved values in the order of `saved_names`. Each array is
            [batch, units].
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
            options: The recurrence.
            d_states: Gradients of the loss with respect to the new states, each [batch, units].
            x, states, weights: The arguments that `step` was called with.
            output: The new h after zoneout, [batch, units].
            saved: The saved values that `step` returned, except that a state c is the one after zoneout. If a
                cell needs the c before zoneout, it computes that value again.
        """
        raise NotImplementedError

    def output_backward(self, options: Options, d_h: Array, saved: Mapping[str, Array], bias: Array | None) -> Array:
        """Return the part of the gradient with respect to the new c that comes from h, [batch, units], in NumPy.

        Only cells with a state c, from which they compute h, have this method.

        Args:
            options: The recurrence.
            d_h: Gradient of the loss with respect to the new h, [batch, units].
            saved: The saved values of the step by name, with the c before zoneout.
            bias: The bias.
        """
        raise NotImplementedError

    def ledger(self, options: Options, saved: Mapping[str, Array]) -> tuple[Array, Array] | None:
        """Return k and w of each step, without zoneout, or None if the cell has no such form:

            state = k * state_prev + w

        k is the fraction of the state that a step keeps, and w is what it writes. The state is `ledger_state`.

        Args:
            options: The recurrence.
            saved: The saved values by name, each [..., units].
        """
        return None

    def output_ratio(self, options: Options, saved: Mapping[str, Array], state: Array) -> Array | None:
        """Return p with h = p * state, elementwise, for the state of `ledger`, or None if h is no such product.

        Args:
            options: The recurrence.
            saved: The saved values by name, each [..., units].
            state: The state after each step and before zoneout, [..., units].
        """
        return np.ones_like(state)


# ---- shared by the steps -------------------------------------------------------------------------------------


def split(array: Array, gates: int) -> list[Array]:
    """Split an array [..., gates * units] along the last axis and return one array [..., units] for each gate."""
    units = array.shape[-1] // gates
    return [array[..., g * units : (g + 1) * units] for g in range(gates)]


def mask_of_gate(masks: Array | None, g: int) -> Array:
    """Return the dropout mask of gate g, [batch, features], or 1 if there is no dropout.

    Args:
        masks: Dropout masks, [gates, batch, features], or [1, batch, features] if all gates share one. None for no
            dropout.
        g: Index of the gate.
    """
    if masks is None:
        return 1
    return masks[g if masks.shape[0] > 1 else 0]


def project(operand: Array, weights: Array, bias: Array | None, masks: Array | None, gates: int) -> list[Array]:
    """Return (operand * mask_g) @ weights_g + bias_g for each gate g, [batch, units].

    Args:
        operand: x or h, [batch, features].
        weights: W or U, [features, gates * units].
        bias: The bias, [gates * units]. None for no bias.
        masks: Dropout masks, [gates or 1, batch, features]. None for no dropout.
        gates: Number of gates.
    """
    if masks is None or masks.shape[0] == 1:
        # All gates have the same operand, so that one product is enough.
        products = split((operand * mask_of_gate(masks, 0)) @ weights, gates)
    else:
        products = [(operand * masks[g]) @ w for g, w in enumerate(split(weights, gates))]
    if bias is None:
        return products
    return [p + b for p, b in zip(products, split(bias, gates), strict=True)]


def project_backward(
    d_products: list[Array], operand: Array, weights: Array, masks: Array | None
) -> tuple[Array, Array]:
    """Return the gradients of the loss with respect to the operand and the weights of `project`.

    Args:
        d_products: Gradients of the loss with respect to the results of `project`, one [batch, units] for each gate.
        operand, weights, masks: The arguments of `project`.
    """
    gates = len(d_products)
    if masks is None or masks.shape[0] == 1:
        # All gates have the same operand, so that one product is enough.
        d, m = np.concatenate(d_products, axis=1), mask_of_gate(masks, 0)
        d_operand = (d @ weights.T) * m
        return d_operand, (operand * m).T @ d
    d_operand = np.zeros_like(operand)
    d_weights = []
    for g, (d, w) in enumerate(zip(d_products, split(weights, gates), strict=True)):
        m = mask_of_gate(masks, g)
        d_operand = d_operand + (d @ w.T) * m
        d_weights.append((operand * m).T @ d)
    return d_operand, np.concatenate(d_weights, axis=1)


def bias_backward(bias: Array | None, *d_products: list[Array]) -> Array | None:
    """Return the gradient of the loss with respect to the bias, or None if there is no bias.

    Args:
        bias: The bias, [gates * units] or [rows, gates * units].
        d_products: One list for each row of the bias. It has the gradients of the loss with respect to the sums that
            include this row, one [batch, units] for each gate.
    """
    if bias is None:
        return None
    return np.stack([np.concatenate(d, axis=1).sum(axis=0) for d in d_products]).reshape(bias.shape)
