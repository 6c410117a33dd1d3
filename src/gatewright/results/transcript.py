"""Transcripts of recordings."""

from dataclasses import dataclass
from typing import Any

from gatewright.results.serialize import to_json_value


@dataclass(frozen=True)
class Word:
    """A word of a transcript.

    Attributes:
        text: The word.
        start, end: When it begins and ends, in seconds from the beginning of the recording. Networks that are trained
            with CTC write a symbol at some time while it is spoken, so that these times are early or late by about a
            tenth of a second.
        confidence: The product of the probabilities of its symbols, from 0 to 1; see `tasks.transcribe.words`.
    """

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """A transcript of a recording.

    Attributes:
        text: The transcript.
        words: Its words.
        log_probability: The natural logarithm of its probability under the network, as the decoder has computed it: the
            sum over the alignments that prefix beam search has kept, or the one alignment of greedy search.
        duration: The length of the recording in seconds.
        name: The name of the file. Empty if the recording was not read from a file.
    """

    text: str
    words: tuple[Word, ...]
    log_probability: float
    duration: float
    name: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the transcript as JSON values."""
        values: dict[str, Any] = to_json_value(self)
        return values

    def __str__(self) -> str:
        return self.text
