"""What a comparison found: the numbers, and nothing of how they were made or how they are drawn."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gatewright.results.figures import as_tuples, plain
from gatewright.results.measure import Measure
from gatewright.results.statistics import Interval
from gatewright.results.verdict import PairedTest


@dataclass(frozen=True)
class Epoch:
    """One epoch of one run: mean training loss, measures on the validation rows, seconds of training alone."""

    loss: float
    validation: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class GradientNorms:
    """|dL/dh_t|, mean over validation rows, by steps before the last: element 0 is the last step of each row.

    Attributes:
        states: for each state of the cell (h; an LSTM has c too) its norms.
    """

    states: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Run:
    """One cell trained once.

    Attributes:
        seed: of the initial weights and of the order of rows.
        learning_rate: of Adam.
        epochs: in order.
        chosen_epoch: counted from 1; the best by the deciding measure on the validation rows.
        test: measures on the test rows, by name, with the weights of the chosen epoch.
        gradient_before, gradient_after: before training, and with the weights of the chosen epoch.
    """

    seed: int
    learning_rate: float
    epochs: tuple[Epoch, ...]
    chosen_epoch: int
    test: dict[str, float]
    gradient_before: GradientNorms
    gradient_after: GradientNorms


@dataclass(frozen=True)
class CellResult:
    """One cell over all seeds, at the learning rate that was best on the validation rows.

    Attributes:
        name: its heading, "GRU"; where a cell is given twice, "GRU (1)" and "GRU (2)".
        cell: one of `blocks.CELLS`.
        units, parameters: of the recurrent layer; of the whole network.
        peak_memory: bytes that a training step needs: weights, optimizer, batch, the compiler's buffers, the
            kernels' scratch.
        seconds: an epoch of training.
        test: each measure by name, over seeds.
        runs: one a seed.
    """

    name: str
    cell: str
    units: int
    parameters: int
    learning_rate: float
    peak_memory: int
    seconds: Interval
    test: dict[str, Interval]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Baseline:
    """A simple model on the same rows: what it is, its measures on the test rows, seconds of fitting."""

    name: str
    description: str
    test: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Comparison:
    """What `gatewright.compare` returns.

    Attributes:
        task, data: "classify" or "adding"; the name of the data set, or its file.
        settings: everything that the runs depend on, by the names of the command's options.
        unit: what sizes are counted in, "rows" or "tokens".
        sizes: of "train", "validation" and "test".
        notes: sentences on the data that a reader must know (texts that occur in both training and test, ...).
        measures: the first decides.
        right: what makes an answer the better one, where rows are counted.
        cells: in the order in which they were given.
        baseline, chance: the simple model; the best answer that ignores the input.
        tests: cells against one another, against the baseline, and against chance.
        verdict: one sentence that claims no more than the tests allow.
        machine: name of the fact -> fact (processor, threads, versions).
        seconds: of all the runs together, whenever they were made.
    """

    task: str
    data: str
    settings: dict[str, Any]
    unit: str
    sizes: dict[str, int]
    notes: tuple[str, ...]
    measures: tuple[Measure, ...]
    right: str
    cells: tuple[CellResult, ...]
    baseline: Baseline
    chance: Baseline
    tests: tuple[PairedTest, ...]
    verdict: str
    machine: dict[str, str]
    seconds: float

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The table: a dictionary a row, for the cells, the baseline and chance."""
        cells = [
            {
                "name": cell.name,
                "units": cell.units,
                "parameters": cell.parameters,
                "learning_rate": cell.learning_rate,
                "seconds_per_epoch": cell.seconds.mean,
                "peak_memory": cell.peak_memory,
                **{name: interval.mean for name, interval in cell.test.items()},
                **{f"{name}_low": interval.low for name, interval in cell.test.items()},
                **{f"{name}_high": interval.high for name, interval in cell.test.items()},
            }
            for cell in self.cells
        ]
        simple = [
            {"name": model.name, "seconds": model.seconds, **model.test} for model in (self.baseline, self.chance)
        ]
        return cells + simple

    def to_json(self) -> dict[str, Any]:
        """All of it as plain dictionaries, lists and numbers; None where a figure is not a finite number."""
        plain: dict[str, Any] = _plain({**dataclasses.asdict(self), "measures": [m._asdict() for m in self.measures]})
        return plain

    def plot(self) -> Any:
        """Learning curves and gradients through time, as a matplotlib figure."""
        from gatewright.report import plots

        return plots.overview(self)

    def __str__(self) -> str:
        from gatewright.report import terminal

        return terminal.text(self)

    def _repr_html_(self) -> str:
        from gatewright.report import html

        return html.fragment(self)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None  # JSON has no word for it
    return value


@dataclass(frozen=True)
class Trained:
    """A trained model, as figures.

    Attributes:
        task, data: their names.
        out: the model file.
        settings: all of them.
        unit: what sizes are counted in, "rows" or "tokens".
        sizes: of the training, validation and test part.
        notes: sentences that a reader of the figures must know.
        epochs: loss and validation figures of each; `chosen`, from 1, is the one whose weights were kept.
        finished: False where it was interrupted: the best so far was kept.
        test: measures on the test rows, by name.
        baseline: the same measures of the simple model, named in `baseline_name`.
        labels: of a classifier; else empty.
        confusion: test rows of each label (rows) that were given each label (columns), in the order of `labels`; where
            a text has any number of labels, of each label ((tn, fp), (fn, tp)): its absence and presence (rows), and
            how often it was not given and given (columns).
        p: of the exact sign test that network and baseline are each the better on as many test rows (of right and wrong
            answers: McNemar's; where a text has any number of labels, a row is right if all of them are).
        verdict: one sentence that claims no more than the test rows allow.
        parameters, seconds: numbers learnt; time of the training epochs.
        rows: changes where a row of the data does.
        made: with which release, and when trained to the end on which machine.
        several: of a classifier, whether a text has any number of labels.
        others: the same measures of further simple models, by name, which were worse on the validation rows.
    """

    task: str
    data: str
    out: str
    settings: dict[str, Any]
    unit: str
    sizes: dict[str, int]
    notes: tuple[str, ...]
    epochs: tuple[Epoch, ...]
    chosen: int
    finished: bool
    test: dict[str, float]
    baseline: dict[str, float]
    baseline_name: str
    labels: tuple[str, ...]
    confusion: tuple[tuple[Any, ...], ...]
    p: float
    verdict: str
    parameters: int
    seconds: float
    rows: str
    made: dict[str, Any]
    several: bool = False
    others: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values; what is no number is null."""
        values: dict[str, Any] = plain(dataclasses.asdict(self))
        return values

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Trained:
        """What `to_json` was made of."""
        names = [field.name for field in dataclasses.fields(cls)]
        values = {name: kept[name] for name in names if name in kept}
        for name in ("test", "baseline"):
            values[name] = _figures(values[name])
        values["others"] = {name: _figures(test) for name, test in values.get("others", {}).items()}
        values["epochs"] = tuple(Epoch(**epoch) for epoch in values["epochs"])
        for name in ("notes", "labels", "confusion"):
            values[name] = as_tuples(values[name])
        return cls(**values)

    def __str__(self) -> str:
        from gatewright.report.figures import trained

        return trained(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"


def _figures(kept: Mapping[str, float | None]) -> dict[str, float]:
    """Figures of which what was no number is null."""
    return {name: math.nan if value is None else value for name, value in kept.items()}


@dataclass(frozen=True)
class Evaluated:
    """Figures of a model on data.

    Attributes:
        model, data: the file, and the name of the data.
        task: of the model.
        unit, rows: what the data is counted in, "rows" or "tokens", and how much there was.
        test: measures, by name.
        baseline: the same measures of the best answer for these very rows that does not look at them, which
            `baseline_name` tells.
        labels, confusion: of a classifier: texts of each label (rows) that were given each label (columns); where a
            text has any number of labels as in `train.Trained`.
        several: of a classifier, whether a text has any number of labels.
        notes: sentences that a reader of the figures must know.
    """

    model: str
    data: str
    task: str
    unit: str
    rows: int
    test: dict[str, float]
    baseline: dict[str, float]
    labels: tuple[str, ...]
    confusion: tuple[tuple[Any, ...], ...]
    several: bool = False
    notes: tuple[str, ...] = ()
    baseline_name: str = ""

    def to_json(self) -> dict[str, Any]:
        """All of it as plain JSON values; what is no number is null."""
        values: dict[str, Any] = plain(asdict(self))
        return values

    def __str__(self) -> str:
        from gatewright.report.figures import evaluated

        return evaluated(self)

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(str(self))}</pre>"
