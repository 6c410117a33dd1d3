"""Texts of times in a known format: read alone and many at once."""

import re
from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data.time_formats import _CLOCK_FORMATS, _formats
from gatewright.data.time_texts import ISO, parse_time, read_texts, require_format
from gatewright.support.errors import InputError

EPOCH = datetime(1970, 1, 1)
DATES = st.datetimes(datetime(1969, 1, 1), datetime(2068, 12, 31))


def microseconds(time):
    return (time - EPOCH) // timedelta(microseconds=1)


def written(time, format):
    """Return a time as strftime writes it, with %q for the quarter."""
    return time.strftime(format.replace("%q", str((time.month + 2) // 3)))


def truncated(time, format):
    """Return the part of a time that a format writes."""
    if "%G" in format:
        monday = time - timedelta(days=0 if "%u" in format else time.weekday())
        return monday.replace(hour=0, minute=0, second=0, microsecond=0)
    kept = {"month": "%[mbqj]", "day": "%[dj]", "hour": "%[HI]", "minute": "%M", "second": "%S", "microsecond": "%f"}
    lowest = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    cut = time.replace(**{part: lowest[part] for part, mark in kept.items() if not re.search(mark, format)})
    return cut.replace(month=cut.month - (cut.month - 1) % 3) if "%q" in format else cut


@pytest.mark.parametrize("part", range(8))
def test_what_strftime_writes_is_read_alone_and_among_others(part):
    rng = np.random.default_rng(part)
    for format in _formats()[part::40]:
        days = rng.integers(-300, 36_000, 12)
        times = [EPOCH + timedelta(days=int(day), microseconds=int(rng.integers(86_400_000_000))) for day in days]
        texts = [written(time, format) for time in times]
        wanted = [microseconds(truncated(time, format)) for time in times]
        for read in (read_texts(texts, format), read_texts(pa.array(texts), format)):
            assert read.fits.all(), format
            assert not read.has_offset.any()
            np.testing.assert_array_equal(read.stamps, wanted)


@given(time=DATES, format=st.sampled_from(_formats()))
def test_formats_that_join_dates_and_times_are_read_back(time, format):
    found = parse_time(written(time, format), format)
    assert found == (microseconds(truncated(time, format)), None)


@given(time=DATES, format=st.sampled_from(_CLOCK_FORMATS))
def test_a_time_of_day_counts_from_midnight(time, format):
    found = parse_time(time.strftime(format), format)
    assert found is not None
    midnight = datetime(time.year, time.month, time.day)
    assert timedelta(microseconds=found[0]) == truncated(time, f"%j {format}") - midnight


@given(
    time=st.datetimes(datetime(1, 1, 1), datetime(9998, 12, 31)),
    joint=st.sampled_from(" T"),
    minutes=st.none() | st.integers(-14 * 60, 14 * 60),
    digits=st.integers(0, 6),
)
def test_iso_8601_is_read_back(time, joint, minutes, digits):
    time = time.replace(microsecond=time.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits))
    zone = None if minutes is None else timezone(timedelta(minutes=minutes))
    text = time.replace(tzinfo=zone).isoformat(joint)
    offset = None if minutes is None else minutes * 60_000_000
    assert parse_time(text, ISO) == (microseconds(time), offset)
    read = read_texts(pa.array([text, "2020-01-01"]), ISO)
    assert (read.stamps[0], read.fits.all(), read.has_offset[0]) == (microseconds(time), True, offset is not None)
    assert read.offsets[0] == (offset or 0)


@pytest.mark.parametrize(
    ("text", "format", "wanted"),
    [
        ("2020-01-01 24:00", ISO, "2020-01-02"),
        ("2020-12-31T24:00:00", ISO, "2021-01-01"),
        ("31/12/2020 24:00", "%d/%m/%Y %H:%M", "2021-01-01"),
        ("2020-01-01 10:00:00.5", ISO, "2020-01-01T10:00:00.5"),
        ("2020-01-01 10:00:00,25", ISO, "2020-01-01T10:00:00.25"),
        ("2020-01-01 10:00:00.123456789", ISO, "2020-01-01T10:00:00.123456"),
        ("12:00 AM 1/2/2020", "%I:%M %p %d/%m/%Y", "2020-02-01"),
        ("1/2/2020 12:30 PM", "%d/%m/%Y %I:%M %p", "2020-02-01T12:30"),
        ("1/2/2020 12:30 p.m.", "%d/%m/%Y %I:%M %p", "2020-02-01T12:30"),
        ("1/2/2020 9:05\u202fAM", "%m/%d/%Y %I:%M %p", "2020-01-02T09:05"),
        ("2020-Q3", "%Y-Q%q", "2020-07"),
        ("2020q4", "%YQ%q", "2020-10"),
        ("2020-W01", "%G-W%V", "2019-12-30"),
        ("2020-W53-7", "%G-W%V-%u", "2021-01-03"),
        ("2020-060", "%Y-%j", "2020-02-29"),
        ("5 Sept 2020", "%d %b %Y", "2020-09-05"),
        ("5 september 2020", "%d %b %Y", "2020-09-05"),
        ("05DEC68", "%d%b%y", "2068-12-05"),
        ("05DEC69", "%d%b%y", "1969-12-05"),
        ("01.02.2020 10:00 - 01.02.2020 11:00", "%d.%m.%Y %H:%M", "2020-02-01T10:00"),
        ("01.02.2020 10:00 - 11:00", "%d.%m.%Y %H:%M", "2020-02-01T10:00"),
        ("01.02.2020-07.02.2020", "%d.%m.%Y", "2020-02-01"),
        ("01.02.2020 – 07.02.2020", "%d.%m.%Y", "2020-02-01"),
        ("2020-02-01/2020-02-07", ISO, "2020-02-01"),
        ("2020-02-01 to 2020-02-07", ISO, "2020-02-01"),
        ("01/02/2020 - 10:30", "%d/%m/%Y - %H:%M", "2020-02-01T10:30"),
        ("  2020-02-01 ", ISO, "2020-02-01"),
        ("2020-02-01 10:00", "%F %R", "2020-02-01T10:00"),
        ("0001-01-01", ISO, "0001-01-01"),
    ],
)
def test_odd_texts(text, format, wanted):
    stamp = int(np.datetime64(wanted, "us").astype(np.int64))
    assert parse_time(text, format) == (stamp, None)
    assert read_texts(pa.array([text]), format).stamps[0] == stamp


@pytest.mark.parametrize(
    ("text", "format", "hours"),
    [
        ("2020-01-01 10:00Z", ISO, 0),
        ("2020-01-01 10:00 UTC", ISO, 0),
        ("2020-01-01T10:00:00+01", ISO, 1),
        ("2020-01-01T10:00:00-0330", ISO, -3.5),
        ("01/02/2020 10:00 +05:30", "%d/%m/%Y %H:%M", 5.5),
        ("01/02/2020 10:00 GMT+0200", "%d/%m/%Y %H:%M", 2),
        ("01/02/2020 10:00 +0200", "%d/%m/%Y %H:%M %z", 2),
    ],
)
def test_offsets(text, format, hours):
    for read in (read_texts([text], format), read_texts(pa.array([text]), format)):
        assert read.fits[0]
        assert read.has_offset[0]
        assert read.offsets[0] == hours * 3_600_000_000


@pytest.mark.parametrize(
    ("text", "format"),
    [
        ("2020-02-30", ISO),
        ("2020-13-01", ISO),
        ("0000-01-01", ISO),
        ("2020-01-01 24:01", ISO),
        ("2020-01-01 10:60", ISO),
        ("2020-01-01 10:00+24:00", ISO),
        ("2020-01-01 10:00+01:60", ISO),
        ("2020-01-01+01:00", ISO),
        ("20-01-01", ISO),
        ("2020-01-01x", ISO),
        ("NaT", ISO),
        ("", ISO),
        ("29/02/2021", "%d/%m/%Y"),
        ("1/13/2020", "%d/%m/%Y"),
        ("2020111", "%Y%m%d"),
        ("13:00 PM", "%I:%M %p"),
        ("2020-W54", "%G-W%V"),
        ("2021-W53", "%G-W%V"),
        ("2021-366", "%Y-%j"),
        ("2020-Q5", "%Y-Q%q"),
        ("1 Foo 2020", "%d %b %Y"),
        ("٢٠٢٠-٠١-٠١", ISO),
        ("2020-01-01\n2020-01-02", ISO),
    ],
)
def test_texts_that_are_no_times(text, format):
    assert parse_time(text, format) is None
    assert not read_texts(pa.array([text]), format).fits[0]


@given(text=st.text(max_size=30), format=st.sampled_from([ISO, *_formats()[::37]]))
def test_any_text_is_read_the_same_alone_and_among_others(text, format):
    one, many = read_texts([text], format), read_texts(pa.array([text], pa.string()), format)
    assert [part.tolist() for part in one] == [part.tolist() for part in many]


@pytest.mark.parametrize("format", ["", "none", "%%", "%Q", "%Y %Y", "%c", "%-d"])
def test_unsupported_formats_are_refused(format):
    with pytest.raises(InputError, match=r"The format .* Give a format of strptime such as %d/%m/%Y"):
        require_format(format)
