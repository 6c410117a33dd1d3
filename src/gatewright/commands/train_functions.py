"""Create a typed training function for each task, such as `train_classifier`, from the task's settings."""

import inspect
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from gatewright.commands.flags import MAX_INPUT_HELP
from gatewright.commands.train import train
from gatewright.data.limits import with_max_input
from gatewright.support.errors import InputError
from gatewright.tasks import registry
from gatewright.tasks.base.settings import setting_fields
from gatewright.tasks.base.spec import TaskSpec

REQUIRED: Any = inspect.Parameter.empty


class Parameter(NamedTuple):
    """A parameter of a training function: its name, type, default and description."""

    name: str
    type: str
    default: Any
    text: str


_TYPES = {"int": "int", "float": "float", "bool": "bool", "str": "str", "floats": "Sequence[float]"}
_COMMON = (
    Parameter("data", "str | Path", REQUIRED, "{reads}."),
    Parameter("out", "str | Path", "", "The model file."),
)
_SPLITS = (
    Parameter(
        "validation", "str | None", None, "Data for the validation set (default: in `data`, or set aside from it)."
    ),
    Parameter("test", "str | None", None, "Data for the test set (default: in `data`, or set aside from it)."),
)
_LAST = (
    Parameter(
        "limit", "int | None", None, "Use at most this many training examples, and at most this many test examples."
    ),
    Parameter("max_input", "float | None", None, MAX_INPUT_HELP),
    Parameter(
        "overwrite",
        "bool",
        False,
        "Replace a model file of other settings or data, and discard the progress of its training.",
    ),
)


def function_names() -> list[str]:
    """Return the names of all training functions."""
    return [spec.function for spec in registry.TASKS if spec.function]


def training_function(name: str) -> Callable[..., Any]:
    """Return the training function with this name, such as "train_classifier".

    Raises:
        AttributeError: No task has a training function of this name.
    """
    spec = next((spec for spec in registry.TASKS if spec.function == name), None)
    if spec is None:
        raise AttributeError(f"module 'gatewright' has no attribute {name!r}")
    own = {parameter.name for parameter in parameters(spec)}

    @with_max_input
    def function(data: str, out: str | Path = spec.default_out, **given: Any) -> Any:
        for argument in given:
            if argument not in own:
                raise TypeError(f"{name}() got an unexpected keyword argument {argument!r}")
        if registry.find(spec.command, str(data), registry.split_options(given, training=True)[0]) is not spec:
            raise InputError(f"{data} is not data of {spec.examples}: {name} reads {spec.reads}.")
        return train(spec.command, data, out, **given)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = documentation(spec)
    function.__signature__ = _signature(spec)  # type: ignore[attr-defined]
    return function


def parameters(spec: TaskSpec) -> list[Parameter]:
    """Return the parameters of a task's training function, in order. The first two may be passed by position."""
    data, out = _COMMON
    found = [data._replace(text=data.text.format(reads=spec.reads)), out._replace(default=spec.default_out)]
    found += [
        Parameter(option.name, "int | None" if option.is_number else "str | None", None, option.help)
        for option in spec.options
    ]
    found += [*(_SPLITS if spec.takes_splits else ()), *_LAST]
    for field in setting_fields(spec.settings):
        optional = " | None" if field.default is None else ""
        ending = (
            f" (default: {field.about.default_text})." if field.default is None and field.about.default_text else "."
        )
        text = field.about.help.rstrip(".") + ending
        found.append(Parameter(field.name, _TYPES[field.kind] + optional, field.default, text))
    return found


def documentation(spec: TaskSpec) -> str:
    """Return the docstring of a task's training function."""
    lines = [
        f"Train on {spec.examples} and save the model in one file. {spec.summary}",
        "",
        "The same call resumes an interrupted training; see `gatewright.train`.",
        "",
        "Args:",
    ]
    for parameter in parameters(spec):
        lines += textwrap.wrap(
            f"{parameter.name}: {parameter.text}", 110, initial_indent="    ", subsequent_indent="        "
        )
    lines += ["", "Raises:", "    InputError: An input cannot be used. The message says which, and what to do."]
    return "\n".join(lines) + "\n"


def _signature(spec: TaskSpec) -> inspect.Signature:
    positional, keyword = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    made = [
        inspect.Parameter(p.name, positional if index < len(_COMMON) else keyword, default=p.default, annotation=p.type)
        for index, p in enumerate(parameters(spec))
    ]
    return inspect.Signature(made, return_annotation="Trained")
