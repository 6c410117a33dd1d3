"""The results of training, evaluations and comparisons, as dataclasses."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gatewright.results.display import Result, renderer
from gatewright.results.measure import Measure
from gatewright.results.serialize import from_json_value
from gatewright.results.statistics import Interval
from gatewright.results.verdict import PairedTest


@dataclass(frozen=True)
class Epoch:
    """One epoch: the mean training loss, the metrics on the validation set, and the seconds spent on training."""

    loss: float
    validation: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class GradientNorms:
    """Norms of the gradient |dL/dh_t|, averaged over the validation set.

    Attributes:
        states: For each state of the recurrent cell ("h", and "c" for an LSTM), the norm at each time step, backwards:
            element 0 is for the last time step of an example, element 1 for the step before, and so on.
    """

    states: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Run:
    """One training run of one recurrent cell.

    Attributes:
        seed: Seed of the initial weights and of the order of the examples.
        learning_rate: Learning rate of Adam.
        epochs: All epochs, in order.
        chosen_epoch: The epoch that is best on the validation set, counted from 1; see `Comparison.selection`.
        test: Metrics on the test set with the weights of the chosen epoch. NaN if training diverged.
        gradient_before, gradient_after: Gradient norms before training, and with the weights of the chosen epoch.
        divergence: A clause that says what became infinite or not a number, and at which step, if training diverged.
            The epochs are those before, and `chosen_epoch` may be 0. Otherwise empty.
    """

    seed: int
    learning_rate: float
    epochs: tuple[Epoch, ...]
    chosen_epoch: int
    test: dict[str, float]
    gradient_before: GradientNorms
    gradient_after: GradientNorms
    divergence: str = ""


@dataclass(frozen=True)
class CellResult:
    """All training runs of one recurrent cell, with the learning rate that was best on the validation set.

    Attributes:
        name: Name in tables, such as "GRU", or "GRU (1)" and "GRU (2)" if the cell was given twice.
        cell: The name of the cell in the settings, such as "gru".
        units: Number of units of the recurrent layer.
        parameters: Number of parameters of the whole network.
        learning_rate: Learning rate of these runs.
        peak_memory: Bytes that a training step needs for weights, optimizer, batch, compiler and kernels.
        seconds: Seconds per epoch of training: the mean over seeds with its 95% interval.
        test: For each metric on the test set, the mean over seeds with its 95% interval.
        runs: One run per seed.
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

    @property
    def diverged(self) -> bool:
        """True if a run with this learning rate diverged, so that nothing is claimed about the cell."""
        return any(run.divergence for run in self.runs)


@dataclass(frozen=True)
class BaselineResult:
    """A baseline: its metrics on the test set, and the seconds that fitting it took."""

    name: str
    description: str
    test: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Comparison(Result):
    """A comparison of several recurrent cells and two baselines on the same data, over several seeds.

    Attributes:
        task: Name of the task.
        data: Name of the data set, or its file.
        settings: All arguments that the runs depend on, with the names of the command's options as keys.
        unit: Unit of `sizes`, such as "rows" or "tokens".
        sizes: Sizes of the splits "train", "validation" and "test".
        notes: Sentences about the data that affect the reading of the results.
        measures: Metrics. The first one is the main metric.
        score_label: A clause that says when the sign test counts one prediction as better than another. Empty if the
            paired bootstrap was used.
        cells: Results in the order in which the cells were given.
        baseline: The result of a model without recurrent layers.
        constant: The result of the best prediction that ignores the input.
        tests: Paired tests between cells, between each cell and the baseline, and between each cell and the constant
            baseline.
        verdict: The result in words. It claims only the differences that the tests show.
        machine: Processor, number of threads, and versions of packages.
        seconds: Total time of all runs, in seconds.
        selection: The metric that chose epochs and learning rates, in words. Empty in results of older versions.
    """

    task: str
    data: str
    settings: dict[str, Any]
    unit: str
    sizes: dict[str, int]
    notes: tuple[str, ...]
    measures: tuple[Measure, ...]
    score_label: str
    cells: tuple[CellResult, ...]
    baseline: BaselineResult
    constant: BaselineResult
    tests: tuple[PairedTest, ...]
    verdict: str
    machine: dict[str, str]
    seconds: float
    selection: str = ""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The main table as a list of dictionaries: one for each recurrent cell, then one for each baseline."""
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
        baselines = (self.baseline, self.constant)
        return cells + [{"name": model.name, "seconds": model.seconds, **model.test} for model in baselines]

    def plot(self) -> Any:
        """Return a matplotlib figure of the comparison: its learning curves, and its gradients through time."""
        return renderer().plot(self)


@dataclass(frozen=True)
class DetailTable:
    """A further table of results that a task adds, such as errors in the units of the data.

    Attributes:
        title: What the table shows.
        columns: The headings, the first one for the names of the rows.
        rows: The cells of each row: a text, then numbers.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[Any, ...]


@dataclass(frozen=True)
class Trained(Result):
    """A trained model and its metrics, next to a baseline.

    Attributes:
        task: Name of the task.
        data: Name of the data set, or its file.
        out: Path of the model file.
        settings: All settings with which the model was trained.
        unit: Unit of `sizes`, such as "rows" or "tokens".
        sizes: Sizes of the splits "train", "validation" and "test".
        notes: Sentences about the data that affect the reading of the results.
        measures: Metrics. The first one is the main metric.
        epochs: All epochs, in order.
        chosen_epoch: The epoch whose weights are in the model file, counted from 1.
        finished: False if training was interrupted. The model file then has the best weights until then.
        test: Metrics on the test set.
        baseline: Metrics of the baseline on the test set.
        baseline_name: Name and description of the baseline.
        labels: The labels of a classifier. Empty for other tasks.
        confusion: Numbers of test examples by true label (rows) and predicted label (columns), in the order of
            `labels`. With multi-label data, ((tn, fp), (fn, tp)) for each label.
        p_value: The p value of the exact sign test that compares network and baseline on the test examples. If each
            prediction is either right or wrong, this is McNemar's test. A multi-label prediction is right if all labels
            are right. If the main metric is not a mean over examples, that of the paired bootstrap.
        verdict: The result in one sentence. It claims a difference only if this test shows one.
        parameters: Number of parameters of the network.
        seconds: Total training time in seconds.
        fingerprint: Hash of the data.
        machine: Processor, number of threads, and versions of packages.
        multi_label: True if an example can have any number of labels.
        other_baselines: Test metrics of further baselines, by name. They were worse on the validation set.
        details: Further tables about the test set.
        selection: The metric that chose the epoch, in words. Empty in results of older versions.
        interval: The ends of the 95% interval of the difference in the main metric, network - baseline, by the paired
            bootstrap. Empty if the sign test was used.
    """

    task: str
    data: str
    out: str
    settings: dict[str, Any]
    unit: str
    sizes: dict[str, int]
    notes: tuple[str, ...]
    measures: tuple[Measure, ...]
    epochs: tuple[Epoch, ...]
    chosen_epoch: int
    finished: bool
    test: dict[str, float]
    baseline: dict[str, float]
    baseline_name: str
    labels: tuple[str, ...]
    confusion: tuple[Any, ...]
    p_value: float
    verdict: str
    parameters: int
    seconds: float
    fingerprint: str
    machine: dict[str, str]
    multi_label: bool = False
    other_baselines: dict[str, dict[str, float]] = dataclasses.field(default_factory=dict)
    details: tuple[DetailTable, ...] = ()
    selection: str = ""
    interval: tuple[float, ...] = ()

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the result that `to_json` converted to these values.

        Raises:
            KeyError, TypeError, AttributeError: The values are not a `Trained` result as JSON.
        """
        trained: Self = from_json_value(cls, values)
        return trained


@dataclass(frozen=True)
class Evaluated(Result):
    """Metrics of a trained model on the data of an evaluation.

    Attributes:
        model: Path of the model file.
        data: Name of the data set, or its file.
        task: Name of the task that the model was trained for.
        unit: Unit of `size`, such as "rows" or "tokens".
        size: Amount of data, counted in `unit`.
        measures: Metrics. The first one is the main metric.
        test: Metrics of the model on the data.
        baseline: Metrics of the best prediction that ignores the input.
        labels, confusion, multi_label: As in `Trained`.
        notes: Sentences about the data that affect the reading of the results.
        baseline_name: Description of the baseline.
        details: Further tables about the data.
    """

    model: str
    data: str
    task: str
    unit: str
    size: int
    measures: tuple[Measure, ...]
    test: dict[str, float]
    baseline: dict[str, float]
    labels: tuple[str, ...]
    confusion: tuple[Any, ...]
    multi_label: bool = False
    notes: tuple[str, ...] = ()
    baseline_name: str = ""
    details: tuple[DetailTable, ...] = ()
