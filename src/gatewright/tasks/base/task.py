"""What every task answers; `train`, `compare` and `explain` ask a task nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Examples
from gatewright.nn.block import Block
from gatewright.results.measure import Measure

Rows = TypeVar("Rows")

EVALUATED_STREAMS = 8
"""Streams side by side on which states are carried when nothing is learnt: each begins from nothing, so few."""


@dataclass(frozen=True)
class Parts(Generic[Rows]):
    """The rows of a data set, as a task reads them.

    Attributes:
        train, validation, test: rows of any type that the task itself understands.
        notes: sentences that a reader of the results must know.
    """

    train: Rows
    validation: Rows
    test: Rows
    notes: tuple[str, ...] = ()


class Simple(NamedTuple):
    """A simple model's answers for the test rows, in the form of a network's outputs.

    Attributes:
        name, description: for a reader.
        outputs: for each test row.
        others: name and outputs of further simple models, which were worse on the validation rows.
    """

    name: str
    description: str
    outputs: NDArray[Any]
    others: tuple[tuple[str, NDArray[Any]], ...] = ()


class Task(Protocol[Rows]):
    """A job. `read` and `fit` come first, also before `measures`; `encode` and `decode` need NumPy alone.

    A task may also have `classes`, `several` and `confusion`, of labels; `choosing`, the measures that choose an epoch,
    in turn where they are equal, in the place of the first of `measures`; and `most_epochs`, unless somebody says.
    """

    @property
    def name(self) -> str:
        """What the command line calls it."""

    @property
    def data(self) -> str:
        """What results call the data set."""

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Figures of merit; the first decides which epoch, learning rate and cell is best."""

    @property
    def right(self) -> str:
        """What `merits` tells of a row, for a reader."""

    @property
    def counted(self) -> str:
        """What a verdict names beside the deciding measure, as what rows are compared by; empty where that is plain."""

    @property
    def unit(self) -> str:
        """What the size of a part is counted in: "rows", or "tokens"."""

    @property
    def carried(self) -> bool:
        """Whether each batch goes on where the one before ended, row by row, from the states that it left.

        A batch is then as many rows as the recipe says in training, and `EVALUATED_STREAMS` else.
        """

    @property
    def steps(self) -> tuple[int, int]:
        """How many steps of training, where nobody says so, and the fewest epochs that these are."""

    def read(self) -> Parts[Rows]:
        """The rows, split.

        Raises:
            InputError: the data can't be used.
        """

    def fit(self, train: Rows) -> None:
        """Learn from the training rows alone what `encode` needs."""

    def encode(self, rows: Rows, learning: bool = False) -> Examples:
        """Rows as numbers; `learning` where they are to learn from."""

    def size(self, examples: Examples) -> int:
        """How much it is, in `unit`."""

    def remarks(self, test: Examples) -> tuple[str, ...]:
        """Sentences about the test rows as numbers that a reader of the results must know."""

    def counts(self, train: Examples) -> NDArray[np.float32]:
        """What each training row counts in the loss, [rows]."""

    def blocks(self, cell: str, units: int) -> list[Block]:
        """The model with this recurrent cell."""

    def losses(self, outputs: Any, targets: Any) -> Any:
        """The loss of each row, [rows], from the model's outputs; JAX arrays in and out."""

    def measure(self, outputs: NDArray[Any], targets: NDArray[Any]) -> dict[str, float]:
        """Each of `measures` by name."""

    def merits(self, outputs: NDArray[Any], targets: NDArray[Any]) -> NDArray[Any]:
        """How good each row's answer is, [rows], bools or numbers, more is better: what a test over rows compares."""

    def chance(self, train: Examples, test: Examples) -> Simple:
        """The best constant answer, from the training targets."""

    def baseline(self, parts: Parts[Rows]) -> Simple:
        """A simple model without a recurrence, fitted on the training rows; choices made on the validation rows."""

    def decode(self, outputs: NDArray[Any]) -> Sequence[Any]:
        """The answer of each row in the user's terms."""
