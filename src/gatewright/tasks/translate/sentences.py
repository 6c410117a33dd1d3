"""Sentences and their translations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from gatewright.support.errors import InputError


@dataclass(frozen=True)
class Pairs:
    """Sentences in two languages.

    Attributes:
        source: The sentences to translate.
        target: The translation of each sentence.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.source)

    def take(self, indices: Sequence[int]) -> Self:
        """Return the pairs at the given indices, in that order."""
        return type(self)(tuple(self.source[at] for at in indices), tuple(self.target[at] for at in indices))


def without_long_pairs(
    pairs: Pairs, source_lengths: Sequence[int], target_lengths: Sequence[int], max_length: int
) -> tuple[Pairs, tuple[str, ...]]:
    """Return the training pairs in which no sentence is too long, with a note on the others.

    Args:
        pairs: The training pairs.
        source_lengths, target_lengths: The number of tokens of each sentence, [pairs] each.
        max_length: The largest number of tokens of a sentence.

    Raises:
        InputError: All pairs are too long.
    """
    longest = [max(lengths) for lengths in zip(source_lengths, target_lengths, strict=True)]
    kept = [at for at, length in enumerate(longest) if length <= max_length]
    if len(kept) == len(pairs):
        return pairs, ()
    if not kept:
        raise InputError(
            f"All {len(pairs):,} training pairs have a sentence of more than {max_length:,} tokens. Raise --max-length "
            "or give data with one sentence on each line."
        )
    left_out = len(pairs) - len(kept)
    sentence = "pair has a sentence" if left_out == 1 else "pairs have a sentence"
    note = (
        f"{left_out:,} of {len(pairs):,} training {sentence} of more than {max_length:,} tokens (the longest has "
        f"{max(longest):,}) and {'was' if left_out == 1 else 'were'} left out: --max-length changes the limit."
    )
    return pairs.take(kept), (note,)
