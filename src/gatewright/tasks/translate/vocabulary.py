"""Encode sentences in two languages as ids, and decode the ids of translations."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol, Self, TypeAlias

from gatewright.data.encoders import BytePairs, Words, decode, encoder_from_json
from gatewright.support.errors import InputError
from gatewright.support.schema import Parsed, read_as

# How a space is shown in a table of tokens, as by SentencePiece (Kudo & Richardson 2018).
_SHOWN_SPACE = "▁"
# "spaces" loses less when texts are decoded, but twice as many words are unknown.
_SPLIT = "punctuation"

_TextEncoder: TypeAlias = BytePairs | Words


class _Pairs(Protocol):
    """Sentences in two languages."""

    @property
    def source(self) -> Sequence[str]: ...
    @property
    def target(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Vocabulary:
    """The encoders of the sentences to translate and of their translations.

    Byte pairs decode to the same text, apart from unpaired surrogates, which become U+FFFD. Sentences are encoded with
    a space before the first word, which decoding removes, so that a word has the same ids at the beginning of a
    sentence as inside it.

    Words and punctuation marks are joined by rules when a translation is decoded: "a T-shirt" becomes "a T - shirt", a
    quotation mark has a space on both sides, runs of spaces become one space, and unknown words become "<unk>".
    Combining marks are separated from their letters, so that words do not suit languages that need them.

    Attributes:
        source: The encoder of the sentences to translate.
        target: The encoder of their translations; the same object if both share one vocabulary.
        lower_case: If true, all sentences are lower-cased before they are encoded.
    """

    source: _TextEncoder
    target: _TextEncoder
    lower_case: bool = False

    @classmethod
    def fit(cls, pairs: _Pairs, kind: Literal["bytes", "words"], size: int, joint: bool, lower_case: bool) -> Self:
        """Return the vocabulary of the training pairs.

        Args:
            pairs: The training pairs.
            kind: "bytes" for byte-pair encoding, "words" for words and punctuation marks.
            size: The maximum number of ids of an encoder, including the reserved ids.
            joint: If true, both languages share one encoder, which is learned from both sides of the pairs.
            lower_case: See the class.

        Raises:
            ImportError: `kind` is "bytes", and tokenizers is not installed.
            InputError: `size` is too small.
        """
        source, target = ([_prepare(text, kind, lower_case) for text in side] for side in (pairs.source, pairs.target))
        if joint:
            shared = _fit(kind, source + target, size)
            return cls(shared, shared, lower_case)
        return cls(_fit(kind, source, size), _fit(kind, target, size), lower_case)

    @property
    def joint(self) -> bool:
        """True if both languages share one encoder."""
        return self.source is self.target

    def encode_source(self, text: str) -> list[int]:
        """Return the ids of a sentence to translate, without the start id."""
        return self.source.encode(self._prepared(text))

    def encode_target(self, text: str) -> list[int]:
        """Return the ids of a translation, without the start id."""
        return self.target.encode(self._prepared(text))

    def decode_target(self, ids: Iterable[int]) -> str:
        """Return the text of a translation. Padding and the start id are ignored."""
        text = decode(self.target, ids)
        return text.removeprefix(" ") if isinstance(self.target, BytePairs) else text

    def source_pieces(self, text: str) -> list[str]:
        """Return what each id of `encode_source` stands for, in which "▁" is a space.

        A character whose bytes have several ids is repeated for each of them.
        """
        return _shown(self.source.pieces_of(self._prepared(text)))

    def target_pieces(self, ids: Iterable[int]) -> list[str]:
        """Return what each id of a translation stands for, as `source_pieces` does. Reserved ids may be empty."""
        if isinstance(self.target, BytePairs):
            return _shown(self.target.written(ids))
        return [self.target.token(number) for number in ids]

    def _prepared(self, text: str) -> str:
        return _prepare(text, self.source.kind, self.lower_case)

    def to_json(self) -> dict[str, Any]:
        """Return the vocabulary as JSON values. The target of a joint vocabulary is null."""
        target = None if self.joint else self.target.to_json()
        return {"source": self.source.to_json(), "target": target, "lower_case": self.lower_case}

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Restore the vocabulary from `stored`, the result of `to_json`.

        Raises:
            InputError: `stored` is not a vocabulary. The message continues the sentence "The model file is damaged
                because ...".
        """
        read = read_as(_Stored, stored, "its vocabulary")
        target = read.source if read.target is None else read.target
        if target.kind != read.source.kind:
            raise InputError(f"its source sentences are {read.source.kind}, but its target sentences {target.kind}.")
        return cls(read.source, target, read.lower_case)


def _encoder_from_json(stored: Any) -> _TextEncoder:
    encoder = encoder_from_json(stored)
    if isinstance(encoder, BytePairs) or (isinstance(encoder, Words) and encoder.split == _SPLIT):
        return encoder
    raise InputError("its vocabulary has neither byte pairs nor words that are split at punctuation marks.")


@dataclass(frozen=True)
class _Stored:
    """A `Vocabulary` as JSON values."""

    source: Annotated[_TextEncoder, Parsed(_encoder_from_json)]
    target: Annotated[_TextEncoder, Parsed(_encoder_from_json)] | None
    lower_case: bool


def _fit(kind: str, texts: Sequence[str], size: int) -> _TextEncoder:
    return BytePairs.fit(texts, size) if kind == BytePairs.kind else Words.fit(texts, size, _SPLIT)


def _prepare(text: str, kind: str, lower_case: bool) -> str:
    """Return the text that is encoded: in lower case if wanted, and for byte pairs with a space before the first word.

    An empty text has no word, and stays empty.
    """
    text = text.lower() if lower_case else text
    return f" {text}" if kind == BytePairs.kind and text else text


def _shown(pieces: Iterable[str]) -> list[str]:
    return [piece.replace(" ", _SHOWN_SPACE) for piece in pieces]
