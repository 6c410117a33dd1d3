"""What a comparison found: the numbers, and nothing of how they were made or how they are drawn."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from gatewright.statistics import Interval


class Measure(NamedTuple):
    """A figure of merit: its plain name (a key in every `test`), how a table heads it, and which way is better."""

    name: str
    title: str
    better: Literal["higher", "lower"]


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
class PairedTest:
    """Two competitors on the deciding measure.

    Attributes:
        first, second: names of cells, of the baseline, or "chance".
        difference: first minus second, mean over seeds.
        t_p: paired t test over seeds (one-sample where `second` has no seeds); None with fewer than two seeds.
        sign_p: the exact sign test over test rows (of right and wrong: McNemar's), each competitor's answers averaged
            over its seeds.
        adjusted_p: the larger of the two, after Holm's correction within its family of tests; None as t_p.
        differs: both tests say so: adjusted_p is below 0.05.
    """

    first: str
    second: str
    difference: float
    t_p: float | None
    sign_p: float
    adjusted_p: float | None
    differs: bool


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
