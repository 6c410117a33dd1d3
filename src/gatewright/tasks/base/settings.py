"""The settings of a task: one table, from which flags, keys of a settings file and keyword arguments come."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError, nearest, require_one_of


@dataclass(frozen=True)
class Setting:
    """One setting.

    Attributes:
        name: as a keyword; a flag has - for _.
        kind: of its values: whole numbers, numbers, one of `choices`, true and false, or several numbers, which are
            sorted.
        default: where it is not given; None is one that depends on the data.
        help: what it is, for a reader.
        least, below, most: bounds of a number; `below` itself is refused.
        choices: names.
    """

    name: str
    kind: Literal["whole", "number", "choice", "switch", "numbers"]
    default: Any
    help: str
    least: float = 0
    below: float = math.inf
    most: float = math.inf
    choices: tuple[str, ...] = ()

    def check(self, value: Any) -> Any:
        """The value as a plain Python one.

        Raises:
            InputError: it is not one of those that are allowed.
        """
        if self.kind == "choice":
            return self._choice(value)
        if self.kind == "switch":
            if not isinstance(value, (bool, np.bool_)):
                raise InputError(f"{self.name} must be true or false, not {value!r}.")
            return bool(value)
        if self.kind == "numbers":
            several = value if isinstance(value, list | tuple) else [value]
            one = replace(self, kind="number")
            return tuple(sorted({one.check(number) for number in several}))
        whole = self.kind == "whole"
        kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
        if isinstance(value, bool) or not isinstance(value, kinds) or not self._holds(value):
            upper = "up" if math.isinf(self.below) else f"to below {_told(self.below)}"
            upper = upper if math.isinf(self.most) else f"to {_told(self.most)}"
            what = "a whole number" if whole else "a number"
            raise InputError(f"{self.name} must be {what} from {self.least:g} {upper}, not {value!r}.")
        return int(value) if whole else float(value)

    def _holds(self, number: Any) -> bool:
        return bool(self.least <= number < self.below and number <= self.most)

    def _choice(self, value: Any) -> str:
        folded = {choice.lower().replace("_", ""): choice for choice in self.choices}
        known = folded.get(str(value).lower().replace("_", ""))
        if known is None:
            require_one_of(self.name, value, self.choices)
        return str(known)


def _told(bound: float) -> str:
    """A bound as a reader would write it."""
    return str(int(bound)) if bound == int(bound) else f"{bound:g}"


@dataclass(frozen=True)
class Option:
    """What a task asks of its data: a column, or how one is read.

    Attributes:
        name: as a keyword; a flag has - for _.
        metavar, help: for a reader of the flags.
    """

    name: str
    metavar: str
    help: str


@dataclass(frozen=True)
class Job:
    """What there is to choose of a task.

    Attributes:
        learns: what a network of it learns, for a reader.
        data: what it reads, likewise.
        options: of the data.
        settings: of the network and how it learns.
        plain: the settings of a comparison where they are not given; others are the task's own.
        rows: what the data has.
    """

    learns: str
    data: str
    options: tuple[Option, ...]
    settings: tuple[Setting, ...]
    plain: Mapping[str, Any]
    rows: str = "texts"


SCHEDULES = ("constant", "linear", "cosine")
"""How the learning rate may go; see `fitting.Recipe`."""

_CELL = (
    Setting("cell", "choice", "gru", f"one of {', '.join(CELLS)}", choices=tuple(CELLS)),
    Setting("layers", "whole", 1, "recurrent layers, one above the other", 1),
    Setting(
        "zoneout",
        "number",
        0.0,
        "fraction of each state's units that keep their previous value at a step of training",
        below=1,
    ),
)
_DROPOUTS = (
    Setting("embedding_dropout", "number", 0.0, "share of the ids without a vector at a step of training", below=1),
    Setting("input_dropout", "number", 0.0, "share of the embedding that a row, at all its steps, lacks", below=1),
    Setting("recurrent_dropout", "number", 0.0, "share of the states that do not reach the recurrent product", below=1),
)
_LEARNING = (
    Setting("schedule", "choice", "linear", "constant, linear or cosine, to 0", choices=SCHEDULES),
    Setting("warmup", "number", 0.0, "share of the steps in which the learning rate rises", below=1),
    Setting("clip", "number", 1.0, "largest norm of the gradient; 0 is no bound"),
    Setting("weight_decay", "number", 0.0, "of each weight, at a step of learning rate 1"),
    Setting(
        "averaging", "number", 0.998, "how much of the average of the weights stays at a step; 0 is no average", below=1
    ),
    Setting("patience", "whole", 0, "epochs without a better validation figure until it ends; 0 is never"),
    Setting("seed", "whole", 0, "of initial weights, order of rows and dropout", below=2**32),
)


def _moments(default: str) -> Setting:
    what = "second moments of Adam in the embedding: own, one for each number; shared, one for all"
    return Setting("embedding_moments", "choice", default, what, choices=MOMENTS)


_TEXT = Option("text", "COLUMN", "the column of texts, or several with commas between (default: text)")
_TABLE = "a .csv, .tsv, .parquet or .jsonl file"
_PLAIN = {
    "units": 128,
    "length": 200,
    "batch": 32,
    "epochs": 5,
    "learning_rates": (0.001,),
    "embedding": 128,
    "vocabulary": 10_000,
}


def compared(chosen: Job) -> dict[str, Setting]:
    """The settings of a job that a comparison takes too, under the same names; it has its own ways for the others."""
    return {setting.name: setting for setting in chosen.settings if setting.name not in _OTHERWISE}


_OTHERWISE = (
    "missing",
    "cell",
    "units",
    "vocabulary",
    "length",
    "embedding",
    "batch",
    "epochs",
    "learning_rate",
    "seed",
)


def complete(table: Sequence[Setting], given: Mapping[str, Any]) -> dict[str, Any]:
    """All settings of a table: those given, checked, and the defaults of the others; None is the default.

    Raises:
        InputError: a name is unknown, or a value can't be used.
    """
    names = [setting.name for setting in table]
    for name in given:
        if name not in names:
            raise InputError(f"{name!r} is no setting of this task: leave it out{nearest(name, names)}")
    return {
        setting.name: setting.default if given.get(setting.name) is None else setting.check(given[setting.name])
        for setting in table
    }


def read_toml(path: str | Path) -> dict[str, Any]:
    """The settings in a TOML file, by name; - in a name is _.

    Raises:
        InputError: the file can't be read, or is not a list of settings.
    """
    try:
        read = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--config {path} can't be read ({error.strerror}): name a readable file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"--config {path} is not TOML ({error}): give one `name = value` a line.") from None
    for name, value in read.items():
        if isinstance(value, dict):
            raise InputError(f"--config {path} has a table [{name}]: give one `name = value` a line, without tables.")
    return {name.replace("-", "_"): value for name, value in read.items()}


MOMENTS = ("own", "shared")
"""The second moments that Adam may have of an embedding: see `optimizer`."""
