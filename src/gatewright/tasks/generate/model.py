"""Trained language models."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar, NoReturn

import numpy as np
from numpy.typing import NDArray

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.file import Relation
from gatewright.nn.layer import Activations, Layer, States
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START
from gatewright.tasks.base.model import Description, EvaluationSet, TrainedModel, padded_length
from gatewright.tasks.base.stack import (
    LANGUAGE_MODEL_LAYERS,
    LANGUAGE_MODEL_ORDER,
    settings_fit,
    softmax_fits,
    stack_fits,
)
from gatewright.tasks.generate.decoding import Beam, chooser, penalized, search
from gatewright.tasks.generate.reading import read_corpus
from gatewright.tasks.generate.settings import Decoding
from gatewright.tasks.generate.task import PreparedTexts, as_examples

# Number of tokens of a prompt that are read in one call.
_TOKENS_PER_CALL = 1024


@dataclass(frozen=True)
class Generated:
    """A prompt and the continuation that a model generated.

    Attributes:
        prompt: The given text.
        text: The continuation, without the prompt.
        tokens: Number of generated tokens.
        unknown: The tokens in the prompt that are not in the model's vocabulary.
        seed: The random seed with which the continuation was generated.
    """

    prompt: str
    text: str
    tokens: int
    unknown: tuple[str, ...]
    seed: int

    def __str__(self) -> str:
        return self.prompt + self.text


class LanguageModel(TrainedModel):
    """A trained language model.

    Attributes:
        prepared: The encoder, and the kind and length of the examples.
        training: The settings and the results of the training.
    """

    command: ClassVar[str] = "generate"
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
        return _log_softmax(logits), after

    def logits(self, token: int, states: list[States]) -> tuple[NDArray[np.float32], list[States]]:
        """Return the logit of each id to come next, [ids], and the new states. The arguments are those of `step`."""
        logits, after = self._step(token, states)
        return logits[0], after

    def generate(self, prompt: str = "", *, stop: str | Sequence[str] = (), **decoding: Any) -> Generated:
        """Return a prompt with the continuation that the model generates. The arguments are those of `stream`."""
        return self.stream(prompt, stop=stop, **decoding).result()

    def stream(self, prompt: str = "", *, stop: str | Sequence[str] = (), **decoding: Any) -> "Stream":
        """Return an iterator that generates a continuation of the prompt, and yields pieces of its text.

        Each token needs the same time and memory. The continuation ends after `tokens` tokens (a setting of decoding),
        where the model ends the text, or before a stop text, whichever comes first.

        Args:
            prompt: The text to continue. Empty to generate a text from its start.
            stop: One or more stop texts. The continuation ends before the first of them that occurs.
            decoding: Settings of decoding; see `settings.Decoding`. Without `seed`, each call uses a new random seed,
                which is the attribute `seed` of the result.

        Raises:
            InputError: A setting cannot be used.
        """
        if not isinstance(prompt, str):
            raise InputError(f"A prompt must be a string, not {type(prompt).__name__}.")
        stops = tuple(stop) if isinstance(stop, Iterable) and not isinstance(stop, str | bytes) else (stop,)
        if not all(isinstance(text, str) and text for text in stops):
            raise InputError("stop must be one or more texts that are not empty.")
        return Stream(self, prompt, stops, Decoding.complete(decoding))

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

    def describe(self) -> Description:
        encoder = self.prepared.encoder
        return Description(encoder.kind, encoder.ids, f"texts: {encoder.kind}, {encoder.ids:,} ids")

    def answers(self) -> dict[str, Any]:
        return {name: value for name, value in self.prepared.to_json().items() if name != "encoder"}


class Stream:
    """An iterator over the text of a continuation while it is generated; see `LanguageModel.stream`.

    Attributes:
        unknown: The tokens in the prompt that are not in the model's vocabulary.
        seed: The random seed.
        tokens: Number of tokens generated so far.
    """

    def __init__(self, model: LanguageModel, prompt: str, stops: tuple[str, ...], how: Decoding) -> None:
        self.seed = secrets.randbits(32) if how.seed is None else how.seed
        self.unknown, self.tokens = tuple(model.prepared.encoder.unknown(prompt)), 0
        self._model, self._prompt, self._stops, self._how = model, prompt, stops, replace(how, seed=self.seed)
        self._prompt_ids = [START, *model.prepared.encoder.encode(prompt)]
        self._text: list[str] = []
        self._pieces = self._until_stop(self._added())

    def __iter__(self) -> Iterator[str]:
        for piece in self._pieces:
            self._text.append(piece)
            yield piece

    def result(self) -> Generated:
        """Generate the rest of the continuation, and return the prompt and the whole continuation."""
        for _ in self:
            pass
        return Generated(self._prompt, "".join(self._text), self.tokens, self.unknown, self.seed)

    def _added(self) -> Iterator[str]:
        """Yield the text that each generated id adds to the continuation."""
        add = self._model.prepared.encoder.stream()
        for number in self._prompt_ids[1:]:
            add(number)
        for number in self._drawn() if self._how.beams == 1 else self._searched():
            self.tokens += 1
            yield add(number)
        yield add(None)

    def _drawn(self) -> Iterator[int]:
        """Yield the generated ids, each chosen from the logits given the ids before it."""
        model, choose, never, seen = self._model, chooser(self._how), self._model.never_generated, self._in_prompt()
        states, token = model.state_after(self._prompt_ids[:-1]), self._prompt_ids[-1]
        for _ in range(self._how.tokens):
            logits, states = model.logits(token, states)
            logits[never] = -np.inf
            token = choose(logits, seen)
            if token == START:
                return
            seen[token] = True
            yield token

    def _in_prompt(self) -> NDArray[np.bool_]:
        """Return whether each id occurs in the prompt, [ids]."""
        seen = np.zeros(self._model.prepared.encoder.ids, bool)
        seen[self._prompt_ids[1:]] = True
        return seen

    def _searched(self) -> Sequence[int]:
        """Return the ids of the continuation that beam search finds."""
        model, how, never, prompt = self._model, self._how, self._model.never_generated, self._in_prompt()
        first = model.logits(self._prompt_ids[-1], model.state_after(self._prompt_ids[:-1]))

        def log_probabilities(beam: Beam) -> NDArray[np.float64]:
            seen = prompt.copy()
            seen[list(beam.ids)] = True
            logits = penalized(how, beam.after[0].copy(), seen)
            logits[never] = -np.inf
            return _log_softmax(logits)

        def extended(beam: Beam, number: int) -> Beam:
            after = model.logits(number, beam.after[1])
            return Beam(beam.log_probability, (*beam.ids, number), after, number == START)

        found = search(Beam(0.0, (), first, False), how.beams, how.tokens, log_probabilities, extended)
        return [number for number in found.ids if number != START]

    def _until_stop(self, pieces: Iterator[str]) -> Iterator[str]:
        """Yield the text before the first stop text. Text that may begin a stop text waits for the next pieces."""
        held = ""
        for piece in pieces:
            held += piece
            if found := [place for stop in self._stops if (place := held.find(stop)) >= 0]:
                if held[: min(found)]:
                    yield held[: min(found)]
                return
            if ready := len(held) - max((_overlap(held, stop) for stop in self._stops), default=0):
                yield held[:ready]
                held = held[ready:]
        if held:
            yield held


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of `text` that is an incomplete start of `stop`, in characters."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)


def _log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    shifted = np.asarray(logits, np.float64) - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))
