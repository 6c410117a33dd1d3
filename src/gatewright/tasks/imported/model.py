"""Models that were trained with Keras."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.data.labelled_texts import READING_OPTIONS, read_labelled
from gatewright.data.texts import list_of_texts
from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer
from gatewright.nn.layers import Dense, Embedding, Flatten, Masking, Pool, Recurrent
from gatewright.results.explanation import INPUT, PADDED, START, UNKNOWN, Step
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING
from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.base.explainable import Explainable, Output, label_output
from gatewright.tasks.base.labelled import require_labels_of
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.stack import embedding_fits, outputs_fit
from gatewright.tasks.imported.heads import ClassHead, NumberHead, WordHead, word_of
from gatewright.tasks.imported.inputs import SeriesInput, TextInput
from gatewright.tasks.imported.prepared import PreparedImport
from gatewright.tasks.imported.series_files import read_series_file

LAYERS = (Embedding, Masking, Recurrent, Dense, Pool, Flatten)
"""The layers of imported networks."""


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
            return np.empty((0, head.outputs))
        return head.probabilities(np.array([one[-1] if head.per_step else one for one in outputs]))

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
        head, model_input = self.prepared.head, self.prepared.input
        if isinstance(head, NumberHead):
            return head.answer(outputs)
        if isinstance(head, WordHead):
            if isinstance(model_input, SeriesInput):
                raise InputError("The model reads series, so it predicts no words.")
            return head.answer(outputs[-1] if head.per_step else outputs, model_input.encoder)
        steps, outputs = self._read_steps(example, row, outputs) if head.per_step else ((), outputs)
        return head.answer(outputs, steps)

    def _read_steps(
        self, example: Any, row: NDArray[Any], outputs: NDArray[Any]
    ) -> tuple[tuple[str, ...], NDArray[Any]]:
        """Return the names and the outputs of the steps that are not padding or the start of a text."""
        if isinstance(self.prepared.input, SeriesInput):
            return tuple(str(place) for place in range(1, len(row) + 1)), outputs
        steps, _ = self._text_steps(example)
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
            group = order[first : first + self.examples_per_call]
            if not self._ignores_padding:
                group = [place for place in group if len(rows[place]) == len(rows[group[0]])]
            longest = len(rows[group[-1]])
            inputs = np.stack([_left_padded(rows[place], longest) for place in group])
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

    def _text_steps(self, text: str) -> tuple[tuple[Step, ...], list[int | None]]:
        """Return the steps of a text that the network reads, and for each the index of its word in the whole text."""
        model_input = self.prepared.input
        if not isinstance(model_input, TextInput):
            raise InputError("The model reads series, not texts.")
        encoder = model_input.encoder
        ids, words = encoder.encode(text), encoder.pieces_of(text)
        steps = [
            Step(word, UNKNOWN if number == encoder.unknown_id else INPUT, number)
            for word, number in zip(words, ids, strict=True)
        ]
        places: list[int | None] = list(range(len(steps)))
        if encoder.start_id is not None:
            steps, places = [Step("start of the text", START, encoder.start_id), *steps], [None, *places]
        # The row tells which of the steps are left: their places are cut and padded as their ids are.
        row = model_input.row(model_input.ids(text))
        kept = len(model_input.ids(text))
        cut = len(steps) - kept if model_input.truncating == "pre" else 0
        steps, places = steps[cut : cut + kept], places[cut : cut + kept]
        padding = [Step("", PADDED, PADDING)] * (len(row) - kept)
        nowhere: list[int | None] = [None] * len(padding)
        before = model_input.padding == "pre"
        steps = [*padding, *steps] if before else [*steps, *padding]
        return tuple(steps), [*nowhere, *places] if before else [*places, *nowhere]

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        row = self._row(self._require_one(example))
        outputs = self._run([row])[0]
        steps, removable, without, notes = (
            self._parts_of_text(example) if isinstance(example, str) else self._parts_of_series(example)
        )
        head = self.prepared.head
        output, probability = self._output(outputs, label, against, _step_of(step, head.per_step, steps))
        return Explainable(
            row[None], steps, output, str(self._answer(example, row, outputs)), probability, removable, without, notes
        )

    def _require_one(self, example: Any) -> Any:
        is_text = isinstance(self.prepared.input, TextInput)
        if is_text != isinstance(example, str):
            wanted = "one text, a string" if is_text else "one series, an array [time, features]"
            raise InputError(f"Give {wanted}, to explain, not {type(example).__name__}.")
        return example

    def _output(
        self, outputs: NDArray[Any], label: str | None, against: str | None, step: int | None
    ) -> tuple[Output, float | None]:
        """Return the output to explain, and its probability.

        Args:
            outputs: The outputs for the example, [outputs] or [time, outputs].
            label, against, step: See `explainable`. The step is that of the network's inputs.
        """
        head, values = self.prepared.head, outputs if step is None else outputs[step]
        if isinstance(head, NumberHead):
            if against is not None:
                raise InputError("The model predicts numbers, which have no alternative: leave it out.")
            names = [str(place) for place in range(1, head.outputs + 1)]
            if label is not None and label not in names:
                raise InputError(f"The model has the outputs 1 to {head.outputs}, not {label!r}.")
            return Output(f"output {label or 1}", names.index(label or "1"), step=step), None
        probabilities = head.probabilities(values[None])[0]
        if isinstance(head, ClassHead):
            found = label_output(head.labels, probabilities, label, against)
            place = head.labels.names.index(found.name)
        else:
            found = self._word_output(probabilities, label, against)
            place = found.index
        chosen = Output(found.name, found.index, found.against, found.against_index, found.sign, step)
        return chosen, float(probabilities[place])

    def _word_output(self, probabilities: NDArray[np.float64], label: str | None, against: str | None) -> Output:
        if not isinstance(self.prepared.input, TextInput):
            raise InputError("The model reads series, so it predicts no words.")
        encoder, order = self.prepared.input.encoder, np.argsort(-probabilities, kind="stable").tolist()
        own = order[0] if label is None else _id_of(encoder.index, label, len(order))
        other = next(number for number in order if number != own)
        other = other if against is None else _id_of(encoder.index, against, len(order))
        if own == other:
            raise InputError(f"{label!r} cannot be compared with itself: give another word of the model.")
        return Output(word_of(encoder, own), own, word_of(encoder, other), other)

    def _parts_of_text(self, text: str) -> tuple[tuple[Step, ...], tuple[int, ...], Any, tuple[str, ...]]:
        model_input = self.prepared.input
        if not isinstance(model_input, TextInput):
            raise InputError("The model reads series, not texts.")
        steps, places = self._text_steps(text)
        ids = model_input.encoder.encode(text)

        def without(sets: Sequence[Collection[int]]) -> NDArray[np.int32]:
            rows = []
            for left_out in sets:
                gone = {places[step] for step in left_out}
                rows.append(model_input.row(model_input.cut([n for place, n in enumerate(ids) if place not in gone])))
            longest = max(map(len, rows), default=0)
            if not self._ignores_padding and any(len(row) != longest for row in rows):
                raise InputError("Texts of different lengths cannot be compared: the network has no padding.")
            return np.stack([_left_padded(row, longest) for row in rows])

        notes: tuple[str, ...] = ()
        read = sum(step.kind in (INPUT, UNKNOWN) for step in steps)
        if read < len(ids):
            side = "last" if model_input.truncating == "pre" else "first"
            notes = (f"The model reads the {side} {read:,} words of a text: {len(ids) - read:,} are not read.",)
        removable = tuple(place for place, step in enumerate(steps) if step.kind in (INPUT, UNKNOWN))
        return steps, removable, without, notes

    def _parts_of_series(self, series: Any) -> tuple[tuple[Step, ...], tuple[int, ...], Any, tuple[str, ...]]:
        model_input = self.prepared.input
        if not isinstance(model_input, SeriesInput):
            raise InputError("The model reads texts, not series.")
        found, length = model_input.checked(series), model_input.length
        first = len(found) - length if length is not None and model_input.truncating == "pre" else 0
        padding = 0 if length is None else max(0, length - len(found))
        kept = range(max(0, first), len(found))[:length]
        steps = [
            Step(str(place + 1), numbers={str(n): float(value) for n, value in enumerate(found[place], 1)})
            for place in kept
        ]
        padded = [Step("", PADDED)] * padding
        before = model_input.padding == "pre"
        steps = [*padded, *steps] if before else [*steps, *padded]
        shift = padding if before else 0

        def without(sets: Sequence[Collection[int]]) -> NDArray[np.float32]:
            rows = [
                model_input.row(np.delete(found, [kept[step - shift] for step in left_out], axis=0))
                for left_out in sets
            ]
            if any(len(row) != len(rows[0]) for row in rows):
                raise InputError("Series of different lengths cannot be compared: the network has no padding.")
            return np.stack(rows)

        if length is not None and model_input.pad_value is None:
            note = f"The model reads series of {length:,} steps, so none of them can be left out."
            return tuple(steps), (), without, (note,)
        removable = tuple(range(shift, shift + len(kept))) if len(kept) > 1 else ()
        return tuple(steps), removable, without, ()

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        labels = self.prepared.label_set
        text, label, separator, header = (options.get(name) for name in READING_OPTIONS)
        source = read_labelled(data, text, label, None, separator, header)
        examples = source.train if source.test is None else source.test
        examples = examples.take(range(len(examples.texts))[:limit])
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

    def stream(self, prompt: str, **decoding: Any) -> Any:
        raise InputError("The model was imported from Keras and does not predict the next word: use predict.")

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


def _left_padded(row: NDArray[Any], length: int) -> NDArray[Any]:
    return row if len(row) == length else np.concatenate([np.full(length - len(row), PADDING, row.dtype), row])


def _step_of(step: int | None, per_step: bool, steps: Sequence[Step]) -> int | None:
    """Return the index in the network's inputs of the step to explain, or None if there is one answer for all."""
    if not per_step:
        if step is not None:
            raise InputError(
                "The model gives one answer for the whole example, so no step can be chosen: leave it out."
            )
        return None
    read = [place for place, one in enumerate(steps) if one.kind in (INPUT, UNKNOWN)] or [len(steps) - 1]
    if step is None:
        return read[-1]
    if not 0 <= step < len(steps):
        raise InputError(f"The step must be from 0 to {len(steps) - 1}, not {step}.")
    return step


def _id_of(index: Mapping[str, int], word: str, outputs: int) -> int:
    number = index.get(word)
    if number is None or number >= outputs:
        raise InputError(f"The model does not know the word {word!r}: give one of its vocabulary.")
    return number
