"""Read series from NumPy archives (.npz) and from arrays in files of their own (.npy)."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.archives import read_archive, read_array
from gatewright.support.errors import InputError
from gatewright.tasks.classify_series.options import SeriesOptions
from gatewright.tasks.classify_series.series import FoundSeries

# The longer of two axes is time if it is at least this many times as long as the other.
_LONGER = 3
_SPLITS = {"": "", "_train": "", "_test": "_test"}
_ARRAYS = {"x": "X", "y": "y", "lengths": "lengths"}


def read_arrays(path: Path, options: SeriesOptions) -> tuple[FoundSeries, FoundSeries | None]:
    """Return the series of a .npz archive or .npy file and its test set, or None if it has no test set.

    An archive has the arrays X and y, and optionally lengths, X_test, y_test and lengths_test. The names X_train and
    y_train, and lower-case names, are read too. The labels of X.npy are in y.npy in the same folder.

    Raises:
        InputError: The arrays cannot be read or used.
    """
    arrays = _canonical(path, _neighbours(path) if path.suffix.lower() == ".npy" else read_archive(path))
    if "X" not in arrays:
        raise InputError(
            f"{path} has no array X, only {', '.join(arrays) or 'nothing'}. Save the series as X, [series, time, "
            "channels], and their labels as y, [series]."
        )
    train = _series(path, arrays, options, "")
    if "X_test" not in arrays:
        return train, None
    width = train.values[0].shape[1] if len(train.values) else 1
    test = _series(path, arrays, replace(train.options, given=frozenset(["channels"])), "_test")
    if len(test.values) and test.values[0].shape[1] != width:
        raise InputError(
            f"{path}: X has {width} channels but X_test has {test.values[0].shape[1]}. Both need the same channels."
        )
    return train, test


def _canonical(path: Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Rename arrays such as x_train to X. Other arrays keep their names."""
    known = {name + split: _ARRAYS[name] + end for name in _ARRAYS for split, end in _SPLITS.items()}
    renamed: dict[str, NDArray[Any]] = {}
    for name, array in arrays.items():
        new = known.get(name.lower(), name)
        if new in renamed:
            raise InputError(f"{path} has two arrays {new}, also under the name {name!r}. Keep one.")
        renamed[new] = array
    return renamed


def _neighbours(path: Path) -> dict[str, NDArray[Any]]:
    """Return the array of a .npy file, and those next to it whose names have y or lengths instead of X."""
    stem = path.stem.lower()
    split = next((split for split in ("_train", "_test", "") if stem.endswith(split)), "")
    first = stem.removesuffix(split)
    if first not in ("x", "data", ""):
        return {"X": read_array(path)}
    partners = {other.stem.lower(): other for other in path.parent.glob("*.npy")}
    wanted = {"y": f"y{split}", "lengths": f"lengths{split}"}
    if split == "_train":
        wanted |= {"X_test": "x_test", "y_test": "y_test", "lengths_test": "lengths_test"}
    found = {name: partners[stem] for name, stem in wanted.items() if stem in partners}
    return {"X": read_array(path), **{name: read_array(other) for name, other in found.items()}}


def _series(path: Path, arrays: Mapping[str, NDArray[Any]], options: SeriesOptions, ending: str) -> FoundSeries:
    X, y, lengths = arrays["X" + ending], arrays.get("y" + ending), arrays.get("lengths" + ending)
    if X.ndim not in (2, 3) or X.dtype.kind not in "biuf":
        raise InputError(
            f"{path}: X{ending} must be numbers [series, time, channels] or [series, time], not {X.dtype} of shape "
            f"{list(X.shape)}."
        )
    if y is not None and y.shape == (len(X), 1):
        y = y[:, 0]
    for name, array in (("y", y), ("lengths", lengths)):
        if array is not None and array.shape != X.shape[:1]:
            raise InputError(
                f"{path}: {name}{ending} must have one value for each of the {len(X)} series, not the shape "
                f"{list(array.shape)}."
            )
    cube = np.asarray(X, np.float64)[:, :, None] if X.ndim == 2 else np.asarray(X, np.float64)
    notes: tuple[str, ...] = ()
    if X.ndim == 3:
        side, note = _side(path, f"X{ending}", X.shape, options, lengths)
        cube = np.swapaxes(cube, 1, 2) if side == "first" else cube
        options = replace(options, channels=side)
        notes = (note,) if note else ()
    if lengths is not None and (lengths.dtype.kind not in "iu" or ((lengths < 1) | (lengths > cube.shape[1])).any()):
        raise InputError(
            f"{path}: lengths{ending} must be whole numbers from 1 to {cube.shape[1]}, the number of steps of "
            f"X{ending}."
        )
    values = [series if lengths is None else series[: lengths[place]] for place, series in enumerate(cube)]
    return FoundSeries(values, None if y is None else y.tolist(), options, notes=notes)


def _side(
    path: Path, name: str, shape: tuple[int, ...], options: SeriesOptions, lengths: NDArray[Any] | None
) -> tuple[str, str]:
    """Return whether the channels are the first or the last axis of each series, and a note if this is an assumption.

    The number of channels of other series decides, then the numbers of steps, then which axis is much longer.
    """
    _, first, last = shape
    if "channels" in options.given and options.channels is not None:
        return options.channels, ""
    if options.names is not None and (first == len(options.names)) != (last == len(options.names)):
        side = "first" if first == len(options.names) else "last"
        changed = side != (options.channels or "last")
        return side, _note(path, name, shape, side, f"because other series have {len(options.names)} channels", changed)
    if options.channels is not None:
        return options.channels, ""
    longest = 0 if lengths is None or lengths.dtype.kind not in "iu" else int(lengths.max(initial=0))
    if (first < longest) != (last < longest):
        side = "first" if first < longest else "last"
        return side, _note(path, name, shape, side, "because of its lengths", side == "first")
    if last >= _LONGER * first:
        return "first", _note(path, name, shape, "first", "because its last axis is much longer", True)
    if first >= _LONGER * last:
        return "last", ""
    return "last", _note(path, name, shape, "last", "but its axes have similar lengths", True)


def _note(path: Path, name: str, shape: tuple[int, ...], side: str, reason: str, needed: bool) -> str:
    if not needed:
        return ""
    order, other = ("channels, time", "last") if side == "first" else ("time, channels", "first")
    return (
        f"{name} of {path.name}, of shape {list(shape)}, was read as [series, {order}], {reason}. If the channels are "
        f"the {'last' if other == 'last' else 'second'} axis, give --channels {other}."
    )
