"""Split running text into words as the training data did.

The rule is learned from the words of the training set: which marks of punctuation are words of their own, which words
keep their marks, such as "U.S.", which contractions are split, such as "do|n't", and whether scripts without spaces,
such as Chinese, are tagged by the character.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated, Any, Self, TypeAlias

from gatewright.support.errors import InputError
from gatewright.support.escapes import escape_control
from gatewright.support.schema import Count, Items, Name, Text

# Han, kana, bopomofo, Thai, Lao, Tibetan, Myanmar and Khmer: scripts that have no spaces between words.
_UNSPACED = re.compile(
    "[\u0e01-\u0e3a\u0e40-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3031-\u3035\u3041-\u30ff"
    "\u3105-\u312f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]+"
)
_MAJORITY = 0.95
# Marks that follow the word that they belong to. At the beginning of a word they are a part of it, as in ".5".
_ONLY_AFTER = frozenset(".,;:!?…%。，、；：！？．")
_FINAL = frozenset(".!?…。！？．")
_ONLY_BEFORE = frozenset("([{¿¡«„“‘「『《〈（【")
_QUOTES = frozenset("\"'")
_CLOSING = frozenset(")]}»”’」』》〉）】")
_USUAL_AFTER = ("...", *".,;:!?…", *")]}»”", '"', *"。，、；：！？」』》）】")
_USUAL_BEFORE = (*"([{«„“¿¡", '"', *"「『《（【")
_SUFFIX = re.compile(r"['’][^\W\d_]{1,3}|n['’]t", re.IGNORECASE)
_PREFIX = re.compile(r"[^\W\d_]{1,5}['’]", re.IGNORECASE)
_INITIAL = re.compile(r"[^\W\d_]\.")
_ABBREVIATION = re.compile(r"([^\W\d_]\.){2,}")
_MAX_LISTED = 100_000
_TEXT_SHOWN = 40
_Parts: TypeAlias = Annotated[tuple[Name, ...], Items(distinct=True)]


@dataclass(frozen=True)
class WordSplitter:
    """A rule that splits running text into words. The default rule splits at white space only.

    Attributes:
        before, after: Marks that are split from the beginning and from the end of a word, such as "(" and "...".
        suffixes, prefixes: Parts of contractions that are words of their own, such as "n't" and "l'", in lower case.
        whole: Words that end or begin with such a mark or part and are not split, such as "U.S.".
        initials: True if a letter and a period, such as "J.", are one word. Several, such as "U.S.", always are.
        characters: The characters that are a word each: "" for none, "unspaced" for those of scripts without spaces,
            "all" for all.
        longest: Number of characters of the longest word of a script without spaces, if these have several characters.
            0 if there are no such words.
    """

    before: _Parts = ()
    after: _Parts = ()
    suffixes: _Parts = ()
    prefixes: _Parts = ()
    whole: _Parts = ()
    initials: bool = False
    characters: Annotated[str, Text(choices=("", "unspaced", "all"))] = ""
    longest: Count = 0

    @classmethod
    def fit(cls, sentences: Sequence[Sequence[str]]) -> Self:
        """Learn the rule from the words of training sentences."""
        counts = Counter(word for words in sentences for word in words)
        before, after = _marks(counts, Counter(words[-1] for words in sentences if words))
        suffixes = _parts(counts, _SUFFIX, str.endswith)
        prefixes = _parts(counts, _PREFIX, str.startswith)
        initials = any(_INITIAL.fullmatch(word) for word in counts)
        characters, longest = _characters(counts)
        rule = cls(before, after, suffixes, prefixes, (), initials, characters, longest)
        return replace(rule, whole=_whole_words(sentences, counts, rule))

    def split(self, text: str, is_known: Callable[[str], bool]) -> list[str]:
        """Return the words of a text. `is_known` is a function that returns True for the words of the training set.

        Raises:
            InputError: The text is in a script without spaces, but the training words have several characters, so that
                it is not known where a word ends.
        """
        words = []
        for token in text.split():
            if self.longest and not is_known(token):
                self._require_words(token, is_alone=token == text.strip())
            if self.characters == "all":
                words += list(token)
            elif self.characters:
                for piece in _UNSPACED.sub(lambda found: f" {' '.join(found[0])} ", token).split():
                    words += self.split_token(piece)
            else:
                words += self.split_token(token)
        return words

    def split_token(self, token: str) -> list[str]:
        """Return the words of a token, which is a text without white space in a script with spaces between words."""
        first: list[str] = []
        last: list[str] = []
        while token and not self._is_whole(token):
            if mark := next((mark for mark in self.before if token.startswith(mark) and token != mark), None):
                first.append(mark)
                token = token[len(mark) :]
            elif mark := next((mark for mark in self.after if _ends(token, mark)), None):
                last.insert(0, mark)
                token = token[: -len(mark)]
            elif part := next((part for part in self.prefixes if _begins_contraction(token, part)), None):
                first.append(token[: len(part)])
                token = token[len(part) :]
            elif part := next((part for part in self.suffixes if _ends_contraction(token, part)), None):
                last.insert(0, token[-len(part) :])
                token = token[: -len(part)]
            else:
                break
        return [*first, token, *last]

    def _is_whole(self, token: str) -> bool:
        pattern = _INITIAL if self.initials and len(token) == 2 else _ABBREVIATION
        return token in self._whole or pattern.fullmatch(token) is not None

    @cached_property
    def _whole(self) -> frozenset[str]:
        return frozenset(self.whole)

    def _require_words(self, token: str, is_alone: bool) -> None:
        runs = _UNSPACED.findall(token)
        if max(map(len, runs), default=0) > (1 if is_alone else self.longest):
            shown = escape_control(token[:_TEXT_SHOWN]) + ("..." if len(token) > _TEXT_SHOWN else "")
            raise InputError(
                f"{shown!r} cannot be split into words: the training data has words of several characters, and this "
                "script has no spaces between words. Give a list of words, or put spaces between the words."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the rule as JSON values."""
        lists = {name: list(getattr(self, name)) for name in _LISTS}
        return {**lists, "initials": self.initials, "characters": self.characters, "longest": self.longest}


_LISTS = ("before", "after", "suffixes", "prefixes", "whole")


def _ends(token: str, mark: str) -> bool:
    """Return True if a mark is at the end of a longer token. At the end of an address, most marks are a part of it."""
    is_address = "://" in token or token.lower().startswith("www.")
    return token.endswith(mark) and token != mark and (not is_address or mark in _ONLY_AFTER | _CLOSING | _QUOTES)


def _begins_contraction(token: str, part: str) -> bool:
    return token.lower().startswith(part) and any(map(str.isalnum, token[len(part) :]))


def _ends_contraction(token: str, part: str) -> bool:
    return token.lower().endswith(part) and any(map(str.isalnum, token[: -len(part)]))


def _is_mark(word: str) -> bool:
    return all(unicodedata.category(letter)[0] in "PS" for letter in word)


def _marks(counts: Mapping[str, int], final: Mapping[str, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the marks that are split from the beginning and from the end of words, the longest first.

    A mark is split off if it occurs more often as a word of its own than at that end of other words. A mark that ends
    sentences is judged by the ends of sentences alone if it occurs there, since elsewhere it may be in abbreviations.

    Args:
        counts: How often each word occurs.
        final: How often each word is the last one of a sentence.
    """
    marks = {word: count for word, count in counts.items() if _is_mark(word) and (len(word) == 1 or count > 1)}
    starting, ending = _attached(counts, marks)
    _, ending_last = _attached(final, marks)
    alone = dict(marks)
    for mark in _FINAL & marks.keys():
        if final.get(mark, 0) + ending_last[mark]:
            alone[mark], ending[mark] = final.get(mark, 0), ending_last[mark]
    before = [mark for mark in marks if marks[mark] > starting[mark] and _may_begin(mark)]
    after = [mark for mark in marks if alone[mark] > ending[mark] and _may_end(mark)]
    if before or after:
        # A data set that separates some punctuation is taken to separate the usual marks that it does not have.
        before += [mark for mark in _USUAL_BEFORE if mark not in marks and not starting[mark]]
        after += [mark for mark in _USUAL_AFTER if mark not in marks and not ending[mark]]
    return _longest_first(before), _longest_first(after)


def _longest_first(parts: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(parts, key=lambda part: (-len(part), part)))


def _attached(counts: Mapping[str, int], marks: Mapping[str, int]) -> tuple[Counter[str], Counter[str]]:
    """Return how many words that are not marks begin and end with each mark."""
    starting: Counter[str] = Counter()
    ending: Counter[str] = Counter()
    wanted = {*marks, *_USUAL_BEFORE, *_USUAL_AFTER}
    longest = max(map(len, wanted))
    for word, count in counts.items():
        if word in marks:
            continue
        for size in range(1, min(longest, len(word) - 1) + 1):
            if word[:size] in wanted:
                starting[word[:size]] += count
            if word[-size:] in wanted:
                ending[word[-size:]] += count
    return starting, ending


def _may_begin(mark: str) -> bool:
    return len(mark) > 1 or (mark not in _ONLY_AFTER and mark not in _CLOSING)


def _may_end(mark: str) -> bool:
    return mark not in _ONLY_BEFORE


def _whole_words(sentences: Sequence[Sequence[str]], counts: Mapping[str, int], rule: WordSplitter) -> tuple[str, ...]:
    """Return the words that the rule would split, unless the training set splits them more often."""
    splits = {word: tuple(rule.split_token(word)) for word in counts if not word.isspace()}
    splits = {word: parts for word, parts in splits.items() if len(parts) > 1}
    wanted, lengths = set(splits.values()), sorted(set(map(len, splits.values())))
    found: Counter[tuple[str, ...]] = Counter()
    for words in sentences:
        for length in lengths:
            runs = (tuple(words[place : place + length]) for place in range(len(words) - length + 1))
            found.update(run for run in runs if run in wanted)
    return tuple(sorted(word for word, parts in splits.items() if counts[word] >= found[parts])[:_MAX_LISTED])


def _parts(counts: Mapping[str, int], pattern: re.Pattern[str], has: Callable[[str, str], bool]) -> tuple[str, ...]:
    """Return the parts of contractions that are words of their own more often than parts of longer words."""
    own: Counter[str] = Counter()
    for word, count in counts.items():
        if pattern.fullmatch(word):
            own[word.lower()] += count
    attached: Counter[str] = Counter()
    for word, count in counts.items():
        if "'" in word or "’" in word:
            attached.update({part: count for part in own if has(word.lower(), part) and word.lower() != part})
    return _longest_first(part for part in own if own[part] > max(attached[part], 1))


def _characters(counts: Mapping[str, int]) -> tuple[str, int]:
    """Return which characters are a word each, and the length of the longest word of a script without spaces."""
    unspaced = {word: count for word, count in counts.items() if _UNSPACED.search(word)}
    if not unspaced:
        return "", 0
    single = sum(count for word, count in unspaced.items() if len(word) == 1)
    if single < _MAJORITY * sum(unspaced.values()):
        return "", max(map(len, unspaced))
    others = {word: count for word, count in counts.items() if word not in unspaced and word[0].isalnum()}
    spaced = sum(count for word, count in others.items() if len(word) == 1)
    return ("all" if spaced >= _MAJORITY * sum(others.values()) else "unspaced"), 0
