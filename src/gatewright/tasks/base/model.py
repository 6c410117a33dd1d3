"""The base class of trained models, for prediction, evaluation and `info`. It needs only NumPy and the kernels."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.data.batches import Batch, concatenate
from gatewright.data.texts import texts_to_predict
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.file import ModelFile, Relation
from gatewright.nn.layer import Activations, Layer, States, Weights
from gatewright.nn.stepping import Stepper
from gatewright.results.page_network import PageReading
from gatewright.results.records import Trained
from gatewright.results.spoken import SpokenExplanation
from gatewright.results.transcript import Transcript
from gatewright.results.translation import Translation
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status
from gatewright.support.schema import Parsed, check_record
from gatewright.support.trees import Tree
from gatewright.tasks.base.explainable import Explainable
from gatewright.tasks.base.seen import SeenExamples
from gatewright.tasks.base.task import EVALUATED_STREAMS, Prepared
from gatewright.tasks.base.trained_data import ENTRY as READ_WITH
from gatewright.tasks.base.trained_data import TrainedData


@dataclass(frozen=True)
class TrainingRecord(Trained):
    """The training record of a model file: the results, the hashes of the training examples, and how data was read."""

    training_examples: Annotated[SeenExamples | None, Parsed(SeenExamples.from_json)] = None
    read_with: Annotated[TrainedData | None, Parsed(TrainedData.from_json)] = None


class EvaluationSet(NamedTuple):
    """Examples to evaluate a model on.

    Attributes:
        name: The name of the data set.
        examples: The examples, in the form that `prepared.encode` accepts.
        prepared: A copy of the model's `prepared`, adapted to these examples, for example to their padded length.
        notes: Sentences about the data that affect the reading of the results.
        is_test: True if the examples are the test set that the data set has.
    """

    name: str
    examples: Any
    prepared: Prepared[Any]
    notes: tuple[str, ...] = ()
    is_test: bool = False


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
        used_with: The command that applies such a model to new inputs.
        explained_by_alignment: True if the model is explained by `spoken`, and not by the effects of steps on an
            answer.
        task: The task's name in the registry.
        prepared: What the task learned from the training set, such as the encoder and the labels.
        training: The settings and results of the training run, which `gatewright info` prints.
        trained_data: How the data of the training was read.
        parameters: Number of trained parameters.
    """

    command: ClassVar[str]
    used_with: ClassVar[str] = "predict"
    prepared_class: ClassVar[type[Prepared[Any]]]
    layer_classes: ClassVar[tuple[type[Layer], ...]]
    layer_order: ClassVar[str]
    explained_by_alignment: ClassVar[bool] = False
    examples_per_call: ClassVar[int] = 64  # enough to fill the kernels

    def __init__(self, file: ModelFile, prepared: Any) -> None:
        self.task = file.task
        self.prepared = prepared
        self.training = file.training
        self.trained_data = TrainedData.from_json(file.training.get(READ_WITH))
        self.parameters = sum(array.size for layer in file.weights for array in layer.values())
        self._layers = file.layers
        self._weights = models.bind(
            file.layers, [{name: array.view() for name, array in w.items()} for w in file.weights]
        )
        _make_constant(self._weights)

    @classmethod
    def parse_prepared(cls, prepared: Any) -> Prepared[Any]:
        """Convert the JSON values in a model file back to a `Prepared` object; see `nn.file.Schema`."""
        return cls.prepared_class.from_json(prepared)

    @classmethod
    def parse_training(cls, training: Any) -> dict[str, Any]:
        """Check the training record of a model file and return it; see `nn.file.Schema`."""
        return check_record(TrainingRecord, training, "its training")

    @classmethod
    @abstractmethod
    def relations(cls, layers: Sequence[Layer], prepared: Any, training: Mapping[str, Any]) -> Iterator[Relation]:
        """Yield the values of a model file that must be equal; see `nn.file.Schema`."""

    @abstractmethod
    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        """Read examples to evaluate the model on: the test set of `data`, or all of `data` if it has no test set.

        Options that are not given are those of the training, as far as they fit the data.

        Args:
            data: A named data set, a file or a folder.
            options: The options for reading the data.
            limit: Read only this many examples, from the beginning of the data.

        Raises:
            InputError: The data cannot be used, or does not fit the model.
        """

    def evaluation_set(
        self, name: str, examples: Any, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        """Return examples, of which only the first `limit` are measured, as an `EvaluationSet`.

        Args:
            name, notes, is_test: See `EvaluationSet`.
            examples: The examples, in the form of the task's splits.
            limit: The largest number of examples. None for all.

        Raises:
            InputError: The examples do not fit the model.
        """
        raise InputError(f"A model of `{self.made_by}` cannot be evaluated on the test set of its training.")

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
            found, after = self._forward(inputs, states)
            states = after if stateful else None
            outputs.append(found)
        return self.prepared.complete(concatenate(outputs), self._layers, self._weights, batch)

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
            outputs[places] = self._forward(group)[0]
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
        raise self._unlike("a language model")

    def continuation(self, prompt: str, **decoding: Any) -> Any:
        """Return what `stream` returns for a language model; other models may stream something else.

        Raises:
            InputError: The model does not generate text.
        """
        return self.stream(prompt, **decoding)

    def translate(self, texts: str | Iterable[str], **decoding: Any) -> Any:
        """Return the translation of a sentence, or a list of translations of several sentences.

        Raises:
            InputError: The model does not translate.
        """
        raise self._unlike("a translator")

    def translations(self, batches: Iterable[Sequence[str]], **how: Any) -> Iterator[list[Translation]]:
        """Yield the translations of each sentence in batches of sentences, the best one first.

        Raises:
            InputError: The model does not translate.
        """
        raise self._unlike("a translator")

    @property
    def sample_rate(self) -> int:
        """The sample rate in Hz of the sound that a transcriber reads.

        Raises:
            InputError: The model does not transcribe sound.
        """
        raise self._unlike("a transcriber")

    def transcribe(self, samples: ArrayLike, rate: int, **decoding: Any) -> Transcript:
        """Return the transcript of a recording.

        Raises:
            InputError: The model does not transcribe, or the samples cannot be used.
        """
        raise self._unlike("a transcriber")

    def transcriptions(self, paths: Iterable[str | Path], **decoding: Any) -> Iterator[Transcript]:
        """Yield the transcripts of recordings in files.

        Raises:
            InputError: The model does not transcribe, or a file cannot be used.
        """
        raise self._unlike("a transcriber")

    def _unlike(self, other: str) -> InputError:
        """Return the error for a model that is used like another kind of model."""
        return InputError(f"This is a model of `{self.made_by}`, not {other}: use `gatewright {self.used_with}`.")

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        """Return the examples to predict or explain: one example or a list of them, or those in a file.

        This method reads texts. Options for reading the file that are not given are those of the training.

        Args:
            given: One example or a list of examples, as `predict` takes them. None if a file is given.
            file: The path of a file, or "-" for standard input. None if examples are given.
            options: The options for reading the file.

        Raises:
            InputError: The examples or the file cannot be used.
        """

        def read(options: Mapping[str, Any]) -> list[str]:
            how = {name: options.get(name) for name in ("text", "header", "format")}
            return texts_to_predict(given, file, **how, trained_text=self.trained_data.options.get("text"))

        if file in (None, "-"):  # standard input can be read only once
            return read(options)
        found, notes = self.trained_data.read(read, str(file), options)
        for note in notes:
            print_status(note)
        return found

    def frequent_words(self, limit: int) -> list[str]:
        """Return the most frequent words of the vocabulary, at most `limit` of them.

        Raises:
            InputError: The model does not read words.
        """
        raise InputError(f"A model of `{self.made_by}` has no vocabulary of words: give examples to explain.")

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        """Return what the explanation of the model's answer for one example needs.

        Args:
            example: A text or other example, as `predict` takes it.
            label: The answer to explain. By default the predicted one.
            against: The alternative that it is compared with. By default the most probable other one.
            step: Index of the time step to explain, for a model with an answer at each step. By default the last.

        Raises:
            InputError: The example cannot be used, the model has no such answer, or its answers cannot be explained.
        """
        raise InputError(f"The answers of a model of `{self.made_by}` cannot be explained yet.")

    def spoken(self, name: str, example: Any) -> SpokenExplanation:
        """Return the alignment of a recording with its transcript, if `explained_by_alignment` is True.

        Args:
            name: The name of the model, for people.
            example: The recording.

        Raises:
            InputError: The model does not transcribe, or the recording cannot be used.
        """
        raise self._unlike("a transcriber")

    @abstractmethod
    def describe(self) -> Description:
        """Return a description of the model's inputs."""

    @abstractmethod
    def answers(self) -> dict[str, Any]:
        """Return what the model predicts, such as {"labels": [...]}, for `gatewright info`."""

    def page_reading(self) -> PageReading:
        """Return how the model reads a text, for the page of an explanation that runs the network.

        Raises:
            InputError: The page cannot run networks of this task. The message says why.
        """
        raise InputError(f"The input cannot be changed in the page, which does not run networks of `{self.made_by}`.")

    @property
    def made_by(self) -> str:
        """The command that makes models of this kind."""
        return f"gatewright train {self.command}"

    def output_activation(self) -> str:
        """Return the function that turns the network's outputs into the model's answers, for other formats.

        It is "sigmoid" or "softmax" if the answers are probabilities, and "linear" if they are the outputs themselves.

        Raises:
            InputError: The answers are something else, so that the network alone cannot be exported.
        """
        raise InputError(
            f"A model of `gatewright train {self.command}` cannot be exported: its answers are more than the outputs "
            "of its network. Use the model file with gatewright.runtime."
        )

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The layers of the network, from the input to the output."""
        return self._layers

    @property
    def weights(self) -> Sequence[Weights]:
        """The weights of each layer as the layers need them, read-only; see `nn.model.bind`."""
        return self._weights

    def _forward(self, inputs: Activations, states: Sequence[States] | None = None) -> tuple[Any, list[States]]:
        """Run the network. Return its outputs, and the states of each layer after the last step.

        Raises:
            InputError: A result is not finite.
        """
        with np.errstate(all="ignore"):  # a result that overflows is reported below
            found, after = models.forward(self._layers, NUMPY, self._weights, inputs, states)
        require_finite(found.x)
        return found.x, after

    def _step(self, x: Any, states: Sequence[States]) -> tuple[Any, list[States]]:
        """Run the network for one step. Return its outputs, and the new states of each layer.

        Raises:
            InputError: A layer needs the whole sequence at once, or a result is not finite.
        """
        with np.errstate(all="ignore"):
            outputs, after = self._stepper(x, states)
        require_finite(outputs)
        return outputs, after

    @cached_property
    def _stepper(self) -> Stepper:
        return Stepper(self._layers, self._weights)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to pickle or copy, without the functions that the first step makes from the weights."""
        return {name: value for name, value in self.__dict__.items() if name != "_stepper"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _make_constant(self._weights)


def _make_constant(weights: Any) -> None:
    """Make all arrays in nested dicts and lists read-only, so that recurrent layers pack them only once."""
    if isinstance(weights, np.ndarray):
        weights.flags.writeable = False
        return
    for part in weights.values() if isinstance(weights, Mapping) else weights:
        _make_constant(part)


def padded_length(max_length: int, texts: Iterable[str]) -> int:
    """Return a length to which the ids of texts can be padded: `max_length`, or less if no text is that long.

    Without it, a model file with a huge `max_length` would cost memory for padding.
    """
    # A token has at least one byte in UTF-8, and START precedes each text.
    return min(max_length, 1 + 4 * max(map(len, texts), default=0))


def require_finite(outputs: Tree) -> None:
    """Raise an error if a number that a network computed is not finite.

    Raises:
        InputError: A number is infinite or NaN.
    """
    for array in outputs.values() if isinstance(outputs, dict) else (outputs,):
        if not np.isfinite(array).all():
            raise InputError(
                "The network computed a number that is not finite: the numbers of the input are too large, or the "
                "weights of the model are damaged. Check the input, or train the model again."
            )
