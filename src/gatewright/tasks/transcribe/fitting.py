"""Utterances that are not trained on, and transcripts with characters or words that have no symbol."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from gatewright.support.errors import InputError
from gatewright.tasks.transcribe import ctc
from gatewright.tasks.transcribe.alphabet import Alphabet
from gatewright.tasks.transcribe.speech import Speech

FRAME_SECONDS = 0.01
"""The time from one frame to the next."""

# Unknown characters that a note shows.
_SHOWN = 8


def without_long(name: str, speech: Speech, max_seconds: float) -> tuple[Speech, tuple[str, ...]]:
    """Return the utterances that are not too long, with a note on the others.

    A batch is as long as its longest utterance, so that a single long one would need much memory.

    Args:
        name: The name of the utterances, for messages.
        speech: The utterances.
        max_seconds: The longest duration in seconds.

    Raises:
        InputError: All utterances are too long.
    """
    seconds = [len(frames) * FRAME_SECONDS for frames in speech.frames]
    kept = [place for place, one in enumerate(seconds) if one <= max_seconds]
    if len(kept) == len(speech):
        return speech, ()
    longest = max(range(len(speech)), key=seconds.__getitem__)
    example = f"the longest is {speech.names[longest]} with {seconds[longest]:,.1f} seconds"
    if not kept:
        raise InputError(
            f"All utterances of {name} are longer than {max_seconds:g} seconds; {example}. Cut them into sentences, or "
            "raise --max-seconds."
        )
    left_out = len(speech) - len(kept)
    are = "utterances is" if left_out == 1 else "utterances are"
    note = (
        f"{left_out:,} of the {len(speech):,} {are} longer than {max_seconds:g} seconds and left out of {name}; "
        f"{example}. --max-seconds changes the limit."
    )
    return speech.take(kept), (note,)


def without_unfit(speech: Speech, alphabet: Alphabet, stack: int) -> tuple[Speech, tuple[str, ...]]:
    """Return the training utterances that have enough steps for their transcripts, with a note on the others.

    Args:
        speech: The training utterances.
        alphabet: The symbols of transcripts.
        stack: Number of frames in a step.

    Raises:
        InputError: No utterance has enough steps.
    """
    kept = [
        place
        for place, (frames, text) in enumerate(zip(speech.frames, speech.texts, strict=True))
        if ctc.needed_steps(np.array([alphabet.encode(text)], np.int32).reshape(1, -1))[0] <= -(-len(frames) // stack)
    ]
    if len(kept) == len(speech):
        return speech, ()
    first = min(set(range(len(speech))) - set(kept))
    example = (
        f"{speech.names[first]} has {len(speech.frames[first]):,} frames of 10 ms, joined {stack} at a time, for "
        f"{len(alphabet.encode(speech.texts[first])):,} symbols"
    )
    if not kept:
        raise InputError(
            f"All {len(speech):,} training utterances are too short for their transcripts; the first, {example}. Check "
            "that transcripts belong to their recordings, or give a smaller --stack."
        )
    left_out = len(speech) - len(kept)
    are = "utterances is" if left_out == 1 else "utterances are"
    note = (
        f"{left_out:,} of the {len(speech):,} training {are} too short for the transcript and not trained on; the "
        f"first, {example}. Check that transcripts belong to their recordings, or give a smaller --stack."
    )
    return speech.take(kept), (note,)


def note_on_rare(alphabet: Alphabet, references: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence on normalized training transcripts with rare characters or words that have no symbol, if any.

    Args:
        alphabet: The symbols, of which there are too few for all.
        references: The transcripts.
    """
    found = _unknown(alphabet, references, "training transcripts")
    return (f"{found} without a symbol, which the network does not learn. Raise --vocabulary.",) if found else ()


def note_on_unknown(alphabet: Alphabet, references: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence on normalized transcripts with characters or words that have no symbol, if any.

    Args:
        alphabet: The symbols.
        references: The transcripts.
    """
    found = _unknown(alphabet, references, "transcripts")
    return (f"{found} that the network cannot write, so they count as errors.",) if found else ()


def _unknown(alphabet: Alphabet, references: Sequence[str], what: str) -> str:
    """Return the beginning of a sentence on characters or words without a symbol. Empty if all have one."""
    unknown = Counter(one for text in references for one in alphabet.unknown(text))
    if not unknown:
        return ""
    units = "words" if alphabet.encoder.kind == "words" else "characters"
    shown = ", ".join(repr(one) for one, _ in unknown.most_common(_SHOWN))
    more = f" and {len(unknown) - _SHOWN:,} more" if len(unknown) > _SHOWN else ""
    texts = sum(bool(alphabet.unknown(text)) for text in references)
    have = "has" if texts == 1 else "have"
    return f"{texts:,} of the {len(references):,} {what} {have} {units} ({shown}{more})"
