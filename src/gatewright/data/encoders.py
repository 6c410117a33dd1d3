"""Encode texts as lists of ids. Each id stands for a token: a word, a character or a sequence of bytes.

An encoder learns its vocabulary from the training texts and is saved in the model file.

All encoders use the same reserved ids: 0 is padding, 1 starts a text, 2 stands for unknown tokens and 3 is unused, as
in Keras' movie reviews. Tokens have the ids from 4 on, the most frequent first.
"""

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, ClassVar, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gatewright.data.byte_pairs import WordEncoder, byte_symbols, split_words
from gatewright.data.text import SPLITS, keras_words
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START, UNKNOWN
from gatewright.support.packages import require_packages
from gatewright.support.progress import with_progress

_UNKNOWN_TEXT = "<unk>"
_WORD_OR_MARK = re.compile(r"\n|\w+(?:['’]\w+)*|[^\w\s]")
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}%”’\n")
_NO_SPACE_AFTER = frozenset("([{“‘\n")

Add: TypeAlias = Callable[[int | None], str]
"""A function that decodes a text step by step. Call it with each id, then with None at the end of the text. Each call
returns the characters to append to the text."""


class Encoder(Protocol):
    """The interface of encoders, which convert texts to ids and ids to texts.

    Attributes:
        kind: The name that identifies the encoder class in a model file.
    """

    kind: ClassVar[str]

    @property
    def ids(self) -> int:
        """The number of different ids, including the reserved ids."""

    def encode(self, text: str) -> list[int]:
        """Return the ids of the tokens of a text. Each unpaired surrogate is replaced with U+FFFD."""

    def pieces_of(self, text: str) -> list[str]:
        """Return the tokens of a text as the text writes them, one for each id of `encode`."""

    def token(self, number: int) -> str:
        """Return the token with the id `number`, as it is shown to users."""

    def stream(self) -> Add:
        """Return a function that decodes the ids of one text step by step; see `Add`."""

    def unknown(self, text: str) -> list[str]:
        """Return the distinct tokens of a text that are not in the vocabulary."""

    def to_json(self) -> dict[str, Any]:
        """Return the encoder as a dict of JSON values. `encoder_from_json` restores the encoder from this dict."""


def replace_surrogates(text: str) -> str:
    """Return the text with each unpaired surrogate, which cannot be encoded as UTF-8, replaced with U+FFFD."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def most_frequent(counts: Counter[str], size: int, min_count: int) -> tuple[str, ...]:
    """Return the tokens for a vocabulary of at most `size` ids, the most frequent token first.

    Equally frequent tokens are in the order of their first occurrence.

    Args:
        counts: The number of occurrences of each token.
        size: The maximum number of ids, including the reserved ids.
        min_count: Tokens that occur less often are left out.

    Raises:
        InputError: `size` is not larger than the number of reserved ids.
    """
    if size <= FIRST:
        raise InputError(f"The vocabulary must have more than {FIRST} ids, not {size}. The first {FIRST} are reserved.")
    # most_common(n) may order equally frequent tokens differently.
    ranked = sorted(counts, key=counts.__getitem__, reverse=True)[: size - FIRST]
    return tuple(token for token in ranked if counts[token] >= min_count)


@dataclass(frozen=True)
class _TokenList:
    """Base class of encoders whose vocabulary is a list of tokens.

    The id of a token is its index plus the number of reserved ids.
    """

    tokens: tuple[str, ...]

    @property
    def ids(self) -> int:
        return FIRST + len(self.tokens)

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: FIRST + place for place, token in enumerate(self.tokens)}

    def token(self, number: int) -> str:
        if number >= FIRST:
            return self.tokens[number - FIRST]
        return _UNKNOWN_TEXT if number == UNKNOWN else ""

    def _split(self, text: str) -> Iterable[str]:
        raise NotImplementedError

    def pieces_of(self, text: str) -> list[str]:
        return list(self._split(text))

    def encode(self, text: str) -> list[int]:
        return [self._numbers.get(token, UNKNOWN) for token in self._split(text)]

    def unknown(self, text: str) -> list[str]:
        return list(dict.fromkeys(token for token in self._split(text) if token not in self._numbers))


@dataclass(frozen=True)
class Words(_TokenList):
    """An encoder whose tokens are words.

    Attributes:
        tokens: The words of the vocabulary.
        split: How texts are split into words. "keras" lower-cases texts and splits them as Keras' Tokenizer does.
            "spaces" splits at white space. "punctuation" also separates punctuation marks from words. With "spaces"
            and "punctuation", each line break is a token.
    """

    split: str = "keras"
    kind: ClassVar[str] = "words"

    @classmethod
    def fit(cls, texts: Sequence[str], size: int, split: str = "keras", min_count: int = 1) -> Self:
        """Return an encoder whose vocabulary is the most frequent words of `texts`.

        Words that occur less than `min_count` times are left out. `size` is the maximum number of ids, including the
        reserved ids. `split` is described in the class.

        Raises:
            InputError: `size` is not larger than the number of reserved ids.
        """
        counts: Counter[str] = Counter()
        for text in with_progress(texts, "texts split into words"):
            counts.update(_SPLITTERS[split](replace_surrogates(text)))
        return cls(most_frequent(counts, size, min_count), split)

    def _split(self, text: str) -> Iterable[str]:
        return _SPLITTERS[self.split](replace_surrogates(text))

    def stream(self) -> Add:
        previous = "\n"

        def add(number: int | None) -> str:
            nonlocal previous
            token = "" if number is None else self.token(number)
            if not token:
                return ""
            tight = self.split == "punctuation" and (token[0] in _NO_SPACE_BEFORE or previous[-1] in _NO_SPACE_AFTER)
            space = "" if tight or token == "\n" or previous == "\n" else " "
            previous = token
            return space + token

        return add

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "tokens": list(self.tokens), "split": self.split}


def _split_at_spaces(text: str) -> list[str]:
    lines = text.split("\n")
    words = [[*line.split(), "\n"] for line in lines]
    words[-1].pop()
    return [word for line in words for word in line]


_SPLITTERS: dict[str, Callable[[str], Iterable[str]]] = {
    "keras": keras_words,
    "spaces": _split_at_spaces,
    "punctuation": _WORD_OR_MARK.findall,
}


@dataclass(frozen=True)
class Characters(_TokenList):
    """An encoder whose tokens are characters."""

    kind: ClassVar[str] = "characters"

    @classmethod
    def fit(cls, texts: Sequence[str], size: int, min_count: int = 1) -> Self:
        """Return an encoder whose vocabulary is the most frequent characters of `texts`.

        Characters that occur less than `min_count` times are left out. `size` is the maximum number of ids, including
        the reserved ids.

        Raises:
            InputError: `size` is not larger than the number of reserved ids.
        """
        counts: Counter[str] = Counter()
        for text in with_progress(texts, "texts split into characters"):
            counts.update(replace_surrogates(text))
        return cls(most_frequent(counts, size, min_count))

    def _split(self, text: str) -> Iterable[str]:
        return replace_surrogates(text)

    def stream(self) -> Add:
        return lambda number: "" if number is None else self.token(number)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "tokens": list(self.tokens)}


@dataclass(frozen=True)
class BytePairs:
    """An encoder whose tokens are sequences of bytes (byte-level byte-pair encoding). It can encode every text.

    The method is from Sennrich, Haddow & Birch 2016, "Neural Machine Translation of Rare Words with Subword Units",
    section 3.2. It is applied to bytes instead of characters, as in Radford et al. 2019 (GPT-2), section 2.2.

    Attributes:
        pieces: The tokens of the vocabulary in the order of their ids. Each byte is written as a character, as in
            GPT-2.
        merges: The pairs of adjacent tokens that are merged into one token, in the order in which they are merged.
    """

    pieces: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]
    kind: ClassVar[str] = "bytes"

    @classmethod
    def fit(cls, texts: Sequence[str], size: int) -> Self:
        """Return an encoder whose vocabulary is all 256 bytes and the tokens merged from frequent pairs in `texts`.

        `size` is the maximum number of ids, including the reserved ids.

        Raises:
            InputError: `size` is too small for the reserved ids and all bytes.
        """
        require_packages("Learning a byte-pair vocabulary", ("tokenizers",))
        import json

        from tokenizers import Tokenizer, models, pre_tokenizers, trainers

        if size < FIRST + 256:
            raise InputError(f"A byte-pair vocabulary must have at least {FIRST + 256} ids, not {size}.")
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = trainers.BpeTrainer(
            vocab_size=size - FIRST, show_progress=False, initial_alphabet=list(byte_symbols()), min_frequency=2
        )
        texts_read = with_progress(texts, "texts read for byte-pair encoding")
        tokenizer.train_from_iterator(map(replace_surrogates, texts_read), trainer)
        learned = json.loads(tokenizer.to_str())["model"]
        pieces = tuple(sorted(learned["vocab"], key=learned["vocab"].__getitem__))
        return cls(pieces, tuple((first, second) for first, second in learned["merges"]))

    @cached_property
    def _words(self) -> WordEncoder:
        return WordEncoder(self.pieces, self.merges)

    @property
    def ids(self) -> int:
        return FIRST + len(self.pieces)

    def encode(self, text: str) -> list[int]:
        return self._words.encode(split_words(replace_surrogates(text)))

    def pieces_of(self, text: str) -> list[str]:
        return self.written(self.encode(text))

    def written(self, numbers: Iterable[int]) -> list[str]:
        """Return the characters that each of these ids of one text stands for.

        If the bytes of a character have several ids, each of them stands for the whole character. Bytes that are not
        UTF-8 are written as U+FFFD.
        """
        parts = [self._bytes(number) for number in numbers]
        text = b"".join(parts).decode("utf-8", "surrogateescape")
        of_byte = [place for place, one in enumerate(text) for _ in one.encode("utf-8", "surrogateescape")]
        ends = accumulate(map(len, parts))
        return [
            replace_surrogates(text[of_byte[end - len(part)] : of_byte[end - 1] + 1]) if part else ""
            for part, end in zip(parts, ends, strict=True)
        ]

    @cached_property
    def _piece_bytes(self) -> tuple[bytes, ...]:
        byte_of = {symbol: byte for byte, symbol in enumerate(byte_symbols())}
        return tuple(bytes(byte_of[symbol] for symbol in piece) for piece in self.pieces)

    def _bytes(self, number: int) -> bytes:
        return self._piece_bytes[number - FIRST] if number >= FIRST else b""

    def token(self, number: int) -> str:
        return self._bytes(number).decode("utf-8", "replace")

    def characters(self, number: int) -> int:
        """Return the number of characters that start (have their first byte) in the token with the id `number`."""
        return sum(byte & 0xC0 != 0x80 for byte in self._bytes(number))

    def stream(self) -> Add:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return lambda number: decoder.decode(b"", True) if number is None else decoder.decode(self._bytes(number))

    def unknown(self, text: str) -> list[str]:
        return []

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "pieces": list(self.pieces), "merges": [list(pair) for pair in self.merges]}


def decode(encoder: Encoder, numbers: Iterable[int]) -> str:
    """Return the text that `encoder` decodes from the ids `numbers`."""
    add = encoder.stream()
    return "".join(map(add, numbers)) + add(None)


def pad(texts: Sequence[Sequence[int]], max_length: int) -> NDArray[np.int32]:
    """Return an array of the last `max_length` ids of each text, [texts, max_length].

    Each text is preceded by the start id, 1, before it is cut. Shorter texts are padded with 0 on the left. The result
    is the same as from `keras.datasets.imdb.load_data` and `pad_sequences(maxlen=max_length)`.

    Args:
        texts: The ids of each text, without the start id.
        max_length: The number of ids of each text in the result.

    Raises:
        InputError: `max_length` is below 1.
    """
    if max_length < 1:
        raise InputError(f"The maximum length of texts must be 1 or more, not {max_length}.")
    padded = np.full((len(texts), max_length), PADDING, np.int32)
    for row, ids in zip(padded, texts, strict=True):
        start = max_length - len(ids)
        if start > 0:
            row[start - 1] = START
        if ids:
            row[max(start, 0) :] = ids[-max_length:]
    return padded


def encode_all(encoder: Encoder, texts: Sequence[str], max_length: int) -> NDArray[np.int32]:
    """Encode texts, and pad them to the longest one as `pad` does. Return their ids, [texts, time].

    Args:
        encoder: The encoder.
        texts: The texts.
        max_length: The largest number of ids of a text in the result. Of a longer text, the last ids are kept.

    Raises:
        InputError: `max_length` is below 1.
    """
    ids = [encoder.encode(text)[-max_length:] for text in with_progress(texts, "texts encoded")]
    return pad(ids, min(max_length, 1 + max(map(len, ids), default=0)))


def encoder_from_json(saved: Any) -> Encoder:
    """Restore an encoder from `saved`, the result of `to_json`.

    Raises:
        InputError: `saved` does not describe an encoder. The message continues the sentence "The model file is damaged
            because ...".
    """
    kind = saved.get("kind") if isinstance(saved, dict) else None
    if kind == "words" and saved.keys() == {"kind", "tokens", "split"} and saved["split"] in SPLITS:
        return Words(tokens_from_json(saved["tokens"]), saved["split"])
    if kind == "characters" and saved.keys() == {"kind", "tokens"}:
        tokens = tokens_from_json(saved["tokens"])
        if all(len(token) == 1 for token in tokens):
            return Characters(tokens)
    if kind == "bytes" and saved.keys() == {"kind", "pieces", "merges"}:
        return _byte_pairs_from_json(tokens_from_json(saved["pieces"]), saved["merges"])
    raise InputError("its encoder has an unknown kind or unexpected fields.")


def tokens_from_json(values: Any) -> tuple[str, ...]:
    """Return the tokens of an encoder, read from a model file as `values`.

    Raises:
        InputError: `values` is not a list of distinct, non-empty strings. The message continues the sentence
            "The model file is damaged because ...".
    """
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise InputError("the tokens of its encoder are not a list of strings.")
    if len(set(values)) != len(values):
        raise InputError("a token of its encoder occurs twice.")
    return tuple(values)


def _byte_pairs_from_json(pieces: tuple[str, ...], merges: Any) -> BytePairs:
    known, symbols = set(pieces), set(byte_symbols())
    if not isinstance(merges, list) or not symbols <= known or any(set(piece) - symbols for piece in pieces):
        raise InputError("the vocabulary of its encoder lacks a byte, or has a token that is not made of bytes.")
    for pair in merges:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(piece, str) for piece in pair):
            raise InputError("a merge of its encoder is not a pair of tokens.")
        if pair[0] not in known or pair[1] not in known or pair[0] + pair[1] not in known:
            raise InputError("a merge of its encoder uses a token that is missing from its vocabulary.")
    found = tuple((first, second) for first, second in merges)
    if len(set(found)) < len(found):
        raise InputError("a merge of its encoder occurs twice.")
    return BytePairs(pieces, found)
