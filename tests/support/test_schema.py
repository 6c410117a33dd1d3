"""Reading JSON values as declared types."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from gatewright.support.errors import InputError
from gatewright.support.schema import (
    Count,
    Fraction,
    Items,
    Number,
    Parsed,
    Size,
    Text,
    Whole,
    check_record,
    parse_json,
    read_as,
)


def even(value):
    if value % 2:
        raise InputError("its number is odd.")
    return value // 2


@dataclass(frozen=True)
class Inner:
    names: Annotated[tuple[Annotated[str, Text(1, 5)], ...], Items(1, 3, distinct=True)]
    pair: tuple[int, float] = (0, 0.0)

    def __post_init__(self):
        if self.pair[0] > 5 and self.pair[1] > 5:
            raise InputError("one of the pair must be small.")


@dataclass(frozen=True)
class Outer:
    size: Size
    count: Count
    rate: Fraction
    kind: Literal["a", "b"]
    flag: bool
    inner: Inner
    rising: Annotated[tuple[Annotated[int, Whole(0, 9)], ...], Items(rising=True)]
    named: Mapping[str, Annotated[float, Number(above=0, high=2)]]
    half: Annotated[int, Parsed(even)]
    extra: Any
    maybe: str | None = None


WHOLE = {
    "size": 1,
    "count": 0,
    "rate": 0,
    "kind": "a",
    "flag": True,
    "inner": {"names": ["x"], "pair": [1, 2]},
    "rising": [1, 2],
    "named": {"x": 1},
    "half": 4,
    "extra": [{"a": [1.5, None]}],
}


def test_values_are_read_as_their_types():
    read = read_as(Outer, WHOLE, "its object")
    assert read == Outer(
        1, 0, 0.0, "a", True, Inner(("x",), (1, 2.0)), (1, 2), {"x": 1.0}, 2, [{"a": [1.5, None]}], None
    )
    assert isinstance(read.rate, float)
    assert read_as(Outer, {**WHOLE, "maybe": "y"}, "its object").maybe == "y"


def test_a_field_with_a_default_may_be_missing():
    assert read_as(Inner, {"names": ["a"]}, "its object") == Inner(("a",))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"size": 0}, "its object.size must be a whole number from 1 to 2,147,483,647, not 0."),
        ({"size": True}, "its object.size must be a whole number from 1 to 2,147,483,647, not true."),
        ({"size": 1.0}, "not 1.0."),
        ({"size": 10**4000}, "not 1000"),
        ({"rate": 1}, "its object.rate must be a number of at least 0 and below 1, not 1."),
        ({"rate": float("nan")}, "not nan."),
        ({"rate": 10**400}, "its object.rate must be"),
        ({"kind": "c"}, "its object.kind must be one of 'a', 'b', not 'c'."),
        ({"kind": ["a"]}, "its object.kind must be one of 'a', 'b', not a list of 1 values."),
        ({"flag": 1}, "its object.flag must be true or false, not 1."),
        ({"inner": []}, "its object.inner must be an object, not a list of 0 values."),
        ({"inner": {"names": []}}, "its object.inner.names has 0 entries, but must have at least 1."),
        ({"inner": {"names": ["a"] * 4}}, "its object.inner.names has 4 entries, but must have at most 3."),
        ({"inner": {"names": ["a", "a"], "pair": [1, 1]}}, "its object.inner.names has the same value twice."),
        ({"inner": {"pair": [1, 1]}}, "its object.inner has no entry 'names'."),
        ({"inner": {"names": ["a"], "pair": [1]}}, "its object.inner.pair must be a list of 2 values"),
        ({"inner": {"names": ["a"], "pair": [6, 6]}}, "does not fit together: one of the pair must be small."),
        ({"rising": [2, 1]}, "its object.rising is not in rising order."),
        ({"named": {"\n" * 99: 3}}, "must be a number above 0 and at most 2, not 3."),
        ({"half": 3}, "its number is odd."),
        ({"extra": [[[[[[[[[]]]]]]]]]}, "its object.extra must be a JSON value without deep nesting"),
        ({"extra": {"a": 10**400}}, "its object.extra must be a JSON value without"),
        ({"maybe": 1}, "its object.maybe must be a text, not 1."),
        ({"more": 1}, "its object has an unknown entry 'more'."),
        ({"x" * 10**5: 1}, "its object has an unknown entry 'xxx"),
    ],
)
def test_other_values_are_refused_with_one_short_sentence(change, sentence):
    with pytest.raises(InputError) as refused:
        read_as(Outer, {**WHOLE, **change}, "its object")
    message = str(refused.value)
    assert sentence in message
    assert "\n" not in message
    assert len(message) < 300


def test_a_record_may_lack_keys_and_numbers():
    assert check_record(Outer, {"inner": {"pair": [1, None]}}, "its record") == {"inner": {"pair": [1, None]}}
    for wrong in ({"inner": {"pair": [None, 1]}}, {"size": "many"}, {"unknown": 1}, 7):
        with pytest.raises(InputError, match="its record"):
            check_record(Outer, wrong, "its record")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('{"a": 1, "b": {"c": 1, "c": 2}}', "the same key twice"),
        ('{"a": NaN}', "has the value NaN, which is not a number"),
        ("[" * 100_000, "is not JSON"),
        (b"\xff\xff", "is not JSON"),
        ("1" * 5000, "is not JSON"),
    ],
)
def test_json_that_no_honest_file_has_is_refused(text, sentence):
    with pytest.raises(InputError, match=sentence):
        parse_json(text)
