"""The symbols of transcripts: characters, words or byte pairs, which are the outputs of the network after the blank."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Self, TypeAlias

from gatewright.data.encoders import BytePairs, Characters, Words, decode, encoder_from_json
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST
from gatewright.support.schema import Parsed, read_as

# Symbol 1 is the first token of the encoder; 0 is the blank.
_SHIFT = FIRST - 1
_SPLIT = "spaces"
BYTES = 256
"""The smallest number of symbols of an alphabet of byte pairs."""
_DEFAULT_SIZES = {"characters": 5_000, "words": 5_000, "bytes": 500}
_Encoder: TypeAlias = Characters | Words | BytePairs


@dataclass(frozen=True)
class Alphabet:
    """The symbols that transcripts consist of, learned from the training transcripts.

    Transcripts are normalized first: to Unicode's NFC, in which a letter with its accents is one character where there
    is one, with a single space between words, and in lower case if wanted.

    Attributes:
        encoder: The encoder of normalized transcripts.
        lower_case: If true, transcripts are lower-cased.
    """

    encoder: _Encoder
    lower_case: bool = False

    @classmethod
    def fit(
        cls, texts: Sequence[str], kind: Literal["characters", "words", "bytes"], size: int | None, lower_case: bool
    ) -> Self:
        """Return the alphabet of the training transcripts.

        Args:
            texts: The transcripts as they were read.
            kind: The kind of symbols: "characters", "words" (between spaces) or "bytes" (byte-pair encoding).
            size: The maximum number of symbols. None for 5,000 characters or words, or 500 byte pairs.
            lower_case: See the class.

        Raises:
            ImportError: `kind` is "bytes", and tokenizers is not installed.
            InputError: `size` is less than `BYTES` although `kind` is "bytes".
        """
        normalized = [normalize(text, lower_case) for text in texts]
        ids = FIRST + (size or _DEFAULT_SIZES[kind])
        if kind == BytePairs.kind:
            return cls(BytePairs.fit([_spaced(text) for text in normalized], ids), lower_case)
        encoder = Words.fit(normalized, ids, _SPLIT) if kind == Words.kind else Characters.fit(normalized, ids)
        return cls(encoder, lower_case)

    @property
    def symbols(self) -> int:
        """The number of symbols without the blank."""
        return self.encoder.ids - FIRST

    def normalized(self, text: str) -> str:
        """Return a transcript in the form that the network learns and that errors are counted in."""
        return normalize(text, self.lower_case)

    def encode(self, text: str) -> list[int]:
        """Return the symbols of a transcript, from 1 on. Unknown ones are left out."""
        return self._encoded(self.normalized(text))

    def decode(self, symbols: Sequence[int]) -> str:
        """Return the transcript of symbols, normalized."""
        text = decode(self.encoder, [symbol + _SHIFT for symbol in symbols])
        return " ".join(text.split())

    def spell(self, word: str) -> tuple[int, ...] | None:
        """Return the symbols of a word inside a transcript, or None if one of them is unknown.

        The space before the word belongs to its first symbol, except for characters, where it is a symbol of its own
        that is left out here.
        """
        symbols = self._encoded(word)
        return tuple(symbols) if symbols and not self.unknown(word) else None

    def unknown(self, text: str) -> list[str]:
        """Return the distinct characters or words of a transcript that have no symbol."""
        return self.encoder.unknown(self.normalized(text))

    @cached_property
    def pieces(self) -> tuple[str, ...]:
        """The text of each output of the network: that of the blank is empty, and a space separates words."""
        space = " " * isinstance(self.encoder, Words)
        return ("", *(space + self.encoder.token(number) for number in range(FIRST, self.encoder.ids)))

    def _encoded(self, text: str) -> list[int]:
        ids = self.encoder.encode(_spaced(text) if isinstance(self.encoder, BytePairs) else text)
        return [number - _SHIFT for number in ids if number >= FIRST]

    def to_json(self) -> dict[str, Any]:
        """Return the alphabet as JSON values."""
        return {"encoder": self.encoder.to_json(), "lower_case": self.lower_case}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return the alphabet that `to_json` converted to `stored`.

        Raises:
            InputError: `stored` is something else. The message begins with "its".
        """
        read = read_as(_Stored, stored, "its alphabet")
        return cls(read.encoder, read.lower_case)


def _encoder_from_json(stored: Any) -> _Encoder:
    encoder = encoder_from_json(stored)
    if isinstance(encoder, Words) and encoder.split != _SPLIT:
        raise InputError("its alphabet has words that are not split at spaces.")
    if encoder.ids <= FIRST or not isinstance(encoder, Characters | Words | BytePairs):
        raise InputError("its alphabet has no symbols.")
    return encoder


@dataclass(frozen=True)
class _Stored:
    """An `Alphabet` as JSON values."""

    encoder: Annotated[_Encoder, Parsed(_encoder_from_json)]
    lower_case: bool


def normalize(text: str, lower_case: bool) -> str:
    """Return a transcript in NFC, with single spaces between words, and in lower case if wanted."""
    text = " ".join(unicodedata.normalize("NFC", text).split())
    return text.lower() if lower_case else text


def _spaced(text: str) -> str:
    """Return the text with a space before its first word, so that a word has the same byte pairs everywhere."""
    return f" {text}" if text else text
