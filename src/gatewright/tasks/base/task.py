"""The interface of a task, which training, comparison and evaluation use.

A `Task` reads and splits a data set. `Task.prepare` learns from the training set what encoding needs and returns a
`Prepared`, which encodes examples, builds the network and measures its outputs. A model file stores the `Prepared`, so
a trained model encodes and measures exactly as in training.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.nn.layer import Layer
from gatewright.results.measure import Measure
from gatewright.support.trees import Tree

Examples = TypeVar("Examples")

EVALUATED_STREAMS = 8
"""Number of streams that are evaluated in parallel by a stateful model: few, as each begins from the zero state."""


@dataclass(frozen=True)
class Splits(Generic[Examples]):
    """A data set, split.

    Attributes:
        name: The name of the data set in results.
        train, validation, test: Examples, of a type that only the task itself knows.
        notes: Sentences for readers of the results.
    """

    name: str
    train: Examples
    validation: Examples
    test: Examples
    notes: tuple[str, ...] = ()


class FittedBaseline(NamedTuple):
    """A baseline's outputs for the test set.

    Attributes:
        name, description: Name and description for readers of the results.
        outputs: Outputs in the same form as those of the network.
        others: Name and outputs of further baselines, which were worse on the validation set.
    """

    name: str
    description: str
    outputs: Tree
    others: tuple[tuple[str, Tree], ...] = ()


class Length(NamedTuple):
    """The default length of a training.

    Attributes:
        steps: Approximate number of training steps.
        min_epochs, max_epochs: Bounds of the number of epochs.
    """

    steps: int
    min_epochs: int
    max_epochs: int = 50

    def epochs(self, examples: int, batch_size: int) -> int:
        """Return the number of epochs over this many examples."""
        return min(self.max_epochs, max(self.min_epochs, -(-self.steps * batch_size // examples)))


class Prepared(ABC, Generic[Examples]):
    """The facts that a task learned from the training set, such as a vocabulary. Subclasses are frozen dataclasses.

    Encoding, metrics and conversion to JSON need only NumPy.

    Attributes:
        unit: Unit of the size of a split, such as "texts" or "tokens".
        score_label: A clause for readers that says when `scores` is higher for one model than for another.
        score_name: Name of the mean of `scores` in verdicts, if it is not the main metric. Otherwise empty.
        stateful: True if each example of a batch continues the example at the same position of the previous batch, from
            its last states. Batches have `batch_size` examples in training and `EVALUATED_STREAMS` in evaluation.
        features: Number of input features at each time step; 1 for ids.
        labels: The classes, for a classifier.
        multi_label: True if an example may have any number of labels.
    """

    unit: ClassVar[str] = "examples"

    @property
    @abstractmethod
    def score_label(self) -> str: ...

    @property
    def score_name(self) -> str:
        return ""

    @property
    def stateful(self) -> bool:
        return False

    @property
    def features(self) -> int:
        return 1

    @property
    def labels(self) -> tuple[str, ...]:
        return ()

    @property
    def multi_label(self) -> bool:
        return False

    @property
    @abstractmethod
    def measures(self) -> tuple[Measure, ...]:
        """The metrics; the first decides which epoch, learning rate and cell is best."""

    @property
    def selection_measures(self) -> tuple[Measure, ...]:
        """The metrics by which an epoch is chosen. Each one only breaks ties of those before it."""
        return self.measures[:1]

    @abstractmethod
    def encode(self, examples: Examples, training: bool = False) -> Batch:
        """Return examples as arrays. `training` is True if the network is trained on them."""

    def size(self, batch: Batch) -> int:
        """Return the amount of data in the batch, counted in `unit`."""
        return batch.size

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        """Return notes about the encoded test set, such as unknown words, for readers of the results."""
        return ()

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        """Return the weight of each training example in the loss, [examples]."""
        return np.ones(batch.size, np.float32)

    def confusion(self, outputs: Tree, targets: Tree) -> Sequence[Any]:
        """Return the confusion matrix of a classifier, or one matrix per label. Empty for other tasks."""
        return ()

    @abstractmethod
    def losses(self, outputs: Tree, targets: Tree) -> Any:
        """Return the loss of each example, [examples]. The arguments and the result are JAX arrays."""

    @abstractmethod
    def measure(self, outputs: Tree, targets: Tree) -> dict[str, float]:
        """Return the value of each of `measures` by name."""

    @abstractmethod
    def scores(self, outputs: Tree, targets: Tree) -> NDArray[Any]:
        """Return the score of each example for paired tests, [examples]; higher is better."""

    @abstractmethod
    def constant(self, targets: Tree, train: Tree | None = None) -> tuple[Tree, str]:
        """Return the outputs of the constant baseline, the best ones that ignore the inputs, and a description of them.

        Args:
            targets: The targets to predict.
            train: The training targets, from which the constant is estimated. None estimates it from `targets`.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return everything that a model file needs, as JSON values."""

    @classmethod
    @abstractmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the object that `to_json` converted to `stored`.

        Raises:
            InputError: A value has the wrong type or range. The message follows "FILE is damaged (", so it begins with
                "its".
        """


@dataclass(frozen=True)
class Task(ABC, Generic[Examples]):
    """A data set, and the settings of the network that is trained on it.

    Attributes:
        data: A named data set, a file or a folder.
        settings: Settings of the network and its training.
        options: Options of the data by name.
        validation, test: Data for the validation set and the test set. None means those in `data`, or examples that are
            set aside.
        limit: Use at most this many training examples, and at most this many test examples.
    """

    data: str
    settings: Any
    options: Mapping[str, Any] = field(default_factory=dict)
    validation: str | None = None
    test: str | None = None
    limit: int | None = None

    length: ClassVar[Length] = Length(2_000, 3)

    @property
    def provenance(self) -> dict[str, Any]:
        """Everything else that the result depends on, by name, apart from the settings and the data."""
        return {}

    @abstractmethod
    def read(self) -> Splits[Examples]:
        """Read and split the data. The splits do not depend on the seed.

        Raises:
            InputError: The data cannot be used.
        """

    @abstractmethod
    def prepare(self, splits: Splits[Examples]) -> tuple[Prepared[Examples], Any]:
        """Learn from the training set what is needed to encode examples. Of the other splits, only the sizes are used.

        Returns:
            The learned facts, and the settings completed with the values that depend on the data.
        """

    @abstractmethod
    def network(self, prepared: Any, settings: Any) -> list[Layer]:
        """Return the layers of the network with these settings."""

    def initial_weights(self, layers: Sequence[Layer], drawn: list[Any]) -> list[Any]:
        """Return the initial weights of the training, given randomly initialized ones."""
        return drawn

    @abstractmethod
    def baseline(self, splits: Splits[Examples], prepared: Any) -> FittedBaseline:
        """Fit a model without recurrent layers to the training set. The validation set chooses its hyperparameters."""
