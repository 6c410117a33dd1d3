"""Forecasting: the next steps of one or many variables, with intervals."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.data.numbers import shown_names
from gatewright.data.windows import Windows
from gatewright.nn.layer import Layer
from gatewright.results.records import DetailTable
from gatewright.support.errors import InputError
from gatewright.support.schema import Number, Parsed, read_as
from gatewright.tasks.base.splitting import limit_note
from gatewright.tasks.base.task import FittedBaseline, Length, Prepared, Splits, Task
from gatewright.tasks.forecast.baseline import linear, seasonal
from gatewright.tasks.forecast.details import unit_tables, unit_windows
from gatewright.tasks.forecast.layers import Probabilities, Steps
from gatewright.tasks.forecast.measures import MEASURES, disjoint, measure_forecasts, naive_errors, window_scores
from gatewright.tasks.forecast.network import forecaster_layers
from gatewright.tasks.forecast.reading import ColumnOptions, read_series
from gatewright.tasks.forecast.scales import Observed, Scales, normalize
from gatewright.tasks.forecast.settings import MAX_STEPS, ForecastSettings
from gatewright.tasks.forecast.table import Line, Table
from gatewright.tasks.forecast.windows import TRAIN_FRACTION, Range, WindowSet, split_ranges, whole_ranges

# Largest default batch size, and smallest number of training steps per epoch, if there are enough windows.
_BATCH_SIZE, _MIN_STEPS = 64, 20
# The default look-back has at least so many horizons and so many seasons, but at most this part of the training set.
_STEPS_BACK, _SEASONS, _LOOK_BACK_PART = 4, 7, 3
# Largest default number of steps of a segment, and smallest number of segments of a window.
_MAX_SEGMENT, _MIN_SEGMENTS = 48, 4
# Default horizon without a season; horizon and segment are at most this part of the training set.
_HORIZON, _HORIZON_PART = 10, 8
# Largest size of a scaled number. Squares of errors of this size, and sums of them, fit into float32.
_MAX_SCALED = 1e15


@dataclass(frozen=True)
class PreparedForecast(Prepared[WindowSet]):
    """The scales, window sizes and quantiles of a forecaster, and the errors of the naive forecast in training data.

    Attributes:
        scales: The variables, the grid of times, and how numbers are scaled.
        look_back, horizon: Number of past steps that the network reads, and number of steps ahead.
        quantiles: The probabilities of the quantiles that are forecast too, in rising order.
        naive_errors: Mean absolute error of the seasonal naive forecast for each target, in the scaled training set;
            NaN where it is 0.
        loss: The error that training minimizes, "absolute" or "squared".
    """

    scales: Scales
    look_back: int
    horizon: int
    quantiles: tuple[float, ...]
    naive_errors: tuple[float, ...]
    loss: str = "absolute"

    unit = "windows"
    measures = MEASURES
    score_label = "its squared error is smaller, among windows that share no step ahead"

    @property
    def features(self) -> int:
        return self.scales.features

    @property
    def outputs(self) -> int:
        """The number of outputs for each target and step ahead: the forecast and its quantiles."""
        return 1 + len(self.quantiles)

    def encode(self, examples: WindowSet, training: bool = False) -> Batch:
        """Return windows as a batch of arrays.

        The inputs are `past`, [windows, look_back, features], and, only if there are features known ahead, `future`,
        [windows, horizon, features known ahead]. The targets are [windows, horizon, targets], with NaN for missing
        numbers.
        """
        rows, targets = [], []
        for line in examples.table.lines:
            scale, _ = self.scales.scale_of(line.name, line.values)
            _require_in_range(examples.table.name, self.scales, scale, line)
            rows.append(self.scales.inputs(scale, Observed.from_values(line.values), line.first))
            targets.append(scaled_targets(self.scales, scale, line.values))
        inputs, ahead = np.concatenate(rows), examples.starts + self.look_back
        tree = {"past": Windows(inputs, examples.starts, self.look_back)}
        if self.scales.future_features:
            tree["future"] = Windows(inputs[:, -self.scales.future_features :], ahead, self.horizon)
        return Batch(tree, Windows(np.concatenate(targets), ahead, self.horizon))

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        return (
            f"The {batch.size:,} test windows overlap. Paired tests use only {len(disjoint(batch.targets)):,} windows, "
            "which share no step ahead.",
        )

    def details(self, examples: WindowSet, outputs: Mapping[str, Any]) -> tuple[DetailTable, ...]:
        units = unit_windows(self.scales, examples, self.look_back, self.horizon)
        return unit_tables(units, self.scales.variables[: self.scales.targets], outputs)

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Return the loss of each window, [windows]: the error of the forecast plus the pinball loss of its quantiles.

        Both are means over all targets and steps ahead that are not missing. Koenker & Bassett 1978, "Regression
        Quantiles".
        """
        import jax.numpy as jnp

        present = ~jnp.isnan(targets)
        error = jnp.where(present, targets, 0)[..., None] - outputs
        loss = jnp.abs(error[..., 0]) if self.loss == "absolute" else jnp.square(error[..., 0])
        if self.quantiles:
            q = jnp.array(self.quantiles, outputs.dtype)
            loss = loss + jnp.maximum(q * error[..., 1:], (q - 1) * error[..., 1:]).mean(axis=-1)
        return jnp.where(present, loss, 0).sum(axis=(1, 2)) / present.sum(axis=(1, 2)).clip(1)

    def measure(self, outputs: NDArray[Any], targets: Windows) -> dict[str, float]:
        return measure_forecasts(outputs, targets, self.quantiles, self.naive_errors)

    def scores(self, outputs: NDArray[Any], targets: Windows) -> NDArray[np.float64]:
        return window_scores(outputs, targets)

    def constant(self, targets: Windows, train: Windows | None = None) -> tuple[NDArray[Any], str]:
        """Forecast the same mean and quantiles for every window and step. Return the outputs and a description.

        The mean and the quantiles are those of the first step ahead in the windows of `train`, or of `targets` if
        `train` is None.
        """
        source = targets if train is None else train
        y = source.values[source.starts]
        numbers = np.stack([np.nanmean(y, axis=0), *(np.nanquantile(y, q, axis=0) for q in self.quantiles)], axis=-1)
        return np.broadcast_to(numbers, (*targets.shape, self.outputs)), "always the mean, and the quantiles"

    def to_json(self) -> dict[str, Any]:
        return {"scales": self.scales.to_json(), **self.answers()}

    def answers(self) -> dict[str, Any]:
        """Return the look-back, horizon, quantiles and naive errors as a JSON object, to interpret the outputs."""
        return {
            "look_back": self.look_back,
            "horizon": self.horizon,
            "quantiles": list(self.quantiles),
            "naive_errors": [None if math.isnan(error) else error for error in self.naive_errors],
        }

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        read = read_as(_Stored, stored, "its prepared")
        if len(read.naive_errors) != read.scales.targets:
            raise InputError("its prepared does not have one error of the naive forecast for each target.")
        errors = tuple(math.nan if error is None else error for error in read.naive_errors)
        return cls(read.scales, read.look_back, read.horizon, read.quantiles, errors)


@dataclass(frozen=True)
class _Stored:
    """The contents of the entry `prepared` of a model file."""

    scales: Annotated[Scales, Parsed(Scales.from_json)]
    look_back: Steps
    horizon: Steps
    quantiles: Probabilities
    naive_errors: tuple[Annotated[float, Number(above=0)] | None, ...]


def scaled_targets(scales: Scales, scale: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the scaled targets of a series, [time, targets], with NaN for missing numbers."""
    return normalize(scale, values)[:, : scales.targets].astype(np.float32)


def _require_in_range(name: str, scales: Scales, scale: NDArray[np.float64], line: Line) -> None:
    """Raise an error if a number of a series is too large for the network after scaling.

    Raises:
        InputError: The message names the variable, the time and the series.
    """
    with np.errstate(over="ignore"):
        large = np.argwhere(np.abs(normalize(scale, line.values)) > _MAX_SCALED)
    if len(large):
        row, column = large[0]
        of_series = f" of series {line.name!r}" if line.name else ""
        mean, deviation = scale[:, column]
        number, time = line.values[row, column], scales.grid.time_at(line.first + int(row))
        raise InputError(
            f"{name}: {scales.variables[column]!r} is {number:g} at {time}{of_series}, which is too large to scale by "
            f"the training set (mean {mean:g}, standard deviation {deviation:g}). Fix it, or leave the field empty."
        )


class _Sizes(NamedTuple):
    look_back: int
    horizon: int
    segment: int


def _short_notes(table: Table, ranges: Sequence[Range], sizes: _Sizes) -> list[str]:
    """Return a sentence that names the series that have no window in the training set."""
    window = sizes.look_back + sizes.horizon
    short = [line.name for line, (_, end) in zip(table.lines, ranges, strict=True) if end < window]
    if not short:
        return []
    have, are = ("has", "is") if len(short) == 1 else ("have", "are")
    return [
        f"{len(short):,} of {len(table.lines):,} series {have} fewer training steps than a window of {window:,} and "
        f"{are} not trained on: {shown_names(short)}."
    ]


@dataclass(frozen=True)
class Forecast(Task[WindowSet]):
    """The task of forecasting the next `horizon` steps of a series from the last `look_back` steps.

    The windows of a split start at each possible step and overlap, so the results on the validation and test sets are
    those of a rolling-origin backtest with one model. The steps that a window forecasts are in its split, but the
    steps that the network reads may come before the split.

    Each series is scaled by its own mean and standard deviation in the training set, and errors are computed from
    scaled numbers. The input for a missing number is the last number before it. Missing targets are ignored.
    """

    settings: ForecastSettings

    length: ClassVar[Length] = Length(3_000, 3)

    def read(self) -> Splits[WindowSet]:
        wanted = ColumnOptions(**{name: self.options.get(name) for name in ColumnOptions._fields})
        table = read_series(self.data, wanted)
        paths = {"validation": self.validation, "test": self.test}
        given = {name: read_series(path, wanted, table.grid) for name, path in paths.items() if path is not None}
        sizes, ranges = self._sizes(table), split_ranges(table, given)
        notes = [*table.notes, *Scales.notes(table, [end for _, end in ranges["train"]])]
        found = {}
        for name, own in ranges.items():
            source, wanted_ranges = (given[name], whole_ranges(given[name])) if name in given else (table, own)
            title = "training" if name == "train" else name
            found[name] = WindowSet.cut(source, wanted_ranges, sizes.look_back, sizes.horizon, title)
        notes += _short_notes(table, ranges["train"], sizes)
        if self.limit is not None:
            notes.append(limit_note(self.limit, "windows"))
        train, test = found["train"].sample(self.limit), found["test"].sample(self.limit)
        held_out = not table.split_ends and self.test is None
        return Splits(table.name, train, found["validation"], test, tuple(notes), held_out=held_out)

    def _sizes(self, table: Table) -> _Sizes:
        """Return the look-back, the horizon and the length of a segment, each in steps.

        The defaults depend on the season and the length of the training series.
        """
        settings, season = self.settings, table.grid.season
        train = int(max(len(line.values) for line in table.lines) * TRAIN_FRACTION)
        train = table.split_ends[0] if table.split_ends else train
        longest = max(train // _HORIZON_PART, 1)
        horizon = settings.horizon or min(season if season > 1 else _HORIZON, longest, MAX_STEPS)
        segment = settings.segment or min(season if season > 1 else horizon, _MAX_SEGMENT, longest)
        look_back = settings.look_back
        if look_back is None:
            wanted = max(_STEPS_BACK * horizon, _SEASONS * season, _MIN_SEGMENTS * segment)
            look_back = min(wanted, max((train - horizon) // _LOOK_BACK_PART, 1), MAX_STEPS)
            segment = min(segment, look_back)
            look_back -= look_back % segment
        if settings.decoding == "segments" and segment > look_back:
            raise InputError(f"segment {segment} is longer than look_back {look_back}. Give a shorter segment.")
        return _Sizes(look_back, horizon, segment)

    def prepare(self, splits: Splits[WindowSet]) -> tuple[PreparedForecast, ForecastSettings]:
        """Return what is learned from the training set, and the settings, including those that depend on the data."""
        settings, train = self.settings, splits.train
        table, sizes = train.table, self._sizes(train.table)
        scales = Scales.fit(table, train.ends, settings.calendar, settings.missing == "decay")
        targets = [
            scaled_targets(scales, scales.series[line.name], line.values[:end])
            for line, end in zip(table.lines, train.ends, strict=True)
        ]
        errors = naive_errors(targets, table.grid.season)
        prepared = PreparedForecast(scales, sizes.look_back, sizes.horizon, settings.quantiles, errors, settings.loss)
        batch_size = settings.batch_size or max(min(_BATCH_SIZE, len(train.starts) // _MIN_STEPS), 1)
        return prepared, replace(settings, **sizes._asdict(), batch_size=batch_size)

    def network(self, prepared: PreparedForecast, settings: ForecastSettings) -> list[Layer]:
        return forecaster_layers(prepared.scales, prepared.outputs, settings)

    def baseline(self, splits: Splits[WindowSet], prepared: PreparedForecast) -> FittedBaseline:
        """Fit the seasonal naive forecast and a linear map, and return whichever is better on the validation set."""
        train, validation, test = (
            prepared.encode(windows) for windows in (splits.train, splits.validation, splits.test)
        )
        best, *others = sorted(
            (
                seasonal(train, validation, test, prepared.scales.grid.seasons, prepared.quantiles),
                linear(train, validation, test, prepared.quantiles),
            ),
            key=lambda one: one.error,
        )
        return FittedBaseline(
            best.name, best.description, best.outputs, tuple((one.name, one.outputs) for one in others)
        )
