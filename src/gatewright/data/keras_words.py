"""Encode texts as Keras' own preprocessing does: with a word index, a `Tokenizer` or a `TextVectorization` layer.

Unlike the encoders of `gatewright.data.encoders`, these have the ids of the network that they were made for. 0 is
padding, and each encoder says which id, if any, starts a text or stands for unknown words.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Annotated, Any, ClassVar, TypeAlias

from gatewright.data.encoders import Add, replace_surrogates
from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING
from gatewright.support.schema import Count, Items, Size, Text, read_as

TOKENIZER_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
"""The characters that Keras' `Tokenizer` replaces by a space, unless told otherwise."""
STANDARDIZE = ("lower_and_strip_punctuation", "lower", "strip_punctuation", "none")
SPLIT = ("whitespace", "character", "none")
"""The values of the arguments `standardize` and `split` of `TextVectorization`. "none" stands for None."""

_UNKNOWN_TEXT = "<unk>"
_PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
_TOKENS = Items(high=1 << 24)


class _Words:
    """The base class of the encoders of this module.

    Attributes:
        unknown_id: The id of words that are not in the index. None if they are left out.
        start_id: The id before the words of each text, or None.
        separator: The text between words that are decoded.
    """

    @property
    def unknown_id(self) -> int | None:
        raise NotImplementedError

    @property
    def start_id(self) -> int | None:
        raise NotImplementedError

    @property
    def separator(self) -> str:
        raise NotImplementedError

    @property
    def index(self) -> Mapping[str, int]:
        """The id of each word."""
        raise NotImplementedError

    def words_of(self, text: str) -> list[str]:
        """Return the words of a text, in the form that they have in the index."""
        raise NotImplementedError

    def splitting(self) -> dict[str, Any]:
        """Return the attributes that say how texts are split into words, by name."""
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """Return the ids of the words of a text, without the id that starts a text."""
        index, unknown = self.index, self.unknown_id
        found = (index.get(word, unknown) for word in self.words_of(text))
        return [number for number in found if number is not None]

    def pieces_of(self, text: str) -> list[str]:
        """Return the words of a text, one for each id of `encode`."""
        words = self.words_of(text)
        return words if self.unknown_id is not None else [word for word in words if word in self.index]

    def token(self, number: int) -> str:
        """Return the word with this id, as it is shown to users."""
        if number in (PADDING, self.start_id):
            return ""
        return self._words.get(number, _UNKNOWN_TEXT if number == self.unknown_id else "")

    @cached_property
    def _words(self) -> dict[int, str]:
        return {number: word for word, number in self.index.items()}

    def unknown(self, text: str) -> list[str]:
        """Return the distinct words of a text that are not in the index."""
        return list(dict.fromkeys(word for word in self.words_of(text) if word not in self.index))

    def stream(self) -> Add:
        """Return a function that decodes the ids of one text step by step."""
        begun = False

        def add(number: int | None) -> str:
            nonlocal begun
            word = "" if number is None else self.token(number)
            text = self.separator + word if begun and word else word
            begun = begun or bool(word)
            return text

        return add


@dataclass(frozen=True)
class KerasWords(_Words):
    """An encoder with a word index, such as that of Keras' `Tokenizer` or of `keras.datasets.imdb`.

    It splits texts as `Tokenizer` does.

    Attributes:
        words: The id of each word, from 1 to size - 1.
        size: The number of different ids.
        unknown_id: The id of words that are not in the index. None if they are left out.
        start_id: The id before the words of each text, or None.
        filters: The characters at which words end.
        lower: Convert texts to lower case.
        split: The text at which words end, besides `filters`.
        characters: The tokens are characters, and `filters` and `split` are not used.
    """

    words: Annotated[Mapping[str, Count], _TOKENS]
    size: Size
    unknown_id: Size | None = None
    start_id: Size | None = None
    filters: str = TOKENIZER_FILTERS
    lower: bool = True
    split: Annotated[str, Text(1)] = " "
    characters: bool = False
    kind: ClassVar[str] = "keras_words"

    def __post_init__(self) -> None:
        if any(
            not 0 <= number < self.size for number in (*self.words.values(), self.unknown_id or 0, self.start_id or 0)
        ):
            raise InputError("a word has an id that is not below its number of ids.")

    @property
    def index(self) -> Mapping[str, int]:
        return self.words

    @property
    def ids(self) -> int:
        """The number of different ids."""
        return self.size

    @property
    def separator(self) -> str:
        return "" if self.characters else self.split

    @property
    def is_plain(self) -> bool:
        """True if texts are split as `data.text.keras_words` splits them."""
        return (self.filters, self.lower, self.split, self.characters) == (TOKENIZER_FILTERS, True, " ", False)

    def words_of(self, text: str) -> list[str]:
        if self.lower:
            text = text.lower()
        if self.characters:
            return list(text)
        return [word for word in text.translate(self._gaps).split(self.split) if word]

    def splitting(self) -> dict[str, Any]:
        return {
            "filters": self.filters,
            "lower": self.lower,
            "split": self.split,
            "characters": self.characters,
        }

    @cached_property
    def _gaps(self) -> dict[int, str]:
        return {ord(character): self.split for character in self.filters}

    def to_json(self) -> dict[str, Any]:
        """Return the encoder as JSON values."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind, **values, "words": dict(self.words)}


@dataclass(frozen=True)
class KerasVocabulary(_Words):
    """An encoder with the vocabulary of a `TextVectorization` layer. Id 1 stands for unknown tokens.

    Like the layer, it works on bytes in UTF-8: only the letters A to Z become lower case, and only white space in ASCII
    separates tokens.

    Attributes:
        tokens: The tokens with the ids from 2 on.
        size: The number of different ids.
        standardize, split: One of STANDARDIZE and one of SPLIT.
    """

    tokens: Annotated[tuple[str, ...], _TOKENS]
    size: Size
    standardize: Annotated[str, Text(choices=STANDARDIZE)] = STANDARDIZE[0]
    split: Annotated[str, Text(choices=SPLIT)] = SPLIT[0]
    kind: ClassVar[str] = "keras_vocabulary"

    def __post_init__(self) -> None:
        if len(self.tokens) > self.size - 2:
            raise InputError("a token has an id that is not below its number of ids.")

    @property
    def ids(self) -> int:
        """The number of different ids."""
        return self.size

    @property
    def unknown_id(self) -> int | None:
        return 1

    @property
    def start_id(self) -> int | None:
        return None

    @property
    def index(self) -> Mapping[str, int]:
        return self._numbers

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {token: number for number, token in enumerate(self.tokens, 2)}

    @property
    def separator(self) -> str:
        return "" if self.split == "character" else " "

    def words_of(self, text: str) -> list[str]:
        raw = replace_surrogates(text).encode()
        if "strip" in self.standardize:
            raw = raw.translate(None, _PUNCTUATION)
        if "lower" in self.standardize:
            raw = raw.lower()
        if self.split == "whitespace":
            return [word.decode() for word in raw.split()]
        return list(raw.decode()) if self.split == "character" else [raw.decode()]

    def splitting(self) -> dict[str, Any]:
        return {"standardize": self.standardize, "split": self.split}

    def to_json(self) -> dict[str, Any]:
        """Return the encoder as JSON values."""
        return {
            "kind": self.kind,
            "tokens": list(self.tokens),
            "size": self.size,
            "standardize": self.standardize,
            "split": self.split,
        }


KerasEncoder: TypeAlias = KerasWords | KerasVocabulary


def keras_encoder_from_json(stored: Any) -> KerasEncoder:
    """Restore an encoder from `stored`, the result of `to_json`.

    Raises:
        InputError: `stored` does not describe an encoder. The message begins with "its".
    """
    kinds: Mapping[str, type[KerasEncoder]] = {kind.kind: kind for kind in (KerasWords, KerasVocabulary)}
    kind = stored.get("kind") if isinstance(stored, dict) else None
    if not isinstance(kind, str) or kind not in kinds:
        raise InputError("its encoder is of an unknown kind.")
    values = {name: value for name, value in stored.items() if name != "kind"}
    return read_as(kinds[kind], values, "its encoder")
