"""Tables with values of unexpected types, and with numbers that floating-point numbers cannot hold."""

from __future__ import annotations

import json

import pytest

from gatewright.support.errors import InputError
from gatewright.tasks.forecast.reading import ColumnOptions, read_series


def read(path, content):
    path.write_text(content)
    return read_series(str(path), ColumnOptions())


def test_lists_and_texts_among_the_numbers_of_a_wide_table_are_one_sentence(tmp_path):
    months = [f"2024-{month:02d}" for month in range(1, 13)]
    rows = [{"id": name, **dict.fromkeys(months, 1.5)} for name in ("a", "b")]
    for value in ([1], {"a": 1}, "high", True):
        rows[1][months[3]] = value
        rows[0][months[3]] = value
        with pytest.raises(InputError, match=r"^[^\n]*\.$"):
            read(tmp_path / "wide.jsonl", "\n".join(map(json.dumps, rows)))


def test_two_attributes_of_one_name_are_refused(tmp_path):
    header = "@attribute a string\n@attribute {} string\n@frequency daily\n@data\nx:y:1,2,3\n"
    for name in ("a", "value", "time"):
        with pytest.raises(InputError, match=rf"has an attribute '{name}' that another column is named like\. Rename"):
            read(tmp_path / "a.tsf", header.format(name))


def test_numbers_beyond_53_bits_are_read_with_a_note(tmp_path):
    rows = [f"2024-01-{day:02d},{day % 3},{9007199254740992 + day}" for day in range(1, 29)]
    table = read(tmp_path / "a.csv", "\n".join(["date,load,account", *rows]))
    assert "Columns read as numbers rounded to about 16 digits, because some have more: account." in table.notes


def test_times_in_nanoseconds_are_read_exactly(tmp_path):
    rows = [f"{1_700_000_000_000_000_000 + 3_600_000_000_000 * hour},{hour % 5}" for hour in range(60)]
    notes = read(tmp_path / "a.csv", "\n".join(["time,load", *rows])).notes
    assert "The first row is 1700000000000000000 = 2023-11-14T22:13:20+00:00" in notes[0]
