"""Read JSON values that may be damaged or hostile, as the types that annotations declare.

A type is declared where it belongs, as the annotation of a dataclass field, with limits from this module:

    @dataclass(frozen=True)
    class Dense(Layer):
        units: Size

`read_as(Dense, {"units": 5}, "its layers[0]")` returns `Dense(5)`. Other values are refused with one sentence. These
annotations are known:

    bool                        true or false
    int, float, str             with the default limits `Whole`, `Number` and `Text`
    Annotated[int, Whole(...)]  with other limits; likewise `Number` and `Text`
    X | None                    null, or X
    tuple[X, ...]               a list; Annotated[..., Items(...)] limits its items
    tuple[X, Y]                 a list of exactly these items
    Mapping[str, X]             an object whose keys are names
    a dataclass                 an object whose keys are the fields; a field with a default may be missing
    Annotated[X, Parsed(f)]     what the function f makes of the value
    Any                         any JSON value of limited depth
    object                      any value, which the caller checks

Numbers are always finite. Only `parse_json` keeps what JSON allows and no honest file has: the same key twice, NaN.
"""

import dataclasses
import json
import math
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints, overload

from gatewright.support.errors import InputError

_T = TypeVar("_T")

# Integers that NumPy, JSON readers of other languages and arithmetic in int64 can hold.
_MAX_WHOLE = (1 << 63) - 1
_MAX_TEXT = 1 << 20
# Levels of lists and objects in a value of any kind.
_MAX_DEPTH = 8
# Characters of a value or a name that a message shows.
_SHOWN = 60


@dataclass(frozen=True)
class Whole:
    """The limits of an integer."""

    low: int = -_MAX_WHOLE
    high: int = _MAX_WHOLE

    def __str__(self) -> str:
        return f"a whole number from {self.low:,} to {self.high:,}"

    def read(self, value: Any) -> int | None:
        """Return the integer, or None if the value is something else or not within the limits."""
        return value if type(value) is int and self.low <= value <= self.high else None


@dataclass(frozen=True)
class Number:
    """The limits of a number: from `low` to `high`, above `above` and below `below`."""

    low: float = -sys.float_info.max
    high: float = sys.float_info.max
    above: float = -math.inf
    below: float = math.inf

    def __str__(self) -> str:
        start = f"above {self.above:g}" if self.above > -math.inf else f"of at least {self.low:g}"
        return f"a number {start} and {f'below {self.below:g}' if self.below < math.inf else f'at most {self.high:g}'}"

    def read(self, value: Any) -> float | None:
        """Return the number as a float, or None if the value is something else or not within the limits."""
        if type(value) not in (int, float):
            return None
        return float(value) if self.low <= value <= self.high and self.above < value < self.below else None


@dataclass(frozen=True)
class Text:
    """The limits of a text: its length in characters, or the allowed texts."""

    low: int = 0
    high: int = _MAX_TEXT
    choices: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.choices:
            return f"one of {', '.join(map(repr, self.choices))}"
        if self.high == _MAX_TEXT:
            return "a text that is not empty" if self.low else "a text"
        return f"a text of at most {self.high:,} characters" if self.high > 1 else "one character"

    def read(self, value: Any) -> str | None:
        """Return the text, or None if the value is something else or not within the limits."""
        if not isinstance(value, str) or (self.choices and value not in self.choices):
            return None
        return value if self.low <= len(value) <= self.high else None


@dataclass(frozen=True)
class Items:
    """The limits of a list or an object: its number of items, and whether they are all different or in rising order."""

    low: int = 0
    high: int = _MAX_WHOLE
    distinct: bool = False
    rising: bool = False


@dataclass(frozen=True)
class Parsed:
    """A function that reads a value, and raises `InputError` with a message that begins with "its" if it cannot."""

    function: Callable[[Any], Any]


Size: TypeAlias = Annotated[int, Whole(1, 2**31 - 1)]
Count: TypeAlias = Annotated[int, Whole(0, 2**31 - 1)]
Fraction: TypeAlias = Annotated[float, Number(low=0, below=1)]
Name: TypeAlias = Annotated[str, Text(1)]

# Seeds may be larger than other integers.
_SEED = Whole(-(1 << 1024), 1 << 1024)
_DEFAULTS: Mapping[Any, Any] = {int: Whole(), float: Number(), str: Text()}


def parse_json(text: str | bytes) -> Any:
    """Return a JSON value.

    Raises:
        InputError: The text is not JSON, or has the same key twice, NaN or an infinite number. The message begins with
            "its".
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError("its metadata is not JSON.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InputError("its metadata has the same key twice.")
    return found


def _refuse_constant(name: str) -> None:
    raise InputError(f"its metadata has the value {name}, which is not a number.")


@overload
def read_as(kind: type[_T], value: Any, name: str) -> _T: ...
@overload
def read_as(kind: Any, value: Any, name: str) -> Any: ...
def read_as(kind: Any, value: Any, name: str) -> Any:
    """Return a JSON value as an object of the declared type; see the docstring of this module.

    Args:
        kind: The type.
        value: The value, as `parse_json` returns it.
        name: The name of the value in error messages, such as "its layers[0]".

    Raises:
        InputError: The value is not of this type. The message begins with `name`.
    """
    return _read(kind, value, name, False)


def check_record(kind: Any, value: Any, name: str) -> dict[str, Any]:
    """Return the JSON object of a record that is only shown to people, if its values have the declared types.

    Keys may be missing, and null may take the place of a number, as `results.serialize` writes one that is not finite.

    Args:
        kind: The dataclass that declares the record.
        value, name: See `read_as`.

    Raises:
        InputError: A value has another type, or a key is unknown. The message begins with `name`.
    """
    _read(kind, value, name, True)
    checked: dict[str, Any] = value
    return checked


def _read(kind: Any, value: Any, name: str, is_record: bool) -> Any:
    kind, limits = _split(kind)
    if isinstance(limits, Parsed):
        return limits.function(value)
    if kind is object:
        return value
    if get_origin(kind) is Literal:
        kind, limits = str, Text(choices=get_args(kind))
    if kind in _DEFAULTS:
        if is_record and kind is float and value is None:
            return math.nan
        limits = limits or _DEFAULTS[kind]
        found = limits.read(value)
        if found is None:
            raise InputError(f"{name} must be {limits}, not {shown(value)}.")
        return found
    if kind is bool:
        return _require(type(value) is bool, value, name, "true or false")
    if kind is Any:
        return _require(_is_plain(value, _MAX_DEPTH), value, name, "a JSON value without deep nesting or huge numbers")
    if dataclasses.is_dataclass(kind):
        return _read_object(kind, value, name, is_record)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        inner = next(one for one in arguments if one is not type(None))
        return None if value is None else _read(inner, value, name, is_record)
    if origin is tuple:
        return _read_list(arguments, limits or Items(), value, name, is_record)
    return _read_mapping(arguments[1], limits or Items(), value, name, is_record)


def _split(kind: Any) -> tuple[Any, Any]:
    """Return a type without its limits, and the limits or None."""
    if get_origin(kind) is Annotated:
        inner, *limits = get_args(kind)
        return inner, limits[0]
    return kind, None


def _require(fits: bool, value: Any, name: str, what: str) -> Any:
    if not fits:
        raise InputError(f"{name} must be {what}, not {shown(value)}.")
    return value


def _read_object(kind: Any, value: Any, name: str, is_record: bool) -> Any:
    declared = fields_of(kind)
    _require(isinstance(value, dict), value, name, "an object")
    for key in value:
        if key not in declared:
            raise InputError(f"{name} has an unknown entry {shown(key)}.")
    read = {}
    for key, inner in declared.items():
        if key in value:
            read[key] = _read(inner, value[key], f"{name}.{key}", is_record)
        elif not is_record and key not in _with_default(kind):
            raise InputError(f"{name} has no entry {key!r}.")
    if is_record:
        return read
    try:
        return kind(**read)
    except InputError as error:  # two fields contradict each other
        raise InputError(f"{name} does not fit together: {error}") from None


def _read_list(arguments: tuple[Any, ...], limits: Items, value: Any, name: str, is_record: bool) -> Any:
    _require(isinstance(value, list), value, name, "a list")
    if arguments[-1] is Ellipsis:
        kinds = (arguments[0],) * len(value)
    else:
        kinds = arguments
        _require(len(value) == len(kinds), value, name, f"a list of {len(kinds)} values")
    _require_size(limits, value, name)
    read = tuple(
        _read(kind, one, f"{name}[{place}]", is_record)
        for place, (kind, one) in enumerate(zip(kinds, value, strict=True))
    )
    if limits.distinct and len(set(read)) < len(read):
        raise InputError(f"{name} has the same value twice.")
    if limits.rising and list(read) != sorted(set(read)):
        raise InputError(f"{name} is not in rising order.")
    return read


def _read_mapping(inner: Any, limits: Items, value: Any, name: str, is_record: bool) -> dict[str, Any]:
    _require(isinstance(value, dict), value, name, "an object")
    _require_size(limits, value, name)
    return {key: _read(inner, one, f"{name}[{shown(key)}]", is_record) for key, one in value.items()}


def _require_size(limits: Items, value: Any, name: str) -> None:
    if not limits.low <= len(value) <= limits.high:
        limit = f"at least {limits.low:,}" if len(value) < limits.low else f"at most {limits.high:,}"
        raise InputError(f"{name} has {len(value):,} entries, but must have {limit}.")


@cache
def fields_of(kind: type) -> Mapping[str, Any]:
    """Return the annotation of each field of a dataclass, with the names of the fields as keys."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


@cache
def _with_default(kind: type) -> frozenset[str]:
    """Return the names of the fields of a dataclass that have a default."""
    return frozenset(
        field.name
        for field in dataclasses.fields(kind)
        if field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
    )


def _is_plain(value: Any, depth: int) -> bool:
    """Return True if a JSON value has at most `depth` levels, and only numbers and texts within the default limits."""
    if isinstance(value, list | dict):
        inner = value if isinstance(value, list) else value.values()
        return depth > 0 and all(_is_plain(one, depth - 1) for one in inner)
    limits = _SEED if type(value) is int else _DEFAULTS.get(type(value))
    return limits is None or limits.read(value) is not None


def shown(value: Any) -> str:
    """Return a short description of a JSON value for a message, on one line."""
    if isinstance(value, list | dict):
        return f"a list of {len(value):,} values" if isinstance(value, list) else "an object"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}...")
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
