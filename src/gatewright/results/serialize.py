"""Convert results to plain JSON values and back."""

import dataclasses
import math
import typing
from typing import Any


def to_json_value(value: Any) -> Any:
    """Convert a value to JSON values: dataclasses to dictionaries, tuples to lists, and non-finite numbers to None."""
    if dataclasses.is_dataclass(value):
        return {field.name: to_json_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: to_json_value(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [to_json_value(inner) for inner in value]
    if hasattr(value, "tolist"):  # an array or a number of NumPy
        return to_json_value(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


def from_json_value(kind: Any, value: Any) -> Any:
    """Convert a `value` that `to_json_value` returned back to an object of the type annotation `kind`.

    None becomes NaN where a float is expected. Unknown keys are ignored.

    Raises:
        KeyError, TypeError, AttributeError: `value` does not describe an object of this type.
    """
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        known = {name: from_json_value(hints[name], inner) for name, inner in value.items() if name in hints}
        return typing.cast(Any, kind)(**known)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return {name: from_json_value(arguments[1], inner) for name, inner in value.items()}
    if origin is tuple:
        if arguments[0] is Any:
            return as_tuples(value)
        return tuple(from_json_value(arguments[0], inner) for inner in value)
    return math.nan if kind is float and value is None else value


def as_tuples(value: Any) -> Any:
    """Convert lists to tuples, also inside other lists."""
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value
