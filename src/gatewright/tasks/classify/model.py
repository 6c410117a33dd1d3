"""Trained text classifiers."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, overload

import numpy as np
from numpy.typing import NDArray

from gatewright.data.batches import Batch
from gatewright.data.encoders import encode_all, pad
from gatewright.data.labelled_texts import READING_OPTIONS, AnyLabelled, Source, read_labelled
from gatewright.data.texts import list_of_texts
from gatewright.nn.file import Relation
from gatewright.nn.layer import Layer, States
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent
from gatewright.results.page_network import PageReading
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START
from gatewright.tasks.base.explainable import (
    Explainable,
    frequent_words,
    items_without,
    label_output,
    label_reading,
    text_rule,
    token_steps,
)
from gatewright.tasks.base.labelled import require_labels_of
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel
from gatewright.tasks.base.prediction import Prediction, predictions
from gatewright.tasks.base.stack import embedding_fits, outputs_fit, settings_fit, stack_fits
from gatewright.tasks.classify.task import PreparedTexts


class Classifier(TrainedModel):
    """A trained text classifier.

    Attributes:
        prepared: The labels, the encoder, and the largest number of tokens that is read of a text.
        training: The settings and the results of the training.
    """

    command: ClassVar[str] = "classify"
    prepared_class = PreparedTexts
    layer_classes = (Embedding, Dropout, Recurrent, Pool, Dense)
    layer_order = "embedding dropout? (recurrent dropout?)* recurrent pool? dropout? dense"

    prepared: PreparedTexts

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedTexts, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from stack_fits(layers, sequences=any(isinstance(layer, Pool) for layer in layers), bidirectional=True)
        yield from settings_fit(layers, training)
        yield embedding_fits(prepared.encoder.ids, layers)
        yield outputs_fit(prepared.label_set.outputs, layers)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels, in the order of the columns of `probabilities`."""
        return self.prepared.labels

    @overload
    def predict(self, texts: str) -> Prediction: ...  # type: ignore[overload-overlap]  # a str is a sequence too
    @overload
    def predict(self, texts: Iterable[str]) -> list[Prediction]: ...
    def predict(self, texts: str | Iterable[str]) -> Prediction | list[Prediction]:
        """Return the prediction for one text, or a list of predictions for a list or other iterable of texts.

        The prediction for a text does not depend on the other texts.

        Raises:
            InputError: A text is not a string.
        """
        if isinstance(texts, str):
            return self.predict([texts])[0]
        return predictions(self.prepared.label_set, self.probabilities(texts))

    def probabilities(self, texts: Iterable[str]) -> NDArray[np.float64]:
        """Return the probability of each label for each text, [texts, labels], with labels in the order of `labels`.

        Raises:
            InputError: A text is not a string.
        """
        texts = [texts] if isinstance(texts, str) else list_of_texts(texts)
        ids = encode_all(self.prepared.encoder, texts, self.prepared.max_length)
        return self.prepared.label_set.probabilities(self._outputs(ids))

    def outputs(self, batch: Batch, progress: bool = False) -> NDArray[np.float64]:
        return self._outputs(batch.inputs)

    def _outputs(self, ids: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the logits, [texts, outputs], for token ids, [texts, time], padded with 0 on the left."""
        return self.outputs_by_length(ids, (ids != PADDING).sum(axis=1), "texts")

    def start(self) -> list[States]:
        """Return the recurrent states before the first token of a text, to pass to `step`.

        Raises:
            InputError: The network is bidirectional and needs the whole text.
        """
        return self._step(START, self._stepper.start())[1]

    def step(self, token: int, states: list[States]) -> tuple[Prediction, list[States]]:
        """Read the next token of a text. Return the prediction for the text up to this token, and the new states.

        `states` is not changed. For a text of fewer than `max_length` tokens, the prediction equals that of `predict`.

        Args:
            token: The token's id in the encoder.
            states: The states from `start`, or from `step` for the previous token.

        Raises:
            InputError: The encoder has no token with this id.
        """
        if not PADDING < token < self.prepared.encoder.ids:
            raise InputError(f"A token must be an id from 1 to {self.prepared.encoder.ids - 1}, not {token}.")
        outputs, after = self._step(token, states)
        labels = self.prepared.label_set
        return predictions(labels, labels.probabilities(outputs))[0], after

    def frequent_words(self, limit: int) -> list[str]:
        return frequent_words(self.prepared.encoder, limit)

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        if not isinstance(example, str):
            raise InputError(f"A text to explain must be a string, not {type(example).__name__}.")
        if step is not None:
            raise InputError("The model gives one answer for the whole text, so no step can be chosen: leave it out.")
        encoder, longest = self.prepared.encoder, self.prepared.max_length
        tokens = encoder.encode(example)
        inputs = pad([tokens], min(longest, 1 + len(tokens)))
        probabilities = self.prepared.label_set.probabilities(self._outputs(inputs))[0]
        output = label_output(self.prepared.label_set, probabilities, label, against)
        before = len(tokens) - inputs.shape[1]  # tokens before the first step; -1 with the start id

        def without(sets: Sequence[Collection[int]]) -> NDArray[np.int32]:
            kept = [items_without(tokens, (before + step for step in left_out)) for left_out in sets]
            return pad(kept, min(longest, 1 + max(map(len, kept), default=0)))

        notes: tuple[str, ...] = ()
        if before > 0:
            notes = (f"The model reads the last {longest:,} {encoder.kind} of a text: {before:,} before are not read.",)
        return Explainable(
            inputs,
            token_steps(encoder, example, inputs[0].tolist()),
            output,
            str(predictions(self.prepared.label_set, probabilities[None])[0]),
            probabilities[self.labels.index(output.name)],
            tuple(range(max(0, -before), inputs.shape[1])),
            without,
            notes,
        )

    def page_reading(self) -> PageReading:
        return label_reading(text_rule(self.prepared.encoder, self.prepared.max_length), self.prepared.label_set)

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        def read(options: Mapping[str, Any]) -> Source:
            text, label, separator, header = (options.get(name) for name in READING_OPTIONS)
            return read_labelled(data, text, label, None, separator, header)

        source, notes = self.trained_data.read(read, data, options)
        examples = source.train if source.test is None else source.test
        return self.evaluation_set(source.name, examples, (*source.notes, *notes), limit, source.test is not None)

    def evaluation_set(
        self, name: str, examples: AnyLabelled, notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        examples = examples.take(range(len(examples.texts))[:limit])
        require_labels_of(self.prepared.label_set, name, examples)
        return EvaluationSet(name, examples, self.prepared, notes, is_test)

    def predict_from(
        self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]
    ) -> list[Prediction]:
        return self.predict(self.examples_from(texts, file, options))

    def output_activation(self) -> str:
        return self.prepared.label_set.activation

    def describe(self) -> Description:
        encoder = self.prepared.encoder
        return Description(encoder.kind, encoder.ids, f"texts: {encoder.kind}, {encoder.ids:,} ids")

    def answers(self) -> dict[str, Any]:
        return {**self.prepared.label_set.to_json(), "max_length": self.prepared.max_length}
