"""The recurrences as functions of NumPy arrays.

    run = gru(x, kernel, recurrent_kernel, bias)
    run.sequence, run.states

There is one such function for each cell of `gatewright.ops.cells`. With `keep=True` a run also stores every gate and
state of every step (`run.gates`), and `run.backward(d_sequence)` returns the gradients of all its operands. `pack_gru`
and the same function of every other cell pack weights once, for `Packed.step`.

Layouts are those of Keras (see `gatewright.ops.cells.cell`; `gatewright.ops.convert` converts others). All arrays of a
call have the same type, float32 or float64.
"""

from __future__ import annotations

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
        sequence: [batch, time, units], the output of every step, aligned with the input's times.
        states: the states after the last step, each [batch, units]: (h,), or (h, c) for an LSTM.
    """

    sequence: FloatArray
    states: tuple[FloatArray, ...]
    _rec: Recurrence = field(repr=False)
    _operands: dict[str, Any] = field(repr=False)
    _saved: FloatArray | None = field(repr=False)

    @property
    def gates(self) -> dict[str, FloatArray]:
        """Every gate and inner state by its letter (`Recurrence.saved_names`), each [batch, time, units].

        Raises:
            ValueError: the run did not store them.
        """
        saved = self._require_saved()
        return {name: saved[:, :, k] for k, name in enumerate(self._rec.saved_names)}

    def backward(
        self, d_sequence: FloatArray | None = None, d_states: Sequence[FloatArray | None] | None = None
    ) -> Gradients:
        """Return the gradients of a loss with respect to every operand, given those with respect to the outputs.

        Args:
            d_sequence: [batch, time, units]; None for zero.
            d_states: one [batch, units] or None for each state; None for zero.

        Raises:
            ValueError: the run did not store its gates and states, or a shape does not fit.
            TypeError: a gradient has another type than the run.
        """
        saved = self._require_saved()
        o = self._operands
        states = tuple(o[f"{name}0"] for name in self._rec.state_names)
        given = (None,) * len(states) if d_states is None else tuple(d_states)
        if len(given) != len(states):
            raise ValueError(f"d_states must be {len(states)} arrays, not {len(given)}.")
        d_sequence = _gradient("d_sequence", d_sequence, self.sequence)
        given = tuple(_gradient("d_states", d, s) for d, s in zip(given, states, strict=True))
        bias = o["bias"]
        grads = Gradients(
            np.empty_like(o["x"]),
            np.empty_like(o["kernel"]),
            np.empty_like(o["recurrent_kernel"]),
            None if bias is None else np.empty_like(bias),
            tuple(np.empty_like(s) for s in states),
        )
        known = {
            "sequence": self.sequence,
            "saved": saved,
            "d_sequence": d_sequence,
            **_named("d_{}", self._rec, given),
        }
        by = {**grads._asdict(), **_named("{}0", self._rec, grads.states)}
        _kernels.backward(
            spec(self._rec),
            _ordered(_kernels.operands, o),
            _ordered(_kernels.backward_inputs, known),
            _ordered(_kernels.gradients, by),
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
        rec: the recurrence, including its direction and masking.
        x: [batch, time, features], or `Tokens(ids, table)`, which is faster if ids repeat. With a `dropout_mask` the
            rows of the table are gathered first, since equal ids then have different inputs.
        kernel: [features, gates * units].
        recurrent_kernel: `rec.recurrent_kernel_shape(units)`; None if no gate reads the state.
        bias: `rec.bias_shape(units)`; None for none.
        initial_state: one [batch, units] for each state; None for zero.
        mask: bool [batch, time], True at live steps. A masked step carries the state over.
        lengths: [batch], the number of live steps at the beginning of each row, instead of a mask.
        dropout_mask: [1 or gates, batch, features], scaled, the same at every step.
        recurrent_dropout_mask: [1 or gates, batch, units], likewise.
        zoneout_mask: bool [batch, time, states, units], True where a unit of a state keeps its previous value. Without
            it the expected value of `rec.zoneout` is computed.
        keep: store every gate and state of every step, for `Run.gates` and `Run.backward`.

    Raises:
        ValueError: a shape or a length does not fit.
        TypeError: an operand has an unsupported type.
    """
    ids = None
    if isinstance(x, Tokens):
        x, ids = _tokens(x, gathered=dropout_mask is not None)
    x = _floats("x", x)
    if recurrent_kernel is None:
        recurrent_kernel = no_recurrent_kernel(rec, np.asarray(kernel))
    names = ("bias", "dropout_mask", "recurrent_dropout_mask")
    given = (bias, dropout_mask, recurrent_dropout_mask)
    kernel, recurrent_kernel = (
        _floats("kernel", kernel, x.dtype),
        _floats("recurrent_kernel", recurrent_kernel, x.dtype),
    )
    bias, dropout_mask, recurrent_dropout_mask = (
        None if array is None else _floats(name, array, x.dtype) for name, array in zip(names, given, strict=True)
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
    drops = (dropout_mask, recurrent_dropout_mask, zoned)
    check_operands(rec, shape, kernel, recurrent_kernel, bias, states, live, *drops)
    if mask is not None and lengths is not None:
        raise ValueError("Give mask or lengths, not both.")
    counts = None if lengths is None else check_lengths(lengths, batch, time)
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
    units = recurrent_kernel.shape[0]
    sequence = np.empty((batch, time, units), x.dtype)
    saved = np.empty((batch, time, len(rec.saved_names), units), x.dtype) if keep else None
    out = tuple(np.empty_like(state) for state in states)
    outputs = {"sequence": sequence, "saved": saved, **_named("{}", rec, out)}
    _kernels.forward(spec(rec), _ordered(_kernels.operands, operands), _ordered(_kernels.outputs, outputs))
    return Run(sequence, out, rec, operands, saved)


class Packed:
    """A recurrence with its weights packed once, for single steps: streams and text generation.

        gru = pack_gru(kernel, recurrent_kernel, bias)
        h = gru.step(x, h)                  # x [batch, features], h [batch, units], float32
        gru.step(x, h, out=h)               # in place: allocates nothing
        h, c = lstm.step(x, (h, c))         # the state of an LSTM is a pair, and so is its out

    A step runs on the caller's thread. An object serves one caller at a time.

    Attributes:
        step: the function. It raises a TypeError or ValueError for arrays that do not fit.
        features: number of features of x.
        units: number of units of each state.
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
                f"kernel and recurrent_kernel must be [features, {rec.gates} * units] and "
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
            x: [batch, time, features], or `Tokens(ids, table)`.
            kernel: [features, {gates} * units].
            recurrent_kernel: {recurrent_kernel}.
            bias: the shape is that of the cell, see above; None for none.
            activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout: see
                `gatewright.ops.recurrence.Recurrence`.
            initial_state, mask, lengths, dropout_mask, recurrent_dropout_mask, zoneout_mask, keep: see `forward`.

        Raises:
            ValueError: a name is unknown, or a shape or length does not fit.
            TypeError: an operand has an unsupported type.
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
        """Pack the weights of {title} for `Packed.step`.

        {equations}

        Args:
            kernel: float32 [features, {gates} * units].
            recurrent_kernel: {recurrent_kernel}.
            bias: the shape is that of the cell, see above; None for none.
            activation, recurrent_activation, reset_after, zoneout: see `gatewright.ops.recurrence.Recurrence`.

        Raises:
            ValueError: a name is unknown, or a shape does not fit.
            TypeError: a weight is not float32.
        """
        rec = Recurrence(cell.name, activation, recurrent_activation, reset_after, zoneout=zoneout)
        return Packed(rec, kernel, recurrent_kernel, bias)

    return described(function, f"pack_{cell.name}", cell)


# One function for each cell and one that packs its weights: gru and pack_gru, lstm and pack_lstm, ...
globals().update({name: _sequence_function(cell) for name, cell in CELLS.items()})
globals().update({f"pack_{name}": _pack_function(cell) for name, cell in CELLS.items()})

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


def _tokens(tokens: Tokens, gathered: bool) -> tuple[FloatArray, NDArray[np.int32] | None]:
    """Return the table and its int32 ids [batch, time]; or, if gathered, the rows of the ids and None."""
    ids, table = np.asarray(tokens.ids), _floats("table", tokens.table)
    if ids.ndim != 2 or not (np.issubdtype(ids.dtype, np.integer) or ids.size == 0):
        raise ValueError(f"ids must be integers [batch, time], not {ids.dtype} of shape {list(ids.shape)}.")
    if table.ndim != 2:
        raise ValueError(f"table must have shape [rows, features], not {list(table.shape)}.")
    if ids.size and (np.any(ids > np.iinfo(np.int32).max) or np.any(ids < np.iinfo(np.int32).min)):
        raise ValueError("ids must fit into 32 bits.")
    return (table[ids], None) if gathered else (table, np.ascontiguousarray(ids, np.int32))


def check_lengths(lengths: Any, batch: int, time: int) -> NDArray[np.int32]:
    """Check lengths and return them as int32 [batch].

    Raises:
        ValueError: a length is not from 0 to time, or there are not batch of them.
        TypeError: they are not whole numbers.
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
        raise TypeError(f"{name} must be {dtype} as x is, not {array.dtype}.")
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
    """Return the arrays of the states under their names."""
    return {pattern.format(name): state for name, state in zip(rec.state_names, states, strict=True)}


def _ordered(names: Sequence[str], arrays: Mapping[str, Any]) -> list[Any]:
    """Return the arrays in the order of the names; None for a name that has none."""
    return [arrays.get(name) for name in names]
