"""Word and character error rates (WER, CER) of transcripts, in percent of the length of the references."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.results.measure import Measure

WER = Measure("wer", "WER", "lower")
CER = Measure("cer", "CER", "lower")
WER_GREEDY = Measure("wer_greedy", "greedy WER", "lower")
CER_GREEDY = Measure("cer_greedy", "greedy CER", "lower", per_epoch=True)
SENTENCES = Measure("sentence_errors", "transcripts with errors", "lower")
LOSS = Measure("loss", "loss", "lower", per_epoch=True)
MEASURES = (WER, CER, WER_GREEDY, CER_GREEDY, SENTENCES, LOSS)
"""The metrics of a transcriber, the main metric first."""


class Errors(NamedTuple):
    """The differences between a transcript and its reference, in words or characters.

    Attributes:
        substitutions, deletions, insertions: Units of the reference that are replaced or missing in the transcript, and
            units of the transcript that are not in the reference.
        length: Number of units of the reference.
    """

    substitutions: int
    deletions: int
    insertions: int
    length: int

    @property
    def errors(self) -> int:
        """The number of errors."""
        return self.substitutions + self.deletions + self.insertions

    def __str__(self) -> str:
        return (
            f"{self.errors:,} of {self.length:,}: {self.substitutions:,} substitutions, {self.deletions:,} deletions, "
            f"{self.insertions:,} insertions"
        )


def errors(reference: Sequence[Any], transcript: Sequence[Any]) -> Errors:
    """Return the smallest number of differences between two sequences (Levenshtein 1966).

    Of the alignments with the fewest errors, one with the most substitutions is counted.

    Args:
        reference: The correct words, or a string for characters.
        transcript: The words or the string to compare.
    """
    # Each error costs `unit`, and insertions and deletions one more, so that substitutions win ties.
    unit = len(reference) + len(transcript) + 1
    places = np.arange(len(transcript) + 1)
    numbers = {one: number for number, one in enumerate(dict.fromkeys([*reference, *transcript]))}
    own = np.array([numbers[one] for one in transcript], np.int64)
    costs = places * (unit + 1)
    for one in reference:
        diagonal = costs[:-1] + unit * (own != numbers[one])
        below = np.concatenate([[costs[0] + unit + 1], np.minimum(diagonal, costs[1:] + unit + 1)])
        # Insertions add up along the row: the smallest of below[j] + (i - j) (unit + 1) for j <= i.
        costs = np.minimum.accumulate(below - places * (unit + 1)) + places * (unit + 1)
    count, gaps = divmod(int(costs[-1]), unit)
    insertions = (gaps + len(transcript) - len(reference)) // 2
    return Errors(count - gaps, gaps - insertions, insertions, len(reference))


def total(found: Sequence[Errors]) -> Errors:
    """Return the sums of errors over transcripts."""
    return Errors(*(sum(one[place] for one in found) for place in range(4)))


def word_errors(references: Sequence[str], transcripts: Sequence[str]) -> list[Errors]:
    """Return the errors of each transcript in words, which spaces separate."""
    return [errors(a.split(), b.split()) for a, b in zip(references, transcripts, strict=True)]


def character_errors(references: Sequence[str], transcripts: Sequence[str]) -> list[Errors]:
    """Return the errors of each transcript in characters, spaces included."""
    return [errors(a, b) for a, b in zip(references, transcripts, strict=True)]


def rate(found: Errors) -> float:
    """Return errors in percent of the length of the references; NaN if that is 0."""
    return 100 * found.errors / found.length if found.length else float("nan")


def rate_of(totals: NDArray[Any]) -> float:
    """Return the error rate in percent from the sums of `statistics`, [2]."""
    return float(100 * totals[0] / max(1, totals[1]))


def statistics(found: Sequence[Errors]) -> NDArray[np.int64]:
    """Return the number of errors and the length of the reference of each transcript, [transcripts, 2]."""
    return np.array([(one.errors, one.length) for one in found], np.int64).reshape(-1, 2)


def measured(references: Sequence[str], transcripts: Sequence[str], greedy: Sequence[str]) -> dict[str, float]:
    """Return the metrics of transcripts in percent, with their names as keys, except for the loss.

    Args:
        references: The correct transcripts.
        transcripts, greedy: The transcripts of the decoder and those of greedy decoding.
    """
    wrong = sum(a.split() != b.split() for a, b in zip(references, transcripts, strict=True))
    return {
        WER.name: rate(total(word_errors(references, transcripts))),
        CER.name: rate(total(character_errors(references, transcripts))),
        WER_GREEDY.name: rate(total(word_errors(references, greedy))),
        CER_GREEDY.name: rate(total(character_errors(references, greedy))),
        SENTENCES.name: 100 * wrong / max(1, len(references)),
    }
