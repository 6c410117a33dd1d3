"""Find the format of texts of times. All texts are tried, in both orders of day and month."""

import re
from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data.time_texts import DAY, ISO, ReadTexts, read_texts
from gatewright.support.errors import InputError

_DATE_FORMATS = (
    *("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y %m %d", "%Y%m%d"),
    *("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%m.%d.%Y", "%d %m %Y"),
    *("%d/%m/%y", "%m/%d/%y", "%y/%m/%d", "%d-%m-%y", "%m-%d-%y", "%y-%m-%d", "%d.%m.%y", "%m.%d.%y", "%y.%m.%d"),
    *("%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %b %y", "%d/%b/%Y", "%d%b%Y", "%d%b%y", "%d. %b %Y"),
    *("%b %d, %Y", "%b %d %Y", "%b-%d-%Y", "%Y-%b-%d", "%Y %b %d"),
    *("%a %d %b %Y", "%a, %d %b %Y", "%a, %b %d, %Y", "%a %b %d %Y", "%a %m/%d/%Y", "%a %d/%m/%Y"),
)
_CLOCK_FORMATS = (
    *("%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p", "%I %p"),
    *("%H.%M", "%H.%M.%S", "%H-%M-%S", "%H%M", "%H"),
)
CLOCK_FORMATS = _CLOCK_FORMATS[:-3]
"""The formats of the time of day that nothing else has."""
_JOINTS = (" ", "T", ", ", "-", ":", " - ", "_")
_MONTH_FORMATS = (
    *("%b %Y", "%b-%Y", "%b-%y", "%b %y", "%Y-%b", "%Y %b", "%b, %Y", "%b/%Y", "%Y/%b", "%y-%b"),
    *("%m/%Y", "%m-%Y", "%m.%Y", "%Y/%m", "%Y.%m", "%YM%m", "%Y M%m"),
    *("%Y-Q%q", "%YQ%q", "%Y Q%q", "Q%q %Y", "Q%q-%Y", "Q%q/%Y", "%qQ%Y"),
)
_OTHER_FORMATS = (
    *("%Y%m%dT%H%M%S", "%Y%m%dT%H%M", "%Y%m%d%H%M%S", "%Y%m%d%H%M", "%Y%m%d%H"),
    *("%G-W%V-%u", "%GW%V%u", "%G-W%V", "%GW%V", "%G W%V", "%Y-%j", "%Y%j", "%a %b %d %H:%M:%S %Y"),
)
# Digits of whole numbers that are dates, and their formats.
_DIGITS = {
    4: ("%Y",),
    6: ("%Y%m", "%y%m%d"),
    8: ("%Y%m%d", "%d%m%Y", "%m%d%Y"),
    10: ("%Y%m%d%H",),
    12: ("%Y%m%d%H%M",),
    14: ("%Y%m%d%H%M%S",),
}
# Months before days with points are so rare that they are the last choice.
_LAST = "%m.%d."
# An order of day and month is preferred if this fraction of its steps are equal, and the other orders have fewer.
_REGULAR = 0.75
# So many different times are in rising or falling order in the right format alone.
_MIN_ORDERED = 8
_SAMPLE = 60
_YEARS = (1500, 2200)


class _Fit(NamedTuple):
    """A format that fits all texts, and the texts read in it."""

    format: str
    read: ReadTexts

    @property
    def stamps(self) -> NDArray[np.int64]:
        return self.read.stamps


def find_format(texts: Any, column: str, day_first: bool | None = None, part: bool = False) -> str | None:
    """Return the format of texts of times, or None if they are no times.

    Args:
        texts: A pyarrow array of different strings, in the order of the table. None is empty.
        column: The column, for error messages.
        day_first: Whether the day comes before the month. None finds out.
        part: Whether the texts may have only the time of day.

    Raises:
        InputError: Several formats fit, and nothing shows which one is right.
    """
    sample = _sample(texts)
    if read_texts(sample, ISO).fits.all() and read_texts(texts, ISO).fits.all():
        return ISO
    return _choose(texts, column, _fitting(texts, [*_formats(), *(_CLOCK_FORMATS if part else ())], day_first))


def find_digits(texts: Any, column: str, day_first: bool | None, are_years: bool) -> str | None:
    """Return the format of dates written as one number of digits, such as 20260131, or None if they are no dates.

    Args:
        texts: A pyarrow array of different strings of digits alone.
        column, day_first: See `find_format`.
        are_years: Whether numbers of four digits are years.

    Raises:
        InputError: Several formats fit, and nothing shows which one is right.
    """
    width = len(texts[0].as_py())
    formats = () if width == 4 and not are_years else _DIGITS.get(width, ())
    return _choose(texts, column, [fit for fit in _fitting(texts, formats, day_first) if _are_in_years(fit)])


def are_clock_times(texts: Any) -> bool:
    """Return True if texts are times of day, such as 18:30."""
    return bool(_fitting(texts, CLOCK_FORMATS, None))


def may_be_times(texts: Sequence[str]) -> bool:
    """Return True if a few texts are times."""
    import pyarrow as pa

    return bool(read_texts(list(texts), ISO).fits.all() or _fitting(pa.array(texts, pa.string()), _formats(), None))


def _are_in_years(fit: _Fit) -> bool:
    """Return True if dates are in the years in which data is measured."""
    years = fit.stamps.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    return bool(_YEARS[0] <= years.min() and years.max() <= _YEARS[1])


@cache
def _formats() -> list[str]:
    whole = [f"{date}{joint}{clock}" for date, joint, clock in product(_DATE_FORMATS, _JOINTS, _CLOCK_FORMATS)]
    return [*_DATE_FORMATS, *_MONTH_FORMATS, *_OTHER_FORMATS, *whole]


def _sample(texts: Any) -> list[str]:
    return [str(one) for one in texts.take(list(range(0, len(texts), max(len(texts) // _SAMPLE, 1)))).to_pylist()]


def _fitting(texts: Any, formats: Sequence[str], day_first: bool | None) -> list[_Fit]:
    """Return the formats that fit all texts."""
    if day_first is not None:
        wrong = re.compile("%m.*%d" if day_first else "%d.*%m")
        formats = [one for one in formats if one.startswith("%Y") or not wrong.search(one)]
    sample = _sample(texts)
    formats = _formats_of(max(sample, key=len), formats)
    formats = [one for one in formats if read_texts(sample, one).fits.all()]
    found = [_Fit(one, read_texts(texts, one)) for one in formats]
    return [fit for fit in found if fit.read.fits.all()]


def _formats_of(text: str, formats: Sequence[str]) -> list[str]:
    """Return the formats of one text."""
    shapes = _shapes(text)
    return [one for one in formats if _shape_of(one) in shapes and read_texts([text], one).fits[0]]


def find_fault(texts: Any) -> int | None:
    """Return the index of the first text that does not have the format of most of the texts, or None if they have none.

    Args:
        texts: A pyarrow array of different strings. None is empty.
    """
    fits = times_among(texts)
    return int(np.argmin(fits)) if len(fits) / 2 <= fits.sum() < len(fits) else None


def times_among(texts: Any) -> NDArray[np.bool_]:
    """Return which texts have the format of the first or the last text that fits most of them, [texts].

    Args:
        texts: A pyarrow array of different strings. None is empty.
    """
    formats = [ISO, *_formats_of(texts[0].as_py(), _formats()), *_formats_of(texts[len(texts) - 1].as_py(), _formats())]
    return max((read_texts(texts, one).fits for one in formats), key=np.count_nonzero)


def _shapes(text: str) -> set[tuple[str, bool]]:
    """Return the shapes that a format of a text may have: with and without an offset, and the end of a range."""
    bare = re.sub(r"\s?(Z|(UTC|GMT)?[+-]\d{2}(:?\d{2})?|UTC|GMT)$", "", text.strip())
    start = re.split(r"\s+to\s+|\s+[-–]\s+", text)[0]
    return {_shape(one.strip()) for one in (text, bare, start, re.split("[-–]", text)[0])}


def _shape(text: str) -> tuple[str, bool]:
    """Return the marks of a text between its digits and words, and whether it has letters."""
    marks = "".join(mark for mark in text if not mark.isalnum() and not mark.isspace())
    return marks.replace("_", ""), any(map(str.isalpha, text))


@cache
def _shape_of(format: str) -> tuple[str, bool]:
    """Return the shape of the texts of a format, to save trying others."""
    return _shape(re.sub("%[bap]", "A", re.sub("%[^bap]", "0", format)))


def _choose(texts: Any, column: str, fitting: Sequence[_Fit]) -> str | None:
    """Return the one format of those that fit all times, or None if none does.

    If several do, take the one in which the times are in order or evenly spaced.

    Raises:
        InputError: Several formats stay.
    """
    different: list[_Fit] = []
    for fit in sorted(fitting, key=lambda fit: fit.format.startswith(_LAST)):
        if not any(np.array_equal(fit.stamps, other.stamps) for other in different):
            different.append(fit)
    if len(different) > 1:
        different = [fit for fit in different if not fit.format.startswith(_LAST)] or different
    if len(different) < 2:
        return different[0].format if different else None
    ordered = [fit for fit in different if _is_ordered(fit.stamps)] if len(texts) >= _MIN_ORDERED else []
    different = ordered or different
    shares = [_regularity(fit.stamps) for fit in different]
    for least in (1.0, _REGULAR):
        regular = [fit for fit, share in zip(different, shares, strict=True) if share >= least]
        if len(regular) == 1 or len(different) == 1:
            return (regular or different)[0].format
    return _refuse(texts, column, different)


def _refuse(texts: Any, column: str, different: Sequence[_Fit]) -> str:
    place = int(np.flatnonzero(different[0].stamps != different[1].stamps)[0])
    text = texts[place].as_py()
    readings = " or ".join(str(np.datetime64(int(fit.stamps[place]), "us")).split("T00:00")[0] for fit in different[:2])
    orders = sorted(bool(re.search("%d.*%m", fit.format)) for fit in different if {"%d", "%m"} <= set(_names(fit)))
    remedy = "--day-first yes or --day-first no, or " if orders == [False, True] and len(different) == 2 else ""
    raise InputError(
        f"The times in {column} are ambiguous: {text!r} may be {readings}. Give {remedy}--time-format "
        f"'{different[0].format}'."
    )


def _names(fit: _Fit) -> list[str]:
    return re.findall("%.", fit.format)


def _is_ordered(stamps: NDArray[np.int64]) -> bool:
    steps = np.diff(stamps)
    return bool((steps >= 0).all() or (steps <= 0).all())


def _regularity(stamps: NDArray[np.int64]) -> float:
    """Return the fraction of steps between successive times that have the most common length, in days or in months."""
    times = np.unique(stamps)
    if len(times) < 3:
        return 1.0
    steps = np.diff(times)
    best = _most_common_share(steps)
    dates = times.astype("datetime64[us]")
    months = dates.astype("datetime64[M]")
    days = (dates.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64)
    if len(np.unique(months)) == len(times) and (len(np.unique(days)) == 1 or days.min() > 24):
        best = max(best, _most_common_share(np.diff(months.astype(np.int64))))
    # Working days: four of five steps are a day, the fifth is a weekend.
    if (np.isin(steps, (DAY, 3 * DAY, 4 * DAY, 2 * DAY))).mean() > 0.97 and len(steps) > 8:
        best = max(best, 0.9)
    return best


def _most_common_share(steps: NDArray[Any]) -> float:
    return float(np.unique(steps, return_counts=True)[1].max() / len(steps))
