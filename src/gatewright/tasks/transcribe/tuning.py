"""The choice of a decoder's weights on the validation set."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright.support.progress import Ticker, print_status
from gatewright.tasks.transcribe.alphabet import Alphabet
from gatewright.tasks.transcribe.decoding import Decoding, decoded, decoder
from gatewright.tasks.transcribe.measures import character_errors, total, word_errors
from gatewright.tasks.transcribe.ngrams import Ngrams

START: Mapping[str, float] = {"lm_weight": 0.5, "word_bonus": 1.0}
"""The weights that are tried first, and are kept unless others are better."""
_TRIED: Mapping[str, tuple[float, ...]] = {"lm_weight": (0.25, 0.75, 1.0, 1.5), "word_bonus": (0.0, 2.0)}
# Steps of the network that are decoded for each choice, evenly spaced utterances: some seconds of computation.
_STEPS = 20_000


def tuned_decoding(
    alphabet: Alphabet,
    decoding: Decoding,
    ngrams: Ngrams | None,
    names: Sequence[str],
    utterances: Sequence[NDArray[np.float32]],
    references: Sequence[str],
) -> tuple[Decoding, str]:
    """Choose weights one after the other by the fewest errors in words, and among these in characters.

    Args:
        alphabet: The symbols of the network.
        decoding: The settings of the decoder, with the weights of `START`.
        ngrams: The language model.
        names: The weights to choose, keys of `START`.
        utterances: The log probabilities of the utterances of the validation set, each [steps, 1 + symbols].
        references: Their correct transcripts.

    Returns:
        The settings with the chosen weights, and a sentence about the choice.
    """
    places = _spread([len(one) for one in utterances])
    correct, ticker, tried = [references[place] for place in places], Ticker(), 0

    def errors(settings: Decoding) -> tuple[int, int]:
        nonlocal tried
        search = decoder(alphabet, settings, ngrams)
        found = []
        for place in places:
            found.append(alphabet.decode(decoded(search, utterances[place]).ids))
            if ticker.due():
                print_status(f"{tried:,} choices of the weights of the decoder are tried on the validation set.")
        tried += 1
        return total(word_errors(correct, found)).errors, total(character_errors(correct, found)).errors

    best, fewest = decoding, errors(decoding)
    before = fewest[0]
    for name in names:
        for value in _TRIED[name]:
            changed: dict[str, Any] = {name: value}
            other = replace(best, **changed)
            if (count := errors(other)) < fewest:
                best, fewest = other, count
    words = sum(len(text.split()) for text in correct)
    chosen = " and ".join(f"{name} {getattr(best, name):g}" for name in names)
    start = " and ".join(f"{START[name]:g}" for name in names)
    compared = "" if best == decoding else f", against {before:,} with {start}"
    return best, f"The validation set chose {chosen}: {fewest[0]:,} errors in {words:,} words{compared}."


def _spread(steps: Sequence[int]) -> list[int]:
    """Return the indices of evenly spaced utterances of at most `_STEPS` steps in total, and of at least one."""
    every = max(1, -(-sum(steps) // _STEPS))
    places = range(0, len(steps), every)
    sums = accumulate(steps[place] for place in places)
    return [place for place, so_far in zip(places, sums, strict=True) if place == 0 or so_far <= _STEPS]
