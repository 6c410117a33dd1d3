"""Trained forecasters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.file import ModelFile
from gatewright.nn.layer import Activations, Layer
from gatewright.support.errors import InputError
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.forecast.decoders import Decoder
from gatewright.tasks.forecast.layers import Decaying, InstanceNorm
from gatewright.tasks.forecast.network import LAYERS, is_forecaster
from gatewright.tasks.forecast.prediction import Forecasted
from gatewright.tasks.forecast.reading import observed_steps, read_for_model
from gatewright.tasks.forecast.scales import Observed, Scales
from gatewright.tasks.forecast.table import Line
from gatewright.tasks.forecast.task import PreparedForecast
from gatewright.tasks.forecast.windows import WindowSet, split_ranges, whole_ranges

# Largest number of inputs of a window.
_MAX_NUMBERS = 1 << 24


@dataclass(frozen=True)
class Recent:
    """The state of a forecaster that reads a series step by step; see `Forecaster.step`.

    Attributes:
        seen: The last `look_back` steps, from which the next forecast is made.
        place: The number of steps from the origin of the time grid to the next step; see `Grid`.
    """

    seen: Observed
    place: int


class Forecaster(TrainedModel):
    """A trained forecaster.

    Attributes:
        prepared: The scales, the look-back, the horizon, and the quantiles.
        training: The settings and the results of the training.
    """

    command: ClassVar[str] = "forecast"
    prepared_class = PreparedForecast
    layer_classes = LAYERS

    prepared: PreparedForecast

    def __init__(self, file: ModelFile, prepared: PreparedForecast) -> None:
        super().__init__(file, prepared)
        _require_fit(file.layers, prepared)

    @classmethod
    def is_network(cls, layers: Sequence[Layer]) -> bool:
        return is_forecaster(layers)

    @property
    def scales(self) -> Scales:
        """The variables, the grid of times, and how numbers are scaled."""
        return self.prepared.scales

    @property
    def look_back(self) -> int:
        """The number of past steps that the network reads for a forecast."""
        return self.prepared.look_back

    @property
    def horizon(self) -> int:
        """The number of steps in a forecast."""
        return self.prepared.horizon

    @property
    def quantiles(self) -> tuple[float, ...]:
        """The probabilities of the quantiles that are forecast too, in rising order."""
        return self.prepared.quantiles

    def predict(
        self, values: NDArray[Any] | Sequence[Sequence[float]], *, series: str = "", last: int = -1
    ) -> Forecasted:
        """Return the forecast of the steps after the given ones.

        Args:
            values: At least `look_back` steps, [time, variables], in the units of the data. NaN stands for a missing
                number. For a model with future covariates, [time + horizon, variables]; only the future covariates of
                the last `horizon` steps are read.
            series: The name of the series.
            last: The number of steps from the origin of the time grid to the last past step; see `Grid`. It
                determines the times of the forecast, and the time features of a model with the setting `calendar`.

        Raises:
            InputError: The values have the wrong shape, or there are too few steps.
        """
        whole = self._checked(values)
        ahead = self.horizon if self.scales.future_covariates else 0
        end = len(whole) - ahead
        if end < self.look_back:
            raise InputError(
                f"A forecast needs the last {self.look_back} steps{f' and {ahead} ahead' if ahead else ''}, but there "
                f"are {len(whole)}. Give more steps."
            )
        # The last number before one that is missing in the window may come before the window.
        seen = Observed.from_values(whole[:end])
        return self._forecast(
            seen.last(self.look_back), whole[end:], self.scales.scale_of(series, whole[:end]), series, last
        )

    def start(self, values: NDArray[Any] | Sequence[Sequence[float]] = (), last: int = -1) -> Recent:
        """Return the state after the given steps of a series, to pass to `step`.

        Args:
            values: Past steps of the series, [time, variables], in the units of the data. Empty for a new series.
            last: The number of steps from the origin of the time grid to the last past step; see `Grid`.

        Raises:
            InputError: The values have the wrong shape.
        """
        given = self._checked(values) if len(values) else np.empty((0, len(self.scales.variables)))
        return Recent(Observed.from_values(given).last(self.look_back), last + 1)

    def step(self, values: NDArray[Any] | Sequence[float], state: Recent) -> tuple[Forecasted | None, Recent]:
        """Read the next step of a series. Return the forecast of the steps after it, and the new state.

        The forecast is None until `look_back` steps have been read. Each step needs the same time and memory. `state`
        is not changed.

        Args:
            values: The numbers of the step, [variables], in the units of the data. NaN stands for a missing number.
            state: The state from `start`, or from `step` for the previous step.

        Raises:
            InputError: The model has future covariates or several training series. Use `predict` instead.
        """
        if self.scales.future_covariates or len(self.scales.series) > 1:
            raise InputError("The model has future covariates or several series. Use predict instead of step.")
        now = Observed.from_values(self._checked([values]), state.seen)
        after = Recent(state.seen.followed_by(now).last(self.look_back), state.place + 1)
        if len(after.seen.values) < self.look_back:
            return None, after
        scale = self.scales.scale_of("", after.seen.values)
        return self._forecast(after.seen, np.empty((0, len(self.scales.variables))), scale, "", state.place), after

    def _forecast(
        self, seen: Observed, ahead: NDArray[np.float64], scale: NDArray[np.float64], series: str, last: int
    ) -> Forecasted:
        """Return the forecast of the steps after `seen`.

        Args:
            seen: The past steps, [look_back, variables].
            ahead: The values of the steps ahead, [horizon, variables], or [0, variables] without future covariates.
            scale: The scale of the series; see `Scales.scale_of`.
            series: The name of the series.
            last: The number of steps from the origin of the time grid to the last past step; see `Grid`.
        """
        scales, known = self.scales, self.scales.future_features
        if known and not len(ahead):  # the calendar alone
            ahead = np.full((self.horizon, len(scales.variables)), np.nan)
        window = seen.followed_by(Observed.from_values(ahead, seen)) if len(ahead) else seen
        x = scales.inputs(scale, window, last - self.look_back + 1)[None]
        inputs = {"past": x[:, : self.look_back]}
        if known:
            inputs["future"] = x[:, self.look_back :, -known:]
        outputs = models.forward(self._layers, NUMPY, self._weights, Activations(inputs))[0].x[0]
        mean, deviation = scale[:, : scales.targets]
        own = outputs * deviation[:, None] + mean[:, None]
        own[..., 1:] = np.sort(own[..., 1:], axis=-1)  # quantiles are forecast independently, so they may cross
        times = tuple(scales.grid.time_at(last + 1 + step) for step in range(self.horizon))
        quantiles = {q: own[..., place] for place, q in enumerate(self.quantiles, 1)}
        return Forecasted(series, times, scales.variables[: scales.targets], own[..., 0], quantiles)

    def _checked(self, values: Any) -> NDArray[np.float64]:
        try:
            whole = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            raise InputError(
                "values must be numbers, with a row for each step and a column for each variable."
            ) from None
        names = self.scales.variables
        if whole.ndim != 2 or whole.shape[1] != len(names):
            raise InputError(
                f"values must be [time, {len(names)}], with a column for each of {', '.join(names[:20])}, not "
                f"{list(whole.shape)}."
            )
        if np.isinf(whole).any():
            raise InputError("A value is infinite. Fix it, or give NaN for a missing value.")
        return whole

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        for name, value in options.items():
            raise InputError(f"--{name.replace('_', '-')} {value} is an option of training. Leave it out.")
        table = read_for_model(data, self.scales)
        ranges = split_ranges(table)["test"] if table.split_ends else whole_ranges(table)
        windows = WindowSet.cut(table, ranges, self.look_back, self.horizon, "test")
        return EvaluationSet(table.name, windows.sample(limit), self.prepared)

    def predict_from(
        self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]
    ) -> list[Forecasted]:
        if texts is not None:
            raise InputError(
                "A forecaster does not read texts. Leave them out, and give a table of recent steps with --file."
            )
        if file is None:
            raise InputError("A forecaster needs a table of recent steps. Give one with --file.")
        lines = read_for_model(file, self.scales).lines
        forecasts = [self._forecast_line(line, file) for line in lines]
        if options.get("plot") is not None:
            from gatewright.tasks.forecast.plot import write

            targets = self.scales.targets
            pasts = [line.values[: observed_steps(line, targets), :targets] for line in lines]
            write(forecasts, pasts, Path(options["plot"]))
        return forecasts

    def _forecast_line(self, line: Line, file: str) -> Forecasted:
        seen = observed_steps(line, self.scales.targets)
        ahead = self.horizon if self.scales.future_covariates else 0
        values = line.values[: seen + ahead]
        missing = np.full((seen + ahead - len(values), values.shape[1]), np.nan)
        try:
            return self.predict(np.concatenate([values, missing]), series=line.name, last=line.first + seen - 1)
        except InputError as error:
            raise InputError(f"{file}{f', series {line.name!r}' if line.name else ''}: {error}") from None

    def describe(self) -> Description:
        reads = f"series: {', '.join(self.scales.variables)}; a step is {self.scales.grid.step_name}"
        return Description("series", self.scales.features, reads)

    def answers(self) -> dict[str, Any]:
        return {"features": self.scales.features, **self.prepared.answers()}


def _require_fit(layers: Sequence[Layer], prepared: PreparedForecast) -> None:
    """Raise an error unless the layers of a model file fit the scales, sizes and quantiles in the same file.

    Raises:
        InputError: The layers do not fit. The message completes "FILE is damaged because ...".
    """
    scales = prepared.scales
    (norm,) = (layer for layer in layers if isinstance(layer, InstanceNorm))
    (decoder,) = (layer for layer in layers if isinstance(layer, Decoder))
    if prepared.outputs != decoder.outputs:
        raise InputError("its number of quantiles does not fit its number of outputs.")
    if (prepared.look_back, prepared.horizon) != (norm.look_back, decoder.horizon):
        raise InputError("its look-back and horizon differ from those of its layers.")
    variables = [layer.variables for layer in layers if isinstance(layer, Decaying)]
    decaying = [len(scales.variables) - scales.future_covariates] * scales.since
    if (scales.targets, scales.future_features, decaying) != (norm.targets, norm.future_features, variables):
        raise InputError("its variables do not fit its layers.")
    if prepared.look_back * scales.features > _MAX_NUMBERS:
        raise InputError(f"its windows have more than {_MAX_NUMBERS:,} inputs.")
