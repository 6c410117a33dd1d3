"""Numbers as people write them."""

import numpy as np
import pyarrow as pa
import pytest
from data.tables import text_table, typed_table
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data.numbers import decimal_of, number_notes, read_number_columns, read_numbers
from gatewright.support.errors import InputError


def column(texts, delimiter=";", decimal=None):
    return read_number_columns(text_table(delimiter, a=texts), ["a"], decimal)["a"]


STYLES = {
    "plain": lambda x: f"{x:.2f}",
    "comma": lambda x: f"{x:.2f}".replace(".", ","),
    "english": lambda x: f"{x:,.2f}",
    "german": lambda x: f"{x:,.2f}".translate(str.maketrans(",.", ".,")),
    "swiss": lambda x: f"{x:,.2f}".replace(",", "'"),
    "french": lambda x: f"{x:,.2f}".replace(",", "\u202f").replace(".", ","),
    "nordic": lambda x: f"{x:,.2f}".replace(",", "\u00a0").replace(".", ","),
    "dollar": lambda x: f"${x:,.2f}" if x >= 0 else f"-${-x:,.2f}",
    "euro": lambda x: f"{x:.2f} €".replace(".", ","),
    "percent": lambda x: f"{x:.2f}%",
    "accounting": lambda x: f"{x:,.2f}" if x >= 0 else f"({-x:,.2f})",
    "minus sign": lambda x: f"{x:.2f}".replace("-", "\u2212"),
    "plus": lambda x: f"{x:+.2f}",
    "padded": lambda x: f"  {x:12.2f} ",
    "exponent": lambda x: f"{x:.12e}",
}


@given(
    cents=st.lists(st.integers(-(10**11), 10**11), min_size=1, max_size=12),
    style=st.sampled_from(sorted(STYLES)),
    missing=st.sampled_from(["", "NA", "n/a", "-", "None", "?", "NaN"]),
)
def test_what_each_style_writes_is_read_back(cents, style, missing):
    numbers = [cent / 100 for cent in cents]
    found = column([*map(STYLES[style], numbers), missing])
    assert found.values is not None, found.problem
    np.testing.assert_allclose(found.values, [*numbers, np.nan], rtol=1e-11)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_what_repr_writes_is_read_back_exactly(numbers):
    np.testing.assert_array_equal(column(list(map(repr, numbers)), ",").values, numbers)


@pytest.mark.parametrize(
    ("texts", "numbers", "note"),
    [
        (["12,5", "13"], [12.5, 13], "with decimal commas"),
        (["1.234,5", "2"], [1234.5, 2], "with decimal commas and with thousands separators"),
        (["1,234.5", "2"], [1234.5, 2], "with thousands separators"),
        (["1,234", "950", "12"], [1234, 950, 12], "with thousands separators"),
        (["1.5K", "2M", "3"], [1500, 2e6, 3], "with K, M, B or T for thousands to trillions"),
        (["(5)", "6"], [-5, 6], "with parentheses for negative numbers"),
        (["5%", "0", "6%"], [5, 0, 6], "without their percent signs"),
        (["$5", "6"], [5, 6], "without their currency signs"),
        (["True", "false", "NA"], [1, 0, np.nan], ""),
        ([".5", "5."], [0.5, 5], ""),
        (["007", "8"], [7, 8], ""),
        (["1e-300", "1E+300"], [1e-300, 1e300], ""),
        (["NA", ""], [np.nan, np.nan], ""),
    ],
)
def test_marks_are_noted(texts, numbers, note):
    found = column(texts)
    np.testing.assert_array_equal(found.values, numbers)
    assert found.note == note
    assert number_notes({"a": found}) == ([f"Columns read as numbers {note}: a."] if note else [])


@pytest.mark.parametrize(
    ("texts", "problem"),
    [
        (["5", "high"], "line 3 has 'high', which is not a number"),
        (["1 2", "3 4"], "line 2 has '1 2', which is not a number"),
        (["5 MW", "6 MW"], "line 2 has '5 MW', which is not a number"),
        (["0x10", "5"], "line 2 has '0x10', which is not a number"),
        (["5%", "0.06"], "it has numbers with different units, as in '5%' and '0.06'"),
        (["$5", "€6"], "it has numbers with different units"),
        (["1,5", "1.5"], "it mixes ways to write numbers"),
        (["12,34,567"], "it mixes ways to write numbers"),
        (["1.2.3"], "it mixes ways to write numbers"),
    ],
)
def test_what_is_no_number_is_named(texts, problem):
    found = column(texts)
    assert found.values is None
    assert found.problem.startswith(problem)
    with pytest.raises(InputError, match=r"The column 'a' of t.csv must contain numbers, but .*; leave it out\."):
        read_numbers(text_table(";", a=texts), ["a"], "leave it out")


@pytest.mark.parametrize("infinite", ["inf", "-Infinity", "1e400"])
def test_infinite_numbers_are_refused(infinite):
    with pytest.raises(InputError, match=r"line 3: 'a' is infinite\. Fix it, or leave the field empty"):
        read_numbers(text_table(a=["1", infinite]), ["a"], "leave it out")


class TestDecimals:
    @pytest.mark.parametrize(("decimal", "number"), [(",", 1.234), (".", 1234.0)])
    def test_one_comma_before_three_digits_is_ambiguous(self, decimal, number):
        found = column(["1,234"])
        assert found.is_unclear
        assert found.problem == "the comma in '1,234' may be a decimal comma or separate thousands"
        assert column(["1,234"], decimal=decimal).values == [number]

    @pytest.mark.parametrize(("decimal", "number"), [(",", 1234.0), (".", 1.234)])
    def test_one_point_is_ambiguous_where_decimal_commas_are_likely(self, decimal, number):
        assert column(["1.234"], ";").is_unclear
        assert column(["1.234"], ",").values == [1.234]
        assert column(["1.234"], ";", decimal).values == [number]

    @pytest.mark.parametrize(("other", "numbers"), [("0,5", [1234, 0.5]), ("0.5", [1.234, 0.5])])
    def test_other_columns_show_what_a_point_is(self, other, numbers):
        found = read_number_columns(text_table(";", a=["1.234"], b=[other]), ["a", "b"])
        assert [found["a"].values[0], found["b"].values[0]] == numbers

    @pytest.mark.parametrize(("other", "numbers"), [("0,5", [1.234, 0.5]), ("0.5", [1234, 0.5])])
    def test_other_columns_show_what_a_comma_is(self, other, numbers):
        found = read_number_columns(text_table(";", a=["1,234"], b=[other]), ["a", "b"])
        assert [found["a"].values[0], found["b"].values[0]] == numbers

    def test_many_numbers_with_three_digits_are_thousands_in_a_table_with_commas(self):
        texts = [f"{thousand},234" for thousand in range(1, 31)]
        np.testing.assert_array_equal(column(texts, ",").values, [1000 * place + 234 for place in range(1, 31)])

    @pytest.mark.parametrize(
        ("texts", "decimal"), [(["1,5"], ","), (["1.5"], "."), (["1,234.5"], "."), (["12"], ""), (["1.234,5"], ",")]
    )
    def test_a_model_can_keep_the_decimal_character(self, texts, decimal):
        assert decimal_of({"a": column(texts)}) == decimal

    @given(st.lists(st.integers(0, 10**7), min_size=1, max_size=9))
    def test_no_integer_of_thousands_is_read_as_a_fraction_after_training(self, numbers):
        texts = [f"{number:,}".replace(",", ".") for number in numbers]
        np.testing.assert_array_equal(column(texts, decimal=",").values, numbers)


@pytest.mark.parametrize(
    ("array", "numbers"),
    [
        (pa.array([1, None, 3]), [1, np.nan, 3]),
        (pa.array([1.5, None]), [1.5, np.nan]),
        (pa.array([True, None]), [1, np.nan]),
        (pa.array([None, None]), [np.nan, np.nan]),
        (pa.array(["1,5", None]), [1.5, np.nan]),
        (pa.array(["1,5", None], pa.large_string()), [1.5, np.nan]),
        (pa.array([2**60, 1]), [2.0**60, 1]),
        (pa.array([1, 2]).cast(pa.decimal128(25, 2)), [1, 2]),
    ],
)
def test_typed_columns(array, numbers):
    np.testing.assert_array_equal(read_number_columns(typed_table(a=array), ["a"])["a"].values, numbers)


def test_other_types_are_named():
    found = read_number_columns(typed_table(a=pa.array([[1], [2]])), ["a"])["a"]
    assert (found.values, found.problem) == (
        None,
        "it has the type list<element: int64>",
    ) or "type list" in found.problem
