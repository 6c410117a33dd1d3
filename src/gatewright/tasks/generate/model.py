"""Use a trained language model: NumPy and the kernels, one step for each token, whatever stands before it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.encoders import Encoder, encoder_from_json
from gatewright.nn import model as models
from gatewright.nn.block import States, Steps
from gatewright.nn.file import Model
from gatewright.nn.layers import Embedding, Softmax
from gatewright.nn.library import NUMPY
from gatewright.nn.stepping import Stepper
from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START, UNKNOWN
from gatewright.tasks.base.settings import complete
from gatewright.tasks.generate.decoding import Beam, Decoding, search
from gatewright.tasks.generate.settings import DECODING

# Tokens of a prompt that are read in one call.
_AT_ONCE = 1024
# Rows of one call.
_ROWS_AT_ONCE = 64


@dataclass(frozen=True)
class Generated:
    """A text that a model has continued.

    Attributes:
        prompt: what was given.
        text: what the model adds to it.
        tokens: how many it took.
        unknown: tokens of the prompt that the model does not know.
        seed: of what was drawn.
    """

    prompt: str
    text: str
    tokens: int
    unknown: tuple[str, ...]
    seed: int

    def __str__(self) -> str:
        return self.prompt + self.text


class LanguageModel:
    """A trained language model.

    Attributes:
        encoder: how texts become ids.
        training: settings and figures, for a reader.
        ends: whether it has learnt where texts end; else it knows lines, and goes on for ever.
        length: tokens of a line's beginning that it has learnt from at once; None where it reads texts of any length.
    """

    task: ClassVar[str] = "generate"

    def __init__(self, model: Model) -> None:
        self.encoder: Encoder = encoder_from_json(model.encoder)
        self.training = model.training
        self.length = _length(model, self.encoder)
        self.ends = self.length is None
        self._blocks = model.blocks
        self._weights = models.with_ties(model.blocks, model.weights)

    def start(self) -> list[States]:
        """The state at the beginning of a text, for `step`."""
        return self._stepper.start()

    def step(self, token: int, states: list[States]) -> tuple[NDArray[np.float64], list[States]]:
        """The log probability of each next id, [ids], and the state after this token.

        Args:
            token: an id of `encoder`; a text begins with 1.
            states: those before it; they stay as they were.
        """
        if not PADDING < token < self.encoder.ids:
            raise InputError(f"a token must be an id from 1 to {self.encoder.ids - 1}, not {token}.")
        logits, after = self._step(token, states)
        return _log_softmax(logits), after

    def generate(
        self, prompt: str = "", tokens: int = 200, *, stop: str | Sequence[str] = (), **decoding: Any
    ) -> Generated:
        """A continuation of the prompt, as `stream` gives it, in one."""
        stream = self.stream(prompt, tokens, stop=stop, **decoding)
        text = "".join(stream)
        return Generated(prompt, text, stream.tokens, stream.unknown, stream.seed)

    def stream(self, prompt: str = "", tokens: int = 200, *, stop: str | Sequence[str] = (), **decoding: Any) -> Stream:
        """An iterator over the pieces of a continuation, each as soon as it is known.

        A token takes as much time and memory as any other, however long the text has become. The end of a text and a
        stop word end it; ids that are no tokens are never chosen.

        Args:
            prompt: what is to be continued; empty is the beginning of a text.
            tokens: how many at most.
            stop: texts before which it stops.
            decoding: see `decoding.Decoding`; without a seed each call has its own, which the result names.

        Raises:
            InputError: a setting can't be used.
        """
        if not isinstance(prompt, str):
            raise InputError(f"a prompt must be a string, not {type(prompt).__name__}.")
        chosen = complete(DECODING, {**decoding, "tokens": tokens})
        most = chosen.pop("tokens")
        if chosen["seed"] is None:
            chosen["seed"] = secrets.randbits(32)
        stops = tuple(stop) if isinstance(stop, Sequence) and not isinstance(stop, str) else (stop,)
        if not all(isinstance(text, str) and text for text in stops):
            raise InputError("stop must be texts that are not empty.")
        return Stream(self, prompt, most, stops, Decoding(**chosen))

    def losses(
        self, inputs: NDArray[np.integer[Any]], targets: NDArray[np.integer[Any]], streams: int | None
    ) -> NDArray[Any]:
        """-log p of each target, in nats, as `Network.outputs` has it in training.

        Args:
            inputs, targets: rows of a `Generate` task.
            streams: how many rows are read side by side, each going on in the row so many further on; None where each
                stands alone.
        """
        states, listed, progress = None, [], Progress()
        for first in range(0, len(inputs), streams or _ROWS_AT_ONCE):
            part = slice(first, first + (streams or _ROWS_AT_ONCE))
            steps = Steps(inputs[part], targets=targets[part])
            out, after = models.forward(self._blocks, NUMPY, self._weights, steps, states)
            states = after if streams else None
            listed.append(out.x)
            if progress.due():
                say(f"{min(part.stop, len(inputs)):,} of {len(inputs):,} rows are done.")
        return np.concatenate(listed)

    @cached_property
    def _stepper(self) -> Stepper:
        return Stepper(self._blocks, self._weights)

    def _step(self, token: int, states: list[States]) -> tuple[Any, list[States]]:
        """Logits [ids] and the state after."""
        logits, after = self._stepper(token, states)
        return logits[0], after

    def read(self, ids: Sequence[int]) -> list[States]:
        """The state after these ids, from the beginning of a text."""
        states = self.start()
        body, weights = self._blocks[:-1], self._weights[:-1]
        for first in range(0, len(ids), _AT_ONCE):
            part = Steps(np.array([ids[first : first + _AT_ONCE]], np.int32))
            _, left = models.forward(body, NUMPY, weights, part, states)
            states = [*left, ()]
        return states

    def never(self) -> NDArray[np.intp]:
        """The ids that are never chosen: those that are no tokens, and the end of a text where it was not learnt."""
        none = [number for number in range(FIRST) if number not in (START, UNKNOWN)]
        return np.array([*none, UNKNOWN] if self.ends else [*none, UNKNOWN, START], np.intp)


class Stream:
    """A continuation in the making: see `LanguageModel.stream`.

    Attributes:
        unknown: tokens of the prompt that the model does not know.
        seed: of what is drawn.
        tokens: how many there are by now.
    """

    def __init__(self, model: LanguageModel, prompt: str, most: int, stops: tuple[str, ...], how: Decoding) -> None:
        self.unknown, self.seed, self.tokens = tuple(model.encoder.unknown(prompt)), how.seed, 0
        self._model, self._most, self._stops, self._how = model, most, stops, how
        self._prompt = [START, *model.encoder.encode(prompt)]
        self._pieces = self._until_stop(self._added())

    def __iter__(self) -> Iterator[str]:
        return self._pieces

    def _added(self) -> Iterator[str]:
        """The text that each id adds."""
        add = self._model.encoder.stream()
        for number in self._prompt[1:]:
            add(number)
        for number in self._ids() if self._how.beams == 1 else self._searched():
            self.tokens += 1
            yield add(number)
        yield add(None)

    def _ids(self) -> Iterator[int]:
        model, choose = self._model, self._how.chooser()
        seen = self._seen()
        states, token, never = model.read(self._prompt[:-1]), self._prompt[-1], model.never()
        for _ in range(self._most):
            logits, states = model._step(token, states)
            logits[never] = -np.inf
            token = choose(logits, seen)
            if token == START:
                return
            seen[token] = True
            yield token

    def _seen(self) -> NDArray[np.bool_]:
        """Whether each id stands in the prompt."""
        seen = np.zeros(self._model.encoder.ids, bool)
        seen[self._prompt[1:]] = True
        return seen

    def _searched(self) -> Sequence[int]:
        model, how, never = self._model, self._how, self._model.never()
        first = model._step(self._prompt[-1], model.read(self._prompt[:-1]))
        prompt = self._seen()

        def log_probabilities(beam: Beam) -> NDArray[np.float64]:
            seen = prompt.copy()
            seen[list(beam.ids)] = True
            logits = how.penalised(beam.after[0].copy(), seen)
            logits[never] = -np.inf
            return _log_softmax(logits)

        def extended(beam: Beam, number: int) -> Beam:
            after = model._step(number, beam.after[1])
            return Beam(beam.log_probability, (*beam.ids, number), after, number == START)

        found = search(Beam(0.0, (), first, False), how.beams, self._most, log_probabilities, extended, _tell())
        return [number for number in found.ids if number != START]

    def _until_stop(self, pieces: Iterator[str]) -> Iterator[str]:
        """The pieces up to the first stop word; what may be the beginning of one is held back."""
        held = ""
        for piece in pieces:
            held += piece
            if found := [place for stop in self._stops if (place := held.find(stop)) >= 0]:
                if held[: min(found)]:
                    yield held[: min(found)]
                return
            ready = len(held) - max((_begun(held, stop) for stop in self._stops), default=0)
            if ready:
                yield held[:ready]
                held = held[ready:]
        if held:
            yield held


def _tell() -> Callable[[int], None]:
    """A function that is told how many tokens a search has come to, and says so now and then."""
    progress = Progress()

    def tell(tokens: int) -> None:
        if progress.due():
            say(f"{tokens:,} tokens are searched.")

    return tell


def _begun(text: str, stop: str) -> int:
    """How much of the end of a text is the beginning of a stop word."""
    return next((size for size in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:size])), 0)


def _log_softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    shifted = np.asarray(logits, np.float64) - logits.max()
    logs: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum())
    return logs


def _length(model: Model, encoder: Encoder) -> int | None:
    """Of a model of lines the most tokens of a row, else None; if all parts fit one another."""
    rows, length = (model.answers.get(name) for name in ("rows", "length"))
    if rows not in ("stream", "prefixes"):
        raise InputError("its rows are neither a stream nor prefixes.")
    if rows == "prefixes" and (type(length) is not int or not 0 < length < 2**31):
        raise InputError("its length is not a whole number above 0.")
    first, last = model.blocks[0], model.blocks[-1]
    assert isinstance(first, Embedding)
    assert isinstance(last, Softmax)
    if first.vocabulary != encoder.ids or last.vocabulary != encoder.ids:
        raise InputError("its encoder has not as many ids as its embedding and its softmax.")
    return length if rows == "prefixes" else None
