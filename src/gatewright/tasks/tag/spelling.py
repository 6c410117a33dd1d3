"""Words as ids, and the letters of each: what a network reads that knows words by their spelling too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.encoders import ranked, strings, told, whole
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, UNKNOWN

# A letter that occurs once is unknown, so that the network learns what an unknown letter is like.
_LEAST_LETTER = 2
# More letters than a million could never be.
_LETTERS = 1 << 20

MOST_READ = 1024
"""Letters of a word, at most."""


@dataclass(frozen=True)
class Spelling:
    """Words and their letters. Ids of both are those of `data.encoders`: 0 is padding, 2 unknown, and 4 the first.

    Attributes:
        tokens: the words that have an id, lower-cased.
        letters: the letters that have an id, with their case.
        read: letters of a word that are read; of a longer one half from its beginning and half from its end.
    """

    tokens: tuple[str, ...]
    letters: tuple[str, ...]
    read: int
    kind: ClassVar[str] = "spelling"

    @classmethod
    def fit(cls, sentences: Sequence[Sequence[str]], size: int, least: int, read: int) -> Spelling:
        """The words whose ids are below `size` and that occur `least` times, and the letters that occur twice.

        Raises:
            InputError: `size` leaves no id for a word.
        """
        words: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        for sentence in sentences:
            for word in map(whole, sentence):
                words[word.lower()] += 1
                letters.update(word)
        return cls(tuple(ranked(words, size, least)), tuple(ranked(letters, _LETTERS, _LEAST_LETTER)), read)

    @property
    def ids(self) -> int:
        """How many ids of words there are, from 0."""
        return FIRST + len(self.tokens)

    @property
    def letter_ids(self) -> int:
        """How many ids of letters there are, from 0."""
        return FIRST + len(self.letters)

    @cached_property
    def _words(self) -> dict[str, int]:
        return {word: FIRST + place for place, word in enumerate(self.tokens)}

    @cached_property
    def _letters(self) -> dict[str, int]:
        return {letter: FIRST + place for place, letter in enumerate(self.letters)}

    def word(self, word: str) -> list[int]:
        """The id of a word and those of its letters, 1 + `read` numbers, 0 where it has no more letters."""
        word = whole(word)
        number = self._words.get(word.lower(), UNKNOWN)
        if len(word) > self.read:
            end = self.read // 2
            word = word[: self.read - end] + word[len(word) - end :]
        letters = [self._letters.get(letter, UNKNOWN) for letter in word]
        return [number, *letters, *[PADDING] * (self.read - len(letters))]

    def rows(self, sentences: Sequence[Sequence[str]], time: int) -> NDArray[np.int32]:
        """Ids of words and letters, [sentences, time, 1 + read]; 0 on the left of a sentence of fewer words."""
        made = np.full((len(sentences), time, 1 + self.read), PADDING, np.int32)
        known: dict[str, list[int]] = {}
        for row, sentence in zip(made, told(sentences, "encoded"), strict=True):
            for step, word in zip(row[time - len(sentence) :], sentence, strict=True):
                if word not in known:
                    known[word] = self.word(word)
                step[:] = known[word]
        return made

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""
        return {"kind": self.kind, "tokens": list(self.tokens), "letters": list(self.letters), "read": self.read}


def pieces(words: int, length: int) -> list[tuple[int, int]]:
    """Where a sentence is cut, so that no piece has more than `length` words: beginning and end of each."""
    count = max(1, -(-words // length))
    cuts = [words * place // count for place in range(count + 1)]
    return list(pairwise(cuts))


def spelling_from_json(kept: Any) -> Spelling:
    """What `to_json` was given.

    Raises:
        InputError: this is no spelling.
    """
    if not isinstance(kept, dict) or kept.keys() != {"kind", "tokens", "letters", "read"} or kept["kind"] != "spelling":
        raise InputError("its encoder is of no known kind, or its parts do not fit.")
    letters = strings(kept["letters"])
    if not all(len(letter) == 1 for letter in letters):
        raise InputError("a letter of its encoder is more than one.")
    if type(kept["read"]) is not int or not 0 < kept["read"] <= MOST_READ:
        raise InputError(f"how many letters its encoder reads is not a whole number from 1 to {MOST_READ}.")
    return Spelling(strings(kept["tokens"]), letters, kept["read"])
