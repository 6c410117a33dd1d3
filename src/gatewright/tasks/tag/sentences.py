"""Tagged sentences, and the options that say which columns of a file have the words and the tags."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from gatewright.support.errors import InputError
from gatewright.tasks.tag.column_names import is_header

DOCUMENT_START = "-DOCSTART-"
"""The word of CoNLL-2003 that is not a word but begins a document."""


_LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z]+)*:")


class Tagged(NamedTuple):
    """Sentences: their words, a tag for each word, and a label for each sentence (None if sentences have no labels)."""

    words: list[list[str]]
    tags: list[list[str]]
    labels: list[str] | None = None

    @property
    def texts(self) -> list[str]:
        """The sentences as strings, with spaces between words."""
        return [" ".join(words) for words in self.words]

    def take(self, places: Sequence[int]) -> Self:
        """Return the sentences at the given positions, in that order."""
        return self._replace(
            words=[self.words[place] for place in places],
            tags=[self.tags[place] for place in places],
            labels=None if self.labels is None else [self.labels[place] for place in places],
        )


class ColumnChoice(NamedTuple):
    """The columns of a file that the user chose, by name or by number from 1. None is a column to recognize.

    Attributes:
        tag: The column of the tags, from the option `column`.
        word: The column of the words, from the option `word_column`.
        sentence: The column that has the same value for all words of a sentence, from the option `sentence`.
        tagged: False to read only words, as for predictions. The tags of the sentences are then empty strings.
    """

    tag: str | None = None
    word: str | None = None
    sentence: str | None = None
    tagged: bool = True

    @classmethod
    def of(cls, options: Mapping[str, Any], tagged: bool = True) -> Self:
        """Return the choice that the options of the task contain.

        Raises:
            InputError: A column is neither a name nor a number.
        """
        for name in ("column", "word_column", "sentence"):
            if not isinstance(options.get(name), str | int | None) or isinstance(options.get(name), bool):
                raise InputError(f"{name} must be the name or the number of a column, not {options[name]!r}.")
        tag, word, sentence = (
            None if options.get(name) is None else str(options[name]) for name in ("column", "word_column", "sentence")
        )
        return cls(tag, word, sentence, tagged)

    def is_header(self, fields: Sequence[str]) -> bool:
        """Return True if fields are the names of columns: names that are usual, or a name that the user chose."""
        names = {field.strip().casefold() for field in fields}
        chosen = {name.casefold() for name in self.given().values() if not name.isdecimal()}
        return bool(names & chosen) or is_header(fields)

    def given(self) -> dict[str, str]:
        """Return the options that the user gave, with their flags as keys."""
        flags = {"--column": self.tag, "--word-column": self.word, "--sentence": self.sentence}
        return {flag: value for flag, value in flags.items() if value is not None}


class Peculiarity(NamedTuple):
    """Something in the data that is counted: the words that follow the number 1, and those that follow others."""

    one: str
    many: str

    def note(self, count: int) -> str:
        """Return a sentence that says how often it occurs."""
        return f"{count:,} {self.one if count == 1 else self.many}."


WHITE_SPACE_WORDS = Peculiarity(
    "word is nothing but white space, and is kept as a word", "words are nothing but white space, and are kept as words"
)
WITHOUT_WORD = Peculiarity("tag has no word, and was left out", "tags have no word, and were left out")
WITHOUT_WORDS = Peculiarity("sentence without a word was left out", "sentences without a word were left out")


class Split(NamedTuple):
    """The sentences of one split.

    Attributes:
        sentences: The sentences, at least one.
        notes: Sentences about the data for reports.
        counted: How often each peculiarity of the data occurs.
    """

    sentences: Tagged
    notes: tuple[str, ...] = ()
    counted: Counter[Peculiarity] = Counter()  # noqa: RUF012  # never changed


def without_language(split: Split) -> Split:
    """Return the sentences without the name of a language that all words begin with, as in WikiANN ("nl:Het")."""
    words = [word for own in split.sentences.words for word in own]
    found = _LANGUAGE.match(words[0]) if len(words) > 1 else None
    if found is None or not all(word.startswith(found[0]) and word != found[0] for word in words):
        return split
    bare = [[word.removeprefix(found[0]) for word in own] for own in split.sentences.words]
    note = f"All words begin with {found[0]!r}, the name of a language, which was left out."
    return split._replace(sentences=split.sentences._replace(words=bare), notes=(*split.notes, note))


class SentenceBuilder:
    """Collects words and their tags to sentences.

    Attributes:
        counted: How often a peculiarity occurred; see `Split`.
    """

    def __init__(self) -> None:
        self.counted: Counter[Peculiarity] = Counter()
        self._words: list[list[str]] = [[]]
        self._tags: list[list[str]] = [[]]

    def add(self, word: str, tag: str) -> None:
        """Add a word to the current sentence. A word that is empty is counted and left out."""
        if word == DOCUMENT_START:
            self.end_sentence()
            return
        if not word:
            self.counted[WITHOUT_WORD] += 1
            return
        if not word.strip():
            self.counted[WHITE_SPACE_WORDS] += 1
        self._words[-1].append(word)
        self._tags[-1].append(tag)

    def end_sentence(self) -> None:
        """Let the next word begin a sentence."""
        if self._words[-1]:
            self._words.append([])
            self._tags.append([])

    def sentences(self) -> Tagged:
        """Return the sentences that have words."""
        count = len(self._words) - (not self._words[-1])
        return Tagged(self._words[:count], self._tags[:count])
