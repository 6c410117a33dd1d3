"""The list of all tasks. Importing this module does not import the classes of the tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.support.errors import InputError, require_one_of
from gatewright.tasks import (
    adding,
    classify,
    classify_series,
    forecast,
    generate,
    imported,
    keywords,
    rolls,
    tag,
    transcribe,
    translate,
)
from gatewright.tasks.base.spec import ModelSpec, Option, TaskSpec

TASKS: tuple[TaskSpec, ...] = (
    adding.SPEC,
    keywords.SPEC,
    classify_series.SPEC,
    classify.SPEC,
    rolls.SPEC,
    generate.SPEC,
    forecast.SPEC,
    tag.SPEC,
    transcribe.SPEC,
    translate.SPEC,
)
"""All tasks. If several tasks share a command, the first task whose `owns` function accepts the data reads it."""

_DEFAULT_COMMAND = "classify"


def commands() -> dict[str, tuple[TaskSpec, ...]]:
    """Return the tasks of each subcommand of `gatewright train`, the most general task first."""
    found: dict[str, tuple[TaskSpec, ...]] = {}
    for spec in TASKS:
        if spec.command:
            found[spec.command] = (spec, *found.get(spec.command, ()))
    return dict(sorted(found.items()))


def compare_only() -> tuple[TaskSpec, ...]:
    """Return the tasks that only `gatewright compare` supports."""
    return tuple(spec for spec in TASKS if not spec.command)


def find(command: str | None, data: str, options: Mapping[str, Any]) -> TaskSpec:
    """Return the task that reads this data.

    Args:
        command: The subcommand of `gatewright train`. None stands for a task that only `gatewright compare` supports,
            if that task reads the data, and otherwise for "classify".
        data: A named data set, a file or a folder.
        options: The options for reading the data, with their names as keys.

    Raises:
        InputError: `command` is unknown, or the task does not have one of the options.
    """
    if command is None:
        command = "" if any(spec.owns(data, options) for spec in compare_only()) else _DEFAULT_COMMAND
    else:
        require_one_of("task", command, tuple(commands()))
    candidates = [spec for spec in TASKS if spec.command == command]
    _require_own_options(command, candidates, options)
    spec = next(spec for spec in candidates if spec.owns(data, options))
    spec.require_options(data, options)
    return spec


def _require_own_options(command: str, candidates: list[TaskSpec], options: Mapping[str, Any]) -> None:
    """Raise `InputError` if an option belongs only to other commands."""
    for name, value in options.items():
        if name not in _option_names(candidates):
            others = " and ".join(word for word, specs in commands().items() if name in _option_names(specs))
            raise InputError(
                f"--{name.replace('_', '-')} {value} is an option of {others}, not of {command or 'this task'}: "
                "leave it out."
            )


def _option_names(specs: Sequence[TaskSpec]) -> set[str]:
    return {option.name for spec in specs for option in spec.options}


def all_options() -> dict[str, Option]:
    """Return the data options of all tasks, with their names as keys. Options that only training has are left out."""
    specs = [*(spec for words in commands().values() for spec in words), imported.SPEC]
    found: dict[str, Option] = {}
    for option in (option for spec in specs for option in spec.options if not option.training_only):
        found.setdefault(option.name, option)  # the general task's description of an option that two tasks share
    return found


def split_options(given: Mapping[str, Any], training: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split keyword arguments into data options that are not None, and all other arguments (the settings).

    Args:
        given: Data options and settings, with their names as keys.
        training: Include the options that only training has.
    """
    names = {option.name for spec in TASKS for option in spec.options if training or not option.training_only}
    options = {name: value for name, value in given.items() if name in names and value is not None}
    return options, {name: value for name, value in given.items() if name not in names}


def models() -> tuple[ModelSpec, ...]:
    """Return all kinds of models in files: those of the tasks, and those that were trained with Keras."""
    return (*(spec for spec in TASKS if spec.model), imported.SPEC)


def of_model(name: str) -> ModelSpec:
    """Return the kind of models with this name, which model files store."""
    return next(spec for spec in models() if spec.name == name)


def model_class(name: str) -> Any:
    """Return the class of the models with this name, which model files store, or None if there is none."""
    return next((spec.model_class() for spec in models() if spec.name == name), None)
