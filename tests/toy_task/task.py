"""Count the ones in a sequence of bits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Dense, Embedding
from gatewright.results.measure import Measure
from gatewright.support.errors import InputError
from gatewright.tasks.base import baselines
from gatewright.tasks.base.splitting import SPLIT_SEED, TEST_FRACTION, VALIDATION_FRACTION, held_out_note
from gatewright.tasks.base.stack import recurrent_stack
from gatewright.tasks.base.task import FittedBaseline, Prepared, Splits, Task
from toy_task.settings import CountSettings

IDS = 3
"""Ids: 0 for padding, 1 and 2 for the bits."""


def read_bits(data: str) -> list[str]:
    """Return the sequences of a file.

    Raises:
        InputError: The file cannot be read, or has something other than sequences of bits.
    """
    try:
        sequences = Path(data).read_text(encoding="utf-8").split()
    except OSError as error:
        raise InputError(f"{data} cannot be read ({error.strerror}): name a text file.") from None
    require_bits(sequences)
    return sequences


def require_bits(sequences: list[str]) -> None:
    """Check that texts are sequences of bits.

    Raises:
        InputError: One is not.
    """
    for one in sequences:
        if not one or set(one) - {"0", "1"}:
            raise InputError(f"A sequence must consist of 0 and 1, not be {one!r}: correct it.")


@dataclass(frozen=True)
class PreparedBits(Prepared[list[str]]):
    """The state that depends on the data: the padded length.

    Attributes:
        max_length: Length of the longest sequence of the examples at hand.
    """

    max_length: int = 0

    unit = "sequences"
    measures = (Measure("mse", "mean squared error", "lower"), Measure("accuracy", "accuracy", "higher"))
    score_label = "its rounded count is right, and the other's is not"

    def encode(self, examples: list[str], training: bool = False) -> Batch:
        ids = [[0] * (self.max_length - len(one)) + [1 + int(bit) for bit in one] for one in examples]
        return Batch(np.array(ids, np.int32), np.array([[one.count("1")] for one in examples], np.float32))

    def losses(self, outputs: Any, targets: Any) -> Any:
        return ((outputs - targets) ** 2)[:, 0]

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        error = np.asarray(outputs, np.float64) - targets
        return {"mse": float(np.mean(error**2)), "accuracy": float(np.mean(self.scores(outputs, targets)))}

    def scores(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[np.bool_]:
        right: NDArray[np.bool_] = np.abs(outputs - targets)[:, 0] < 0.5
        return right

    def constant(self, targets: NDArray[Any], train: NDArray[Any] | None = None) -> tuple[NDArray[Any], str]:
        return np.full_like(targets, (targets if train is None else train).mean()), "always the mean count"

    def to_json(self) -> dict[str, Any]:
        return {}

    @classmethod
    def from_json(cls, stored: Any) -> PreparedBits:
        return cls()


@dataclass(frozen=True)
class Count(Task[list[str]]):
    """Sequences of bits and the number of ones in each."""

    settings: CountSettings

    def read(self) -> Splits[list[str]]:
        sequences = read_bits(self.data)
        order = np.random.default_rng(SPLIT_SEED).permutation(len(sequences))
        ends = np.cumsum([round(fraction * len(order)) for fraction in (TEST_FRACTION, VALIDATION_FRACTION)])
        test, validation, train = ([sequences[place] for place in part] for part in np.split(order, ends))
        name = Path(self.data).name
        return Splits(name, train[: self.limit], validation, test[: self.limit], (held_out_note(name, "sequences"),))

    def prepare(self, splits: Splits[list[str]]) -> tuple[PreparedBits, CountSettings]:
        return PreparedBits(max(map(len, (*splits.train, *splits.validation, *splits.test)))), self.settings

    def network(self, prepared: PreparedBits, settings: CountSettings) -> list[Layer]:
        return [Embedding(IDS, settings.embedding_dim), *recurrent_stack(settings), Dense(1)]

    def baseline(self, splits: Splits[list[str]], prepared: PreparedBits) -> FittedBaseline:
        train, test = (np.array([[len(one)] for one in part], np.float64) for part in (splits.train, splits.test))
        outputs = baselines.linear_regression(train, prepared.encode(splits.train).targets, test)
        return FittedBaseline("linear regression", "least squares on the length of the sequence", outputs)
