"""The adding problem: remember two marked numbers of a long sequence and return their sum."""

from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense
from gatewright.results.measure import Measure
from gatewright.tasks.adding.settings import AddingSettings
from gatewright.tasks.base import baselines
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import FittedBaseline, Length, Prepared, Splits, Task

# A prediction with a smaller error is correct: Hochreiter & Schmidhuber 1997, section 5.4.
_NEAR = 0.04
# Seed of the examples: all comparisons with the same length have the same examples.
_SEED = 1997
# Sizes of the training, validation and test sets.
_TRAIN, _VALIDATION, _TEST = 10_000, 1_000, 10_000


@dataclass(frozen=True)
class PreparedSums(Prepared[Batch]):
    """Encode and measure examples of the adding problem. Nothing is learned from the training set."""

    measures = (Measure("mse", "mean squared error", "lower"), Measure("within_0_04", "within 0.04", "higher"))
    score_label = "its answer lies within 0.04 of the sum, and the other's does not"
    features = 2

    def encode(self, examples: Batch, training: bool = False) -> Batch:
        return examples

    def losses(self, outputs: Any, targets: Any) -> Any:
        return ((outputs - targets) ** 2)[:, 0]

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        error = np.asarray(outputs, np.float64) - targets
        return {"mse": float(np.mean(error**2)), "within_0_04": float(np.mean(self.scores(outputs, targets)))}

    def scores(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(np.abs(outputs - targets)[:, 0] < _NEAR, np.bool_)

    def constant(self, targets: NDArray[Any], train: NDArray[Any] | None = None) -> tuple[NDArray[Any], str]:
        mean = (targets if train is None else train).mean()
        return np.full_like(targets, mean), "always the mean sum"

    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        return cls()


@dataclass(frozen=True)
class Adding(Task[Batch]):
    """The adding problem of Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", section 5.4.

    The numbers are uniform in [0, 1), as in Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of
    Rectified Linear Units", section 4.1. An example is [max_length, 2]: a number and a mark at each step. The mark
    is 1 at one step of the first half and at one step of the second half, and 0 at all other steps. The target is
    the sum of the two marked numbers. A prediction that ignores the inputs has a mean squared error of at least 1/6.
    """

    settings: AddingSettings

    length: ClassVar[Length] = Length(3_000, 5)

    def read(self) -> Splits[Batch]:
        rng = np.random.default_rng(_SEED)
        trained, tested = (size if self.limit is None else min(size, self.limit) for size in (_TRAIN, _TEST))
        train, validation, test = (self._draw(size, rng) for size in (trained, _VALIDATION, tested))
        return Splits("adding", train, validation, test)

    def _draw(self, examples: int, rng: np.random.Generator) -> Batch:
        numbers = rng.random((examples, self.settings.max_length), dtype=np.float32)
        half = self.settings.max_length // 2
        first = rng.integers(0, half, examples)
        second = rng.integers(half, self.settings.max_length, examples)
        every = np.arange(examples)
        marks = np.zeros_like(numbers)
        marks[every, first] = marks[every, second] = 1
        sums = numbers[every, first] + numbers[every, second]
        return Batch(np.stack([numbers, marks], axis=-1), sums[:, None])

    def prepare(self, splits: Splits[Batch]) -> tuple[PreparedSums, AddingSettings]:
        return PreparedSums(), self.settings

    def network(self, prepared: PreparedSums, settings: AddingSettings) -> list[Layer]:
        """Return the layers of the network: recurrent layers, and a dense layer from the last output to one number."""
        return [*recurrent_stack(settings), Dense(1)]

    def baseline(self, splits: Splits[Batch], prepared: PreparedSums) -> FittedBaseline:
        """Fit linear regression, whose features are all numbers and all marks of an example."""
        train, test = (batch.inputs.reshape(batch.size, -1) for batch in (splits.train, splits.test))
        outputs = baselines.linear_regression(train, splits.train.targets, test)
        return FittedBaseline("linear regression", "least squares on every number and every mark", outputs)
