"""Texts as rows of word ids, as Keras encodes its movie reviews."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewright.data.progress import Progress, say
from gatewright.errors import InputError

PADDING, START, UNKNOWN = 0, 1, 2
# The most frequent word's id. Keras adds 3 to ranks that begin at 1, so that 3 is never used.
FIRST_WORD = 4

# What Keras' Tokenizer takes for a gap between words. It is all ASCII, so text can be split as UTF-8 bytes,
# several times as fast.
_GAPS = b'!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_TO_SPACE = bytes.maketrans(_GAPS, b" " * len(_GAPS))


@dataclass(frozen=True)
class Vocabulary:
    """The words that have an id.

    Attributes:
        words: the most frequent first, among equals the first seen; that of index i has the id i + 4.
        size: ids are below it.
    """

    words: tuple[str, ...]
    size: int

    @classmethod
    def fit(cls, texts: Sequence[str], size: int) -> "Vocabulary":
        """The words of `texts` whose ids are below `size`.

        Raises:
            InputError: `size` leaves no id for a word.
        """
        if size <= FIRST_WORD:
            raise InputError(
                f"the vocabulary must have more than {FIRST_WORD} ids, not {size}: "
                f"the first {FIRST_WORD} are not words."
            )
        counts: Counter[bytes] = Counter()
        for words in split_words(texts, 0, len(texts)):
            counts.update(words)
        # Not most_common(n), which may put equals in another order.
        ranked = sorted(counts, key=counts.__getitem__, reverse=True)[: size - FIRST_WORD]
        return cls(tuple(word.decode() for word in ranked), size)

    @property
    def ids(self) -> int:
        """How many ids there are, from 0; below `size` where the texts had fewer words."""
        return FIRST_WORD + len(self.words)

    def encode(self, texts: Sequence[str], length: int) -> NDArray[np.int32]:
        """Ids of the last `length` tokens, [texts, length]; shorter texts have 0 on the left.

        As `keras.datasets.imdb.load_data(num_words=size)` and `pad_sequences(maxlen=length)`: every text starts with
        the token 1, and a word whose id would not be below `size` is 2. So is a word that the fitted texts lack,
        where Keras' own file leaves such words of its test reviews out.

        Raises:
            InputError: `length` is below 1.
        """
        if length < 1:
            raise InputError(f"a text's length must be 1 or more, not {length}.")
        ids = {word.encode(): FIRST_WORD + index for index, word in enumerate(self.words)}
        encoded = np.full((len(texts), length), PADDING, np.int32)
        for row, words in zip(encoded, split_words(texts, 0, len(texts)), strict=True):
            start = length - len(words)
            if start > 0:
                row[start - 1] = START
            if words:
                row[max(start, 0) :] = [ids.get(word, UNKNOWN) for word in words[-length:]]
        return encoded


def split_words(texts: Sequence[str], done: int, total: int) -> Iterator[list[bytes]]:
    """The words of each text, in UTF-8, as Keras' Tokenizer splits them; says how many are `done` of `total`."""
    progress = Progress()
    for text in texts:
        yield [word for word in text.lower().encode().translate(_TO_SPACE).split(b" ") if word]
        done += 1
        if progress.due():
            say(f"{done:,} of {total:,} texts are split into words.")
