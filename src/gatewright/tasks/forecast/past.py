"""The steps of series from which forecasts are made."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.numbers import shown_names
from gatewright.support.errors import InputError
from gatewright.support.progress import print_status
from gatewright.tasks.forecast.reading import observed_steps, read_for_model
from gatewright.tasks.forecast.scales import Observed, Scales, fill_missing
from gatewright.tasks.forecast.table import Line

_MAX_HORIZON = 100_000


class Past(NamedTuple):
    """The steps of a series from which a forecast is made.

    Attributes:
        seen: The last steps, as many as the network reads, [look_back, variables].
        ahead: The steps ahead for a model with future covariates, [horizon, variables]; otherwise [0, variables].
        scale: The mean and standard deviation of each variable, [2, variables].
        last: The number of steps from the origin of the time grid to the last past step. None if it is unknown.
        notes: Sentences about the steps.
    """

    seen: Observed
    ahead: NDArray[np.float64]
    scale: NDArray[np.float64]
    last: int | None
    notes: tuple[str, ...]


def past_steps(
    scales: Scales, whole: NDArray[np.float64], series: str, last: int | None, sizes: tuple[int, int]
) -> Past:
    """Return the steps from which a forecast is made.

    Args:
        scales: The scales of the model.
        whole: Past steps, and the steps ahead for a model with future covariates, [time, variables].
        series: The name of the series.
        last: The place of the last past step on the grid of times. None if it is unknown.
        sizes: The number of past steps that the network reads, and the number of steps to forecast.

    Raises:
        InputError: There are too few steps, or a target has no number.
    """
    look_back, horizon = sizes
    ahead = horizon if scales.future_covariates else 0
    end = len(whole) - ahead
    if end < 1:
        raise InputError(
            f"A forecast needs past steps{f' and {ahead} steps ahead' if ahead else ''}, but there are "
            f"{len(whole)} steps. Give more steps."
        )
    if np.isnan(whole[:end, : scales.targets]).all(axis=0).any():
        raise InputError("A target has no number in the past steps. Give steps with numbers.")
    notes = []
    if end < look_back:
        notes.append(f"The network reads {look_back:,} steps, but got {end:,}, so the first one was repeated.")
    if missing := int(np.isnan(whole[end:, -scales.future_covariates :]).any(axis=1).sum()) if ahead else 0:
        notes.append(
            f"Future covariates are missing for {missing:,} of {ahead:,} steps ahead: their last number was used."
        )
    scale, is_known = scales.scale_of(series, whole[:end])
    if not is_known:
        notes.append("The series was not in the training data. It was scaled by its own numbers.")
    # The last number before one that is missing in the window may come before the window.
    seen = Observed.from_values(_padded(whole[:end], look_back)).last(look_back)
    return Past(seen, whole[end:], scale, last, tuple(notes))


def read_lines(file: str, scales: Scales, options: Mapping[str, Any]) -> list[Line]:
    """Return the series of a file that have a number to forecast from, and print notes about the file.

    Args:
        file: The path of the table.
        scales: The scales of the model.
        options: The options for reading the file; see `renaming.ALLOWED`.

    Raises:
        InputError: The file cannot be read or used, or no series has a number.
    """
    table = read_for_model(file, scales, options)
    for note in table.notes:
        print_status(note)
    targets = scales.targets
    lines = [line for line in table.lines if observed_steps(line, targets)]
    if empty := [line.name for line in table.lines if not observed_steps(line, targets)]:
        have, were = ("has", "was") if len(empty) == 1 else ("have", "were")
        print_status(
            f"{len(empty):,} series {have} no number to forecast from and {were} left out: {shown_names(empty)}."
        )
    if not lines:
        raise InputError(f"{file} has no number of {', '.join(scales.variables[:targets][:5])} to forecast from.")
    return lines


def steps_of(line: Line, scales: Scales, horizon: int) -> tuple[NDArray[np.float64], int]:
    """Return the steps of a series up to the last known target, and the place of the last one on the grid of times.

    For a model with future covariates, `horizon` further steps follow, with NaN for those that the series lacks.
    """
    seen = observed_steps(line, scales.targets)
    ahead = horizon if scales.future_covariates else 0
    values = line.values[: seen + ahead]
    missing = np.full((seen + ahead - len(values), values.shape[1]), np.nan)
    return np.concatenate([values, missing]), line.first + seen - 1


def require_horizon(horizon: Any) -> int:
    """Return a number of steps to forecast, which may be given as text.

    Raises:
        InputError: It is not a whole number from 1 to 100,000.
    """
    text = str(horizon)
    if isinstance(horizon, bool) or not text.isascii() or not text.isdigit() or not 1 <= int(text) <= _MAX_HORIZON:
        raise InputError(f"horizon must be a whole number from 1 to {_MAX_HORIZON:,}, not {horizon!r}.")
    return int(text)


def last_index(values: Any, ahead: int) -> Any:
    """Return the last past time of the index of a pandas object, or None if its index has no times."""
    index: Any = getattr(values, "index", ())
    if getattr(getattr(index, "dtype", None), "kind", "") != "M" or len(index) <= ahead:
        return None
    return index[len(index) - 1 - ahead]


def _padded(values: NDArray[np.float64], steps: int) -> NDArray[np.float64]:
    """Return at least `steps` steps, [time, variables]. Steps before the given ones have their first numbers."""
    missing = steps - len(values)
    if missing <= 0:
        return values
    return np.concatenate([np.repeat(fill_missing(values)[:1], missing, axis=0), values])
