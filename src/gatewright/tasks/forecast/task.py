"""Forecast series of numbers: the next steps of one or many variables, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples
from gatewright.data.windows import Windows
from gatewright.nn.block import Block
from gatewright.nn.file import Model
from gatewright.nn.layers import Dropout, Recurrent
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.tasks.base.task import Parts, Simple
from gatewright.tasks.forecast.blocks import Decaying, Direct, Level, Parallel, Recursive, Restore, Segments
from gatewright.tasks.forecast.reading import Wanted, read_measured, read_series
from gatewright.tasks.forecast.scales import Scales, Seen
from gatewright.tasks.forecast.table import Line, Table

# Of each series, in the order of time: what is learnt from, what validates; the rest tests.
_TRAIN, _VALIDATION = 0.7, 0.1
# Windows of a training step, and steps that an epoch has at least where there are so many windows.
_BATCH, _STEPS = 64, 20
# Windows back for each step ahead, and seasons, at least, where the series is long enough for a third of it.
_BACK, _SEASONS, _SHARE = 4, 7, 3
# Steps of a segment at most, and segments of a window at least.
_SEGMENT, _SEGMENTS = 48, 4
# Steps ahead where there is no season to forecast; horizon and segment are at most such a share of the training part.
_HORIZON, _PARTS = 10, 8


class Starts(NamedTuple):
    """Rows: where in the long array their windows begin."""

    starts: NDArray[np.intp]


class _Span(NamedTuple):
    """A series in the long array: its place there, and where in it the training and the validation part end."""

    line: Line
    offset: int
    train: int
    validation: int


@dataclass
class Forecast:
    """From the last `look_back` steps of a series to the next `horizon`.

    Every step of a part from which it can be done is an origin: the windows overlap, and the figures of the validation
    and test part are those of a rolling-origin backtest with one model. Windows of these parts look back beyond where
    their part begins; what they forecast lies in it.

    Numbers are scaled by mean and standard deviation of the training part, of each series by its own, and errors are
    measured so. Missing numbers are carried forward as inputs, and not asked for as targets.

    Attributes:
        source: "ett-h1", "ett-m1", or a table of series: see `data.timeseries.read_series`.
        time, target, past, known, series: columns, likewise.
        validation, test: tables of such parts; else of each series the last three tenths, in the order of time.
        limit: at most so many training windows, and as many test windows, evenly spaced; None is all.
        look_back, horizon: steps of a window, and steps ahead; None depends on the season and the length of the series.
        decoding: "segments", "direct" or "recursive": see `forecast_blocks.Segments`, `Direct` and `Recursive`.
        segment: steps of a segment; None is a season, at most 48 steps.
        level: see `forecast_blocks.Level`.
        calendar: the place in year, week and day is known ahead too.
        missing: how a missing number is read: as the "last" that was there, or, with decoding "direct", by a layer that
            knows how long it has been missing, "decay": see `forecast_blocks.Decaying`.
        quantiles: that are forecast beside, in rising order.
        loss: of the forecast itself: "absolute" or "squared" error; that of the quantiles is the pinball loss.
        layers: recurrent layers, one above the other.
        recurrent_dropout, zoneout, output_dropout: see `blocks.Recurrent` and `blocks.Dropout`.
        batch: windows of a training step; None is 64, of few windows fewer.
    """

    source: str
    time: str | None = None
    target: str | None = None
    past: str | None = None
    known: str | None = None
    series: str | None = None
    validation: str | None = None
    test: str | None = None
    limit: int | None = None
    look_back: int | None = None
    horizon: int | None = None
    decoding: str = "segments"
    segment: int | None = None
    level: str = "last"
    calendar: bool = False
    missing: str = "last"
    quantiles: tuple[float, ...] = (0.1, 0.9)
    loss: str = "absolute"
    layers: int = 1
    recurrent_dropout: float = 0.0
    zoneout: float = 0.0
    output_dropout: float = 0.0
    batch: int | None = None
    data: str = field(init=False, default="")
    scales: Scales = field(init=False)
    _table: Table = field(init=False)
    _values: NDArray[np.float32] = field(init=False)
    _asked: NDArray[np.float32] = field(init=False)
    _naive: NDArray[np.float64] = field(init=False)

    name: ClassVar[str] = "forecast"
    carried: ClassVar[bool] = False
    steps: ClassVar[tuple[int, int]] = (3_000, 3)
    unit: ClassVar[str] = "windows"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("mse", "squared error", "lower"),
        Measure("mae", "absolute error", "lower"),
        Measure("mase", "MASE", "lower"),
        Measure("pinball", "pinball loss", "lower"),
        Measure("coverage", "coverage", "higher"),
    )
    right: ClassVar[str] = "its squared error is smaller, of windows that share no step ahead"
    counted: ClassVar[str] = ""

    def read(self) -> Parts[Starts]:
        """The windows, split.

        Raises:
            InputError: the data can't be read, or is too short.
        """
        wanted = Wanted(self.time, self.target, self.past, self.known, self.series)
        table = read_series(self.source, wanted)
        self._table, self.data = table, table.name
        notes = list(table.notes)
        given = {name: getattr(self, name) for name in ("validation", "test")}
        others = {name: read_series(path, wanted, table.grid) for name, path in given.items() if path is not None}
        self._choose_sizes(max(len(line.values) for line in table.lines))
        spans = [_span(line, table, others) for line in table.lines]
        lines = [*table.lines, *(line for other in others.values() for line in other.lines)]
        offsets = np.cumsum([0, *(len(line.values) for line in lines)])
        spans = [span._replace(offset=int(offset)) for span, offset in zip(spans, offsets, strict=False)]
        ends = [span.train for span in spans]
        self.scales = Scales.fit(table, ends, self.calendar, self.missing == "decay")
        notes += self.scales.notes(table, ends)
        self._lay_out(lines)
        learnt = self._starts(spans, "train")
        parts = {"train": learnt}
        parts |= {name: self._starts(spans, name) for name in ("validation", "test") if name not in others}
        place = len(spans)
        for name, other in others.items():
            whole = [_Span(line, int(offsets[place + k]), 0, 0) for k, line in enumerate(other.lines)]
            parts[name] = self._starts(whole, "whole")
            place += len(whole)
        self._require(parts, table)
        if self.limit is not None:
            parts["train"], parts["test"] = _few(parts["train"], self.limit), _few(parts["test"], self.limit)
            notes.append(f"A quick look: at most {self.limit:,} training windows and as many test windows were used.")
        self._naive = self._naive_errors(spans)
        cut = {name: Starts(starts) for name, starts in parts.items()}
        return Parts(cut["train"], cut["validation"], cut["test"], tuple(notes))

    def use(self, scales: Scales, naive: NDArray[np.float64]) -> Starts:
        """The windows of the source for a model with these scales, and errors of a season before: those of the test
        part of a named set, else all."""
        table = read_measured(self.source, scales)
        self._table, self.data, self.scales, self._naive, self.segment = table, table.name, scales, naive, 1
        self._lay_out(table.lines)
        offsets = np.cumsum([0, *(len(line.values) for line in table.lines)])
        spans = [
            _span(line, table, {})._replace(offset=int(at)) for line, at in zip(table.lines, offsets, strict=False)
        ]
        parts = {"test": self._starts(spans, "test" if table.borders else "whole")}
        self._require(parts, table)
        return Starts(parts["test"] if self.limit is None else _few(parts["test"], self.limit))

    def _choose_sizes(self, length: int) -> None:
        """Horizon, look-back and segment, where they are not given."""
        season = self._table.grid.season
        train = int(length * _TRAIN) if not self._table.borders else self._table.borders[0]
        if self.horizon is None:
            self.horizon = max(min(season if season > 1 else _HORIZON, train // _PARTS), 1)
        if self.segment is None:
            self.segment = max(min(season if season > 1 else self.horizon, _SEGMENT, train // _PARTS), 1)
        if self.look_back is None:
            wanted = max(_BACK * self.horizon, _SEASONS * season, _SEGMENTS * self.segment)
            longest = max((train - self.horizon) // _SHARE, 1)
            self.look_back = min(wanted, longest)
            self.segment = min(self.segment, self.look_back)
            self.look_back -= self.look_back % self.segment
        if self.decoding == "segments" and self.segment > self.look_back:
            raise InputError(
                f"segment {self.segment} is longer than look_back {self.look_back}: give a shorter segment."
            )

    @property
    def _sizes(self) -> tuple[int, int, int]:
        """Look-back, horizon and segment; known when `read` is done."""
        assert self.look_back is not None
        assert self.horizon is not None
        assert self.segment is not None
        return self.look_back, self.horizon, self.segment

    def _lay_out(self, lines: Sequence[Line]) -> None:
        """All series one after another: what is read of each step, and what is asked."""
        read, asked = [], []
        for line in lines:
            scale = self.scales.of(line.name, line.values)
            read.append(self.scales.inputs(scale, Seen.of(line.values), line.first))
            asked.append(self.scales.scaled(scale, line.values)[:, : self._table.targets])
        self._values = np.concatenate(read)
        self._asked = np.concatenate(asked).astype(np.float32)

    def _starts(self, spans: Sequence[_Span], part: str) -> NDArray[np.intp]:
        """Where windows begin whose steps ahead lie in a part."""
        look_back, horizon, _ = self._sizes
        found = []
        for line, offset, train, validation in spans:
            length = len(line.values)
            end = self._table.borders[2] if len(self._table.borders) > 2 else length
            first, last = {
                "train": (0, train),
                "validation": (train, validation),
                "test": (validation, min(end, length)),
                "whole": (0, length),
            }[part]
            origins = np.arange(max(first, look_back), last - horizon + 1)
            found.append(offset + origins - look_back)
        starts = np.concatenate(found).astype(np.intp)
        # A window without a number ahead asks nothing.
        there = np.concatenate([[0], np.cumsum(~np.isnan(self._asked).all(axis=1))])
        asks = there[starts + look_back + horizon] > there[starts + look_back]
        kept: NDArray[np.intp] = starts[asks]
        return kept

    def _require(self, parts: dict[str, Any], table: Table) -> None:
        look_back, horizon, _ = self._sizes
        for name, starts in parts.items():
            if not len(starts):
                longest = max(len(line.values) for line in table.lines)
                what = {"train": "training"}.get(name, name)
                raise InputError(
                    f"{self.data} is too short for a window in its {what} part: its longest series has {longest:,} "
                    f"steps, and a window looks {look_back} back and {horizon} ahead: give a longer series, or a "
                    "shorter --look-back or --horizon."
                )

    def _naive_errors(self, spans: Sequence[_Span]) -> NDArray[np.float64]:
        """Of each target the mean absolute error of a season before, in the training part: Hyndman & Koehler 2006."""
        season = self._table.grid.season
        changes = [self._asked[span.offset : span.offset + span.train] for span in spans]
        apart = [part[season:] - part[:-season] if len(part) > season else part[1:] - part[:-1] for part in changes]
        moved = np.abs(np.concatenate(apart).astype(np.float64))
        there = ~np.isnan(moved)
        errors = np.where(there, moved, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        return np.where(errors > 0, errors, np.nan)

    def fit(self, train: Starts) -> None:
        """Scales are fitted when the series are read, from the training rows."""

    def encode(self, rows: Starts, learning: bool = False) -> Examples:
        """Windows [rows, look_back, features], with what is known ahead [rows, look_back + horizon, features]; and the
        targets of the steps ahead [rows, horizon, targets], NaN where there is none."""
        look_back, horizon, _ = self._sizes
        if learning and self.batch is None:
            self.batch = max(min(_BATCH, len(rows.starts) // _STEPS), 1)
        known = self.scales.known
        length = look_back + (horizon if known else 0)
        inputs: Any = Windows(self._values, rows.starts, length, look_back, self._values.shape[1] - known)
        targets: Any = Windows(self._asked, rows.starts + look_back, horizon)
        return Examples(inputs, targets)

    def size(self, examples: Examples) -> int:
        """How many windows."""
        return len(examples.inputs)

    def remarks(self, test: Examples) -> tuple[str, ...]:
        """That windows overlap."""
        apart = len(_apart(test.targets))
        return (
            f"The {len(test.targets):,} test windows overlap; {apart:,} of them share no step ahead, and these "
            "alone are compared one by one.",
        )

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """Every window counts alike."""
        return np.ones(len(train.inputs), np.float32)

    @property
    def outputs(self) -> int:
        """Numbers for each target and step: the forecast itself, then its quantiles."""
        return 1 + len(self.quantiles)

    def blocks(self, cell: str, units: int) -> list[Block]:
        """The level of each window, recurrent layers, the steps ahead, and their levels given back."""
        look_back, horizon, segment = self._sizes
        C, known = self._table.targets, self.scales.known
        if self.missing == "decay" and (self.decoding != "direct" or self.recurrent_dropout or self.zoneout):
            raise InputError(
                "missing decay is for decoding direct, with recurrent_dropout 0 and zoneout 0: choose these."
            )
        if self.decoding == "segments" and units % 2:
            raise InputError(f"units must be even with decoding segments, not {units}: give an even number.")
        blocks: list[Block] = [Level(self.level, look_back, C, known, bool(known) and self.decoding == "recursive")]
        if self.decoding == "segments":
            blocks.append(Segments(segment, units, C))
        for layer in range(self.layers):
            top = layer == self.layers - 1
            if self.missing == "decay" and layer == 0:
                blocks.append(Decaying(cell, units, len(self.scales.variables) - self.scales.ahead, C, not top))
            else:
                blocks.append(Recurrent(cell, units, False, not top, self.recurrent_dropout, zoneout=self.zoneout))
            if self.output_dropout and not (top and self.decoding != "direct"):
                blocks.append(Dropout(self.output_dropout))
        ahead: Block
        if self.decoding == "segments":
            ahead = Parallel(cell, units, segment, horizon, C, self.outputs, known, self.output_dropout, self.zoneout)
        elif self.decoding == "direct":
            ahead = Direct(horizon, C, self.outputs, known)
        else:
            ahead = Recursive(cell, self.layers, horizon, C, self.outputs, known, self.zoneout)
        return [*blocks, ahead, Restore()]

    def model(self, blocks: Sequence[Block], weights: Sequence[Any], training: dict[str, Any]) -> Model:
        """What a model file holds of a trained network."""
        arrays = tuple({name: np.asarray(array) for name, array in block.items()} for block in weights)
        answers = {
            "features": self._values.shape[1],
            "look_back": self.look_back,
            "horizon": self.horizon,
            "quantiles": list(self.quantiles),
            "naive_errors": [None if np.isnan(error) else float(error) for error in self._naive],
        }
        return Model(self.name, tuple(blocks), arrays, self.scales.to_json(), answers, training)

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Of each window: the error of the forecast, and the mean pinball loss of its quantiles (Koenker & Bassett
        1978), mean over targets and steps ahead that are there."""
        import jax.numpy as jnp

        there = ~jnp.isnan(targets)
        error = jnp.where(there, targets, 0)[..., None] - outputs
        loss = jnp.abs(error[..., 0]) if self.loss == "absolute" else jnp.square(error[..., 0])
        if self.quantiles:
            q = jnp.array(self.quantiles, outputs.dtype)
            loss = loss + jnp.maximum(q * error[..., 1:], (q - 1) * error[..., 1:]).mean(axis=-1)
        loss = jnp.where(there, loss, 0)
        return loss.sum(axis=(1, 2)) / there.sum(axis=(1, 2)).clip(1)

    def measure(self, outputs: NDArray[Any], targets: Any) -> dict[str, float]:
        """Mean squared and absolute error; MASE; the mean pinball loss; coverage.

        All are of scaled numbers. MASE: of each target the absolute error over that of a season before in the training
        part, mean over targets (Hyndman & Koehler 2006, "Another Look at Measures of Forecast Accuracy", section 3).
        Coverage: the share of numbers between the least and the largest quantile, which should be their distance.
        """
        y = np.asarray(targets)
        there = ~np.isnan(y)
        error = np.where(there, y - outputs[..., 0], 0).astype(np.float64)
        absolute = np.abs(error).sum(axis=(0, 1)) / np.maximum(there.sum(axis=(0, 1)), 1)
        relative = absolute / self._naive
        known = ~np.isnan(relative) & (there.sum(axis=(0, 1)) > 0)
        pinball = coverage = np.nan
        if self.quantiles:
            losses = []
            for place, q in enumerate(self.quantiles, 1):
                e = y[there] - outputs[..., place][there]
                losses.append(np.maximum(q * e, (q - 1) * e).mean(dtype=np.float64))
            pinball = float(np.mean(losses))
        if len(self.quantiles) > 1:
            inside = (outputs[..., 1] <= y) & (y <= outputs[..., -1])
            coverage = float(inside[there].mean())
        return {
            "mse": float(np.square(error).sum() / there.sum()),
            "mae": float(np.abs(error).sum() / there.sum()),
            "mase": float(relative[known].mean()) if known.any() else np.nan,
            "pinball": pinball,
            "coverage": coverage,
        }

    def merits(self, outputs: NDArray[Any], targets: Any) -> NDArray[np.float64]:
        """Minus the mean squared error of windows that share no step ahead: those that do would be counted as if each
        were news."""
        rows = _apart(targets)
        y = targets[rows]
        there = ~np.isnan(y)
        error = np.where(there, y - outputs[rows][..., 0], 0).astype(np.float64)
        merits: NDArray[np.float64] = -np.square(error).sum(axis=(1, 2)) / np.maximum(there.sum(axis=(1, 2)), 1)
        return merits

    def chance(self, train: Examples, test: Examples) -> Simple:
        """The mean of the first steps that training windows ask, and their quantiles."""
        y: NDArray[Any] = train.targets.values[train.targets.starts]  # type: ignore[attr-defined]
        outputs = np.stack([np.nanmean(y, axis=0), *(np.nanquantile(y, q, axis=0) for q in self.quantiles)], axis=-1)
        shape = (*test.targets.shape, self.outputs)
        return Simple("chance", "always the mean of the training part", np.broadcast_to(outputs, shape))

    def baseline(self, parts: Parts[Starts]) -> Simple:
        """The better on the validation windows of the value a season before and a linear map of the window."""
        from gatewright.tasks.forecast.baseline import linear, seasonal

        train, validation, test = (self.encode(rows) for rows in (parts.train, parts.validation, parts.test))
        made = [
            model(train, validation, test, self._table, self.look_back, self.quantiles)  # type: ignore[arg-type]
            for model in (seasonal, linear)
        ]
        best, *others = sorted(made, key=lambda one: one.error)
        return Simple(best.name, best.description, best.outputs, tuple((one.name, one.outputs) for one in others))

    def decode(self, outputs: NDArray[Any]) -> Sequence[Any]:
        """The forecasts, [horizon, targets] of each window, scaled as the targets are."""
        return list(outputs[..., 0])


def _span(line: Line, table: Table, others: dict[str, Table]) -> _Span:
    """Where the parts of a series end: of what is given apart there is none."""
    length = len(line.values)
    if table.borders:
        return _Span(line, 0, *(min(border, length) for border in table.borders[:2]))
    train, validation = _TRAIN, _VALIDATION
    if "test" in others:
        train, validation = train / (train + validation), 1 - train / (train + validation)
    if "validation" in others:
        train, validation = train + validation, 0.0
    return _Span(line, 0, round(length * train), round(length * (train + validation)))


def _few(starts: Any, limit: int) -> NDArray[np.intp]:
    """At most `limit` windows, evenly spaced."""
    chosen: NDArray[np.intp] = starts[np.linspace(0, len(starts) - 1, min(limit, len(starts))).round().astype(np.intp)]
    return chosen


def _apart(targets: Any) -> NDArray[np.intp]:
    """Rows of which no two share a step ahead: each next one begins where the one before has ended, or later."""
    kept, free = [], -1
    for row in np.argsort(targets.starts, kind="stable"):
        if targets.starts[row] >= free:
            kept.append(row)
            free = targets.starts[row] + targets.shape[1]
    return np.array(kept, np.intp)
