"""The one list of tasks. Importing it loads no task's classes."""

from collections.abc import Mapping, Sequence
from typing import Any

from gatewright.support.errors import InputError, require_one_of
from gatewright.tasks import adding, classify, classify_series, forecast, generate, rolls, tag
from gatewright.tasks.base.spec import Option, TaskSpec

TASKS: tuple[TaskSpec, ...] = (
    adding.SPEC,
    classify_series.SPEC,
    classify.SPEC,
    rolls.SPEC,
    generate.SPEC,
    forecast.SPEC,
    tag.SPEC,
)
"""All tasks. If tasks share a command, the first one that owns the data reads it."""

_DEFAULT_COMMAND = "classify"


def commands() -> dict[str, tuple[TaskSpec, ...]]:
    """Return the tasks by the word after `gatewright train`. The first of a word is the most general."""
    found: dict[str, tuple[TaskSpec, ...]] = {}
    for spec in TASKS:
        if spec.command:
            found[spec.command] = (spec, *found.get(spec.command, ()))
    return dict(sorted(found.items()))


def compare_only() -> tuple[TaskSpec, ...]:
    """Return the tasks that can only be compared."""
    return tuple(spec for spec in TASKS if not spec.command)


def find(command: str | None, data: str, options: Mapping[str, Any]) -> TaskSpec:
    """Return the task that data belongs to.

    Args:
        command: The word after `gatewright train`. None stands for a task that can only be compared, if it owns the
            data, and otherwise for the classification of texts or series.
        data: A named data set, a file or a folder.
        options: Options of the data, by name.

    Raises:
        InputError: There is no such command, or an option does not apply to the data.
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
    """Check that no option belongs to other commands only."""
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
    """Return the options of the data of all tasks by name, apart from those that only a training has."""
    specs = [spec for words in commands().values() for spec in words]
    found: dict[str, Option] = {}
    for option in (option for spec in specs for option in spec.options if not option.training_only):
        found.setdefault(option.name, option)  # the general task's description of an option that two tasks share
    return found


def split_options(given: Mapping[str, Any], training: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the given options of the data, and everything else that is given.

    Args:
        given: Options and settings by name.
        training: Whether to count options that only a training has as options.
    """
    names = {option.name for spec in TASKS for option in spec.options if training or not option.training_only}
    options = {name: value for name, value in given.items() if name in names and value is not None}
    return options, {name: value for name, value in given.items() if name not in names}


def of_model(name: str) -> TaskSpec:
    """Return the task of a trained model by the task's name."""
    return next(spec for spec in TASKS if spec.name == name)


def model_class(name: str) -> Any:
    """Return the class of a task's trained models; None if there is no task of this name that has any."""
    return next((spec.model_class() for spec in TASKS if spec.name == name and spec.model), None)
