"""The interface of a task, which training, comparison and evaluation use.

A `Task` reads and splits a data set, and builds the network. `Task.prepare` learns from the training set what is
needed to encode examples, such as a vocabulary. It returns a `Prepared`, which encodes examples and measures the
network's outputs. A model file stores the `Prepared`, so a trained model encodes examples exactly as in training.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.nn.layer import Layer, Weights
from gatewright.results.measure import Measure, Selection
from gatewright.results.records import DetailTable
from gatewright.support.trees import Tree

Examples = TypeVar("Examples")

EVALUATED_STREAMS = 8
"""Number of streams that are evaluated in parallel by a stateful model: few, as each begins from the zero state."""


FEW_EXAMPLES = 500
"""With fewer validation examples than this, the validation set chooses by the loss instead of the main metric.

A metric such as accuracy has few different values on few examples, so that many epochs seem to be equally good.
"""


@dataclass(frozen=True)
class Splits(Generic[Examples]):
    """A data set that is split into a training, a validation and a test set.

    Attributes:
        name: The name of the data set in results.
        train, validation, test: The examples of each split. Each task defines their type.
        notes: Sentences about the data that affect the reading of the results.
        found: Options for reading the data that were found, such as the columns of a table, with their names as keys.
        held_out: True if the test set was set aside from the data, which has none.
    """

    name: str
    train: Examples
    validation: Examples
    test: Examples
    notes: tuple[str, ...] = ()
    found: Mapping[str, str] = field(default_factory=dict)
    held_out: bool = False


def selection_by(main: Measure, loss: Measure, examples: int) -> Selection:
    """Return the rule by which the best epoch, learning rate or hyperparameter is chosen on the validation set.

    The main metric decides, and the loss breaks ties. With fewer than `FEW_EXAMPLES` examples, the loss decides.

    Args:
        main, loss: The main metric, and the metric that is the loss. They may be the same.
        examples: Number of examples in the validation set.
    """
    if loss == main:
        return Selection((main,))
    if examples < FEW_EXAMPLES:
        return Selection((loss,), f"which has only {examples:,} examples (fewer than {FEW_EXAMPLES:,})")
    return Selection((main, loss))


class FittedBaseline(NamedTuple):
    """A baseline's outputs for the test set.

    Attributes:
        name, description: Name and description for readers of the results.
        outputs: Outputs in the same form as those of the network.
        others: The name and the outputs of each further baseline that was worse on the validation set.
    """

    name: str
    description: str
    outputs: Tree
    others: tuple[tuple[str, Tree], ...] = ()


class Length(NamedTuple):
    """The default length of training.

    Attributes:
        steps: Approximate number of training steps.
        min_epochs, max_epochs: The smallest and the largest number of epochs.
    """

    steps: int
    min_epochs: int
    max_epochs: int = 50

    def epochs(self, examples: int, batch_size: int) -> int:
        """Return the number of epochs that takes about `steps` training steps with this number of examples."""
        return min(self.max_epochs, max(self.min_epochs, -(-self.steps * batch_size // examples)))


class Prepared(ABC, Generic[Examples]):
    """State that a task derives from the training set, such as a vocabulary. Subclasses are frozen dataclasses.

    Encoding, metrics and conversion to JSON need only NumPy.

    Attributes:
        unit: The unit in which the size of a split is counted, such as "texts" or "tokens".
        example_name: The word for the examples that `raw_inputs` returns, in the plural.
        score_label: A clause for reports that says when one model has a higher score for an example than another. Empty
            if there is a `corpus_score`.
        score_name: The name of the mean score in verdicts, if the mean score is not the main metric. Otherwise empty.
        stateful: True if each example of a batch continues the example at the same index of the previous batch, so that
            the recurrent states are carried over. Batches have `batch_size` examples in training and
            `EVALUATED_STREAMS` in evaluation.
        features: Number of input features at each time step; 1 for ids.
        substeps: Number of steps that the network computes for each time step, such as a word and its letters.
        labels: The labels of a classifier. Empty for other tasks.
        multi_label: True if an example may have any number of labels.
        batches_by_length: True if a batch has examples of similar length in training, for tasks whose layers compute
            padded steps too.
    """

    unit: ClassVar[str] = "examples"
    batches_by_length: ClassVar[bool] = False

    @property
    def example_name(self) -> str:
        return "examples"

    @property
    @abstractmethod
    def score_label(self) -> str: ...

    @property
    def score_name(self) -> str:
        return ""

    @property
    def corpus_score(self) -> Callable[[NDArray[Any]], float] | None:
        """The main metric of a set of examples as a function of the sum of their `scores`, such as BLEU.

        Tests over test examples then are the paired bootstrap (`results/bootstrap.py`). None if the scores are numbers
        about single examples, which the sign test compares.
        """
        return None

    @property
    def stateful(self) -> bool:
        return False

    @property
    def features(self) -> int:
        return 1

    @property
    def substeps(self) -> int:
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
        """The metrics. The first one is the main metric."""

    @property
    def loss_measure(self) -> Measure:
        """The metric among `measures` that is the loss, or the main metric if none is."""
        return self.measures[0]

    def selection(self, examples: int) -> Selection:
        """Return the rule by which the best epoch is chosen on a validation set with this number of examples."""
        return selection_by(self.measures[0], self.loss_measure, examples)

    def for_epochs(self) -> Self:
        """Return the object whose metrics choose the best epoch, for tasks whose full outputs take long to compute.

        It completes the outputs for the validation set after each epoch; see `complete`.
        """
        return self

    def tuned(self, outputs: Callable[[], Tree], batch: Batch) -> tuple[Self, tuple[str, ...]]:
        """Return the object with what the validation set chooses after training, such as the weights of a decoder.

        The second value has sentences for reports about the choice.

        Args:
            outputs: Function that returns the outputs of the forward pass of the trained network for the validation
                set, as NumPy arrays.
            batch: The validation set.
        """
        return self, ()

    @abstractmethod
    def encode(self, examples: Examples, training: bool = False) -> Batch:
        """Return the inputs and targets of examples as arrays. `training` is True if the network is trained on them."""

    def lengths(self, batch: Batch) -> NDArray[np.intp] | None:
        """Return the number of time steps of each example without padding, [examples].

        None if the examples of this task have no padding that could be left out.
        """
        return None

    def with_steps(self, batch: Batch, steps: int) -> Batch:
        """Return the batch with `steps` time steps, which are enough for its examples; see `lengths`.

        Padding never changes an output, so outputs for the result are those for `batch`, except for their own padding.
        """
        return batch

    def outputs_like(self, outputs: Tree, batch: Batch) -> Tree:
        """Return outputs for a batch of another number of time steps, padded to those of `batch`."""
        return outputs

    def complete(self, outputs: Tree, layers: Sequence[Layer], weights: Sequence[Weights], batch: Batch) -> Tree:
        """Return the outputs for a batch, with those added that are not one forward pass, such as translations.

        Args:
            outputs: The outputs of the forward pass, as NumPy arrays.
            layers, weights: The network, with the weights as returned by `bind`, as NumPy arrays.
            batch: The batch.
        """
        return outputs

    def size(self, batch: Batch) -> int:
        """Return the amount of data in the batch, counted in `unit`."""
        return batch.size

    def raw_inputs(self, examples: Examples) -> list[bytes]:
        """Return the input of each example as it was read, without its label, to recognize examples that recur.

        Empty for tasks without separate examples.
        """
        return []

    def remarks(self, batch: Batch) -> tuple[str, ...]:
        """Return sentences for reports about the encoded test set, such as its number of unknown words."""
        return ()

    def training_remarks(self, validation: Batch, test: Batch) -> tuple[str, ...]:
        """Return sentences for the report of a training about the encoded validation and test sets."""
        return self.remarks(test)

    def sample_weight(self, batch: Batch) -> NDArray[np.float32]:
        """Return the weight of each training example in the loss, [examples]."""
        return np.ones(batch.size, np.float32)

    def confusion(self, outputs: Tree, targets: Tree) -> Sequence[Any]:
        """Return the confusion matrix of a classifier (for multi-label data, one per label). Empty for other tasks."""
        return ()

    def details(self, examples: Examples, outputs: Mapping[str, Tree]) -> tuple[DetailTable, ...]:
        """Return further tables for reports about examples, such as errors in the units of the data.

        Args:
            examples: The examples before encoding.
            outputs: The outputs of the network and of baselines for the encoded examples, with their names as keys.
        """
        return ()

    @abstractmethod
    def losses(self, outputs: Tree, targets: Tree) -> Any:
        """Return the loss of each example, [examples]. The arguments and the result are JAX arrays."""

    @abstractmethod
    def measure(self, outputs: Tree, targets: Tree) -> dict[str, float]:
        """Return the value of each metric in `measures`, with the names of the metrics as keys."""

    @abstractmethod
    def scores(self, outputs: Tree, targets: Tree) -> NDArray[Any]:
        """Return a score for each example, [examples], for paired tests. Higher is better.

        If there is a `corpus_score`, return the statistics of each example that it needs, [examples, statistics].
        """

    @abstractmethod
    def constant(self, targets: Tree, train: Tree | None = None) -> tuple[Tree, str]:
        """Return the outputs of the constant baseline, which ignores the inputs, and a description of the baseline.

        Args:
            targets: The targets to predict. There is an output for each.
            train: The training targets, to which the baseline is fitted. None fits it to `targets`.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return the object as a dictionary of JSON values for a model file."""

    @classmethod
    @abstractmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the object that `to_json` converted to `stored`.

        Raises:
            InputError: A value has the wrong type or range. The message follows "FILE is damaged (", so it begins with
                "its".
        """


@dataclass(frozen=True)
class Task(ABC, Generic[Examples]):
    """A data set, and the settings of a network to train on the data.

    Attributes:
        data: A named data set, a file or a folder.
        settings: The settings of the network and of training.
        options: The options for reading the data, such as names of columns, with their names as keys.
        validation, test: Data for the validation set and the test set. None means the sets that `data` contains, or
            examples set aside from `data`.
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
    def reading_options(self) -> Mapping[str, Any]:
        """The options that say how to read data. Further data for the model is read with the same ones."""
        return self.options

    @property
    def provenance(self) -> dict[str, Any]:
        """Everything that the result depends on besides the settings and the data, with names as keys."""
        return {}

    @abstractmethod
    def read(self) -> Splits[Examples]:
        """Read the data and split it. The splits do not depend on the `seed` setting.

        Raises:
            InputError: The data cannot be used.
        """

    @abstractmethod
    def prepare(self, splits: Splits[Examples]) -> tuple[Prepared[Examples], Any]:
        """Learn from the training set what is needed to encode examples. Of the other splits, use only the sizes.

        Returns:
            What was learned, and a copy of the settings in which defaults that depend on the data are filled in.
        """

    @abstractmethod
    def network(self, prepared: Any, settings: Any) -> list[Layer]:
        """Return the layers of a network with these settings, from the input to the output."""

    def initial_weights(self, layers: Sequence[Layer], drawn: list[Any]) -> list[Any]:
        """Return the initial weights of the network. `drawn` are randomly initialized weights, which may be changed."""
        return drawn

    @abstractmethod
    def baseline(self, splits: Splits[Examples], prepared: Any) -> FittedBaseline:
        """Fit a model without recurrent layers to the training set. Choose hyperparameters on the validation set."""
