"""Split sentences into words and join words to sentences, for the baselines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from gatewright.data.encoders import Words
from gatewright.support.ids import FIRST
from gatewright.tasks.base.baselines import are_unspaced

_SPACED = Words((), "punctuation")
_UNSPACED = re.compile(r"[A-Za-z0-9]+|\S")


@dataclass(frozen=True)
class WordSplitter:
    """A rule that splits sentences into words and joins them again.

    Words and punctuation marks are split as by the encoder `Words`, and joined without a space before a comma or a full
    stop. In languages that are written without spaces between words, such as Chinese, each character is a word.

    Attributes:
        unspaced: True if there are no spaces between words.
    """

    unspaced: bool

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Return the rule for the language of some texts."""
        return cls(are_unspaced(texts))

    def split(self, text: str) -> list[str]:
        """Return the words and punctuation marks of a sentence."""
        return _UNSPACED.findall(text) if self.unspaced else _SPACED.pieces_of(text)

    def join(self, words: Sequence[str]) -> str:
        """Return the sentence with these words."""
        if self.unspaced:
            return "".join(words)
        add = Words(tuple(words), "punctuation").stream()
        return "".join(map(add, range(FIRST, FIRST + len(words))))
