"""Explain a transcript: when the network writes each symbol, and how probable it is."""

import numpy as np
from numpy.typing import NDArray

from gatewright.results.naming import probability
from gatewright.results.sound import Spectrogram
from gatewright.results.spoken import SpokenExplanation, SpokenSymbol
from gatewright.results.transcript import Transcript
from gatewright.tasks.transcribe.prefix_search import Decoded
from gatewright.tasks.transcribe.symbols import BLANK, Symbols, words_in
from gatewright.tasks.transcribe.words import align, transcript_of

_TIMES = (
    "Networks that are trained with CTC write a symbol at some time while it is spoken, often near its end, so that "
    "times are early or late by about a tenth of a second."
)
_SEARCHED = (
    "The transcript was found by beam search. The probabilities are those of the network alone, so that a symbol "
    "that the language model or the lexicon has chosen can have a small one."
)


def explained_transcript(
    model: str,
    found: Decoded,
    log_probs: NDArray[np.float32],
    symbols: Symbols,
    step_seconds: float,
    spectrogram: Spectrogram,
    seconds: float,
    name: str,
    searched: bool,
) -> SpokenExplanation:
    """Return the explanation of a transcript.

    Args:
        model: Name of the model.
        found: What the decoder has found.
        log_probs: The log probability of each symbol at each step, [steps, symbols].
        symbols: The symbols of the network.
        step_seconds: The time from one step to the next.
        spectrogram: What the network reads.
        seconds: The length of the recording.
        name: The name of its file.
        searched: True if the transcript was found by beam search.
    """
    transcript = transcript_of(found, log_probs, symbols, step_seconds, seconds, name)
    outputs = (BLANK, *dict.fromkeys(found.ids))
    return SpokenExplanation(
        model,
        transcript,
        _spoken(found, log_probs, symbols, step_seconds, seconds),
        spectrogram,
        step_seconds,
        tuple(symbols.pieces[symbol] for symbol in outputs),
        np.exp(log_probs[:, outputs].astype(np.float64)),
        _summary(transcript),
        (_TIMES, *([_SEARCHED] if searched else [])) if found.ids else (),
    )


def _spoken(
    found: Decoded, log_probs: NDArray[np.float32], symbols: Symbols, step_seconds: float, seconds: float
) -> tuple[SpokenSymbol, ...]:
    """Return the symbols of the most probable alignment of a transcript."""
    found_words = enumerate(words_in(symbols, found.ids))
    words = {place: word for word, (_, first, after) in found_words for place in range(first, after)}
    spans = align(log_probs, found.ids).tolist()
    return tuple(
        SpokenSymbol(
            symbols.pieces[symbol],
            min(round(first * step_seconds, 6), seconds),
            min(round((last + 1) * step_seconds, 6), seconds),
            min(float(np.exp(log_probs[first : last + 1, symbol].max())), 1.0),
            words.get(place),
        )
        for place, (symbol, (first, last)) in enumerate(zip(found.ids, spans, strict=True))
    )


def _summary(transcript: Transcript) -> str:
    length = f"{transcript.duration:.2f} s"
    if not transcript.words:
        return f"The model writes nothing in a recording of {length}: the blank is most probable at all steps."
    least = min(transcript.words, key=lambda word: word.confidence)
    sentence = f'The model writes "{transcript.text}" in a recording of {length}'
    times = f"from {least.start:.2f} s to {least.end:.2f} s"
    if len(transcript.words) == 1:
        return f"{sentence}, {times}, with a confidence {_of(least.confidence)}."
    return f'{sentence}; it is least sure of "{least.text}" ({probability(least.confidence)}), {times}.'


def _of(confidence: float) -> str:
    shown = probability(confidence)
    return shown if " " in shown else f"of {shown}"
