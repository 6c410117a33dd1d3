"""Models that were trained with Keras."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.data.keras_words import KerasEncoder
from gatewright.data.labelled_texts import READING_OPTIONS, distinct_labels, read_labelled
from gatewright.data.texts import list_of_texts
from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer
from gatewright.nn.layers import Dense, Embedding, Flatten, Masking, Pool, Recurrent
from gatewright.results.explanation import INPUT, UNKNOWN
from gatewright.results.page_network import PageReading
from gatewright.support.errors import InputError
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.base.explainable import Explainable, label_reading
from gatewright.tasks.base.generation import Generated, Stream
from gatewright.tasks.base.labelled import require_labels_of
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.stack import embedding_fits, outputs_fit
from gatewright.tasks.imported.explaining import Question, explained, last_read, text_steps
from gatewright.tasks.imported.heads import ClassHead, NumberHead, WordHead, default_labels
from gatewright.tasks.imported.inputs import SeriesInput, TextInput, left_padded
from gatewright.tasks.imported.prepared import PreparedImport
from gatewright.tasks.imported.series_files import read_series_file

LAYERS = (Embedding, Masking, Recurrent, Dense, Pool, Flatten)
"""The layers of imported networks."""
# Time steps that are computed in one call, so that long inputs do not need more memory.
_STEPS_PER_CALL = 1 << 16


class ImportedModel(TrainedModel):
    """A model that was trained with Keras.

    Its predictions are those of `model.predict` in Keras for inputs that were prepared as for the training.

    Attributes:
        prepared: How texts or series become inputs, and what the outputs mean.
    """

    command: ClassVar[str] = "import"
    prepared_class = PreparedImport
    layer_classes = LAYERS
    layer_order = "embedding? (masking|recurrent|dense)* (pool|flatten)? dense* dense"

    prepared: PreparedImport

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedImport, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        is_text = isinstance(prepared.input, TextInput)
        yield Relation("first layer's kind", isinstance(layers[0], Embedding), is_text)
        if isinstance(prepared.input, TextInput):
            yield embedding_fits(prepared.input.encoder.ids, layers)
        has_time = True
        for place, layer in enumerate(layers):
            if isinstance(layer, Recurrent | Pool | Flatten | Masking):
                yield Relation(f"time axis before layers[{place}]", has_time, True)
            if isinstance(layer, Flatten):
                yield Relation(f"number of steps of layers[{place}]", layer.steps, fixed_length(prepared))
            has_time = has_time and not isinstance(layer, Pool | Flatten)
            if isinstance(layer, Recurrent):
                has_time = layer.return_sequences
        head = prepared.head
        yield Relation("answer for each step", head.per_step, has_time)
        yield outputs_fit(head.outputs, layers)
        if isinstance(head, WordHead):
            yield Relation("kind of input", is_text, True)

    @property
    def made_by(self) -> str:
        return "gatewright import"

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, in the order of the columns of `probabilities`. Empty if there are none."""
        return self.prepared.labels

    def predict(self, examples: Any) -> Any:
        """Return the prediction for one text or series, or a list of predictions for a list of them.

        The prediction for a text does not depend on the other texts.

        Args:
            examples: A text; an iterable of texts; a series, [time, features]; or a list or an array of series,
                [series, time, features].

        Raises:
            InputError: The texts or series cannot be used.
        """
        if isinstance(self.prepared.input, TextInput):
            if isinstance(examples, str):
                return self._answers([examples])[0]
            return self._answers(list_of_texts(examples))
        given, is_one = _several(examples, self.prepared.input.features)
        found = self._answers(given)
        return found[0] if is_one else found

    def probabilities(self, examples: Any) -> NDArray[np.float64]:
        """Return the probability of each label or of each id to come next, [examples, labels].

        Raises:
            InputError: The texts or series cannot be used, the model has no such probabilities, or they belong to time
                steps.
        """
        head, model_input = self.prepared.head, self.prepared.input
        if isinstance(head, NumberHead) or (head.per_step and isinstance(head, ClassHead)):
            raise InputError("The model has no probabilities of whole examples: use `predict`.")
        if isinstance(model_input, TextInput):
            examples = [examples] if isinstance(examples, str) else list_of_texts(examples)
        else:
            examples, _ = _several(examples, model_input.features)
        outputs = self._run([self._row(example) for example in examples])
        if not outputs:
            return np.empty((0, len(self.labels) or head.outputs))
        if isinstance(head, WordHead):
            outputs = [self._last(text, one) for text, one in zip(examples, outputs, strict=True)]
        return head.probabilities(np.array(outputs))

    def outputs(self, batch: Batch, progress: bool = False) -> NDArray[np.float64]:
        return np.array(self._run(list(batch.inputs)), np.float64)

    def _row(self, example: Any) -> NDArray[Any]:
        """Return one text or series as the network reads it, [time] or [time, features]."""
        model_input = self.prepared.input
        return model_input.row(model_input.ids(example) if isinstance(model_input, TextInput) else example)

    def _answers(self, examples: Sequence[Any]) -> list[Any]:
        rows = [self._row(example) for example in examples]
        return [
            self._answer(example, row, outputs)
            for example, row, outputs in zip(examples, rows, self._run(rows), strict=True)
        ]

    def _answer(self, example: Any, row: NDArray[Any], outputs: NDArray[Any]) -> Any:
        head = self.prepared.head
        if isinstance(head, NumberHead):
            return head.answer(outputs)
        if isinstance(head, WordHead):
            return head.answer(self._last(example, outputs), self.prepared.text_input.encoder)
        steps, outputs = self._read_steps(example, row, outputs) if head.per_step else ((), outputs)
        return head.answer(outputs, steps)

    def _last(self, text: str, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs after the last word of a text, [outputs], given those of the network."""
        if not self.prepared.head.per_step:
            return outputs
        return np.asarray(outputs[last_read(text_steps(self.prepared.text_input, text)[0])])

    def _read_steps(
        self, example: Any, row: NDArray[Any], outputs: NDArray[Any]
    ) -> tuple[tuple[str, ...], NDArray[Any]]:
        """Return the names and the outputs of the steps that are not padding or the start of a text."""
        model_input = self.prepared.input
        if isinstance(model_input, SeriesInput):
            return tuple(str(place) for place in range(1, len(row) + 1)), outputs
        steps, _ = text_steps(model_input, example)
        kept = [place for place, step in enumerate(steps) if step.kind in (INPUT, UNKNOWN)]
        return tuple(steps[place].text for place in kept), outputs[kept]

    def _run(self, rows: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the network's outputs for each row, [outputs] or [time, outputs].

        Rows of similar length are computed together, if the network ignores their padding; otherwise rows of the same
        length.
        """
        order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
        outputs: list[NDArray[Any]] = [np.empty(0)] * len(rows)
        report, first = Ticker(), 0
        while first < len(order):
            if report.due():
                print_status(f"{first:,} of {len(order):,} {self.prepared.unit} are read by the network.")
            most = max(1, _STEPS_PER_CALL // max(1, len(rows[order[first]])))
            group = order[first : first + min(most, self.examples_per_call)]
            if not self._ignores_padding:
                group = [place for place in group if len(rows[place]) == len(rows[group[0]])]
            longest = len(rows[group[-1]])
            inputs = np.stack([left_padded(rows[place], longest) for place in group])
            found = self._forward(Activations(inputs))[0]
            for place, output in zip(group, found, strict=True):
                outputs[place] = output[-len(rows[place]) :] if self.prepared.head.per_step else output
            first += len(group)
        return outputs

    @property
    def _ignores_padding(self) -> bool:
        model_input, first = self.prepared.input, self._layers[0]
        is_masked = isinstance(first, Embedding) and first.mask
        return isinstance(model_input, TextInput) and is_masked and not model_input.reads_padding

    def page_reading(self) -> PageReading:
        head, model_input = self.prepared.head, self.prepared.input
        if not isinstance(model_input, TextInput) or not isinstance(head, ClassHead) or head.per_step:
            raise InputError("The page runs only networks that predict the labels of texts.")
        return label_reading(model_input.text_rule(), head.labels)

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        is_text = isinstance(self.prepared.input, TextInput)
        if is_text != isinstance(example, str):
            wanted = "one text, a string" if is_text else "one series, an array [time, features]"
            raise InputError(f"The model reads {wanted}, not {type(example).__name__}: give one to explain.")
        row = self._row(example)
        outputs = self._run([row])[0]
        return explained(
            self.prepared,
            example,
            row,
            outputs,
            str(self._answer(example, row, outputs)),
            Question(label, against, step),
            self._ignores_padding,
        )

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        labels = self.prepared.label_set
        text, label, separator, header = (options.get(name) for name in READING_OPTIONS)
        source = read_labelled(data, text, label, None, separator, header)
        examples = source.train if source.test is None else source.test
        examples = examples.take(range(len(examples.texts))[:limit])
        found = sorted(distinct_labels(examples))
        if self.labels == default_labels(len(self.labels)) and not set(found) & set(self.labels):
            raise InputError(
                f"{source.name} has the label {found[0]!r}, but the model was imported without labels: import it again "
                f"with --labels and {len(self.labels)} names, in the order of its outputs."
            )
        require_labels_of(labels, source.name, examples)
        return EvaluationSet(source.name, examples, self.prepared, source.notes, source.test is not None)

    def predict_from(self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        return self._answers(self.examples_from(texts, file, options))

    def examples_from(self, given: Any, file: str | None, options: Mapping[str, Any]) -> list[Any]:
        if isinstance(self.prepared.input, TextInput):
            return super().examples_from(given, file, options)
        if file is not None:
            return read_series_file(file, self.prepared.input.features)
        if given is None or any(isinstance(one, str) for one in given):
            raise InputError("The model reads series of numbers, not texts: give a .npy or .csv file with --file.")
        return _several(given, self.prepared.input.features)[0]

    def frequent_words(self, limit: int) -> list[str]:
        if isinstance(self.prepared.input, SeriesInput):
            return super().frequent_words(limit)
        encoder = self.prepared.input.encoder
        words = sorted(encoder.index, key=encoder.index.__getitem__)
        return [word for word in words if encoder.encode(word) == [encoder.index[word]]][:limit]

    def generate(self, prompt: str = "", *, stop: str | Sequence[str] = (), **decoding: Any) -> Generated:
        """Return a prompt with the continuation that the model generates. The arguments are those of `stream`."""
        return self.stream(prompt, stop=stop, **decoding).result()

    def stream(self, prompt: str = "", *, stop: str | Sequence[str] = (), **decoding: Any) -> Stream:
        """Return an iterator that generates a continuation of the prompt; see `generation.Stream.of`.

        The network reads the last `max_length` words before each new word, as notebooks do with `pad_sequences`.

        Raises:
            InputError: The model does not predict the next word, or a setting cannot be used.
        """
        if not isinstance(self.prepared.head, WordHead):
            raise InputError("The model does not predict the next word, so it cannot continue texts: use predict.")
        return Stream.of(self, prompt, stop, decoding)

    @property
    def encoder(self) -> KerasEncoder:
        """The encoder.

        Raises:
            InputError: The model reads series.
        """
        return self.prepared.text_input.encoder

    @cached_property
    def never_generated(self) -> NDArray[np.intp]:
        """The ids that are never generated: those that are not of a word, and that of unknown words."""
        encoder, outputs = self.encoder, self._layers[-1].width(0)
        known = {number for number in encoder.index.values() if encoder.token(number)} - {encoder.unknown_id}
        return np.array([number for number in range(outputs) if number not in known], np.intp)

    @property
    def end_id(self) -> None:
        """None, since the model cannot end a text."""
        return

    def begin(self, ids: Sequence[int]) -> tuple[NDArray[np.float32], Sequence[int]]:
        """Return the logit of each id to come after the given ones, [ids], and the ids as the states."""
        text = self.prepared.text_input
        window = replace(text, truncating="pre")
        read = window.cut(ids)
        outputs = self._run([window.row(read)])[0]
        if self.prepared.head.per_step:
            is_post = text.reads_padding and text.padding == "post"
            outputs = outputs[max(0, len(read) - 1) if is_post else -1]
        return outputs, ids

    def logits(self, token: int, states: Sequence[int]) -> tuple[NDArray[np.float32], Sequence[int]]:
        """Return the logit of each id to come next, [ids], and the ids so far, given the next id and those before."""
        return self.begin([*states, token])

    def output_activation(self) -> str:
        return self.prepared.head.activation

    def describe(self) -> Description:
        model_input = self.prepared.input
        if isinstance(model_input, SeriesInput):
            reads = f"series: {model_input.features:,} features"
            return Description(model_input.kind, model_input.features, reads)
        encoder = model_input.encoder
        return Description(encoder.kind, encoder.ids, f"texts: words of the Keras model, {encoder.ids:,} ids")

    def answers(self) -> dict[str, Any]:
        head = self.prepared.head.to_json()
        inputs = self.prepared.input.to_json()
        shown = {name: value for name, value in inputs.items() if name not in ("kind", "encoder", "features", "scaler")}
        return {"answers": head.pop("kind"), **head, **shown}


def fixed_length(prepared: PreparedImport) -> int | None:
    """Return the number of steps of each input, or None if it differs."""
    if isinstance(prepared.input, SeriesInput):
        return prepared.input.length
    return prepared.input.max_length if prepared.input.reads_padding else None


def _several(given: Any, features: int) -> tuple[list[Any], bool]:
    """Return a list of series, and whether one series was given that is not in a list."""
    array = np.asarray(given) if hasattr(given, "__array__") else None
    if array is not None:
        is_one = array.ndim == 2 or (array.ndim == 1 and features == 1 and array.dtype.kind != "O")
        return ([array], True) if is_one else (list(array), False)
    if isinstance(given, str | bytes | dict) or not hasattr(given, "__iter__"):
        raise InputError(f"Give series of numbers as an array [time, {features}], or a list of such arrays.")
    return list(given), False
