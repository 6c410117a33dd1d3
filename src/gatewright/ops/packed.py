"""Recurrences whose weights are prepared (packed) once, for inference."""

import weakref
from collections.abc import Sequence
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from gatewright.ops import _kernels
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
from gatewright.ops.recurrence import Recurrence, Tokens, check_operands, no_recurrent_kernel, require_shape

_FLOAT32 = np.dtype(np.float32)


class Packed:
    """A recurrence whose weights are prepared (packed) once, for inference in float32.

    It computes one time step at a time, for streams and text generation:

        gru = pack_gru(kernel, recurrent_kernel, bias)
        h = gru.step(x, h)                  # x [batch, features], h [batch, units], float32
        gru.step(x, h, out=h)               # writes the result to h, and allocates no memory
        h, c = lstm.step(x, (h, c))         # an LSTM has two states; then `out` is also a pair

    It also runs whole sequences, with the results of `forward`:

        sequence, (h,) = gru.sequence(x)    # x [batch, time, features]

    A step runs in the thread that calls it. Several threads may use the same object at the same time, each with states
    of its own. The packed weights are a copy, as large as the weights, in an order that depends on the instruction set
    that is chosen when they are packed. Therefore the object cannot be pickled, and copies of it are the object itself.

    Attributes:
        step: The function that computes a step. It raises TypeError or ValueError if the dtype or shape of an array
            does not fit. It ignores `rec.reverse` and `rec.zero_output_for_mask`.
        rec: The recurrence.
        features: Number of features of x.
        units: Number of units of each state.
    """

    __slots__ = ("_run", "features", "rec", "step", "units")

    def __init__(self, rec: Recurrence, kernel: Any, recurrent_kernel: Any, bias: Any) -> None:
        if rec.precision != "float32":
            raise ValueError(f"Packed weights support precision 'float32' only, not {rec.precision!r}.")
        if recurrent_kernel is None:
            recurrent_kernel = no_recurrent_kernel(rec, np.asarray(kernel))
        kernel, recurrent_kernel = (
            floats(name, array, _FLOAT32)
            for name, array in (("kernel", kernel), ("recurrent_kernel", recurrent_kernel))
        )
        bias = None if bias is None else floats("bias", bias, _FLOAT32)
        if kernel.ndim != 2 or recurrent_kernel.ndim != 2:
            raise ValueError(
                f"kernel and recurrent_kernel must have shapes [features, {rec.gates} * units] and "
                f"[units, {rec.recurrent_gates} * units], not {list(kernel.shape)} and {list(recurrent_kernel.shape)}."
            )
        self.rec, self.features, self.units = rec, len(kernel), len(recurrent_kernel)
        states = [np.empty((1, self.units), np.float32)] * len(rec.state_names)
        check_operands(rec, (1, 1, self.features), kernel, recurrent_kernel, bias, states)
        packed = _kernels.PackedRecurrence(spec(rec), kernel, recurrent_kernel, bias)
        # The bound method of the extension's object: a Python function in between would cost as much as the step.
        self.step, self._run = packed.step, packed.sequence

    def sequence(
        self,
        x: FloatArray | Tokens,
        initial_state: Sequence[FloatArray] | None = None,
        *,
        mask: NDArray[np.bool_] | None = None,
        lengths: NDArray[np.integer[Any]] | Sequence[int] | None = None,
        return_sequence: bool = True,
    ) -> tuple[FloatArray | None, tuple[FloatArray, ...]]:
        """Run the recurrence over a batch of sequences.

        The results are bitwise equal to those of `forward` with the same instruction set.

        Args:
            x: The inputs, float32 [batch, time, features], or `Tokens(ids, table)`.
            initial_state, mask, lengths: As in `forward`.
            return_sequence: Return the outputs of all time steps. If False, None is returned in place of them.

        Returns:
            The outputs of all time steps, [batch, time, units], and the last states, each [batch, units].

        Raises:
            ValueError: A shape or a length does not fit.
            TypeError: An array has an unsupported dtype.
        """
        ids = None
        if isinstance(x, Tokens):
            x, ids = table_and_ids(x)
        x = floats("x", x, _FLOAT32)
        shape = x.shape if ids is None else (*ids.shape, x.shape[1])
        if len(shape) != 3 or shape[2] != self.features:
            raise ValueError(f"x must have shape [batch, time, {self.features}], not {list(shape)}.")
        batch, time, _ = shape
        names, of_state = self.rec.state_names, (batch, self.units)
        if initial_state is None:
            states = tuple([np.zeros(of_state, np.float32) for _ in names])
        else:
            states = state_arrays(names, initial_state, _FLOAT32)
            for name, state in zip(names, states, strict=True):
                require_shape(f"state {name}", state, of_state)
        live = mask_bytes("mask", mask)
        if live is not None:
            require_shape("mask", live, (batch, time))
        counts = live_lengths(mask, lengths, batch, time)
        if ids is not None:
            ids = ids_in_table(ids, len(x), live, counts)
        sequence = np.empty((batch, time, self.units), np.float32) if return_sequence else None
        last = tuple([np.empty(of_state, np.float32) for _ in names])
        c0, c = (states[1], last[1]) if len(names) == 2 else (None, None)
        self._run(x, ids, states[0], c0, live, counts, sequence, last[0], c)
        return sequence, last

    def __copy__(self) -> "Packed":
        return self

    def __deepcopy__(self, memo: Any) -> "Packed":
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "Packed weights cannot be pickled, since their order depends on the processor: pickle the weights, and "
            "pack them again."
        )


# For the id of each kernel that `packed_once` has been called with: the kernel, and what was made of it.
_packed: dict[int, tuple[weakref.ref[Any], Packed]] = {}


def packed_once(rec: Recurrence, kernel: Any, recurrent_kernel: Any, bias: Any) -> Packed | None:
    """Return the packed weights of a trained network's recurrence, which are packed at the first call and then kept.

    They are kept as long as the kernel exists. None is returned for weights that could change or are not float32.

    Args:
        rec: The recurrence; always the same for the same kernel.
        kernel, recurrent_kernel, bias: The weights.
    """
    for array in (kernel, recurrent_kernel, bias):
        if array.size and (array.flags.writeable or array.dtype != _FLOAT32):
            return None
    key = id(kernel)
    found = _packed.get(key)
    if found is not None and found[0]() is kernel and found[1].rec == rec:
        return found[1]
    packed = Packed(rec, kernel, recurrent_kernel, bias)
    _packed[key] = (weakref.ref(kernel, lambda _: _packed.pop(key, None)), packed)
    return packed
