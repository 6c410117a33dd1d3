"""Texts as ids: words, characters or pairs of bytes. Fitted on training texts; a model file holds what was learnt.

Ids are alike for all: 0 is padding, 1 starts a text, 2 is whatever has no id, 3 is unused (as in Keras' movie reviews),
and tokens have theirs from 4 on, the most frequent first.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from gatewright.data.text import SPLITS, keras_words
from gatewright.support.data_progress import Progress, say
from gatewright.support.errors import InputError
from gatewright.support.ids import FIRST, PADDING, START, UNKNOWN

_UNKNOWN_SHOWN = "<unk>"
_WORD_OR_MARK = re.compile(r"\n|\w+(?:['’]\w+)*|[^\w\s]")
_NO_SPACE_BEFORE = frozenset(".,;:!?)]}%”’\n")
_NO_SPACE_AFTER = frozenset("([{“‘\n")


Text = TypeVar("Text")
Add: TypeAlias = Callable[[int | None], str]


class Encoder(Protocol):
    """How texts become ids, and ids texts."""

    kind: ClassVar[str]

    @property
    def ids(self) -> int:
        """How many ids there are, from 0."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text's tokens; half a surrogate pair is read as U+FFFD."""

    def token(self, number: int) -> str:
        """One id, as a reader may see it."""

    def stream(self) -> Add:
        """A function that is told one id after another, and at last None, and returns the text that each adds."""

    def unknown(self, text: str) -> list[str]:
        """The tokens of a text that have no id, each once."""

    def to_json(self) -> dict[str, Any]:
        """All of it, as plain JSON values."""


def whole(text: str) -> str:
    """The text with U+FFFD for every half of a surrogate pair, which no encoding has."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def ranked(counts: Counter[Any], size: int, least: int) -> list[Any]:
    """The most frequent, among equals the first seen, as many as have ids below `size`.

    Raises:
        InputError: `size` leaves no id for a token.
    """
    if size <= FIRST:
        raise InputError(
            f"the vocabulary must have more than {FIRST} ids, not {size}: the first {FIRST} are no tokens."
        )
    # Not most_common(n), which may put equals in another order.
    ranked = sorted(counts, key=counts.__getitem__, reverse=True)[: size - FIRST]
    return [token for token in ranked if counts[token] >= least]


@dataclass(frozen=True)
class _Listed:
    """An encoder of tokens from a list."""

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
        return _UNKNOWN_SHOWN if number == UNKNOWN else ""

    def _split(self, text: str) -> Iterable[str]:
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        numbers = self._numbers
        return [numbers.get(token, UNKNOWN) for token in self._split(text)]

    def unknown(self, text: str) -> list[str]:
        return list(dict.fromkeys(token for token in self._split(text) if token not in self._numbers))


@dataclass(frozen=True)
class Words(_Listed):
    """Words.

    Attributes:
        tokens: those that have an id.
        split: "keras", lower-cased, as Keras' Tokenizer splits; "spaces", what stands between spaces, with its case,
            and every line break; "punctuation", words with their case, each mark, and every line break.
    """

    split: str = "keras"
    kind: ClassVar[str] = "words"

    @classmethod
    def fit(cls, texts: Sequence[str], size: int, split: str = "keras", least: int = 1) -> Words:
        """The words of `texts` whose ids are below `size` and that occur `least` times.

        Raises:
            InputError: `size` leaves no id for a word.
        """
        counts: Counter[str] = Counter()
        for text in told(texts, "split into words"):
            counts.update(_SPLITTERS[split](whole(text)))
        return cls(tuple(ranked(counts, size, least)), split)

    def _split(self, text: str) -> Iterable[str]:
        return _SPLITTERS[self.split](whole(text))

    def stream(self) -> Add:
        before = "\n"

        def add(number: int | None) -> str:
            nonlocal before
            token = "" if number is None else self.token(number)
            if not token:
                return ""
            tight = self.split == "punctuation" and (token[0] in _NO_SPACE_BEFORE or before[-1] in _NO_SPACE_AFTER)
            space = "" if tight or token == "\n" or before == "\n" else " "
            before = token
            return space + token

        return add

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "tokens": list(self.tokens), "split": self.split}


def _spaced(text: str) -> list[str]:
    lines = text.split("\n")
    words = [[*line.split(), "\n"] for line in lines]
    words[-1].pop()
    return [word for line in words for word in line]


_SPLITTERS: dict[str, Callable[[str], Iterable[str]]] = {
    "keras": keras_words,
    "spaces": _spaced,
    "punctuation": _WORD_OR_MARK.findall,
}


@dataclass(frozen=True)
class Characters(_Listed):
    """Characters, with their case."""

    kind: ClassVar[str] = "characters"

    @classmethod
    def fit(cls, texts: Sequence[str], size: int, least: int = 1) -> Characters:
        """The characters of `texts` whose ids are below `size` and that occur `least` times.

        Raises:
            InputError: `size` leaves no id for a character.
        """
        counts: Counter[str] = Counter()
        for text in told(texts, "split into characters"):
            counts.update(whole(text))
        return cls(tuple(ranked(counts, size, least)))

    def _split(self, text: str) -> Iterable[str]:
        return whole(text)

    def stream(self) -> Add:
        return lambda number: "" if number is None else self.token(number)

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "tokens": list(self.tokens)}


@dataclass(frozen=True)
class BytePairs:
    """Byte-level byte-pair encoding: Sennrich, Haddow & Birch 2016, "Neural Machine Translation of Rare Words with
    Subword Units", section 3.2, over bytes as in Radford et al. 2019, section 2.2. Every text has ids.

    Attributes:
        pieces: the vocabulary, in the order of its ids; bytes are written as in GPT-2.
        merges: pairs of pieces, the first merged first.
    """

    pieces: tuple[str, ...]
    merges: tuple[tuple[str, str], ...]
    _tokenizer: Any = field(repr=False, compare=False)
    kind: ClassVar[str] = "bytes"

    @classmethod
    def fit(cls, texts: Sequence[str], size: int) -> BytePairs:
        """Pieces whose ids are below `size`: every byte, and the pairs that occur most in `texts`.

        Raises:
            InputError: `size` leaves no id for each byte.
        """
        import json

        from tokenizers import trainers

        if size < FIRST + 256:
            raise InputError(f"the vocabulary of pairs of bytes must have at least {FIRST + 256} ids, not {size}.")
        made = _pipeline([], [])
        trainer = trainers.BpeTrainer(
            vocab_size=size - FIRST, show_progress=False, initial_alphabet=_byte_letters(), min_frequency=2
        )
        made.train_from_iterator(map(whole, told(texts, "read for pairs of bytes")), trainer)
        learnt = json.loads(made.to_str())["model"]
        pieces = tuple(sorted(learnt["vocab"], key=learnt["vocab"].__getitem__))
        return cls._made(pieces, tuple((one, other) for one, other in learnt["merges"]))

    @classmethod
    def _made(cls, pieces: tuple[str, ...], merges: tuple[tuple[str, str], ...]) -> BytePairs:
        return cls(pieces, merges, _pipeline(pieces, merges))

    @property
    def ids(self) -> int:
        return FIRST + len(self.pieces)

    def encode(self, text: str) -> list[int]:
        return [FIRST + number for number in self._tokenizer.encode(whole(text)).ids]

    def _bytes(self, number: int) -> bytes:
        letters = _byte_letters()
        return bytes(letters.index(letter) for letter in self.pieces[number - FIRST]) if number >= FIRST else b""

    def token(self, number: int) -> str:
        return self._bytes(number).decode("utf-8", "replace")

    def characters(self, number: int) -> int:
        """How many characters begin in a piece."""
        return sum(byte & 0xC0 != 0x80 for byte in self._bytes(number))

    def stream(self) -> Add:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return lambda number: decoder.decode(b"", True) if number is None else decoder.decode(self._bytes(number))

    def unknown(self, text: str) -> list[str]:
        return []

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "pieces": list(self.pieces), "merges": [list(pair) for pair in self.merges]}


@cache
def _byte_letters() -> list[str]:
    """The letter by which GPT-2 writes each byte: itself if it can be seen, else one from U+0100 on."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in seen else chr(next(others)) for byte in range(256)]


def _pipeline(pieces: Sequence[str], merges: Sequence[tuple[str, str]]) -> Any:
    """Its parts are chosen here, and none comes from a file: a hostile regular expression could hang."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    made = Tokenizer(models.BPE(vocabulary, list(merges)) if pieces else models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return made


def told(texts: Sequence[Text], what: str) -> Iterator[Text]:
    """The texts; says now and then how many are done."""
    progress = Progress()
    for done, text in enumerate(texts, 1):
        yield text
        if progress.due():
            say(f"{done:,} of {len(texts):,} texts are {what}.")


def decode(encoder: Encoder, numbers: Iterable[int]) -> str:
    """The text of ids."""
    add = encoder.stream()
    return "".join(map(add, numbers)) + add(None)


def pad(rows: Sequence[Sequence[int]], length: int) -> NDArray[np.int32]:
    """The last `length` ids of each row, [rows, length]; a shorter one begins with START, and has 0 on the left.

    As `keras.datasets.imdb.load_data` and `pad_sequences(maxlen=length)` do it.

    Raises:
        InputError: `length` is below 1.
    """
    if length < 1:
        raise InputError(f"a text's length must be 1 or more, not {length}.")
    padded = np.full((len(rows), length), PADDING, np.int32)
    for line, row in zip(padded, rows, strict=True):
        start = length - len(row)
        if start > 0:
            line[start - 1] = START
        if row:
            line[max(start, 0) :] = row[-length:]
    return padded


def encode_all(encoder: Encoder, texts: Sequence[str], length: int) -> NDArray[np.int32]:
    """Ids of the last `length` tokens of each text: see `pad`."""
    return pad([encoder.encode(text)[-length:] for text in told(texts, "encoded")], length)


def encoder_from_json(kept: Any) -> Encoder:
    """What `to_json` was given.

    Raises:
        InputError: this is no encoder.
    """
    kind = kept.get("kind") if isinstance(kept, dict) else None
    if kind == "words" and kept.keys() == {"kind", "tokens", "split"} and kept["split"] in SPLITS:
        return Words(strings(kept["tokens"]), kept["split"])
    if kind == "characters" and kept.keys() == {"kind", "tokens"}:
        tokens = strings(kept["tokens"])
        if all(len(token) == 1 for token in tokens):
            return Characters(tokens)
    if kind == "bytes" and kept.keys() == {"kind", "pieces", "merges"}:
        return _pairs_from_json(strings(kept["pieces"]), kept["merges"])
    raise InputError("its encoder is of no known kind, or its parts do not fit.")


def strings(values: Any) -> tuple[str, ...]:
    """A list of tokens as a model file has it: texts, none of them empty or twice.

    Raises:
        InputError: it is something else.
    """
    if not isinstance(values, list) or not all(isinstance(value, str) and value for value in values):
        raise InputError("the tokens of its encoder are not a list of texts.")
    if len(set(values)) != len(values):
        raise InputError("a token of its encoder occurs twice.")
    return tuple(values)


def _pairs_from_json(pieces: tuple[str, ...], merges: Any) -> BytePairs:
    known, letters = set(pieces), _byte_letters()
    if not isinstance(merges, list) or not set(letters) <= known or any(set(piece) - set(letters) for piece in pieces):
        raise InputError("the pieces of its encoder are not made of bytes, or a byte is missing.")
    for pair in merges:
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise InputError("a merge of its encoder is not a pair of pieces.")
        if pair[0] not in known or pair[1] not in known or pair[0] + pair[1] not in known:
            raise InputError("a merge of its encoder is of pieces that it has not.")
    return BytePairs._made(pieces, tuple((one, other) for one, other in merges))
