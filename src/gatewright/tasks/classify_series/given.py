"""Check the series that a program gives to a model."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.channels import trim


class Given(NamedTuple):
    """The series that a program gave, [time, channels] each, and whether it gave one that is not in a list."""

    series: list[NDArray[np.float64]]
    is_one: bool


def as_series(given: Any, channels: Sequence[str]) -> Given:
    """Convert one series or several series to arrays, without steps at both ends that have no number.

    Args:
        given: See `SeriesClassifier.predict`.
        channels: The names of the channels.

    Raises:
        InputError: `given` is something else.
    """
    if _is_frame(given):
        return Given([_checked(given, channels)], True)
    if isinstance(given, str | bytes | dict | set | frozenset) or not isinstance(given, Iterable):
        raise _not_series(given, channels)
    array = _as_array(given)
    if array is None:
        return Given([_checked(item, channels) for item in given], False)
    if array.ndim == 0:
        raise _not_series(given, channels)
    if array.ndim == 3:
        return Given([_checked(one, channels) for one in array], False)
    if array.ndim == 2 and len(channels) == 1 and array.shape[1] != 1:
        return Given([_checked(one, channels) for one in array], False)
    return Given([_checked(array, channels)], True)


def as_step(numbers: Any, channels: Sequence[str]) -> NDArray[np.float64]:
    """Convert the numbers of one step to an array [1, channels].

    Raises:
        InputError: They have the wrong shape, contain an infinite number, or contain no number.
    """
    array = _numbers(numbers)
    if array.ndim == 0 and len(channels) == 1:
        array = array[None]
    if array.shape != (len(channels),):
        raise InputError(f"A step must be {_counted(len(channels))}, not an array of shape {list(array.shape)}.")
    return _finite(array[None])


def _checked(given: Any, channels: Sequence[str]) -> NDArray[np.float64]:
    """Return one series as float64 [time, channels]."""
    array = _numbers(_ordered(given, channels))
    width = len(channels)
    if array.ndim == 1 and width == 1:
        array = array[:, None]
    if array.ndim == 0 or (array.ndim == 1 and len(array) == width):
        found = "one value" if array.ndim == 0 else f"one step, [{width}]"
        raise InputError(
            f"A series must be numbers [time, {width}], but this is {found}. Give one series as an array, such as "
            "numpy.array(steps), and several in a list."
        )
    if array.ndim != 2 or array.shape[1] != width:
        turned = array.ndim == 2 and array.shape[0] == width
        raise InputError(
            f"A series must be numbers [time, {width}], not of shape {list(array.shape)}."
            + (" It has the channels first: give its transpose, series.T." if turned else "")
        )
    return _finite(array)


def _finite(array: NDArray[np.float64]) -> NDArray[np.float64]:
    if np.isinf(array).any():
        raise InputError("A series has an infinite number. Fix it, or replace it by NaN for a missing number.")
    kept = trim(array)
    if not len(kept):
        raise InputError("A series has no number. Leave it out.")
    return kept


def _numbers(given: Any) -> NDArray[np.float64]:
    """Return an array of float64. A masked number, and None, are NaN."""
    if isinstance(given, np.ma.MaskedArray):
        given = np.ma.filled(given.astype(np.float64), np.nan)
    try:
        array = np.asarray(given)
    except ValueError:  # rows of different lengths
        raise InputError(
            "The steps of a series have different numbers of values. Give a number for each channel."
        ) from None
    except (TypeError, RuntimeError) as error:
        raise InputError(f"A series of the type {type(given).__name__} cannot be read as an array ({error}).") from None
    if array.dtype.kind not in "biufO":
        raise InputError("A series must be numbers [time, channels], but something in it is not a number.")
    try:
        return np.asarray(array, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise InputError("A series must be numbers [time, channels], but something in it is not a number.") from None


def _as_array(given: Any) -> NDArray[Any] | None:
    """Return an array, such as of NumPy, PyTorch or JAX, or None for a list, an iterator and an array of series."""
    if not hasattr(given, "__array__"):
        return None
    if isinstance(given, np.ndarray):
        array: NDArray[Any] = given
    else:
        array = _numbers(given)
    return None if array.dtype.kind == "O" and array.ndim == 1 else array


def _is_frame(given: Any) -> bool:
    """Return True for a data frame, such as of pandas or polars."""
    return hasattr(given, "columns") and hasattr(given, "__array__")


def _ordered(given: Any, channels: Sequence[str]) -> Any:
    """Return a data frame with its columns in the order of the channels. Other objects are returned as they are."""
    if not _is_frame(given):
        return given
    columns = list(given.columns)
    if not all(isinstance(name, str | int) for name in columns):
        return given
    names = [str(name) for name in columns]
    if set(channels) <= set(names):
        chosen = [columns[names.index(name)] for name in channels]
        return given[chosen]
    named = not all(name.isdecimal() for name in channels) and not all(name.isdecimal() for name in names)
    if named:
        raise InputError(
            f"A data frame has no column {next(name for name in channels if name not in names)!r}, which is a channel "
            f"of the model. It has: {', '.join(map(repr, names[:20]))}."
        )
    return given


def _not_series(given: Any, channels: Sequence[str]) -> InputError:
    return InputError(
        f"Give series of numbers as an array [time, {len(channels)}], or a list of such arrays, not "
        f"{'None' if given is None else f'an object of the type {type(given).__name__}'}."
    )


def _counted(channels: int) -> str:
    return "one number" if channels == 1 else f"{channels} numbers, one for each channel"
