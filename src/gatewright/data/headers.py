"""Tell the names of columns from the first row of data."""

import re
from collections.abc import Sequence
from itertools import pairwise

_NUMBER = re.compile(r"[-+]?[$€£¥]?[-+]?(\d[\d.,' ]*|[.,]\d+)(e[-+]?\d+)?\s*[%€KMB]?", re.IGNORECASE)
_TIME = re.compile(r"[\dTZ:/.,\- +]*\d[\dTZ:/.,\- +]*|\d{1,2}[- ][A-Za-z]{3,9}[- ]\d{2,4}.*")
_MISSING = {"na", "n/a", "nan", "null", "none", "?", "-", "<na>"}
# A number or a time has at most this many characters.
_MAX_VALUE = 40
_MIN_SENTENCE = 7

TEXT_NAMES = (
    *("text", "texts", "review", "reviewtext", "review_text", "reviewbody", "review_body", "sentence", "content"),
    *("message", "tweet", "tweet_text", "comment", "comment_text", "body", "headline", "description", "question"),
    *("document", "utterance", "sms", "phrase", "abstract", "article", "post"),
)
"""Usual names of the column with the texts, in lower case."""

LABEL_NAMES = (
    *("label", "labels", "sentiment", "class", "category", "target", "stars", "rating", "polarity", "emotion"),
    *("topic", "intent", "tag", "tags", "airline_sentiment", "class_label", "y", "labelname", "label_name"),
)
"""Usual names of the column with the labels, in lower case."""

_KNOWN = frozenset((*TEXT_NAMES, *LABEL_NAMES, "id", "date", "time", "timestamp", "datetime", "name", "title"))

# Years, months such as 202001 and days such as 20200131.
_DIGITS_OF_DATE = re.compile(r"(18|19|20)\d{2}((0[1-9]|1[0-2])\d{0,2})?")


def is_value(field: str) -> bool:
    """Return True if a field looks like a number or a time, not like a name."""
    field = field.strip()
    return len(field) <= _MAX_VALUE and bool(_NUMBER.fullmatch(field) or _TIME.fullmatch(field))


def surely_names(rows: Sequence[Sequence[str]]) -> bool:
    """Return True if the first of `rows` must be the names of the columns.

    A name is usual, such as "label"; or is a word above numbers or times; or the names are 0, 1, 2, ... above words.
    """
    names = [name.strip() for name in rows[0]]
    if not any(map(is_value, names)) and any(name.lower() in _KNOWN for name in names):
        return True
    return has_word_above_numbers(rows) or _are_numbered(names, rows)


def has_word_above_numbers(rows: Sequence[Sequence[str]]) -> bool:
    """Return True if the first of `rows` has a word above numbers or times."""
    names = [name.strip() for name in rows[0]]
    return any(
        values and name and not is_value(name) and name.lower() not in _MISSING and all(map(is_value, values))
        for name, values in zip(names, _columns(rows), strict=True)
    )


def looks_like_names(rows: Sequence[Sequence[str]]) -> bool:
    """Return True if the first of `rows` looks like the names of the columns, compared with the other rows."""
    if surely_names(rows):
        return True
    names = [name.strip() for name in rows[0]]
    if any(map(is_value, names)):
        return _are_times(names, rows)
    words = [name for name in names if name]
    if not words or (len(rows) > 1 and len(set(words)) < len(words)):
        return False
    return not any(
        _is_repeated(name, values) or _is_sentence(name, values)
        for name, values in zip(names, _columns(rows), strict=True)
    )


def _columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """Return the fields below each field of the first row, without empty fields."""
    return [
        [row[column] for row in rows[1:] if column < len(row) and row[column].strip()] for column in range(len(rows[0]))
    ]


def _is_repeated(name: str, values: Sequence[str]) -> bool:
    """Return True if a field occurs again below, among values that recur: it is a label, not a name."""
    return any(value.strip() == name for value in values) and len(set(values)) <= (len(values) + 1) / 2


def _is_sentence(name: str, values: Sequence[str]) -> bool:
    """Return True if a field has as many words as the texts below."""
    words = len(name.split())
    lengths = sorted(len(value.split()) for value in values)
    return words >= _MIN_SENTENCE and bool(lengths) and words >= lengths[len(lengths) // 4]


def _are_numbered(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return True if the names are 0, 1, 2, ..., as pandas numbers columns, and at least one is above words."""
    numbered = [name for name in names if name]
    if len(names) - len(numbered) > 1 or numbered != [str(number) for number in range(len(numbered))]:
        return False
    columns = zip(names, _columns(rows), strict=True)
    return any(name and values and not any(map(is_value, values)) for name, values in columns)


def _are_times(names: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Return True if the names are consecutive years, months or days, or times above values that are not times."""
    numbers = [int(name) for name in names if name.isdecimal() and len(name) < _MAX_VALUE]
    steps = [after - before for before, after in pairwise(numbers)]
    are_dates = all(_DIGITS_OF_DATE.fullmatch(str(number)) for number in numbers)
    if len(numbers) > 4 and (set(steps) == {1} or (are_dates and min(steps) > 0)):
        return True
    below = [values[0] for values in _columns(rows) if values]
    return sum(map(_is_time, names)) > 4 and not any(map(_is_time, below))


def _is_time(field: str) -> bool:
    field = field.strip()
    return len(field) <= _MAX_VALUE and bool(_TIME.fullmatch(field)) and not _NUMBER.fullmatch(field)
