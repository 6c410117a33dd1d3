"""Results of trainings, evaluations and comparisons: plain data."""

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
    """One epoch of a training: mean training loss, metrics on the validation set, and seconds of training."""

    loss: float
    validation: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class GradientNorms:
    """Norms of the gradient |dL/dh_t|, averaged over the validation set.

    Attributes:
        states: The norms of each state of the cell ("h", and "c" for an LSTM). Element 0 is the last time step of an
            example, element 1 the step before it, and so on.
    """

    states: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Run:
    """One training of one cell.

    Attributes:
        seed: Seed of the initial weights and of the order of the examples.
        learning_rate: Learning rate of Adam.
        epochs: All epochs, in order.
        chosen_epoch: The epoch with the best first metric on the validation set, counted from 1.
        test: Metrics on the test set with the weights of the chosen epoch.
        gradient_before, gradient_after: Norms of the gradient before training, and with the weights of the chosen
            epoch.
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
    """All runs of one cell at the learning rate that was best on the validation set.

    Attributes:
        name: Title such as "GRU", or "GRU (1)" and "GRU (2)" if the cell is given twice.
        cell: Identifier such as "gru".
        units: Units of the recurrent layer.
        parameters: Number of parameters of the whole network.
        learning_rate: Learning rate of these runs.
        peak_memory: Bytes that a training step needs for weights, optimizer, batch, compiler and kernels.
        seconds: Seconds per epoch of training: the mean over seeds and its interval.
        test: Each metric on the test set: the mean over seeds and its interval.
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


@dataclass(frozen=True)
class BaselineResult:
    """Metrics of a baseline on the test set, and the seconds it took to fit."""

    name: str
    description: str
    test: dict[str, float]
    seconds: float


@dataclass(frozen=True)
class Comparison(Result):
    """A comparison of several cells over several seeds on the same data, with two baselines.

    Attributes:
        task: Name of the task.
        data: Name of the data set, or its file.
        settings: Everything that the runs depend on, by the names of the command's options.
        unit: Unit of `sizes`, such as "rows" or "tokens".
        sizes: Sizes of the splits "train", "validation" and "test".
        notes: Sentences about the data that affect the reading of the results.
        measures: Metrics. The first one is the main metric.
        score_label: Description of when the sign test counts one prediction as better than another.
        cells: Results in the order in which the cells were given.
        baseline: Result of a model without a recurrent layer.
        constant: Result of the best prediction that ignores the input.
        tests: Paired tests between cells, between each cell and the baseline, and between each cell and the constant
            baseline.
        verdict: The result in words. It claims only the differences that the tests show.
        machine: Processor, threads and versions.
        seconds: Total time of all runs.
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

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The main table: one dictionary per cell, then one per baseline."""
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
class Trained(Result):
    """A trained model and its metrics, next to a baseline.

    Attributes:
        task: Name of the task.
        data: Name of the data set, or its file.
        out: The model file.
        settings: All settings of the training.
        unit: Unit of `sizes`, such as "rows" or "tokens".
        sizes: Sizes of the splits "train", "validation" and "test".
        notes: Sentences about the data that affect the reading of the results.
        measures: Metrics. The first one is the main metric.
        epochs: All epochs, in order.
        chosen_epoch: The epoch whose weights are in the model file, counted from 1.
        finished: False if the training was interrupted. The model then has the best weights so far.
        test: Metrics on the test set.
        baseline: Metrics of the baseline on the test set.
        baseline_name: Name and description of the baseline.
        labels: Labels of a classifier. Empty for other tasks.
        confusion: Numbers of test examples by true label (rows) and predicted label (columns), in the order of
            `labels`. With multi-label data, ((tn, fp), (fn, tp)) for each label.
        p_value: The p value of the exact sign test between network and baseline on the test examples. If examples are
            right or wrong, it is McNemar's test. In multi-label data, an example is right if all its labels are.
        verdict: The result in one sentence. It claims a difference only if the test shows one.
        parameters: Number of parameters of the network.
        seconds: Total training time.
        fingerprint: Hash of the data.
        machine: Processor, threads and versions.
        multi_label: True if an example can have any number of labels.
        other_baselines: Metrics of other baselines by name. They were worse on the validation set.
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

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return the result that `to_json` converted to these values.

        Raises:
            KeyError, TypeError, AttributeError: The values do not describe a training.
        """
        trained: Self = from_json_value(cls, values)
        return trained


@dataclass(frozen=True)
class Evaluated(Result):
    """Metrics of a trained model on data.

    Attributes:
        model: The model file.
        data: Name of the data set, or its file.
        task: Name of the model's task.
        unit: Unit of `size`, such as "rows" or "tokens".
        size: Size of the data.
        measures: Metrics. The first one is the main metric.
        test: Metrics of the model on the data.
        baseline: Metrics of the best prediction for this data that ignores the input.
        labels, confusion, multi_label: As in `Trained`.
        notes: Sentences about the data that affect the reading of the results.
        baseline_name: Description of the baseline.
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
