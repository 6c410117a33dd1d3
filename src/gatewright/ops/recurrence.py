"""The class of a recurrence (a cell with its options), and checks of the shapes of its operands.

The letters, shapes and order of the gates are described in `gatewright.ops.cells.cell`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import ACTIVATIONS, Array, Cell, Options
from gatewright.support.errors import require_one_of

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Recurrence(Options):
    """A recurrent cell and its options. The weights are not included.

    Attributes:
        cell: Name of the cell, one of `CELLS`.
        activation: Activation of the candidate (and of the output of an LSTM): "tanh", "sigmoid", "relu",
            "hard_sigmoid" or "linear". "hard_sigmoid" is clip(a / 6 + 0.5, 0, 1), as in Keras 3. min_gru and min_lstm
            ignore it, since their candidates have no activation.
        recurrent_activation: Activation of the gates, one of the same names. A SimpleRNN has no gates and ignores it;
            min_lstm supports "sigmoid" only.
        reset_after: True if a GRU applies the reset gate after the recurrent product (the default of cuDNN, PyTorch and
            Keras), False if before the product (as in the papers). Other cells ignore it.
        reverse: Process the time steps from last to first. The output at index t still belongs to the input at index t.
        zero_output_for_mask: Make the output of a masked step 0 instead of the previous h. The states keep their values
            in both cases.
        zoneout: Probability, at least 0 and below 1, that a unit of a state keeps its previous value at a step. If no
            zoneout mask is given, the expected value is computed: see `gatewright.ops.reference.step`.
        precision: Of the operands of matrix products: "float32", which means the dtype of the operands, or "bfloat16".
            Then the kernels round the operands of every product to bfloat16, to the nearest number: inputs, states and
            weights, in the backward pass also the gradients that the products multiply. Everything else, such as sums,
            states, biases, weights and their gradients, stays float32.

    Raises:
        ValueError: A name is unknown, the cell does not support the recurrent_activation, or zoneout is out of range.
        TypeError: A flag is not a bool.
    """

    def __post_init__(self) -> None:
        require_one_of("cell", self.cell, tuple(CELLS))
        for name in ("activation", "recurrent_activation"):
            require_one_of(name, getattr(self, name), tuple(ACTIVATIONS))
        for name in ("reset_after", "reverse", "zero_output_for_mask"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be True or False, not {getattr(self, name)!r}.")
        supported = self.definition.recurrent_activations
        if self.recurrent_activation not in supported:
            names = " or ".join(map(repr, supported))
            raise ValueError(
                f"{self.cell} supports recurrent_activation {names} only, not {self.recurrent_activation!r}."
            )
        require_one_of("precision", self.precision, PRECISIONS)
        if isinstance(self.zoneout, bool) or not 0 <= self.zoneout < 1:
            raise ValueError(f"zoneout must be a number from 0 to below 1, not {self.zoneout!r}.")

    @property
    def definition(self) -> Cell:
        """The `Cell` object that implements the equations."""
        return CELLS[self.cell]

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the gates, in the order of the columns of W, U and b."""
        return self.definition.gates

    @property
    def gates(self) -> int:
        """Number of gates. W has shape [features, gates * units]."""
        return len(self.gate_names)

    @property
    def recurrent_gates(self) -> int:
        """Number of gates that read the state: `gates` or 0. U has shape [units, recurrent_gates * units]."""
        return self.gates if self.definition.reads_state else 0

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states: ("h",) or ("h", "c"). The output of a step is h."""
        return self.definition.states

    @property
    def saved_names(self) -> tuple[str, ...]:
        """Names of the values that the forward pass saves at each step for the backward pass."""
        return self.definition.saved_names(self)

    def recurrent_kernel_shape(self, units: int) -> tuple[int, int]:
        """Return the shape of U: [units, gates * units], or [units, 0] if no gate reads the state."""
        return (units, self.recurrent_gates * units)

    def bias_shape(self, units: int) -> tuple[int, ...]:
        """Return the shape of the bias.

        It is [2, 3 * units] for a GRU with reset_after (input bias, recurrent bias), [14, units] for layer_norm_lstm,
        [10, units] for layer_norm_gru and [gates * units] for any other cell. The docstrings of the cells with layer
        normalization describe the rows.
        """
        return self.definition.bias_shape(self, units)


def check_precision(rec: Recurrence, dtype: Any) -> None:
    """Raise a TypeError if the precision of a recurrence does not allow operands of a dtype."""
    if rec.precision != "float32" and np.dtype(dtype) != np.float32:
        raise TypeError(f"precision {rec.precision!r} needs float32 operands, not {dtype}.")


class Tokens(NamedTuple):
    """Inputs that are looked up in a table, as in an embedding layer: x[b, t] = table[ids[b, t]].

    The product of the inputs and the kernel is computed only once for each distinct id. In the gradients of a
    recurrence, the gradient with respect to x is then the gradient with respect to the table, [rows, features].

    Attributes:
        ids: Integers [batch, time], the indices of rows of the table. Negative ids count from the end. An id outside
            the table, below -rows or above rows - 1, is an error for NumPy arrays. For JAX arrays, whose values are
            not known when a program is compiled, its inputs are NaN. Ids at steps that are not live have no effect.
        table: The table, [rows, features].
    """

    ids: Array
    table: Array


def no_recurrent_kernel(rec: Recurrence, kernel: Array) -> np.ndarray[Any, np.dtype[Any]]:
    """Return an empty recurrent kernel, [units, 0], for a cell whose gates do not read the state.

    Args:
        rec: The recurrence.
        kernel: W, [features, gates * units]. Its shape and dtype determine those of the result.

    Raises:
        ValueError: The cell needs a recurrent kernel, because its gates read the state.
    """
    if rec.recurrent_gates:
        raise ValueError(
            f"{rec.cell} needs a recurrent_kernel of shape [units, {rec.recurrent_gates} * units]. It is None."
        )
    columns = kernel.shape[-1] if kernel.shape else 0
    return np.zeros((columns // rec.gates, 0), kernel.dtype)


def require_shape(name: str, array: Array, *expected: tuple[int, ...]) -> None:
    """Raise an error if an array has none of the expected shapes.

    Args:
        name: Name of the array in the error message.
        array: The array.
        expected: The allowed shapes.

    Raises:
        ValueError: The array has another shape. The message says the expected shapes and the actual shape.
    """
    if tuple(array.shape) not in expected:
        wanted = " or ".join(str(list(shape)) for shape in expected)
        raise ValueError(f"{name} must have shape {wanted}, not {list(array.shape)}.")


def check_operands(
    rec: Recurrence,
    shape: tuple[int, ...],
    kernel: Array,
    recurrent_kernel: Array,
    bias: Array | None,
    states: Sequence[Array],
    mask: Array | None = None,
    dropout_mask: Array | None = None,
    recurrent_dropout_mask: Array | None = None,
    zoneout_mask: Array | None = None,
) -> None:
    """Raise an error if the shapes of the operands of a recurrence do not fit each other.

    Args:
        rec: The recurrence.
        shape: The shape of x, [batch, time, features].
        kernel, recurrent_kernel, bias, states, mask, dropout_mask, recurrent_dropout_mask, zoneout_mask: As in
            `gatewright.ops.reference.forward`.

    Raises:
        ValueError: A shape does not fit the others. The message says the expected shape and the actual shape.
    """
    if len(shape) != 3:
        raise ValueError(f"x must have shape [batch, time, features], not {list(shape)}.")
    if len(recurrent_kernel.shape) != 2:
        raise ValueError(
            f"recurrent_kernel must have shape [units, {rec.recurrent_gates} * units], "
            f"not {list(recurrent_kernel.shape)}."
        )
    batch, time, features = shape
    units, gates = recurrent_kernel.shape[0], rec.gates
    require_shape("recurrent_kernel", recurrent_kernel, rec.recurrent_kernel_shape(units))
    require_shape("kernel", kernel, (features, gates * units))
    if bias is not None:
        require_shape("bias", bias, rec.bias_shape(units))
    if len(states) != len(rec.state_names):
        raise ValueError(
            f"states must contain one array for each of {', '.join(rec.state_names)}, but has {len(states)}."
        )
    for name, state in zip(rec.state_names, states, strict=True):
        require_shape(f"state {name}", state, (batch, units))
    if mask is not None:
        require_shape("mask", mask, (batch, time))
    if recurrent_dropout_mask is not None and not rec.recurrent_gates:
        raise ValueError(f"{rec.cell} has no recurrent kernel, so recurrent_dropout_mask must be None.")
    for name, drop, width in (
        ("dropout_mask", dropout_mask, features),
        ("recurrent_dropout_mask", recurrent_dropout_mask, units),
    ):
        if drop is not None:
            require_shape(name, drop, (1, batch, width), (gates, batch, width))
    if zoneout_mask is not None:
        if not rec.zoneout:
            raise ValueError("zoneout_mask must be None if zoneout is 0. Set zoneout above 0 to use a mask.")
        require_shape("zoneout_mask", zoneout_mask, (batch, time, len(rec.state_names), units))
