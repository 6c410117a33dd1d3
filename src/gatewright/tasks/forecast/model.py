"""Use a trained forecaster: NumPy and the kernels, without Keras or JAX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn import model as models
from gatewright.nn.block import Steps
from gatewright.nn.file import Model
from gatewright.nn.library import NUMPY
from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError
from gatewright.tasks.forecast.answer import Forecasted
from gatewright.tasks.forecast.blocks import Decaying, Direct, Level, Parallel, Recursive
from gatewright.tasks.forecast.scales import Scales, Seen

# Windows of one call.
_ROWS_AT_ONCE = 64
_MOST_SEEN = 1 << 24


@dataclass(frozen=True)
class Recent:
    """What a stream has seen last: the steps that the next forecast looks back on, and where the next is."""

    seen: Seen
    place: int


class Forecaster:
    """A trained forecaster.

    Attributes:
        look_back, horizon: steps that are read, and steps ahead.
        quantiles: that are forecast beside.
        scales: variables, times, and how numbers are scaled.
        naive_errors: of each target the mean absolute error of a season before, scaled, in the training part; NaN where
            it is 0.
        training: settings and figures, for a reader.
    """

    task: ClassVar[str] = "forecast"

    def __init__(self, model: Model) -> None:
        self.scales = Scales.from_json(model.encoder)
        self.training = model.training
        self._blocks, self._weights = model.blocks, models.with_ties(model.blocks, model.weights)
        level, ahead = model.blocks[0], model.blocks[-2]
        assert isinstance(level, Level)
        assert isinstance(ahead, Parallel | Direct | Recursive)
        self.look_back, self.horizon = level.look_back, ahead.horizon
        self.quantiles = _quantiles(model, level, ahead, self.scales)
        self.naive_errors = _naive_errors(model, self.scales)

    def predict(
        self, values: NDArray[Any] | Sequence[Sequence[float]], *, series: str = "", last: int = -1
    ) -> Forecasted:
        """The steps after the last one of these.

        Args:
            values: [time, variables] of at least `look_back` steps, in the user's own units, NaN where a number is
                missing. Where variables are known ahead, [time + horizon, variables]: of the steps ahead what else is
                there is not read.
            series: its name.
            last: the place of the last step that has been, on the grid of times: it names the steps ahead, and is read
                where the calendar is.

        Raises:
            InputError: these are not such values, or too few.
        """
        whole = self._checked(values)
        ahead = self.horizon if self.scales.ahead else 0
        end = len(whole) - ahead
        if end < self.look_back:
            raise InputError(
                f"a forecast needs the last {self.look_back} steps{f' and {ahead} ahead' if ahead else ''}, and there "
                f"are {len(whole)}: give more."
            )
        # What was there before the window tells how a number that is missing in it is to be read.
        seen = Seen.of(whole[:end])
        return self._forecast(seen.last(self.look_back), whole[end:], self.scales.of(series, whole[:end]), series, last)

    def start(self, values: NDArray[Any] | Sequence[Sequence[float]] = (), last: int = -1) -> Recent:
        """The state of a stream after these steps, for `step`; `last` is the place of the last one on the grid.

        Raises:
            InputError: these are not such values.
        """
        given = self._checked(values) if len(values) else np.empty((0, len(self.scales.variables)))
        return Recent(Seen.of(given).last(self.look_back), last + 1)

    def step(self, values: NDArray[Any] | Sequence[float], state: Recent) -> tuple[Forecasted | None, Recent]:
        """A step has come: the forecast after it, None as long as too few have been, and the state after it.

        Time and memory are the same for each step. A state given stays as it was.

        Args:
            values: [variables] of the step, NaN where a number is missing.
            state: that before it.

        Raises:
            InputError: variables are known ahead, or the model serves several series: then `predict` is to be used.
        """
        if self.scales.ahead or len(self.scales.series) > 1:
            raise InputError(
                "the model reads variables that are known ahead, or several series: use predict, which is given them."
            )
        now = Seen.of(self._checked([values]), state.seen)
        after = Recent(state.seen.then(now).last(self.look_back), state.place + 1)
        if len(after.seen.values) < self.look_back:
            return None, after
        scale = self.scales.of("", after.seen.values)
        return self._forecast(after.seen, np.empty((0, len(self.scales.variables))), scale, "", state.place), after

    def _forecast(
        self, seen: Seen, ahead: NDArray[np.float64], scale: NDArray[np.float64], series: str, last: int
    ) -> Forecasted:
        """From the window that was seen, [look_back, variables], and what is known of the steps ahead."""
        if self.scales.known and not len(ahead):  # the calendar alone
            ahead = np.full((self.horizon, len(self.scales.variables)), np.nan)
        window = seen.then(Seen.of(ahead, seen)) if len(ahead) else seen
        outputs = self._outputs(self.scales.inputs(scale, window, last - self.look_back + 1)[None])[0]
        mean, deviation = scale[:, : self.scales.targets]
        own = outputs * deviation[:, None] + mean[:, None]
        own[..., 1:] = np.sort(own[..., 1:], axis=-1)  # quantiles are forecast each by itself, and may cross
        times = tuple(self.scales.grid.time(last + 1 + step) for step in range(self.horizon))
        beside = {q: own[..., place] for place, q in enumerate(self.quantiles, 1)}
        return Forecasted(series, times, self.scales.variables[: self.scales.targets], own[..., 0], beside)

    def outputs(self, inputs: Any, progress: bool = False) -> NDArray[np.float32]:
        """Of scaled windows, as the task encodes them: [rows, horizon, targets, 1 + quantiles]."""
        told, parts = Progress(), []
        for first in range(0, len(inputs), _ROWS_AT_ONCE):
            if progress and told.due():
                say(f"{first:,} of {len(inputs):,} windows are forecast.")
            parts.append(self._outputs(inputs[np.arange(first, min(first + _ROWS_AT_ONCE, len(inputs)))]))
        return np.concatenate(parts)

    def _outputs(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = models.forward(self._blocks, NUMPY, self._weights, Steps(inputs))[0].x
        return found

    def _checked(self, values: Any) -> NDArray[np.float64]:
        try:
            whole = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            raise InputError("values must be numbers, a row a step and a column a variable.") from None
        names = self.scales.variables
        if whole.ndim != 2 or whole.shape[1] != len(names):
            raise InputError(
                f"values must be [time, {len(names)}], a column for each of {', '.join(names[:20])}, not "
                f"{list(whole.shape)}."
            )
        if np.isinf(whole).any():
            raise InputError("a value is infinite: mend it, or give NaN for a missing one.")
        return whole


def _quantiles(model: Model, level: Level, ahead: Parallel | Direct | Recursive, scales: Scales) -> tuple[float, ...]:
    """The quantiles, if all of the answers fit the blocks."""
    answers = model.answers
    given = answers.get("quantiles")
    if not isinstance(given, list) or not all(type(q) is float and 0 < q < 1 for q in given):
        raise InputError("its quantiles are not numbers between 0 and 1.")
    if given != sorted(set(given)) or 1 + len(given) != ahead.outputs:
        raise InputError("its quantiles are not as many as its outputs.")
    if (answers.get("look_back"), answers.get("horizon")) != (level.look_back, ahead.horizon):
        raise InputError("its look-back and horizon are not those of its blocks.")
    if (scales.targets, scales.known, scales.features) != (level.targets, level.known, answers.get("features")):
        raise InputError("its variables are not those of its blocks.")
    decaying = [block for block in model.blocks if isinstance(block, Decaying)]
    if [block.variables for block in decaying] != [len(scales.variables) - scales.ahead] * scales.since:
        raise InputError("its variables are not those of its blocks.")
    if level.look_back * scales.features > _MOST_SEEN:
        raise InputError("its windows are larger than any that it can have been trained on.")
    return tuple(given)


def _naive_errors(model: Model, scales: Scales) -> NDArray[np.float64]:
    given = model.answers.get("naive_errors")
    if not isinstance(given, list) or len(given) != scales.targets:
        raise InputError("its errors of a season before are not one for each target.")
    if not all(error is None or (type(error) in (int, float) and 0 < error < math.inf) for error in given):
        raise InputError("its errors of a season before are not numbers above 0.")
    return np.array([math.nan if error is None else error for error in given], np.float64)
