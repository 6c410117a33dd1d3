"""A recurrence: a cell with its options, and the shapes of the operands of a whole sequence.

Letters, shapes and the layout of the gates are those of `gatewright.ops.cells.cell`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import ACTIVATIONS, Array, Cell, Options
from gatewright.support.errors import require_one_of


@dataclass(frozen=True)
class Recurrence(Options):
    """A cell with everything about its use that is not an array.

    Attributes:
        cell: name of the cell, one of `CELLS`.
        activation: activation of the candidate (and of the output of an LSTM): "tanh", "sigmoid", "relu",
            "hard_sigmoid" or "linear". "hard_sigmoid" is clip(a / 6 + 0.5, 0, 1), as in Keras 3. min_gru and min_lstm
            ignore it, since their candidates have no activation.
        recurrent_activation: activation of the gates, one of the same names. A SimpleRNN has no gates and ignores it;
            min_lstm supports "sigmoid" only.
        reset_after: position of the reset gate of a GRU: after the recurrent product (as in cuDNN, PyTorch and Keras by
            default) or before it (as in the papers). Other cells ignore it.
        reverse: process the time steps from last to first. Outputs stay aligned with the times of the inputs.
        zero_output_for_mask: make the output of a masked step 0 instead of the previous h. The states are carried over
            in both cases.
        zoneout: probability, from 0 to below 1, that a unit of a state keeps its previous value at a step. Without a
            zoneout mask the expected value is computed: see `gatewright.ops.reference.step`.

    Raises:
        ValueError: a name is unknown, the cell does not support the recurrent_activation, or zoneout is out of range.
        TypeError: a flag is not a bool.
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
        if isinstance(self.zoneout, bool) or not 0 <= self.zoneout < 1:
            raise ValueError(f"zoneout must be a number from 0 to below 1, not {self.zoneout!r}.")

    @property
    def definition(self) -> Cell:
        """The cell itself: its equations and what it declares."""
        return CELLS[self.cell]

    @property
    def gate_names(self) -> tuple[str, ...]:
        """Names of the gates, in the order of the columns of W, U and b."""
        return self.definition.gates

    @property
    def gates(self) -> int:
        """Number of gates in the columns of W and b."""
        return len(self.gate_names)

    @property
    def recurrent_gates(self) -> int:
        """Number of gates in the columns of U: all, or none if no gate reads the state."""
        return self.gates if self.definition.reads_state else 0

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the states carried from step to step; the first is also the output."""
        return self.definition.states

    @property
    def saved_names(self) -> tuple[str, ...]:
        """Names of the values of each step that the backward pass needs beside the states."""
        return self.definition.saved_names(self)

    @property
    def gain_rows(self) -> slice:
        """The rows of the bias that are gains: 1 if there is no bias, where the other rows are 0."""
        return self.definition.gain_rows

    def recurrent_kernel_shape(self, units: int) -> tuple[int, int]:
        """Return [units, gates * units], or [units, 0] if no gate reads the state."""
        return (units, self.recurrent_gates * units)

    def bias_shape(self, units: int) -> tuple[int, ...]:
        """Return the shape of the bias.

        It is [2, 3 * units] (input, recurrent) for a GRU with reset_after, [14, units] for layer_norm_lstm, [10, units]
        for layer_norm_gru and [gates * units] for any other cell. The docstring of each cell names the rows.
        """
        return self.definition.bias_shape(self, units)


class Tokens(NamedTuple):
    """Inputs given as ids of the rows of a table, as in an embedding: x[b, t] = table[ids[b, t]].

    An operation on tokens computes whatever depends on the id alone once per distinct id. The gradient of x is then
    the gradient of the table.

    Attributes:
        ids: integers [batch, time], from 0 to rows - 1 at live steps.
        table: [rows, features].
    """

    ids: Array
    table: Array


def no_recurrent_kernel(rec: Recurrence, kernel: Array) -> np.ndarray[Any, np.dtype[Any]]:
    """Return U [units, 0] for a kernel [features, gates * units] of a cell whose gates do not read the state.

    Raises:
        ValueError: the gates of the cell read the state, so that it needs a recurrent kernel.
    """
    if rec.recurrent_gates:
        raise ValueError(f"{rec.cell} needs a recurrent_kernel of shape [units, {rec.recurrent_gates} * units].")
    columns = kernel.shape[-1] if kernel.shape else 0
    return np.zeros((columns // rec.gates, 0), kernel.dtype)


def lengths_to_mask(lengths: Array, time: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return a mask [batch, time] that is True at the first lengths[b] steps of row b.

    Raises:
        ValueError: lengths is not one-dimensional and of integers, or a length is below 0 or above time.
    """
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or not (np.issubdtype(lengths.dtype, np.integer) or lengths.size == 0):
        raise ValueError(f"lengths must be [batch] integers, not {lengths.dtype} of shape {lengths.shape}.")
    if lengths.size and (lengths.min() < 0 or lengths.max() > time):
        raise ValueError(
            f"lengths must lie between 0 and time = {time}, not between {lengths.min()} and {lengths.max()}."
        )
    mask: np.ndarray[Any, np.dtype[np.bool_]] = np.arange(time) < lengths[:, None]
    return mask


def require_shape(name: str, array: Array, *expected: tuple[int, ...]) -> None:
    """Check that an array has one of the expected shapes.

    Raises:
        ValueError: it does not; the message names the array, the expected shapes and the actual one.
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
    """Check the shapes of the operands of a whole sequence against each other and against `shape`, that of x.

    Raises:
        ValueError: a shape does not fit; the message names the operand, the expected shape and the actual one.
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
        raise ValueError(f"states must be {', '.join(rec.state_names)}, not {len(states)} arrays.")
    for name, state in zip(rec.state_names, states, strict=True):
        require_shape(f"state {name}", state, (batch, units))
    if mask is not None:
        require_shape("mask", mask, (batch, time))
    if recurrent_dropout_mask is not None and not rec.recurrent_gates:
        raise ValueError(f"{rec.cell} has no recurrent product, and so no recurrent_dropout_mask.")
    for name, drop, width in (
        ("dropout_mask", dropout_mask, features),
        ("recurrent_dropout_mask", recurrent_dropout_mask, units),
    ):
        if drop is not None:
            require_shape(name, drop, (1, batch, width), (gates, batch, width))
    if zoneout_mask is not None:
        if not rec.zoneout:
            raise ValueError("zoneout_mask needs a recurrence with a zoneout above 0.")
        require_shape("zoneout_mask", zoneout_mask, (batch, time, len(rec.state_names), units))
