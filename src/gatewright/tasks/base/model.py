"""The base class of trained models, for prediction, evaluation and `info`. It needs only NumPy and the kernels."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch, concatenate
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.file import ModelFile
from gatewright.nn.layer import Activations, Layer
from gatewright.nn.layers import LAYERS, Dense, Dropout, Pool, Recurrent
from gatewright.nn.stepping import Stepper
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status
from gatewright.support.trees import Tree
from gatewright.tasks.base.task import EVALUATED_STREAMS, Prepared


class EvaluationSet(NamedTuple):
    """Examples to evaluate a model on.

    Attributes:
        name: The name of the data set.
        examples: The examples, in the form that `prepared.encode` accepts.
        prepared: A copy of the model's `prepared`, adapted to these examples, for example to their padded length.
        notes: Sentences about the data that affect the reading of the results.
    """

    name: str
    examples: Any
    prepared: Prepared[Any]
    notes: tuple[str, ...] = ()


class Description(NamedTuple):
    """The inputs of a model, for `gatewright info`.

    Attributes:
        encoder: The kind of encoder.
        size: Number of ids that the encoder has, or number of features at each time step for numeric inputs.
        reads: A sentence about the encoder and its size.
    """

    encoder: str
    size: int
    reads: str


class TrainedModel(ABC):
    """A trained model, loaded from a model file.

    Attributes:
        command: The subcommand of `gatewright train` that trains such a model, such as "classify".
        task: The task's name in the registry.
        prepared: What the task learned from the training set, such as the encoder and the labels.
        training: The settings and results of the training run, which `gatewright info` prints.
        parameters: Number of trained parameters.
    """

    command: ClassVar[str]
    prepared_class: ClassVar[type[Prepared[Any]]]
    layer_classes: ClassVar[Mapping[str, type[Layer]]] = LAYERS
    examples_per_call: ClassVar[int] = 64  # enough to fill the kernels

    def __init__(self, file: ModelFile, prepared: Any) -> None:
        self.task = file.task
        self.prepared = prepared
        self.training = file.training
        self.parameters = sum(array.size for layer in file.weights for array in layer.values())
        self._layers = file.layers
        self._weights = models.bind(file.layers, file.weights)

    @classmethod
    def parse_prepared(cls, prepared: Mapping[str, Any]) -> Prepared[Any]:
        """Convert the JSON values in a model file back to a `Prepared` object; see `nn.file.Schema`."""
        return cls.prepared_class.from_json(prepared)

    @classmethod
    @abstractmethod
    def is_network(cls, layers: Sequence[Layer]) -> bool:
        """Return True if the layers, in this order, form a network of this task."""

    @abstractmethod
    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        """Read examples to evaluate the model on: the test set of `data`, or all of `data` if it has no test set.

        Raises:
            InputError: The data cannot be used, or does not fit the model.
        """

    def outputs(self, batch: Batch, progress: bool = False) -> Tree:
        """Return the network's outputs for encoded examples. If `progress` is True, print the progress."""
        stateful = self.prepared.stateful
        size = EVALUATED_STREAMS if stateful else self.examples_per_call
        outputs, states, report = [], None, Ticker()
        for first in range(0, batch.size, size):
            if progress and report.due():
                print_status(f"{first:,} of {batch.size:,} examples are evaluated.")
            chunk = batch.take(np.arange(first, min(first + size, batch.size)))
            inputs = Activations(chunk.inputs, targets=chunk.targets)
            found, after = models.forward(self._layers, NUMPY, self._weights, inputs, states)
            states = after if stateful else None
            outputs.append(found.x)
        return concatenate(outputs)

    def outputs_by_length(self, inputs: NDArray[Any], lengths: NDArray[np.intp], examples: str) -> NDArray[np.float64]:
        """Return the network's outputs for padded sequences, [sequences, outputs], in their order.

        Sequences of similar length are computed together, without the padding that they have in common.

        Args:
            inputs: [sequences, time, ...], with the padding on the left.
            lengths: Number of steps of each sequence, [sequences].
            examples: The word for the sequences when progress is printed, such as "texts".
        """
        order = np.argsort(lengths, kind="stable")
        outputs = np.empty((len(inputs), self._layers[-1].width(0)), np.float64)
        report = Ticker()
        for first in range(0, len(order), self.examples_per_call):
            if report.due():
                print_status(f"{first:,} of {len(order):,} {examples} are classified.")
            places = order[first : first + self.examples_per_call]
            group = Activations(inputs[places, inputs.shape[1] - lengths[places[-1]] :])
            outputs[places] = models.forward(self._layers, NUMPY, self._weights, group)[0].x
        return outputs

    def plot_evaluation(self, examples: Any, outputs: Tree, path: Path) -> None:
        """Write a picture of an evaluation to a file, for a task that has the evaluation option `plot`.

        Args:
            examples: The examples of the `EvaluationSet`.
            outputs: The outputs for these examples.
            path: The file.

        Raises:
            InputError: The file cannot be written.
        """
        raise NotImplementedError

    @abstractmethod
    def predict_from(self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        """Return one prediction for each of the texts, or for each example in a file, as `gatewright predict` does.

        Raises:
            InputError: The texts or the file cannot be used, or `gatewright predict` does not support this model.
        """

    def stream(self, prompt: str, **decoding: Any) -> Any:
        """Return an iterator that generates a continuation of the prompt, part by part.

        Raises:
            InputError: The model does not generate text.
        """
        raise InputError(
            f"This is a model of `gatewright train {self.command}`, not a language model: use `gatewright predict`."
        )

    @abstractmethod
    def describe(self) -> Description:
        """Return a description of the model's inputs."""

    @abstractmethod
    def answers(self) -> dict[str, Any]:
        """Return what the model predicts, such as {"labels": [...]}, for `gatewright info`."""

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the network, from the input to the output."""
        return self._layers

    @cached_property
    def _stepper(self) -> Stepper:
        return Stepper(self._layers, self._weights)


def starts_with(layers: Sequence[Layer], kind: type[Layer]) -> bool:
    """Return True if only the first layer is of this kind, and a recurrent layer follows (with or without dropout)."""
    reader = next((layer for layer in layers[1:] if not isinstance(layer, Dropout)), None)
    return (
        len(layers) > 2
        and isinstance(reader, Recurrent)
        and isinstance(layers[0], kind)
        and not any(isinstance(layer, kind) for layer in layers[1:])
    )


def is_classifier(layers: Sequence[Layer], first: type[Layer]) -> bool:
    """Return True if the layers form a classifier.

    A classifier has an input layer, recurrent layers whose last one returns a single vector (or is followed by
    pooling), and a dense layer. There may be dropout between any two of these layers.

    Args:
        layers: The layers, from the input to the output.
        first: The required class of the input layer.
    """
    has_time, fits = True, starts_with(layers, first) and isinstance(layers[-1], Dense)
    for layer in layers[1:]:
        if isinstance(layer, Recurrent | Pool):
            fits, has_time = fits and has_time, isinstance(layer, Recurrent) and layer.return_sequences
        else:
            fits = fits and isinstance(layer, Dropout | Dense)
    return fits and not has_time
