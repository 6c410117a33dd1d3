"""Transcribe sound while it arrives."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gatewright.data.audio.features import Features
from gatewright.data.audio.samples import samples_of
from gatewright.nn.layer import Array, States
from gatewright.results.transcript import Transcript
from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.decoding import Decoder
from gatewright.tasks.transcribe.layers import stacked
from gatewright.tasks.transcribe.symbols import begins_word
from gatewright.tasks.transcribe.task import PreparedSpeech
from gatewright.tasks.transcribe.words import transcript_of


def _joined(first: str, then: str) -> str:
    return f"{first} {then}" if first and then else first or then


class Stream:
    """A transcription of sound that arrives in chunks, by a network that processes it in one direction.

    The transcript does not depend on how the samples are divided into chunks. Samples wait until they complete a step
    of the network, because the features of several frames take hardly longer than those of one.

    Args:
        prepared: How sound becomes the inputs of the network.
        features: The features of the network.
        decoder: The decoder.
        step: Function that runs the network for one step: it takes the input [1, features] and the states, and returns
            the log probabilities [1, symbols] and the new states.
        states: The states of the network before the first step.
    """

    def __init__(
        self,
        prepared: PreparedSpeech,
        features: Features,
        decoder: Decoder,
        step: Callable[[Array, Sequence[States]], tuple[Array, list[States]]],
        states: Sequence[States],
    ) -> None:
        self._prepared, self._rate = prepared, features.rate
        # With slopes, frames arrive later than their samples, and steps are not completed by whole groups of frames.
        self._features = features.stream(1 if features.deltas else prepared.stack)
        self._decoder, self._state = decoder, decoder.start()
        self._step, self._states = step, states
        self._none = np.empty((0, prepared.features), np.float32)
        self._frames = self._none  # those of the next step that have arrived
        self._log_probs: list[NDArray[np.float32]] = []
        self._samples, self._has_ended = 0, False
        self._begins = begins_word(prepared.alphabet)
        # The transcript so far: the words that can no longer change, the number of their symbols, and the rest.
        self._certain, self._certain_ids, self._rest = "", 0, ""
        self._rest_ids: list[int] = []
        self._text = ""

    def push(self, samples: ArrayLike) -> str:
        """Process further samples, and return the transcript of all samples so far, which may still change.

        Args:
            samples: See `samples_of`. There may be any number of them.

        Raises:
            InputError: The samples cannot be used, or `end` has been called.
        """
        self._require_open()
        chunk = samples_of(samples)
        frames = self._features.push(chunk)
        self._samples += len(chunk)
        if len(frames):
            self._read(frames)
        return self._text

    def end(self) -> Transcript:
        """Return the transcript. No samples may follow.

        Raises:
            InputError: `end` has been called before.
        """
        self._require_open()
        self._has_ended = True
        self._read(self._features.end())
        if len(self._frames):
            self._advance(stacked(self._frames, self._prepared.stack))
        found = self._decoder.best(self._state)
        log_probs = np.concatenate(self._log_probs) if self._log_probs else np.empty((0, 1), np.float32)
        prepared = self._prepared
        return transcript_of(found, log_probs, prepared.alphabet, prepared.step_seconds, self.seconds)

    @property
    def seconds(self) -> float:
        """The length of the sound so far."""
        return self._samples / self._rate

    @property
    def certain(self) -> str:
        """The words of the transcript that can no longer change."""
        return self._certain

    def _require_open(self) -> None:
        if self._has_ended:
            raise InputError("The transcription has ended. Begin another one with the method stream of the model.")

    def _read(self, frames: NDArray[np.float32]) -> None:
        """Process frames, [frames, width]."""
        stack = self._prepared.stack
        known = self._prepared.inputs(frames)
        if len(self._frames):
            known = np.concatenate([self._frames, known])
        whole = len(known) // stack * stack
        self._frames = known[whole:].copy() if whole < len(known) else self._none
        if whole:
            self._advance(known[:whole].reshape(whole // stack, -1))
            self._update()

    def _update(self) -> None:
        """Update the transcript so far. Words that can no longer change are decoded once."""
        alphabet, first = self._prepared.alphabet, self._certain_ids
        ids = self._decoder.certain(self._state)
        last = next((place for place in range(len(ids) - 1, first, -1) if self._begins[ids[place]]), first)
        if last > first:
            self._certain = _joined(self._certain, alphabet.decode(ids[first:last]))
            self._certain_ids = last
        rest = [*ids[last:], *self._decoder.uncertain(self._state)]
        if last > first or rest != self._rest_ids:
            self._rest, self._rest_ids = alphabet.decode(rest), rest
            self._text = _joined(self._certain, self._rest)

    def _advance(self, inputs: NDArray[np.float32]) -> None:
        """Process steps of the network, [steps, features]."""
        for row in inputs:
            log_probs, self._states = self._step(row[None], self._states)
            self._log_probs.append(log_probs)
            self._decoder.advance(self._state, log_probs)
