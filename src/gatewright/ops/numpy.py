"""The recurrences as functions of NumPy arrays.

    run = gru(x, kernel, recurrent_kernel, bias)
    run.sequence, run.states

There is one such function for each cell in `gatewright.ops.cells`. With `keep=True` a run also stores the gates and
states of every step. `run.gates` then returns them, and `run.backward(d_sequence)` computes the gradients.

To compute one time step after the other, use `pack_gru`, or the corresponding function of another cell. It prepares the
weights once and returns an object whose method `step` computes a step.

The weights have the layout of Keras (see `gatewright.ops.cells.cell`). `gatewright.ops.convert` converts weights from
PyTorch and ONNX. All floating-point arrays of a call must have the same dtype, float32 or float64.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewright.ops import _kernels
from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import Cell, Gradients
from gatewright.ops.functions import described
from gatewright.ops.kernels import spec
from gatewright.ops.recurrence import Recurrence, Tokens, check_operands, no_recurrent_kernel

FloatArray = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Run:
    """The result of a recurrence over a batch of sequences.

    Attributes:
        sequence: The output of every time step, [batch, time, units]. Index t belongs to the input at index t.
        states: The states after the last step, each [batch, units]: (h,), or (h, c) for an LSTM.
    """

    sequence: FloatArray
    states: tuple[FloatArray, ...]
    _rec: Recurrence = field(repr=False)
    _operands: dict[str, Any] = field(repr=False)
    _saved: FloatArray | None = field(repr=False)

    @property
    def gates(self) -> dict[str, FloatArray]:
        """A dict of the gates and other intermediate values, each [batch, time, units].

        The keys are `Recurrence.saved_names`: letters from the equations in the docstring of the cell.

        Raises:
            ValueError: The run did not store these values, because it was called without `keep=True`.
        """
        saved = self._require_saved()
        return {name: saved[:, :, k] for k, name in enumerate(self._rec.saved_names)}

    def backward(
        self, d_sequence: FloatArray | None = None, d_states: Sequence[FloatArray | None] | None = None
    ) -> Gradients:
        """Run the backward pass: return the gradients of a loss with respect to x, the weights and the initial states.

        Args:
            d_sequence: Gradient of the loss with respect to `sequence`, [batch, time, units]. None means zero.
            d_states: Gradient of the loss with respect to each final state, [batch, units]. None means zero, for all
                states or as an element for one state.

        Raises:
            ValueError: The run was called without `keep=True`, or a shape does not fit.
            TypeError: A gradient does not have the dtype of x.
        """
        saved, o = self._require_saved(), self._operands
        states = tuple(o[f"{name}0"] for name in self._rec.state_names)
        given = (None,) * len(states) if d_states is None else tuple(d_states)
        if len(given) != len(states):
            raise ValueError(f"d_states must contain {len(states)} arrays, not {len(given)}.")
        d_sequence = _gradient("d_sequence", d_sequence, self.sequence)
        given = tuple(_gradient("d_states", d, s) for d, s in zip(given, states, strict=True))
        grads = Gradients(
            np.empty_like(o["x"]),
            np.empty_like(o["kernel"]),
            np.empty_like(o["recurrent_kernel"]),
            None if o["bias"] is None else np.empty_like(o["bias"]),
            tuple(np.empty_like(s) for s in states),
        )
        inputs = {"sequence": self.sequence, "saved": saved, "d_sequence": d_sequence}
        _kernels.backward(
            spec(self._rec),
            _ordered(_kernels.operands, o),
            _ordered(_kernels.backward_inputs, {**inputs, **_named("d_{}", self._rec, given)}),
            _ordered(_kernels.gradients, {**grads._asdict(), **_named("{}0", self._rec, grads.states)}),
        )
        return grads

    def _require_saved(self) -> FloatArray:
        if self._saved is None:
            raise ValueError("This run did not store its gates and states: call the operation with keep=True.")
        return self._saved


def forward(
    rec: Recurrence,
    x: FloatArray | Tokens,
    kernel: FloatArray,
    recurrent_kernel: FloatArray | None = None,
    bias: FloatArray | None = None,
    *,
    initial_state: Sequence[FloatArray] | None = None,
    mask: NDArray[np.bool_] | None = None,
    lengths: NDArray[np.integer[Any]] | Sequence[int] | None = None,
    dropout_mask: FloatArray | None = None,
    recurrent_dropout_mask: FloatArray | None = None,
    zoneout_mask: NDArray[np.bool_] | None = None,
    keep: bool = False,
) -> Run:
    """Run a recurrence over a batch of sequences.

    Args:
        rec: The recurrence.
        x: The inputs, [batch, time, features], float32 or float64, or `Tokens(ids, table)`. `Tokens` are faster if ids
            repeat, but not with a `dropout_mask`, because equal ids then have different inputs.
        kernel: W, [features, gates * units].
        recurrent_kernel: U, of shape `rec.recurrent_kernel_shape(units)`. None if no gate reads the state.
        bias: b, of shape `rec.bias_shape(units)`. None for no bias.
        initial_state: One array [batch, units] for each state. None means zeros.
        mask: Booleans [batch, time], True at live steps. At a masked step the states keep their values.
        lengths: Integers [batch], an alternative to the mask: the number of live steps at the beginning of each
            example.
        dropout_mask: Mask on x, [1 or gates, batch, features]: 0 for a dropped feature, 1 / (1 - rate) for the others.
            All steps use the same mask. None for no dropout.
        recurrent_dropout_mask: Mask on h, [1 or gates, batch, units], with the same kind of values. None for no
            dropout.
        zoneout_mask: Booleans [batch, time, states, units], True where a unit of a state keeps its previous value.
            If it is None, each state is the expected value for the probability `rec.zoneout`.
        keep: Store the gates and states of every step, which `Run.gates` and `Run.backward` need.

    Raises:
        ValueError: A shape or a length does not fit.
        TypeError: An operand has an unsupported dtype.
    """
    ids = None
    if isinstance(x, Tokens):
        x, ids = _tokens(x)
    x = _floats("x", x)
    if recurrent_kernel is None:
        recurrent_kernel = no_recurrent_kernel(rec, np.asarray(kernel))
    kernel = _floats("kernel", kernel, x.dtype)
    recurrent_kernel = _floats("recurrent_kernel", recurrent_kernel, x.dtype)
    bias = None if bias is None else _floats("bias", bias, x.dtype)
    dropout_mask, recurrent_dropout_mask = (
        None if array is None else _floats(name, array, x.dtype)
        for name, array in (("dropout_mask", dropout_mask), ("recurrent_dropout_mask", recurrent_dropout_mask))
    )
    shape = x.shape if ids is None else (*ids.shape, x.shape[1])
    if len(shape) != 3:
        raise ValueError(f"x must have shape [batch, time, features], not {list(shape)}.")
    batch, time = shape[:2]
    if initial_state is None:
        initial_state = [np.zeros((batch, recurrent_kernel.shape[0]), x.dtype) for _ in rec.state_names]
    elif isinstance(initial_state, np.ndarray):
        raise TypeError(f"initial_state must be a list of {len(rec.state_names)} arrays, not one array.")
    states = tuple(_floats("initial_state", state, x.dtype) for state in initial_state)
    live, zoned = _mask("mask", mask), _mask("zoneout_mask", zoneout_mask)
    check_operands(
        rec, shape, kernel, recurrent_kernel, bias, states, live, dropout_mask, recurrent_dropout_mask, zoned
    )
    if mask is not None and lengths is not None:
        raise ValueError("mask and lengths are both given. Give only one of them.")
    counts = None if lengths is None else check_lengths(lengths, batch, time)
    if ids is not None:
        ids = _ids_in_table(ids, len(x), live, counts)
        if dropout_mask is not None:  # equal ids then have different inputs
            x, ids = x[ids], None
    operands = {
        "x": x,
        "ids": ids,
        "kernel": kernel,
        "recurrent_kernel": recurrent_kernel,
        "bias": bias,
        "mask": live,
        "lengths": counts,
        "dropout_mask": dropout_mask,
        "recurrent_dropout_mask": recurrent_dropout_mask,
        "zoneout_mask": zoned,
        **_named("{}0", rec, states),
    }
    units = len(recurrent_kernel)
    sequence = np.empty((batch, time, units), x.dtype)
    saved = np.empty((batch, time, len(rec.saved_names), units), x.dtype) if keep else None
    last = tuple(np.empty_like(state) for state in states)
    outputs = {"sequence": sequence, "saved": saved, **_named("{}", rec, last)}
    _kernels.forward(spec(rec), _ordered(_kernels.operands, operands), _ordered(_kernels.outputs, outputs))
    return Run(sequence, last, rec, operands, saved)


class Packed:
    """A recurrence that computes one time step at a time, for streams and text generation.

    The weights are prepared (packed) once for fast steps.

        gru = pack_gru(kernel, recurrent_kernel, bias)
        h = gru.step(x, h)                  # x [batch, features], h [batch, units], float32
        gru.step(x, h, out=h)               # writes the result to h, and allocates no memory
        h, c = lstm.step(x, (h, c))         # an LSTM has two states; then `out` is also a pair

    A step runs in the thread that calls it. Do not use the same object in several threads at the same time.

    Attributes:
        step: The function that computes a step. It raises TypeError or ValueError if the dtype or shape of an array
            does not fit.
        features: Number of features of x.
        units: Number of units of each state.
    """

    __slots__ = ("features", "step", "units")

    def __init__(self, rec: Recurrence, kernel: Any, recurrent_kernel: Any, bias: Any) -> None:
        if recurrent_kernel is None:
            recurrent_kernel = no_recurrent_kernel(rec, np.asarray(kernel))
        kernel, recurrent_kernel = (
            _floats(name, array, np.dtype(np.float32))
            for name, array in (("kernel", kernel), ("recurrent_kernel", recurrent_kernel))
        )
        bias = None if bias is None else _floats("bias", bias, np.dtype(np.float32))
        if kernel.ndim != 2 or recurrent_kernel.ndim != 2:
            raise ValueError(
                f"kernel and recurrent_kernel must have shapes [features, {rec.gates} * units] and "
                f"[units, {rec.recurrent_gates} * units], not {list(kernel.shape)} and {list(recurrent_kernel.shape)}."
            )
        self.features, self.units = len(kernel), len(recurrent_kernel)
        states = [np.empty((1, self.units), np.float32)] * len(rec.state_names)
        check_operands(rec, (1, 1, self.features), kernel, recurrent_kernel, bias, states)
        # The bound method of the extension's object: a Python function in between would cost as much as the step.
        self.step = _kernels.PackedStep(spec(rec), kernel, recurrent_kernel, bias).step


def _sequence_function(cell: Cell) -> Callable[..., Run]:
    def function(
        x: FloatArray | Tokens,
        kernel: FloatArray,
        recurrent_kernel: FloatArray | None = None,
        bias: FloatArray | None = None,
        *,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        reset_after: bool = True,
        reverse: bool = False,
        zero_output_for_mask: bool = False,
        zoneout: float = 0.0,
        initial_state: Sequence[FloatArray] | None = None,
        mask: NDArray[np.bool_] | None = None,
        lengths: NDArray[np.integer[Any]] | Sequence[int] | None = None,
        dropout_mask: FloatArray | None = None,
        recurrent_dropout_mask: FloatArray | None = None,
        zoneout_mask: NDArray[np.bool_] | None = None,
        keep: bool = False,
    ) -> Run:
        """Run {title} over a batch of sequences.

        {equations}

        Args:
            x: The inputs, [batch, time, features], or `Tokens(ids, table)`.
            kernel: W, [features, {gates} * units].
            recurrent_kernel: {recurrent_kernel}.
            bias: b, of shape `Recurrence.bias_shape(units)`. None for no bias.
            activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout: See
                `gatewright.ops.recurrence.Recurrence`.
            initial_state, mask, lengths, dropout_mask, recurrent_dropout_mask, zoneout_mask, keep: See `forward`.

        Raises:
            ValueError: A name is unknown, or a shape or length does not fit.
            TypeError: An operand has an unsupported type.
        """
        rec = Recurrence(
            cell.name, activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout
        )
        return forward(
            rec,
            x,
            kernel,
            recurrent_kernel,
            bias,
            initial_state=initial_state,
            mask=mask,
            lengths=lengths,
            dropout_mask=dropout_mask,
            recurrent_dropout_mask=recurrent_dropout_mask,
            zoneout_mask=zoneout_mask,
            keep=keep,
        )

    return described(function, cell.name, cell)


def _pack_function(cell: Cell) -> Callable[..., Packed]:
    def function(
        kernel: FloatArray,
        recurrent_kernel: FloatArray | None = None,
        bias: FloatArray | None = None,
        *,
        activation: str = "tanh",
        recurrent_activation: str = "sigmoid",
        reset_after: bool = True,
        zoneout: float = 0.0,
    ) -> Packed:
        """Prepare the weights of {title} for computing one time step at a time; see `Packed`.

        {equations}

        Args:
            kernel: W, float32 [features, {gates} * units].
            recurrent_kernel: {recurrent_kernel}.
            bias: b, of shape `Recurrence.bias_shape(units)`. None for no bias.
            activation, recurrent_activation, reset_after, zoneout: See `gatewright.ops.recurrence.Recurrence`.

        Raises:
            ValueError: A name is unknown, or a shape does not fit.
            TypeError: A weight is not float32.
        """
        rec = Recurrence(cell.name, activation, recurrent_activation, reset_after, zoneout=zoneout)
        return Packed(rec, kernel, recurrent_kernel, bias)

    return described(function, f"pack_{cell.name}", cell)


# One function for each cell and one that packs its weights: gru and pack_gru, lstm and pack_lstm, ...
globals().update({name: _sequence_function(cell) for name, cell in CELLS.items()})
globals().update({f"pack_{name}": _pack_function(cell) for name, cell in CELLS.items()})

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


def _tokens(tokens: Tokens) -> tuple[FloatArray, NDArray[Any]]:
    """Return the table and the ids, [batch, time]."""
    ids, table = np.asarray(tokens.ids), _floats("table", tokens.table)
    if ids.ndim != 2 or not (np.issubdtype(ids.dtype, np.integer) or ids.size == 0):
        raise ValueError(f"ids must be integers of shape [batch, time], not {ids.dtype} of shape {list(ids.shape)}.")
    if table.ndim != 2:
        raise ValueError(f"table must have shape [rows, features], not {list(table.shape)}.")
    return table, ids


def _ids_in_table(
    ids: NDArray[Any], rows: int, mask: NDArray[np.uint8] | None, lengths: NDArray[np.int32] | None
) -> NDArray[np.int32]:
    """Return ids as int32, with 0 in place of ids outside the table at steps that are not live.

    Raises:
        ValueError: An id at a live step is outside the table.
    """
    outside = (ids >= rows) | (ids < -rows)
    if outside.any():
        wrong = outside if mask is None else outside & (mask != 0)
        if lengths is not None:
            wrong = wrong & (np.arange(ids.shape[1]) < lengths[:, None])
        if wrong.any():
            example, step = np.argwhere(wrong)[0]
            raise ValueError(
                f"ids must lie between {-rows} and {rows - 1}, because the table has {rows} rows, but the id of "
                f"example {example} at step {step} is {ids[example, step]}. Use a larger table or other ids."
            )
        ids = np.where(outside, 0, ids)
    return np.ascontiguousarray(ids, np.int32)


def check_lengths(lengths: Any, batch: int, time: int) -> NDArray[np.int32]:
    """Check the number of live steps of each example, and return these lengths as int32 [batch].

    Args:
        lengths: The lengths, [batch].
        batch: Number of examples.
        time: Number of time steps, the maximum length.

    Raises:
        ValueError: A length is below 0 or above `time`, or the number of lengths is not `batch`.
        TypeError: The lengths are not whole numbers.
    """
    counts = np.asarray(lengths)
    if not np.issubdtype(counts.dtype, np.integer) and counts.size:
        raise TypeError(f"lengths must be whole numbers, not {counts.dtype}.")
    if counts.shape != (batch,):
        raise ValueError(f"lengths must have shape [{batch}], not {list(counts.shape)}.")
    if counts.size and (counts.min() < 0 or counts.max() > time):
        raise ValueError(f"lengths must lie between 0 and time = {time}, not {counts.min()} to {counts.max()}.")
    return np.ascontiguousarray(counts, np.int32)


def _floats(name: str, array: Any, dtype: np.dtype[Any] | None = None) -> FloatArray:
    array = np.asarray(array)
    if dtype is None and array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} must be float32 or float64, not {array.dtype}.")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} must be {dtype} like x, not {array.dtype}.")
    return np.ascontiguousarray(array)


def _mask(name: str, mask: Any) -> NDArray[np.uint8] | None:
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} must be bool, not {array.dtype}.")
    return np.ascontiguousarray(array).view(np.uint8)


def _gradient(name: str, gradient: Any, like: FloatArray) -> FloatArray | None:
    if gradient is None:
        return None
    array = _floats(name, gradient, like.dtype)
    if array.shape != like.shape:
        raise ValueError(f"{name} must have shape {list(like.shape)}, not {list(array.shape)}.")
    return array


def _named(pattern: str, rec: Recurrence, states: Sequence[Any]) -> dict[str, Any]:
    """Return a dict of the states. Each key is the name of a state, inserted into the format string `pattern`."""
    return {pattern.format(name): state for name, state in zip(rec.state_names, states, strict=True)}


def _ordered(names: Sequence[str], arrays: Mapping[str, Any]) -> list[Any]:
    """Return the arrays in the order of the names, with None for each name that is not in `arrays`."""
    return [arrays.get(name) for name in names]
