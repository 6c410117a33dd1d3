"""Conversions and checks of the arrays that callers pass to the recurrences of NumPy arrays."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.ops.recurrence import Tokens

FloatArray = NDArray[np.floating[Any]]


def table_and_ids(tokens: Tokens) -> tuple[FloatArray, NDArray[Any]]:
    """Return the table, [rows, features], and the ids, [batch, time].

    Raises:
        ValueError: A shape does not fit, or the ids are not integers.
        TypeError: The table is neither float32 nor float64.
    """
    ids, table = np.asarray(tokens.ids), floats("table", tokens.table)
    if ids.ndim != 2 or not (np.issubdtype(ids.dtype, np.integer) or ids.size == 0):
        raise ValueError(f"ids must be integers of shape [batch, time], not {ids.dtype} of shape {list(ids.shape)}.")
    if table.ndim != 2:
        raise ValueError(f"table must have shape [rows, features], not {list(table.shape)}.")
    return table, ids


def ids_in_table(
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


def state_arrays(
    names: Sequence[str], initial_state: Sequence[FloatArray], dtype: np.dtype[Any]
) -> tuple[FloatArray, ...]:
    """Return the initial states, which must be arrays of this dtype: one for each name.

    Raises:
        ValueError: The number of states is wrong.
        TypeError: They are a single array, or have another dtype.
    """
    if isinstance(initial_state, np.ndarray):
        raise TypeError(f"initial_state must be a list of {len(names)} arrays, not one array.")
    if len(initial_state) != len(names):
        raise ValueError(f"states must contain one array for each of {', '.join(names)}, but has {len(initial_state)}.")
    return tuple([floats("initial_state", state, dtype) for state in initial_state])


def live_lengths(mask: Any, lengths: Any, batch: int, time: int) -> NDArray[np.int32] | None:
    """Return the lengths as `check_lengths` does, or None if there are none.

    Raises:
        ValueError: There is a mask, too, or a length does not fit.
        TypeError: The lengths are not whole numbers.
    """
    if lengths is None:
        return None
    if mask is not None:
        raise ValueError("mask and lengths are both given. Give only one of them.")
    return check_lengths(lengths, batch, time)


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


def floats(name: str, array: Any, dtype: np.dtype[Any] | None = None) -> FloatArray:
    """Return a contiguous array of float32 or float64, or of `dtype` if it is given.

    Raises:
        TypeError: The array has another dtype. The message contains `name`.
    """
    array = np.asarray(array)
    if dtype is None and array.dtype not in (np.float32, np.float64):
        raise TypeError(f"{name} must be float32 or float64, not {array.dtype}.")
    if dtype is not None and array.dtype != dtype:
        raise TypeError(f"{name} must be {dtype} like x, not {array.dtype}.")
    return np.ascontiguousarray(array)


def mask_bytes(name: str, mask: Any) -> NDArray[np.uint8] | None:
    """Return a mask of booleans as the bytes that the kernels read, or None if there is none.

    Raises:
        TypeError: The mask has another dtype. The message contains `name`.
    """
    if mask is None:
        return None
    array = np.asarray(mask)
    if array.dtype != np.bool_:
        raise TypeError(f"{name} must be bool, not {array.dtype}.")
    return np.ascontiguousarray(array).view(np.uint8)
