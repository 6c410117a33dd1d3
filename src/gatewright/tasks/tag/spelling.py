"""Encode words as ids together with the ids of their letters."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from gatewright.data.encoders import most_frequent, replace_surrogates
from gatewright.support.ids import FIRST, PADDING, UNKNOWN
from gatewright.support.progress import with_progress
from gatewright.support.schema import Items, Name, Text, Whole, read_as
from gatewright.tasks.tag.settings import MAX_CHARS

# A letter that occurs once is unknown, so that the network learns a vector for unknown letters.
_MIN_LETTER_COUNT = 2
# In effect no limit: there are about a million Unicode characters.
_MAX_LETTER_IDS = 1 << 20


@dataclass(frozen=True)
class Spelling:
    """An encoder of words and their letters as ids. Id 0 is padding, 2 is unknown, and 4 is the first word or letter.

    Attributes:
        tokens: The words that have an id, in lower case, in the order of their ids.
        letters: The letters that have an id, in lower and upper case, in the order of their ids.
        read: The maximum number of letters that are encoded for a word. Letters in the middle of longer words are left
            out.
    """

    tokens: tuple[str, ...]
    letters: tuple[str, ...]
    read: int
    kind: ClassVar[str] = "spelling"

    @classmethod
    def fit(cls, sentences: Sequence[Sequence[str]], size: int, min_count: int, read: int) -> Self:
        """Learn the words and letters that get an id from training sentences.

        Args:
            sentences: The words of each sentence.
            size: Maximum number of word ids, including the reserved ids.
            min_count: Minimum number of times that a word must occur. A letter must occur twice.
            read: Maximum number of letters that are encoded for a word.

        Raises:
            InputError: `size` leaves no id for a word.
        """
        words: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        for sentence in sentences:
            for word in map(replace_surrogates, sentence):
                words[word.lower()] += 1
                letters.update(word)
        frequent_letters = most_frequent(letters, _MAX_LETTER_IDS, _MIN_LETTER_COUNT)
        return cls(most_frequent(words, size, min_count), frequent_letters, read)

    @property
    def ids(self) -> int:
        """The number of word ids, including the reserved ids."""
        return FIRST + len(self.tokens)

    @property
    def letter_ids(self) -> int:
        """The number of letter ids, including the reserved ids."""
        return FIRST + len(self.letters)

    @cached_property
    def _word_ids(self) -> dict[str, int]:
        return {word: FIRST + place for place, word in enumerate(self.tokens)}

    @cached_property
    def _letter_ids(self) -> dict[str, int]:
        return {letter: FIRST + place for place, letter in enumerate(self.letters)}

    def knows(self, word: str) -> bool:
        """Return True if the word has an id."""
        return replace_surrogates(word).lower() in self._word_ids

    def encode_word(self, word: str) -> tuple[int, list[int]]:
        """Return the id of a word, and a list of `read` letter ids, which is padded with 0 at the end."""
        word = replace_surrogates(word)
        number = self._word_ids.get(word.lower(), UNKNOWN)
        if len(word) > self.read:
            end = self.read // 2
            word = word[: self.read - end] + word[len(word) - end :]
        letters = [self._letter_ids.get(letter, UNKNOWN) for letter in word]
        return number, [*letters, *[PADDING] * (self.read - len(letters))]

    def encode(self, sentences: Sequence[Sequence[str]], time: int) -> dict[str, NDArray[np.int32]]:
        """Return word ids and letter ids, padded with 0 on the left of sentences with fewer than `time` words.

        The result is a dictionary: `words` is [sentences, time], and `chars` is [sentences, time, read].
        """
        words = np.full((len(sentences), time), PADDING, np.int32)
        chars = np.full((len(sentences), time, self.read), PADDING, np.int32)
        known: dict[str, tuple[int, list[int]]] = {}
        for row, sentence in enumerate(with_progress(sentences, "sentences encoded")):
            for step, word in enumerate(sentence, time - len(sentence)):
                if word not in known:
                    known[word] = self.encode_word(word)
                words[row, step], chars[row, step] = known[word]
        return {"words": words, "chars": chars}

    def to_json(self) -> dict[str, Any]:
        """Return the encoder as plain JSON values."""
        return {"kind": self.kind, "tokens": list(self.tokens), "letters": list(self.letters), "read": self.read}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the encoder that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` is not such an encoder. The message begins with "its".
        """
        read = read_as(_Stored, stored, "its encoder")
        return cls(read.tokens, read.letters, read.read)


@dataclass(frozen=True)
class _Stored:
    """A `Spelling` as JSON values."""

    kind: Literal["spelling"]
    tokens: Annotated[tuple[Name, ...], Items(distinct=True)]
    letters: Annotated[tuple[Annotated[str, Text(1, 1)], ...], Items(distinct=True)]
    read: Annotated[int, Whole(1, MAX_CHARS)]


def pieces(words: int, max_length: int) -> list[tuple[int, int]]:
    """Split a sentence of `words` words into pieces of at most `max_length`. Return each piece's start and end."""
    count = max(1, -(-words // max_length))
    cuts = [words * place // count for place in range(count + 1)]
    return list(pairwise(cuts))
