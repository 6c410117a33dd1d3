"""Recognize tags that mark spans of words, such as names, and find the spans.

The schemes IOB1, IOB2, IOE, BIOES, BILOU, BMES and BMEWO mark the place of a word in its span by a letter. The letter
stands alone, before the kind of the span ("B-city", "B_city") or after it ("city-B").
"""

import functools
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

PREFIX, SUFFIX = "prefix", "suffix"
NO_SPANS = ""
NOTATIONS = (PREFIX, SUFFIX, NO_SPANS)

# I and M are inside a span, E and L at its end, and S, U and W are a span of one word. These are the names in BIOES.
_AS_BIOES = {"B": "B", "I": "I", "M": "I", "E": "E", "L": "E", "S": "S", "U": "S", "W": "S"}
_LETTERS = "".join(_AS_BIOES)
_PATTERNS = {
    PREFIX: re.compile(rf"(?P<letter>[{_LETTERS}])([-_](?P<kind>.+))?", re.DOTALL | re.IGNORECASE),
    SUFFIX: re.compile(rf"((?P<kind>.+)[-_])?(?P<letter>[{_LETTERS}])", re.DOTALL | re.IGNORECASE),
}
_OUTSIDE = frozenset(("O", "o", "0", "_", "-"))
# The letters that schemes without kinds use together, besides O.
_ALPHABETS = tuple(map(frozenset, ("BI", "IE", "BIES", "BILU", "BMES", "BMEW", "BIEW")))
_MAJORITY = 0.9
"""Fraction of the words with a tag other than O that must have the tag of a span."""
_RARE = 0.01
"""A letter that fewer of these words have is a typing error, not part of a scheme."""


class Span(NamedTuple):
    """The words of a sentence from index `first` to index `last`, inclusive, such as a name of this kind."""

    kind: str
    first: int
    last: int


class Recognized(NamedTuple):
    """The meaning of the tags of a data set.

    Attributes:
        notation: PREFIX or SUFFIX if the tags mark spans, by the place of the letter, or NO_SPANS.
        marked: Fraction of the words with a tag other than O that have the tag of a span with a kind.
    """

    notation: str
    marked: float


def recognize(sentences: Sequence[Sequence[str]]) -> Recognized:
    """Return whether the tags of sentences mark spans, and how.

    Tags with a kind mark spans if at least 90% of the words with a tag other than O have a letter and a kind. Tags
    without a kind look like parts of speech, so that they must also be the letters of one scheme. If the scheme marks
    the ends of spans, these must fit: a word is inside a span or at its end if and only if a word before it began one.
    """
    counts = Counter(tag for tags in sentences for tag in tags if tag not in _OUTSIDE)
    total = max(counts.total(), 1)
    with_kind = {
        notation: sum(count for tag, count in counts.items() if _parts(tag, notation)[1]) / total
        for notation in (PREFIX, SUFFIX)
    }
    notation = max(with_kind, key=with_kind.__getitem__)
    marked = with_kind[notation]
    alone = sum(count for tag, count in counts.items() if tag in _AS_BIOES) / total
    if marked + alone >= _MAJORITY and marked >= alone:
        return Recognized(notation, marked)
    return Recognized(PREFIX if _are_letters(sentences) else NO_SPANS, marked)


def notation_of_names(tags: Sequence[str]) -> str:
    """Return the notation of a set of tags: PREFIX if each tag but O is a letter, or a letter and a kind."""
    named = [tag for tag in tags if tag != "O"]
    return PREFIX if named and all(_parts(tag, PREFIX)[0] != "O" for tag in named) else NO_SPANS


def stray_tags(sentences: Iterable[Sequence[str]], notation: str) -> Counter[str]:
    """Return how many words have each tag that neither marks a span nor is O."""
    counts = Counter(tag for tags in sentences for tag in tags)
    outside = [tag for tag in counts if _parts(tag, notation)[0] == "O" and tag not in _OUTSIDE]
    return Counter({tag: counts[tag] for tag in outside})


def spans(tags: Sequence[str], notation: str = PREFIX) -> list[Span]:
    """Return the spans that the tags of a sentence mark, as conlleval and seqeval find them.

    The kind of a span is the part of its tags without the letter. A span starts at B and S, at I and E after O, E or S,
    and where the kind changes. It ends after E and S, before B, S and O, and where the kind changes. A tag that is not
    of the scheme is outside of spans. Tjong Kim Sang & Buchholz 2000, "Introduction to the CoNLL-2000 Shared Task:
    Chunking"; Nakayama 2018, seqeval.
    """
    found, start = [], 0
    before, kind_before = "O", ""
    for place, tag in enumerate([*tags, "O"]):
        letter, kind = _parts(tag, notation)
        other = kind != kind_before
        if before != "O" and (before in "ES" or letter in "BSO" or other):
            found.append(Span(kind_before, start, place - 1))
        if letter in "BS" or (letter in "IE" and before in "OES") or (letter != "O" and other):
            start = place
        before, kind_before = letter, kind
    return found


@functools.lru_cache(maxsize=10_000)
def _parts(tag: str, notation: str) -> tuple[str, str]:
    """Return the letter of a tag in BIOES, and its kind; "O" and no kind for a tag that is not of the scheme."""
    found = _PATTERNS[notation].fullmatch(tag)
    return (_AS_BIOES[found["letter"].upper()], found["kind"] or "") if found else ("O", "")


def _are_letters(sentences: Sequence[Sequence[str]]) -> bool:
    """Return True if the tags of sentences are the letters of a scheme without kinds."""
    counts = Counter(tag for tags in sentences for tag in tags)
    has_outside = counts.pop("O", 0) > 0
    total = max(counts.total(), 1)
    letters = {tag for tag in counts if tag in _AS_BIOES and counts[tag] >= _RARE * total}
    if sum(counts[letter] for letter in letters) < _MAJORITY * total:
        return False
    if not any(letters <= alphabet for alphabet in _ALPHABETS):
        return False
    if "B" not in letters:
        return has_outside and "I" in letters
    if letters <= {"B", "I"}:
        return has_outside or "I" in letters
    return _fraction_of_fitting_ends(sentences) >= _MAJORITY


def _fraction_of_fitting_ends(sentences: Sequence[Sequence[str]]) -> float:
    """Return how many of the borders between words are inside a span for the words on both sides or on neither."""
    fitting = total = 0
    for tags in sentences:
        letters = ["O", *(_parts(tag, PREFIX)[0] for tag in tags), "O"]
        borders = [border for border in pairwise(letters) if border != ("O", "O")]
        fitting += sum((left in "BI") == (right in "IE") for left, right in borders)
        total += len(borders)
    return fitting / max(total, 1)
