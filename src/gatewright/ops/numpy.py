"""The recurrences as functions of NumPy arrays.

    run = gru(x, kernel, recurrent_kernel, bias)
    run.sequence, run.states

There is one such function for each cell in `gatewright.ops.cells`. With `keep=True` a run also stores the gates and
states of every step. `run.gates` then returns them, and `run.backward(d_sequence)` computes the gradients.

For inference with weights that do not change, use `pack_gru`, or the corresponding function of another cell. It
prepares the weights once, and returns an object whose method `step` computes one time step, and whose method `sequence`
runs whole sequences.

The weights have the layout of Keras (see `gatewright.ops.cells.cell`). `gatewright.ops.convert` converts weights from
PyTorch and ONNX. All floating-point arrays of a call must have the same dtype, float32 or float64.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.ops import _kernels
from gatewright.ops.cells import CELLS
from gatewright.ops.cells.cell import Cell, Gradients
from gatewright.ops.functions import described
from gatewright.ops.kernels import spec
from gatewright.ops.operands import (
    FloatArray,
    floats,
    ids_in_table,
    live_lengths,
    mask_bytes,
    state_arrays,
    table_and_ids,
)
from gatewright.ops.packed import Packed
from gatewright.ops.recurrence import Recurrence, Tokens, check_operands, check_precision, no_recurrent_kernel


class InputGradients(NamedTuple):
    """The gradients of a loss with respect to what a run read.

    Attributes:
        x: With respect to the inputs, like x.
        states: With respect to each initial state, [batch, units].
    """

    x: FloatArray
    states: tuple[FloatArray, ...]


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
        return self._backward(self._operands, d_sequence, d_states)

    def backward_to_inputs(
        self, d_sequence: FloatArray | None = None, d_states: Sequence[FloatArray | None] | None = None
    ) -> InputGradients:
        """Return the gradients of a loss with respect to x and the initial states, as `backward` does.

        This is faster than `backward`, because the gradients of the weights are not computed.

        Args:
            d_sequence, d_states: See `backward`.

        Raises:
            ValueError, TypeError: See `backward`.
        """
        return self._backward_to_inputs(self._operands, d_sequence, d_states)

    def backward_to_steps(
        self,
        d_sequence: FloatArray | None = None,
        d_states: Sequence[FloatArray | None] | None = None,
        *,
        groups: int = 1,
    ) -> FloatArray:
        """Return the gradient of a loss with respect to x, added up in groups of examples, [groups, time, features].

        This is faster than `backward_to_inputs`, because the gradients of a time step are added before their product
        with the kernel.

        Args:
            d_sequence, d_states: See `backward`.
            groups: The number of groups, of as many consecutive examples each.

        Raises:
            ValueError: The run was called without `keep=True` or with a dropout mask, a shape does not fit, or the
                examples cannot be divided into so many groups.
            TypeError: A gradient does not have the dtype of x.
        """
        o = self._operands
        if o["dropout_mask"] is not None:
            raise ValueError("Gradients of time steps cannot be added up with a dropout mask: use backward.")
        # The backward pass reads x only for the gradient of the kernel. With ids, it adds gradients of equal ids: here
        # of the same time step of a group.
        batch, time = self.sequence.shape[:2]
        if groups < 1 or batch % groups:
            raise ValueError(f"{batch} examples cannot be divided into {groups} groups of the same size.")
        own = np.arange(groups * time, dtype=np.int32).reshape(groups, time)
        steps = np.zeros((groups * time, o["x"].shape[-1]), o["x"].dtype)
        operands = {**o, "x": steps, "ids": np.repeat(own, batch // groups, axis=0)}
        return self._backward_to_inputs(operands, d_sequence, d_states).x.reshape(groups, time, -1)

    def _backward(
        self, o: dict[str, Any], d_sequence: FloatArray | None, d_states: Sequence[FloatArray | None] | None
    ) -> Gradients:
        grads = Gradients(
            np.empty_like(o["x"]),
            np.empty_like(o["kernel"]),
            np.empty_like(o["recurrent_kernel"]),
            None if o["bias"] is None else np.empty_like(o["bias"]),
            tuple(np.empty_like(o[f"{name}0"]) for name in self._rec.state_names),
        )
        self._fill(o, d_sequence, d_states, {**grads._asdict(), **_named("{}0", self._rec, grads.states)})
        return grads

    def _backward_to_inputs(
        self, o: dict[str, Any], d_sequence: FloatArray | None, d_states: Sequence[FloatArray | None] | None
    ) -> InputGradients:
        grads = InputGradients(
            np.empty_like(o["x"]), tuple(np.empty_like(o[f"{name}0"]) for name in self._rec.state_names)
        )
        self._fill(o, d_sequence, d_states, {"x": grads.x, **_named("{}0", self._rec, grads.states)})
        return grads

    def _fill(
        self,
        o: dict[str, Any],
        d_sequence: FloatArray | None,
        d_states: Sequence[FloatArray | None] | None,
        grads: Mapping[str, FloatArray | None],
    ) -> None:
        """Compute the gradients whose arrays are given, by their names in `_kernels.gradients`.

        Without those of the weights, the backward pass is faster.
        """
        saved = self._require_saved()
        d_sequence, given = self._gradients_of_outputs(d_sequence, d_states)
        inputs = {"sequence": self.sequence, "saved": saved, "d_sequence": d_sequence}
        _kernels.backward(
            spec(self._rec),
            _ordered(_kernels.operands, o),
            _ordered(_kernels.backward_inputs, {**inputs, **_named("d_{}", self._rec, given)}),
            _ordered(_kernels.gradients, grads),
        )

    def state_gradients(
        self, d_sequence: FloatArray | None = None, d_states: Sequence[FloatArray | None] | None = None
    ) -> tuple[FloatArray, ...]:
        """Return the gradients of a loss with respect to the states after each step, each [batch, time, units].

        They show how far back the loss depends on the states, and are 0 at masked steps. The gradient with respect to
        h_t includes the effects of h_t on later steps. In an LSTM, h_t is computed from c_t, and the gradient with
        respect to c_t includes this effect. With zoneout it does not, because h_t is computed from the c_t before
        zoneout (see `reference.step`).

        Hochreiter 1991, "Untersuchungen zu dynamischen neuronalen Netzen", section 3; Bengio, Simard & Frasconi 1994,
        "Learning Long-Term Dependencies with Gradient Descent is Difficult", section III.

        Args:
            d_sequence, d_states: See `backward`.

        Raises:
            ValueError, TypeError: See `backward`.
        """
        rec, o = self._rec, self._operands
        found = tuple(np.zeros_like(self.sequence) for _ in rec.state_names)
        steps = _named("{}_steps", rec, found)
        self._fill(o, d_sequence, d_states, {"x": np.empty_like(o["x"]), **steps})
        if "c" in rec.state_names and not rec.zoneout:
            rows = {name: values.reshape(-1, values.shape[-1]) for name, values in self.gates.items()}
            d_h = found[0].reshape(rows["c"].shape)
            d_c = rec.definition.output_backward(rec, d_h, rows, o["bias"]).reshape(found[0].shape)
            found[1][:] += np.where(found[0].any(axis=-1, keepdims=True), d_c, 0)  # 0 at masked steps, too
        return found

    def _gradients_of_outputs(
        self, d_sequence: FloatArray | None, d_states: Sequence[FloatArray | None] | None
    ) -> tuple[FloatArray | None, tuple[FloatArray | None, ...]]:
        """Check the gradients of a loss with respect to the outputs, and return one for each final state."""
        given = (None,) * len(self.states) if d_states is None else tuple(d_states)
        if len(given) != len(self.states):
            raise ValueError(f"d_states must contain {len(self.states)} arrays, not {len(given)}.")
        checked = tuple(_gradient("d_states", d, s) for d, s in zip(given, self.states, strict=True))
        return _gradient("d_sequence", d_sequence, self.sequence), checked

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
        x, ids = table_and_ids(x)
    x = floats("x", x)
    check_precision(rec, x.dtype)
    if recurrent_kernel is None:
        recurrent_kernel = no_recurrent_kernel(rec, np.asarray(kernel))
    kernel = floats("kernel", kernel, x.dtype)
    recurrent_kernel = floats("recurrent_kernel", recurrent_kernel, x.dtype)
    bias = None if bias is None else floats("bias", bias, x.dtype)
    dropout_mask, recurrent_dropout_mask = (
        None if array is None else floats(name, array, x.dtype)
        for name, array in (("dropout_mask", dropout_mask), ("recurrent_dropout_mask", recurrent_dropout_mask))
    )
    shape = x.shape if ids is None else (*ids.shape, x.shape[1])
    if len(shape) != 3:
        raise ValueError(f"x must have shape [batch, time, features], not {list(shape)}.")
    batch, time = shape[:2]
    if initial_state is None:
        initial_state = [np.zeros((batch, recurrent_kernel.shape[0]), x.dtype) for _ in rec.state_names]
    states = state_arrays(rec.state_names, initial_state, x.dtype)
    live, zoned = mask_bytes("mask", mask), mask_bytes("zoneout_mask", zoneout_mask)
    check_operands(
        rec, shape, kernel, recurrent_kernel, bias, states, live, dropout_mask, recurrent_dropout_mask, zoned
    )
    counts = live_lengths(mask, lengths, batch, time)
    if ids is not None:
        ids = ids_in_table(ids, len(x), live, counts)
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
        precision: str = "float32",
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
            activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout, precision: See
                `gatewright.ops.recurrence.Recurrence`.
            initial_state, mask, lengths, dropout_mask, recurrent_dropout_mask, zoneout_mask, keep: See `forward`.

        Raises:
            ValueError: A name is unknown, or a shape or length does not fit.
            TypeError: An operand has an unsupported type.
        """
        rec = Recurrence(
            cell.name, activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout, precision
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
        reverse: bool = False,
        zero_output_for_mask: bool = False,
        zoneout: float = 0.0,
    ) -> Packed:
        """Prepare the weights of {title} once, for inference; see `Packed`.

        {equations}

        Args:
            kernel: W, float32 [features, {gates} * units].
            recurrent_kernel: {recurrent_kernel}.
            bias: b, of shape `Recurrence.bias_shape(units)`. None for no bias.
            activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout: See
                `gatewright.ops.recurrence.Recurrence`.

        Raises:
            ValueError: A name is unknown, or a shape does not fit.
            TypeError: A weight is not float32.
        """
        rec = Recurrence(
            cell.name, activation, recurrent_activation, reset_after, reverse, zero_output_for_mask, zoneout
        )
        return Packed(rec, kernel, recurrent_kernel, bias)

    return described(function, f"pack_{cell.name}", cell)


# One function for each cell and one that packs its weights: gru and pack_gru, lstm and pack_lstm, ...
globals().update({name: _sequence_function(cell) for name, cell in CELLS.items()})
globals().update({f"pack_{name}": _pack_function(cell) for name, cell in CELLS.items()})

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


def _gradient(name: str, gradient: Any, like: FloatArray) -> FloatArray | None:
    if gradient is None:
        return None
    array = floats(name, gradient, like.dtype)
    if array.shape != like.shape:
        raise ValueError(f"{name} must have shape {list(like.shape)}, not {list(array.shape)}.")
    return array


def _named(pattern: str, rec: Recurrence, states: Sequence[Any]) -> dict[str, Any]:
    """Return a dict of the states. Each key is the name of a state, inserted into the format string `pattern`."""
    return {pattern.format(name): state for name, state in zip(rec.state_names, states, strict=True)}


def _ordered(names: Sequence[str], arrays: Mapping[str, Any]) -> list[Any]:
    """Return the arrays in the order of the names, with None for each name that is not in `arrays`."""
    return [arrays.get(name) for name in names]
