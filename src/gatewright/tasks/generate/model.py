"""Trained language models."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from gatewright.data.encoders import Encoder
from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer, States
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START
from gatewright.tasks.base.explainable import Explainable, frequent_words
from gatewright.tasks.base.generation import Generated, Stream, log_softmax
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel, padded_length
from gatewright.tasks.base.stack import (
    LANGUAGE_MODEL_LAYERS,
    LANGUAGE_MODEL_ORDER,
    settings_fit,
    softmax_fits,
    stack_fits,
)
from gatewright.tasks.generate.explaining import next_token
from gatewright.tasks.generate.reading import read_corpus
from gatewright.tasks.generate.task import PreparedTexts, as_examples

# Number of tokens of a prompt that are read in one call.
_TOKENS_PER_CALL = 1024


class LanguageModel(TrainedModel):
    """A trained language model.

    Attributes:
        prepared: The encoder, and the kind and length of the examples.
        training: The settings and the results of the training.
    """

    command: ClassVar[str] = "generate"
    used_with: ClassVar[str] = "generate"
    prepared_class = PreparedTexts
    layer_classes = LANGUAGE_MODEL_LAYERS
    layer_order = LANGUAGE_MODEL_ORDER

    prepared: PreparedTexts

    @classmethod
    def relations(
        cls, layers: Sequence[Layer], prepared: PreparedTexts, training: Mapping[str, Any]
    ) -> Iterator[Relation]:
        yield from stack_fits(layers, prepared.sequences)
        yield from settings_fit(layers, training)
        yield from softmax_fits(prepared.encoder.ids, layers)

    def start(self) -> list[States]:
        """Return the recurrent states before the first token of a text, to pass to `step`."""
        return self._stepper.start()

    def step(self, token: int, states: list[States]) -> tuple[NDArray[np.float64], list[States]]:
        """Read the next token of a text. Return the log probability of each id to come next, [ids], and the new states.

        Args:
            token: The token's id in the encoder. Every text begins with the id 1, which marks its start.
            states: The states from `start`, or from `step` for the previous token. They are not changed.

        Raises:
            InputError: The encoder has no token with this id.
        """
        if not PADDING < token < self.prepared.encoder.ids:
            raise InputError(f"A token must be an id from 1 to {self.prepared.encoder.ids - 1}, not {token}.")
        logits, after = self.logits(token, states)
        return log_softmax(logits), after

    def logits(self, token: int, states: list[States]) -> tuple[NDArray[np.float32], list[States]]:
        """Return the logit of each id to come next, [ids], and the new states. The arguments are those of `step`."""
        logits, after = self._step(token, states)
        return logits[0], after

    def generate(self, prompt: str = "", *, stop: str | Sequence[str] = (), **decoding: Any) -> Generated:
        """Return a prompt with the continuation that the model generates. The arguments are those of `stream`."""
        return self.stream(prompt, stop=stop, **decoding).result()

    def stream(self, prompt: str = "", *, stop: str | Sequence[str] = (), **decoding: Any) -> Stream:
        """Return an iterator that generates a continuation of the prompt, and yields pieces of its text.

        Each token needs the same time and memory. The continuation ends after `tokens` tokens (a setting of decoding),
        where the model ends the text, or before a stop text, whichever comes first.

        Args:
            prompt: The text to continue. Empty to generate a text from its start.
            stop: One or more stop texts. The continuation ends before the first of them that occurs.
            decoding: Settings of decoding; see `decoding.Decoding`. Without `seed`, each call uses a new random seed,
                which is the attribute `seed` of the result.

        Raises:
            InputError: A setting cannot be used.
        """
        return Stream.of(self, prompt, stop, decoding)

    @property
    def encoder(self) -> Encoder:
        """The encoder."""
        return self.prepared.encoder

    @property
    def end_id(self) -> int:
        """The id with which the model ends a text."""
        return START

    def begin(self, ids: Sequence[int]) -> tuple[NDArray[np.float32], list[States]]:
        """Return the logit of each id to come after the ids of a prompt, [ids], and the states after them."""
        whole = [START, *ids]
        return self.logits(whole[-1], self.state_after(whole[:-1]))

    def state_after(self, ids: Sequence[int]) -> list[States]:
        """Return the recurrent states after reading the given ids, which are the start of a text."""
        states = self.start()
        layers, weights = self._layers[:-1], self._weights[:-1]
        for first in range(0, len(ids), _TOKENS_PER_CALL):
            part = Activations(np.array([ids[first : first + _TOKENS_PER_CALL]], np.int32))
            with np.errstate(all="ignore"):  # the next step finds a state that is not finite
                _, left = models.forward(layers, NUMPY, weights, part, states)
            states = [*left, ()]
        return states

    @cached_property
    def never_generated(self) -> NDArray[np.intp]:
        """The ids that are never generated: special ids, except START if the model has learned where texts end."""
        return np.array([i for i in range(FIRST) if i != START or not self.prepared.sequences], np.intp)

    def explainable(
        self, example: Any, *, label: str | None = None, against: str | None = None, step: int | None = None
    ) -> Explainable:
        return next_token(self.prepared, self.never_generated, self._log_probabilities, example, label, against, step)

    def _log_probabilities(self, inputs: NDArray[np.int32], step: int | None) -> NDArray[np.float64]:
        """Return the log probability of each id to come after a step, [ids]; see `explaining.next_token`."""
        if step is None:
            return log_softmax(self._forward(Activations(inputs))[0][0])
        ids = inputs[0].tolist()
        return log_softmax(self.logits(ids[step], self.state_after(ids[:step]))[0])

    def frequent_words(self, limit: int) -> list[str]:
        return frequent_words(self.prepared.encoder, limit)

    def read(self, data: str, options: Mapping[str, Any], limit: int | None) -> EvaluationSet:
        corpus, notes = self.trained_data.read(
            lambda options: read_corpus(data, options.get("text"), header=options.get("header")), data, options
        )
        texts = next(texts for texts in (corpus.test, corpus.validation, corpus.train) if texts)
        examples = as_examples(texts, self.prepared.examples, data)
        is_test = corpus.test is not None or corpus.validation is not None
        return self.evaluation_set(corpus.name, examples, (*corpus.notes, *notes), limit, is_test)

    def evaluation_set(
        self, name: str, examples: list[str], notes: tuple[str, ...], limit: int | None, is_test: bool
    ) -> EvaluationSet:
        prepared = replace(self.prepared, limit=limit)
        if not prepared.stateful:
            prepared = replace(prepared, max_length=padded_length(prepared.max_length, examples))
        return EvaluationSet(name, examples, prepared, notes, is_test)

    def predict_from(self, texts: Sequence[str] | None, file: str | None, options: Mapping[str, Any]) -> NoReturn:
        raise InputError("A language model has no predictions. Continue a text with `gatewright generate`.")

    def output_activation(self) -> str:
        return "softmax"

    def describe(self) -> Description:
        encoder = self.prepared.encoder
        return Description(encoder.kind, encoder.ids, f"texts: {encoder.kind}, {encoder.ids:,} ids")

    def answers(self) -> dict[str, Any]:
        return {name: value for name, value in self.prepared.to_json().items() if name != "encoder"}
