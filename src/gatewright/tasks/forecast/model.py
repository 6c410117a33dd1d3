"""Trained forecasters."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer
from gatewright.support.errors import InputError
from gatewright.support.files import require_plot
from gatewright.support.progress import print_status
from gatewright.tasks.base.explainable import Explainable
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.stack import settings_fit
from gatewright.tasks.forecast.decoders import Decoder
from gatewright.tasks.forecast.details import unit_windows
from gatewright.tasks.forecast.explaining import explain_forecast
from gatewright.tasks.forecast.layers import Decaying, InstanceNorm, Quantiles, order_quantiles
from gatewright.tasks.forecast.moments import place_of
from gatewright.tasks.forecast.network import LAYERS, ORDER, layers_fit
from gatewright.tasks.forecast.past import last_index, past_steps, read_lines, require_horizon, steps_of
from gatewright.tasks.forecast.prediction import Forecasted
from gatewright.tasks.forecast.reading import observed_steps, read_for_model
from gatewright.tasks.forecast.renaming import ALLOWED
from gatewright.tasks.forecast.scales import Observed, Scales
from gatewright.tasks.forecast.table import Line
from gatewright.tasks.forecast.task import PreparedForecast
from gatewright.tasks.forecast.trained import trained_windows
from gatewright.tasks.forecast.windows import WindowSet, split_ranges, whole_ranges

# Largest number of inputs of a window.
_MAX_NUMBERS = 1 << 24
# Number of windows in the picture of an evaluation.
_PLOTTED = 6


@dataclass(frozen=True)
class Recent:
    """The state of a forecaster that reads a series step by step; see `Forecaster.step`.

    Attributes:
        seen: The last `look_back` steps, from which the next forecast is made.
        place: The number of steps from the origin of the time grid to the next step; see `Grid`. None if it is unknown.
    """

    seen: Observed
    place: int | None


class Forecaster(TrainedModel):
    """A trained forecaster.

    Attributes:
        prepared: The scales, the look-back, the horizon, and the quantiles.
        training: The settings and the results of the training.
    """

    command: ClassVar[str] = "forecast"
    prepared_class = PreparedForecast
    layer_classes = LAYERS
    layer_order = ORDER

    prepared: PreparedForecast

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedForecast, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from layers_fit(layers)
        yield from settings_fit(layers, training)
        scales, settings = prepared.scales, training.get("settings", {})
        for name, size in (("look_back", prepared.look_back), ("horizon", prepared.horizon)):
            yield Relation(name, size, settings.get(name, size))
        for layer in layers:
            if isinstance(layer, InstanceNorm):
                yield Relation("look_back", prepared.look_back, layer.look_back)
                yield Relation("number of targets", scales.targets, layer.targets)
                yield Relation("number of features known ahead", scales.future_features, layer.future_features)
            if isinstance(layer, Decoder):
                yield Relation("horizon", prepared.horizon, layer.horizon)
                yield Relation("number of quantiles", prepared.outputs, layer.outputs)
            if isinstance(layer, Quantiles):
                yield Relation("quantiles", prepared.quantiles, layer.probabilities)
        decaying = tuple(layer.variables for layer in layers if isinstance(layer, Decaying))
        needed = (len(scales.variables) - scales.future_covariates,) * scales.since
        yield Relation("numbers of variables that decay", decaying, needed)
        numbers = prepared.look_back * scales.features
        yield Relation("number of inputs of a window", numbers, min(numbers, _MAX_NUMBERS))

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
        self,
        values: Any,
        *,
        series: str = "",
        last_time: Any = None,
        horizon: int | None = None,
    ) -> Forecasted:
        """Return the forecast of the steps after the given ones.

        Args:
            values: Past steps, [time, variables], in the units of the data; or [time] if there is one variable. NaN
                stands for a missing number. The network reads the last `look_back` steps; if there are fewer, the first
                one is repeated before them, and a note says so. For a model with future covariates, [time + horizon,
                variables]; only the future covariates of the last `horizon` steps are read. A pandas DataFrame or
                Series whose index holds times needs no `last_time`.
            series: The name of the series.
            last_time: The time of the last past step, as text in ISO 8601, a datetime, or a number. Required if the
                model reads the calendar. Without it, the times of the forecast are "+1", "+2" and so on.
            horizon: The number of steps to forecast. None is `self.horizon`. Further steps are forecast from the
                forecast itself; past covariates keep their last number.

        Raises:
            InputError: The values have the wrong shape, there are too few steps, or `last_time` is missing or not a
                time of the series.
        """
        whole = self._checked(values)
        steps = self.horizon if horizon is None else require_horizon(horizon)
        ahead = steps if self.scales.future_covariates else 0
        place = self._place_of(last_index(values, ahead) if last_time is None else last_time)
        if place is None and self.scales.calendar:
            raise InputError("The model reads the calendar. Give the time of the last past step as last_time.")
        return self._predict(whole, series, place, steps)

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        if against is not None:
            raise InputError(f"A forecast has no alternative to compare it with: leave {against!r} out.")
        ahead = self.horizon if self.scales.future_covariates else 0
        whole: NDArray[np.float64]
        last: int | None
        if isinstance(example, Line):
            (whole, last), name = steps_of(example, self.scales, self.horizon), example.name
        else:
            whole, last, name = self._checked(example), self._place_of(last_index(example, ahead)), ""
        if last is None and self.scales.calendar:
            raise InputError("The model reads the calendar. Give past steps whose index has times, or a file.")
        past = past_steps(self.scales, whole, name, last, (self.look_back, self.horizon))

        def inputs(seen: Observed) -> dict[str, NDArray[np.float32]]:
            return self._inputs_after(seen, past.ahead, past.scale, past.last or 0)

        return explain_forecast(self.prepared, self.layers, self.weights, past, inputs, label, step)

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        if file is not None and given is not None:
            raise InputError(f"Give either past steps or --file {file}, not both.")
        if file is not None:
            return read_lines(file, self.scales, {name: options[name] for name in ALLOWED if options.get(name)})
        return list(given) if isinstance(given, list | tuple) else [given]

    def _predict(
        self,
        whole: NDArray[np.float64],
        series: str,
        last: int | None,
        horizon: int,
        keys: Mapping[str, str] = MappingProxyType({}),
    ) -> Forecasted:
        """Return the forecast of `horizon` steps; see `predict`.

        Args:
            whole: Past steps, and the steps ahead for a model with future covariates, [time, variables].
            series: The name of the series.
            last: The place of the last past step on the grid of times. None if it is unknown.
            horizon: The number of steps to forecast.
            keys: The texts of the columns that identify the series.
        """
        past = past_steps(self.scales, whole, series, last, (self.look_back, horizon))
        seen, future, scale, notes, parts = past.seen, past.ahead, past.scale, [*past.notes], []
        for first in range(0, horizon, self.horizon):
            known = future[first : first + self.horizon]
            if len(future) and len(known) < self.horizon:
                known = np.concatenate([known, np.repeat(known[-1:], self.horizon - len(known), axis=0)])
            own = self._outputs_after(seen, known, scale, (last or 0) + first)
            parts.append(own)
            seen = seen.followed_by(Observed.from_values(self._as_steps(own, known, seen), seen)).last(self.look_back)
        if horizon > self.horizon:
            notes.append(
                f"The network forecasts {self.horizon:,} steps. The later ones were forecast from the forecast itself, "
                "so their intervals are too narrow."
            )
        return self._forecasted(np.concatenate(parts)[:horizon], series, last, keys, tuple(notes))

    def _as_steps(self, own: NDArray[np.float64], known: NDArray[np.float64], seen: Observed) -> NDArray[np.float64]:
        """Return a forecast as past steps, [horizon, variables]: with known covariates, and past ones unchanged."""
        scales = self.scales
        steps = np.repeat(seen.values[-1:], len(own), axis=0)
        steps[:, : scales.targets] = own[..., 0]
        if scales.future_covariates and len(known):
            steps[:, -scales.future_covariates :] = known[:, -scales.future_covariates :]
        return steps

    def _forecasted(
        self, own: NDArray[np.float64], series: str, last: int | None, keys: Mapping[str, str], notes: tuple[str, ...]
    ) -> Forecasted:
        scales, steps = self.scales, range(1, len(own) + 1)
        times = tuple(f"+{step}" if last is None else scales.grid.time_at(last + step) for step in steps)
        quantiles = {q: own[..., place] for place, q in enumerate(self.quantiles, 1)}
        layout = scales.columns.layout
        column = layout.columns[0] if len(layout.columns) == 1 else "time"
        targets = scales.variables[: scales.targets]
        return Forecasted(series, times, targets, own[..., 0], quantiles, column, dict(keys), notes)

    def _place_of(self, time: Any) -> int | None:
        """Return the place of a time on the grid of the training data, or None for None.

        Raises:
            InputError: It is not a time of the grid.
        """
        if time is None:
            return None
        return place_of(self.scales.grid, self.scales.columns.layout, time)

    def start(self, values: Any = (), last_time: Any = None) -> Recent:
        """Return the state after the given steps of a series, to pass to `step`.

        Args:
            values: Past steps of the series, [time, variables], in the units of the data. Empty for a new series.
            last_time: The time of the last past step; see `predict`.

        Raises:
            InputError: The values have the wrong shape, or `last_time` is missing or no time of the series.
        """
        given = self._checked(values) if len(values) else np.empty((0, len(self.scales.variables)))
        place = self._place_of(last_index(values, 0) if last_time is None else last_time)
        if place is None and self.scales.calendar:
            raise InputError("The model reads the calendar. Give the time of the last past step as last_time.")
        return Recent(Observed.from_values(given).last(self.look_back), None if place is None else place + 1)

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
        place = state.place
        after = Recent(state.seen.followed_by(now).last(self.look_back), None if place is None else place + 1)
        if len(after.seen.values) < self.look_back:
            return None, after
        scale, _ = self.scales.scale_of("", after.seen.values)
        own = self._outputs_after(after.seen, np.empty((0, len(self.scales.variables))), scale, place or 0)
        return self._forecasted(own, "", place, {}, ()), after

    def _outputs_after(
        self, seen: Observed, ahead: NDArray[np.float64], scale: NDArray[np.float64], last: int
    ) -> NDArray[np.float64]:
        """Return the forecast of the steps after `seen` and its quantiles, [horizon, targets, 1 + quantiles].

        Args:
            seen: The past steps, [look_back, variables].
            ahead: The values of the steps ahead, [horizon, variables], or [0, variables] without future covariates.
            scale: The scale of the series; see `Scales.scale_of`.
            last: The number of steps from the origin of the time grid to the last past step; see `Grid`.
        """
        inputs = self._inputs_after(seen, ahead, scale, last)
        outputs = self._forward(Activations(inputs))[0][0]
        mean, deviation = scale[:, : self.scales.targets]
        return order_quantiles(outputs * deviation[:, None] + mean[:, None], self.quantiles)

    def _inputs_after(
        self, seen: Observed, ahead: NDArray[np.float64], scale: NDArray[np.float64], last: int
    ) -> dict[str, NDArray[np.float32]]:
        """Return the inputs of the network for the steps after `seen`; see `_outputs_after`."""
        scales, known = self.scales, self.scales.future_features
        if known and not len(ahead):  # the calendar alone
            ahead = np.full((self.horizon, len(scales.variables)), np.nan)
        window = seen.followed_by(Observed.from_values(ahead, seen)) if len(ahead) else seen
        x = scales.inputs(scale, window, last - self.look_back + 1)[None]
        inputs = {"past": x[:, : self.look_back]}
        if known:
            inputs["future"] = x[:, self.look_back :, -known:]
        return inputs

    def outputs(self, batch: Batch, progress: bool = False) -> NDArray[Any]:
        return order_quantiles(super().outputs(batch, progress), self.quantiles)

    def _checked(self, values: Any) -> NDArray[np.float64]:
        try:
            whole = np.asarray(values, np.float64)
        except (TypeError, ValueError):
            raise InputError(
                "values must be numbers, with a row for each step and a column for each variable."
            ) from None
        names = self.scales.variables
        if whole.ndim == 1 and len(names) == 1:
            whole = whole[:, None]
        if whole.ndim != 2 or whole.shape[1] != len(names):
            raise InputError(
                f"values must be [time, {len(names)}], with a column for each of {', '.join(names[:20])}, not "
                f"{list(whole.shape)}."
            )
        if np.isinf(whole).any():
            raise InputError("A value is infinite. Fix it, or give NaN for a missing value.")
        return whole

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        table = read_for_model(data, self.scales, options)
        ranges = split_ranges(table)["test"] if table.split_ends else whole_ranges(table)
        windows = WindowSet.cut(table, ranges, self.look_back, self.horizon, "test")
        return self.evaluation_set(table.name, windows, table.notes, limit, bool(table.split_ends))

    def evaluation_set(
        self, name: str, examples: WindowSet, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        windows = examples.sample(limit)
        seen = trained_windows(self.scales.trained, windows.table, windows.starts, self.look_back, self.horizon)
        if seen:
            verb = "forecasts" if seen == 1 else "forecast"
            notes += (f"{seen:,} of {len(windows.starts):,} windows {verb} steps of the training set.",)
        return EvaluationSet(name, windows, self.prepared, notes, is_test)

    def plot_evaluation(self, examples: WindowSet, outputs: NDArray[Any], path: Path) -> None:
        from gatewright.tasks.forecast.plot import WindowPanel, write_windows

        require_plot(path)
        scales, lines = self.scales, examples.table.lines
        units = unit_windows(scales, examples, self.look_back, self.horizon)
        places = np.linspace(0, len(examples.starts) - 1, min(_PLOTTED, len(examples.starts))).round().astype(int)
        panels = []
        for number, window in enumerate(dict.fromkeys(places.tolist())):
            line, first = lines[units.line[window]], int(units.first[window])
            own = outputs[window] * units.deviation[window][..., None] + units.mean[window][..., None]
            forecast = self._forecasted(own, line.name, line.first + first - 1, {}, ())
            target = number % scales.targets
            panels.append(
                WindowPanel(forecast, line.values[:first, : scales.targets], units.truth[window, :, target], target)
            )
        write_windows(panels, path)

    def predict_from(
        self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]
    ) -> list[Forecasted]:
        if texts is not None:
            raise InputError(
                "A forecaster does not read texts. Leave them out, and give a table of recent steps with --file."
            )
        if file is None:
            raise InputError("A forecaster needs a table of recent steps. Give one with --file.")
        horizon = self.horizon if options.get("horizon") is None else require_horizon(options["horizon"])
        lines = self.examples_from(None, file, options)
        forecasts = [self._forecast_line(line, file, horizon) for line in lines]
        for forecast in forecasts:
            for note in forecast.notes:
                print_status(f"{forecast.series or file}: {note}")
        if options.get("plot") is not None:
            from gatewright.tasks.forecast.plot import write

            targets = self.scales.targets
            pasts = [line.values[: observed_steps(line, targets), :targets] for line in lines]
            write(forecasts, pasts, Path(options["plot"]))
        return forecasts

    def _forecast_line(self, line: Line, file: str, horizon: int) -> Forecasted:
        whole, last = steps_of(line, self.scales, horizon)
        keys = dict(zip(self.scales.columns.series_id, line.keys, strict=True))
        try:
            return self._predict(whole, line.name, last, horizon, keys)
        except InputError as error:
            raise InputError(f"{file}{f', series {line.name!r}' if line.name else ''}: {error}") from None

    def describe(self) -> Description:
        reads = f"series: {', '.join(self.scales.variables)}; a step is {self.scales.grid.step_name}"
        return Description("series", self.scales.features, reads)

    def answers(self) -> dict[str, Any]:
        return {"features": self.scales.features, **self.prepared.answers()}
