"""The description of a task in the registry. It refers to classes by import path, so that importing it is fast."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

from gatewright.support.errors import InputError
from gatewright.tasks.base.settings import Settings, SettingsTable


@dataclass(frozen=True)
class Option:
    """An option that says how a task reads its data, such as the name of a column.

    Attributes:
        name: The keyword argument.
        metavar, help: The placeholder for the value and the description, for help texts.
        flag: The flag on the command line. If empty, it is `name` with hyphens instead of underscores.
        training_only: True if only training and comparisons have the option.
        is_number: True if the value is a whole number of at least 1.
    """

    name: str
    metavar: str
    help: str
    flag: str = ""
    training_only: bool = False
    is_number: bool = False

    def __post_init__(self) -> None:
        if not self.flag:
            object.__setattr__(self, "flag", f"--{self.name.replace('_', '-')}")


HEADER = Option(
    "header",
    "first|none",
    "Place of the column names of a table: first if its first line has them, none if no line has (default: found from "
    "the first rows).",
)
"""The option of tasks that read tables of text."""

TEXT = Option(
    "text",
    "COLUMN",
    "Column of the texts, or several columns, separated by commas, whose texts are joined (default: found "
    "by its name, such as text or review, or its content).",
)
LABELLED_TEXTS = (
    TEXT,
    Option(
        "label",
        "COLUMN",
        "Column with a label or a list of labels for each text, or several columns of 0 and 1, separated by "
        "commas, one for each label (default: found by its name, such as label or stars, or its content).",
    ),
    Option(
        "label_separator",
        "TEXT",
        "Separator between the labels in a field of the label column, if a text can have several labels.",
    ),
    HEADER,
)
"""The options for reading texts with labels."""

TEXTS_TO_PREDICT = (
    TEXT,
    HEADER,
    Option(
        "format",
        "NAME",
        "Format of the file, whatever its name: lines (a text on each line), csv, tsv or jsonl (default: by "
        "its name; for standard input, by its first lines).",
    ),
)
"""The options for reading texts without labels."""


def _complete(settings: type[Settings], given: Mapping[str, Any], options: Mapping[str, Any]) -> Settings:
    return settings.complete(given)


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A kind of trained models in the registry.

    Attributes:
        name: The unique name, which model files store.
        examples: The word for the examples of the data, in the plural, such as "texts".
        options: Options for reading the data.
        model: Import path "module:name" of the class of the models. Empty if there are no models in files.
        predict_options: Options for reading a file in `gatewright predict`.
        evaluate_options: Options that only `gatewright evaluate` has.
    """

    name: str
    examples: str
    options: tuple[Option, ...]
    model: str = ""
    predict_options: tuple[Option, ...] = ()
    evaluate_options: tuple[Option, ...] = ()

    def model_class(self) -> Any:
        """Import and return the class of the models."""
        return resolve_name(self.model)

    def require_options(self, data: str, options: Mapping[str, Any]) -> None:
        """Raise an error if an option is given that does not exist here.

        Raises:
            InputError: One of `options` is not an option of these models.
        """
        own = [option.name for option in self.options]
        for name, value in options.items():
            if name not in own:
                flag = f"--{name.replace('_', '-')}"
                raise InputError(f"{flag} {value} does not apply to {self.examples}, as in {data}: leave it out.")


@dataclass(frozen=True, kw_only=True)
class TaskSpec(ModelSpec):
    """A task in the registry. Its models are trained by `gatewright train` or compared by `gatewright compare`.

    Attributes:
        command: The subcommand of `gatewright train`, such as "classify". Tasks that read different kinds of data may
            share a subcommand. Empty if the task is only for `gatewright compare`.
        function: The name of the task's typed training function, such as `train_classifier`.
        summary: A sentence about what the network learns, for help texts.
        reads: A description of the data that the task accepts, for help texts.
        example: The arguments of an example command, after `gatewright train`.
        settings: The settings class.
        owns: A function of `data` and its options that returns True if this task reads such data.
        task: Import path "module:name" of the task class.
        decoding: Settings of `gatewright generate`, for a task whose models generate text.
        takes_splits: True if the task accepts separate data with --validation and --test.
        complete: A function that takes the settings class, the given settings and the given options, and returns an
            instance of the settings class.
    """

    command: str
    function: str
    summary: str
    reads: str
    example: str
    settings: type[Settings]
    owns: Callable[[str, Mapping[str, Any]], bool]
    task: str
    decoding: type[SettingsTable] | None = None
    takes_splits: bool = True
    complete: Callable[[type[Settings], Mapping[str, Any], Mapping[str, Any]], Settings] = _complete

    @property
    def default_out(self) -> str:
        """The default name of the model file. It differs between commands, so that no model replaces another kind."""
        return f"{self.command}.safetensors"

    def task_class(self) -> Any:
        """Import and return the task class."""
        return resolve_name(self.task)

    def require_splits(self, data: str, splits: Mapping[str, str | None]) -> dict[str, str]:
        """Return the data given with --validation and --test, with the names of the splits as keys.

        Raises:
            InputError: Data for a split is given, but the task reads all splits from `data`.
        """
        given = {name: path for name, path in splits.items() if path is not None}
        if given and not self.takes_splits:
            name, path = next(iter(given.items()))
            raise InputError(
                f"--{name} {path} does not apply to {self.examples}: all splits come from {data}, so leave it out."
            )
        return given
