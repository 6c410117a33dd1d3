"""The alignment of a transcript to its recording, as dataclasses."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.results.display import Result, renderer
from gatewright.results.sound import Spectrogram
from gatewright.results.transcript import Transcript


@dataclass(frozen=True)
class SpokenSymbol:
    """A symbol of a transcript, such as a character, and when the network writes it.

    Attributes:
        text: Its text.
        start, end: When the steps of the network begin and end at which it is written, in seconds.
        confidence: Its largest probability at one of these steps.
        word: Index of its word in the transcript. None for a space between words.
    """

    text: str
    start: float
    end: float
    confidence: float
    word: int | None


@dataclass(frozen=True)
class SpokenExplanation(Result):
    """When a transcriber writes each symbol of a transcript, and how probable it is.

    Attributes:
        model: Name of the model, such as its file.
        transcript: The transcript with its words.
        symbols: The symbols of the most probable alignment of the transcript, in order.
        spectrogram: What the network reads.
        step_seconds: The time from one step of the network to the next.
        outputs: The texts of the blank, which is empty, and of the different symbols of the transcript.
        probabilities: The probability of each of them at each step, [steps, outputs].
        summary: One sentence about the transcript.
        notes: Sentences about the limits of the explanation.
    """

    model: str
    transcript: Transcript
    symbols: tuple[SpokenSymbol, ...]
    spectrogram: Spectrogram
    step_seconds: float
    outputs: tuple[str, ...]
    probabilities: NDArray[np.float64]
    summary: str
    notes: tuple[str, ...]

    def symbols_of(self, word: int) -> list[SpokenSymbol]:
        """Return the symbols of a word, given its index in the transcript."""
        return [symbol for symbol in self.symbols if symbol.word == word]

    def plot(self) -> Any:
        """Return a matplotlib figure of the spectrogram with the symbols, and of their probabilities over time."""
        return renderer().plot_explanation(self)
