"""The adding problem: remember two marked numbers of a long sequence and give their sum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples
from gatewright.nn.block import Block
from gatewright.nn.layers import Dense, Recurrent
from gatewright.results.measure import Measure
from gatewright.tasks.base.task import Parts, Simple

# An answer nearer than this counts as right: Hochreiter & Schmidhuber 1997, section 5.4.
_NEAR = 0.04
# Of the numbers alone, so that every comparison at one length sees the same rows.
_SEED = 1997


@dataclass(frozen=True)
class Adding:
    """Hochreiter & Schmidhuber 1997, "Long Short-Term Memory", section 5.4, with numbers from [0, 1] as in
    Le, Jaitly & Hinton 2015, "A Simple Way to Initialize Recurrent Networks of Rectified Linear Units", section 4.1.

    A row is [length, 2]: numbers uniform in [0, 1], and marks that are 1 at one step of the first half and one of the
    second half, else 0. The target is the sum of the two marked numbers. Whoever ignores the input is wrong by a
    variance of 1/6 = 0.167.

    Attributes:
        length: steps of a row, at least 2.
        train_rows, validation_rows, test_rows: how many rows to draw for each part.
        zoneout: see `blocks.Recurrent`.
    """

    length: int = 100
    train_rows: int = 10_000
    validation_rows: int = 1_000
    test_rows: int = 10_000
    zoneout: float = 0.0

    name: ClassVar[str] = "adding"
    data: ClassVar[str] = "adding"
    measures: ClassVar[tuple[Measure, ...]] = (
        Measure("mse", "mean squared error", "lower"),
        Measure("within_0_04", "within 0.04", "higher"),
    )
    right: ClassVar[str] = "its answer lies within 0.04 of the sum, and the other's does not"
    counted: ClassVar[str] = ""
    carried: ClassVar[bool] = False
    unit: ClassVar[str] = "rows"
    steps: ClassVar[tuple[int, int]] = (3_000, 5)

    def read(self) -> Parts[Examples]:
        """Draw the rows."""
        rng = np.random.default_rng(_SEED)
        train, validation, test = (self._draw(rows, rng) for rows in self._sizes())
        return Parts(train, validation, test)

    def _sizes(self) -> tuple[int, int, int]:
        return self.train_rows, self.validation_rows, self.test_rows

    def _draw(self, rows: int, rng: np.random.Generator) -> Examples:
        numbers = rng.random((rows, self.length), dtype=np.float32)
        half = self.length // 2
        first = rng.integers(0, half, rows)
        second = rng.integers(half, self.length, rows)
        row = np.arange(rows)
        marks = np.zeros_like(numbers)
        marks[row, first] = marks[row, second] = 1
        sums = numbers[row, first] + numbers[row, second]
        return Examples(np.stack([numbers, marks], axis=-1), sums[:, None])

    def fit(self, train: Examples) -> None:
        """Nothing is to be learnt from the rows."""

    def encode(self, rows: Examples, learning: bool = False) -> Examples:
        """Rows are numbers already."""
        return rows

    def size(self, examples: Examples) -> int:
        """How many rows."""
        return len(examples.inputs)

    def remarks(self, test: Examples) -> tuple[str, ...]:
        """None."""
        return ()

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """Every row counts alike."""
        return np.ones(len(train.targets), np.float32)

    def blocks(self, cell: str, units: int) -> list[Block]:
        """The cell, and a linear map of its last state to one number."""
        return [Recurrent(cell, units, zoneout=self.zoneout), Dense(1)]

    def losses(self, outputs: Any, targets: Any) -> Any:
        """Squared error of each row."""
        return ((outputs - targets) ** 2)[:, 0]

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """Mean squared error, and the share of rows within 0.04 of the sum."""
        error = np.asarray(outputs, np.float64) - targets
        return {"mse": float(np.mean(error**2)), "within_0_04": float(np.mean(self.merits(outputs, targets)))}

    def merits(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
        """Whether each row's answer lies within 0.04 of its sum."""
        near: NDArray[np.bool_] = np.abs(outputs - targets)[:, 0] < _NEAR
        return near

    def chance(self, train: Examples, test: Examples) -> Simple:
        """The mean sum of the training rows, whatever the input."""
        mean = np.full_like(test.targets, train.targets.mean())
        return Simple("chance", "always the mean sum of the training rows", mean)

    def baseline(self, parts: Parts[Examples]) -> Simple:
        """Linear regression on every number and every mark."""
        from gatewright.tasks.base import baselines

        def flat(rows: Examples) -> NDArray[Any]:
            return rows.inputs.reshape(len(rows.inputs), -1)

        outputs = baselines.linear_regression(flat(parts.train), parts.train.targets, flat(parts.test))
        return Simple("linear regression", "least squares on every number and every mark", outputs)

    def decode(self, outputs: NDArray[Any]) -> Sequence[float]:
        """The sums."""
        return [float(value) for value in outputs[:, 0]]
