"""Read the scaling of series that a notebook saved."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.archives import read_archive
from gatewright.support.errors import InputError, as_input_errors
from gatewright.support.schema import parse_json
from gatewright.tasks.imported.inputs import Scaler

_PAIRS = (("mean", "scale"), ("min", "max"))
_MAX_BYTES = 1 << 24


@as_input_errors()
def read_scaler(source: str | os.PathLike[str] | Mapping[str, Any], features: int) -> Scaler:
    """Return the scaler of series with this number of features.

    Args:
        source: The path of a .npz or .json file, or the arrays, with the names `mean` and `scale` (as in scikit-learn's
            StandardScaler) or `min` and `max` (the smallest and largest number of each feature, which become 0 and 1).
            Each has a number for each feature, or one for all.
        features: The number of features.

    Raises:
        InputError: The file cannot be read, or the arrays do not fit.
    """
    name = "The scaler" if isinstance(source, Mapping) else f"--scaler {os.fspath(source)}"
    arrays = source if isinstance(source, Mapping) else _read(Path(source))
    pair = next((pair for pair in _PAIRS if set(pair) <= set(arrays)), None)
    if pair is None:
        listed = ", ".join(sorted(map(str, arrays))[:10]) or "nothing"
        raise InputError(f"{name} must have the arrays mean and scale, or min and max. It has: {listed}.")
    first, second = (_numbers(arrays[key], f"{name}: {key}", features) for key in pair)
    if pair[0] == "min":
        second = np.where(second == first, 1.0, second - first)  # a constant feature, as scikit-learn does
    if (second == 0).any():
        raise InputError(f"{name}: scale is 0 for a feature: save the scaler again.")
    return Scaler(tuple(first.tolist()), tuple(second.tolist()))


def _read(path: Path) -> Mapping[str, Any]:
    if path.suffix.lower() == ".npz":
        return read_archive(path)
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"--scaler {path} is too large for a scaler: it must have at most {_MAX_BYTES:,} bytes.")
    try:
        found = parse_json(path.read_bytes())
    except InputError:
        raise InputError(f"--scaler {path} must be a .npz file or a JSON object with mean and scale.") from None
    if not isinstance(found, dict):
        raise InputError(f"--scaler {path} must be a JSON object with mean and scale, or min and max.")
    return found


def _numbers(value: Any, name: str, features: int) -> NDArray[np.float64]:
    try:
        array = np.asarray(value, np.float64).reshape(-1)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be numbers: one for each feature.") from None
    if len(array) not in (1, features) or not np.isfinite(array).all():
        raise InputError(f"{name} must have {features} finite numbers, one for each feature, but has {len(array)}.")
    return np.broadcast_to(array, (features,))
