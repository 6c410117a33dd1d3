"""Continue texts with a model that predicts the next token."""

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.encoders import Encoder
from gatewright.support.errors import InputError
from gatewright.tasks.base.decoding import Beam, chooser, penalized, search
from gatewright.tasks.base.decoding_settings import Decoding


class NextTokenModel(Protocol):
    """A model that predicts the next token.

    Attributes:
        encoder: The encoder.
        never_generated: The ids that are never generated, such as that of padding.
        end_id: The id with which the model ends a text. None if it cannot.
    """

    @property
    def encoder(self) -> Encoder: ...

    @property
    def never_generated(self) -> NDArray[np.intp]: ...

    @property
    def end_id(self) -> int | None: ...

    def begin(self, ids: Sequence[int]) -> tuple[NDArray[np.float32], Any]:
        """Return the logit of each id to come after the ids of a prompt, [ids], and the states after them."""

    def logits(self, token: int, states: Any) -> tuple[NDArray[np.float32], Any]:
        """Read the next token. Return the logit of each id to come next, [ids], and the new states."""


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


class Stream:
    """An iterator over the text of a continuation while it is generated; see `Stream.of`.

    Attributes:
        unknown: The tokens in the prompt that are not in the model's vocabulary.
        seed: The random seed.
        tokens: Number of tokens generated so far.
    """

    @classmethod
    def of(cls, model: NextTokenModel, prompt: Any, stop: Any, decoding: Mapping[str, Any]) -> Self:
        """Return the stream of a continuation.

        Args:
            model: The model.
            prompt: The text to continue. Empty to generate a text from its start.
            stop: One or more stop texts. The continuation ends before the first of them that occurs.
            decoding: Settings of decoding; see `Decoding`. Without `seed`, each stream uses a new random seed.

        Raises:
            InputError: A setting cannot be used.
        """
        if not isinstance(prompt, str):
            raise InputError(f"A prompt must be a string, not {type(prompt).__name__}.")
        stops = tuple(stop) if isinstance(stop, Iterable) and not isinstance(stop, str | bytes) else (stop,)
        if not all(isinstance(text, str) and text for text in stops):
            raise InputError("stop must be one or more texts that are not empty.")
        return cls(model, prompt, stops, Decoding.complete(decoding))

    def __init__(self, model: NextTokenModel, prompt: str, stops: tuple[str, ...], how: Decoding) -> None:
        self.seed = secrets.randbits(32) if how.seed is None else how.seed
        self.unknown, self.tokens = tuple(model.encoder.unknown(prompt)), 0
        self._model, self._prompt, self._stops, self._how = model, prompt, stops, replace(how, seed=self.seed)
        self._prompt_ids = model.encoder.encode(prompt)
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
        add = self._model.encoder.stream()
        for number in self._prompt_ids:
            add(number)
        for number in self._drawn() if self._how.beams == 1 else self._searched():
            self.tokens += 1
            yield add(number)
        yield add(None)

    def _drawn(self) -> Iterator[int]:
        """Yield the generated ids, each chosen from the logits given the ids before it."""
        model, choose, never, seen = self._model, chooser(self._how), self._model.never_generated, self._in_prompt()
        logits, states = model.begin(self._prompt_ids)
        for left in reversed(range(self._how.tokens)):
            logits[never] = -np.inf
            token = choose(logits, seen)
            if token == model.end_id:
                return
            seen[token] = True
            yield token
            if left:
                logits, states = model.logits(token, states)

    def _in_prompt(self) -> NDArray[np.bool_]:
        """Return whether each id occurs in the prompt, [ids]."""
        seen = np.zeros(self._model.encoder.ids, bool)
        seen[self._prompt_ids] = True
        return seen

    def _searched(self) -> Sequence[int]:
        """Return the ids of the continuation that beam search finds."""
        model, how, never, prompt = self._model, self._how, self._model.never_generated, self._in_prompt()
        first = model.begin(self._prompt_ids)

        def log_probabilities(beam: Beam) -> NDArray[np.float64]:
            seen = prompt.copy()
            seen[list(beam.ids)] = True
            logits = penalized(how, beam.after[0].copy(), seen)
            logits[never] = -np.inf
            return log_softmax(logits)

        def extended(beam: Beam, number: int) -> Beam:
            after = model.logits(number, beam.after[1])
            return Beam(beam.log_probability, (*beam.ids, number), after, number == model.end_id)

        found = search(Beam(0.0, (), first, False), how.beams, how.tokens, log_probabilities, extended)
        return [number for number in found.ids if number != model.end_id]

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


def log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Return the logarithms of the probabilities, [ids], given logits, [ids]."""
    shifted = np.asarray(logits, np.float64) - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))
