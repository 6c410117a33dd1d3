"""Read texts of times in a known format, many at once. `times` reads columns of tables with it.

A format is `ISO`, or one of `strptime` with English names of months, and with %q for a quarter. Formats that end with
the time of day may have an offset from UTC after it. Of a range of times, such as "10:00 - 11:00", the start is read.
"""

import calendar
import re
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.support.errors import InputError

MICROSECONDS = 1_000_000
"""The number of microseconds in a second."""
DAY = 24 * 3600 * MICROSECONDS
"""The number of microseconds in a day."""
ISO = "ISO 8601"

_MONTHS = "|".join(
    f"{'sept?' if name == 'September' else name[:3]}(?:{name[4 if name == 'September' else 3 :]})?"
    for name in calendar.month_name[1:]
)
_WEEKDAYS = "|".join(f"{name[:3]}(?:{name[3:]})?" for name in calendar.day_name)
_NUMBERS = "ymdjqVuHIMS"
_CLOCK, _DATE = "HIMSfp", "YymbdjqGVu"
# The pattern of each directive. Numbers have 1 or 2 digits, but 2 right next to another number.
_PATTERNS = {
    **dict.fromkeys("ymdVHIMS", r"\d{1,2}"),
    "Y": r"\d{4}",
    "G": r"\d{4}",
    "y": r"\d{2}",
    "j": r"\d{1,3}",
    "q": "[1-4]",
    "u": "[1-7]",
    "f": r"\d{1,9}",
    "b": rf"(?:{_MONTHS})\.?",
    "p": r"[ap]\.?\s?m\.?",
    "a": rf"(?:{_WEEKDAYS})\.?",
}
_OTHER_NAMES = {"B": "b", "A": "a", "h": "b", "e": "d"}
_JOINED = {"%T": "%H:%M:%S", "%R": "%H:%M", "%F": "%Y-%m-%d", "%D": "%m/%d/%y"}
_ISO_PATTERN = (
    r"(?P<Y>\d{4})-(?P<m>\d{2})(?:-(?P<d>\d{2})(?:[T ](?P<H>\d{2}):(?P<M>\d{2})"
    r"(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?(?P<z>OFFSET)?)?)?"
)
_OFFSET = r"\s?(?:Z|(?:UTC|GMT)?[+-]\d{2}:?\d{2}|UTC|GMT)"
_SHORT_OFFSET = rf"{_OFFSET}|\s?[+-]\d{{2}}"
# Stands for a part that a text does not have.
_ABSENT = -(1 << 50)
_LIMITS = {"m": (1, 12), "H": (0, 24), "I": (1, 12), "M": (0, 59), "S": (0, 59), "V": (1, 53), "j": (1, 366)}
# Two digits from 69 on are years of the 20th century, as in POSIX.
_FIRST_OF_1900 = 69


class ReadTexts(NamedTuple):
    """Texts read in a format.

    Attributes:
        stamps: Microseconds since 1970 on the clock of the text; without a date, those since midnight, [texts].
        fits: Whether each text has the format and is a time, [texts].
        offsets: The offset from UTC in microseconds, [texts]; 0 without one.
        has_offset: Whether each text has an offset, [texts].
    """

    stamps: NDArray[np.int64]
    fits: NDArray[np.bool_]
    offsets: NDArray[np.int64]
    has_offset: NDArray[np.bool_]


def read_texts(texts: Any, format: str) -> ReadTexts:
    """Read texts, given as strings or as a pyarrow array of strings, which is much faster.

    Raises:
        InputError: The format has a directive that is not supported.
    """
    parts = _split(texts, format) if isinstance(texts, list) else _split_arrow(texts, format)
    matches = parts.pop("")
    offsets = parts.pop("z", np.full(len(matches), _ABSENT))
    stamps, valid = _stamps(parts, len(matches))
    # An offset of a day or more is a fault.
    fits = (matches != _ABSENT) & valid & ((offsets == _ABSENT) | (abs(offsets) < DAY))
    has_offset = fits & (offsets != _ABSENT)
    return ReadTexts(np.where(fits, stamps, 0), fits, np.where(has_offset, offsets, 0), has_offset)


def require_format(format: str) -> None:
    """Raise an error if a format has a directive that is not supported.

    Raises:
        InputError: It has, or it has no directive.
    """
    _pattern(format)


@cache
def _pattern(format: str) -> str:
    """Return the regular expression of a format, with a named group for each directive."""
    if format == ISO:
        plain = re.sub(r"\(\?P<.>", "(?:", _ISO_PATTERN)
        return (_ISO_PATTERN + _range(rf"(?:{plain}|\d{{2}}:\d{{2}}(?::\d{{2}})?)", "/|")).replace(
            "OFFSET", _SHORT_OFFSET
        )
    for short, long in _JOINED.items():
        format = format.replace(short, long)
    tokens = re.findall(r"%.|\s+|.", re.sub(r"\s*%[zZ]$", "", format.strip()))
    names = [_OTHER_NAMES.get(token[1], token[1]) for token in tokens if token[0] == "%" and token != "%%"]
    if not names or (unknown := [name for name in names if name not in _PATTERNS]) or len(set(names)) < len(names):
        fault = f"has %{unknown[0]}, which is not supported" if names and unknown else "has no directive, or one twice"
        raise InputError(f"The format {format!r} {fault}. Give a format of strptime such as %d/%m/%Y %H:%M.")
    pieces = [_token_pattern(tokens, place) for place in range(len(tokens))]
    if tokens[-2:] == [".", "%f"]:  # programs that write times leave out fractions of 0
        pieces[-2:] = [f"(?:{pieces[-2]}{pieces[-1]})?"]
    last = len(tokens) - 1
    is_clock_last = _name(tokens[last]) in _CLOCK
    whole = "".join(pieces)
    ends = [re.sub(r"\(\?P<.>", "(?:", whole)]
    if is_clock_last and set(names) & set(_DATE):
        offset = f"(?P<z>{_SHORT_OFFSET if _name(tokens[last]) in 'MSf' else _OFFSET})?"
        first = next(place for place, token in enumerate(tokens) if _name(token) in _CLOCK)
        whole += offset
        if not any(_name(token) in _DATE for token in tokens[first:]):
            ends.append(re.sub(r"\(\?P<.>", "(?:", "".join(pieces[first:])))
            date = max(place for place, token in enumerate(tokens) if _name(token) in _DATE) + 1
            if date < first:  # programs that write times leave out midnight
                whole = f"{''.join(pieces[:date])}(?:{''.join(pieces[date:])}{offset})?"
    elif is_clock_last:
        whole += r"(?P<z>\s?(?:Z|UTC|GMT|\+\d{2}:?\d{2}))?"
    spaces = "" if "-" in format else r"\s*[-–]\s*|"
    return whole + _range("|".join(ends), spaces)


def _range(ends: str, marks: str) -> str:
    return rf"(?:(?:{marks}\s+[-–]\s+|\s+to\s+)(?:{ends}))?"


def _name(token: str) -> str:
    """Return the letter of a directive, or a text that is no letter."""
    return _OTHER_NAMES.get(token[1], token[1]) if token[0] == "%" and len(token) == 2 else "-"


def _token_pattern(tokens: Sequence[str], place: int) -> str:
    token, name = tokens[place], _name(tokens[place])
    if token.isspace():
        return r"\s+"
    if name == "-" or token == "%%":
        return re.escape(token[-1])
    if name == "a":
        return _PATTERNS["a"]
    near = [_name(tokens[one]) for one in (place - 1, place + 1) if 0 <= one < len(tokens)]
    pattern = _PATTERNS[name]
    if any(one in (*_NUMBERS, "Y", "G", "f") for one in near) and name not in "f":
        pattern = re.sub(r"\{1,(.)\}", r"{\1}", pattern)
    return f"(?P<{name}>{pattern})"


def _split(texts: Sequence[str], format: str) -> dict[str, NDArray[np.int64]]:
    """Return the parts of texts, with the letters of their directives as keys. "" is absent if a text does not fit."""
    pattern = re.compile(_pattern(format), re.IGNORECASE | re.ASCII)
    found = [pattern.fullmatch(_plain(text)) for text in texts]
    parts = {
        name: np.array([_ABSENT if one is None else _part(name)(one[name] or "") for one in found], np.int64)
        for name in pattern.groupindex
    }
    return {**parts, "": np.array([_ABSENT if one is None else 0 for one in found], np.int64)}


def _split_arrow(texts: Any, format: str) -> dict[str, NDArray[np.int64]]:
    from pyarrow import compute as pc

    pattern = _pattern(format)
    plain = pc.replace_substring_regex(pc.utf8_trim_whitespace(texts), "[\u00a0\u202f]", " ")
    found = pc.extract_regex(plain, f"(?i)^(?:{pattern})$")
    parts = {"": np.where(np.asarray(pc.is_null(found)), _ABSENT, 0)}
    for name in re.compile(pattern).groupindex:
        encoded = pc.struct_field(found, name).dictionary_encode()
        distinct = [_ABSENT if text is None else _part(name)(text) for text in encoded.dictionary.to_pylist()]
        places = pc.fill_null(encoded.indices, len(distinct)).to_numpy(zero_copy_only=False)
        parts[name] = np.array([*distinct, _ABSENT], np.int64)[places]
    return parts


def _plain(text: str) -> str:
    return text.strip().replace("\u00a0", " ").replace("\u202f", " ")


def _part(name: str) -> Callable[[str], int]:
    """Return the function that converts the text of a directive to a number."""
    own: dict[str, Callable[[str], int]] = {"b": _month, "p": _half, "f": _fraction, "z": _offset}
    return own.get(name, lambda text: int(text) if text else _ABSENT)


def _month(text: str) -> int:
    return [name.lower() for name in calendar.month_abbr].index(text[:3].lower()) if text else _ABSENT


def _half(text: str) -> int:
    return (12 if text[0] in "pP" else 0) if text else _ABSENT


def _fraction(text: str) -> int:
    """Return the microseconds of the digits after the point of seconds."""
    return int(text[:6].ljust(6, "0")) if text else _ABSENT


def _offset(text: str) -> int:
    digits = re.sub("[^0-9]", "", text)
    if not text or not digits:
        return _ABSENT if not text else 0
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    seconds = hours * 3600 + minutes * 60 if minutes < 60 else 86_400
    return (-seconds if "-" in text else seconds) * MICROSECONDS


def _stamps(parts: dict[str, NDArray[np.int64]], count: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the microseconds of times given in parts, and whether they are times."""

    def part(name: str, default: int) -> NDArray[np.int64]:
        given = parts.get(name, np.full(count, _ABSENT))
        return np.where(given == _ABSENT, default, given)

    valid = np.ones(count, bool)
    for name, (least, most) in _LIMITS.items():
        if name in parts:
            valid &= (parts[name] == _ABSENT) | ((parts[name] >= least) & (parts[name] <= most))
    days, are_days = _days(part, parts.keys())
    hours = part("H", 0)
    if "I" in parts:
        hours = part("I", 0) % 12 + part("p", 0)
    rest = (part("M", 0) * 60 + part("S", 0)) * MICROSECONDS + part("f", 0)
    valid &= are_days & ((hours < 24) | (rest == 0))  # 24:00 is the midnight after the day
    return days * DAY + hours * 3600 * MICROSECONDS + rest, valid


def _days(part: Callable[[str, int], NDArray[np.int64]], names: Any) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the days since 1970, and whether they exist."""
    year = part("Y", 1970)
    if "y" in names:
        year = part("y", 0) + np.where(part("y", 0) < _FIRST_OF_1900, 2000, 1900)
    if "G" in names:
        year = part("G", 1970)
    month = part("b", 1) if "b" in names else part("m", 1)
    month = 3 * part("q", 1) - 2 if "q" in names else month
    months = (year - 1970) * 12 + month - 1
    start = months.astype("datetime64[M]").astype("datetime64[D]")
    if "V" in names:  # ISO weeks: week 1 has January 4, and weeks begin on Monday
        fourth = start.astype(np.int64) + 3
        monday = fourth - (fourth + 3) % 7
        days = monday + 7 * (part("V", 1) - 1)
        last = (days + 3).astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64) + 1970
        return days + part("u", 1) - 1, (last == year) & (year > 0)
    if "j" in names:
        days = start + (part("j", 1) - 1)
        return days.astype(np.int64), (days.astype("datetime64[Y]") == start.astype("datetime64[Y]")) & (year > 0)
    days = start + (part("d", 1) - 1)
    exists = (part("d", 1) >= 1) & (days.astype("datetime64[M]") == start.astype("datetime64[M]")) & (year > 0)
    return days.astype(np.int64), exists


def parse_time(text: str, format: str) -> tuple[int, int | None] | None:
    """Return the microseconds and the offset from UTC of one time, or None if it does not have the format."""
    read = read_texts([text], format)
    if not read.fits[0]:
        return None
    return int(read.stamps[0]), int(read.offsets[0]) if read.has_offset[0] else None
