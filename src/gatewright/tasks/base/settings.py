"""Settings of tasks. Each field of a settings class defines a flag, TOML key, keyword, default and help text."""

import dataclasses
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_type_hints

import numpy as np

from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import PRECISIONS
from gatewright.support.errors import InputError, nearest, require_one_of

Group = Literal["data", "model", "training", "regularization", "output"]
GROUPS: tuple[Group, ...] = ("data", "model", "training", "regularization", "output")
"""The groups of settings, in the order in which help texts list them."""

Kind = Literal["int", "float", "bool", "str", "floats"]

SAME: Any = object()
"""Value of `Setting.compare`: the default in a comparison is the same as in a training."""

TRAIN_ONLY: Any = object()
"""Value of `Setting.compare`: a comparison does not have the setting."""


@dataclass(frozen=True)
class Setting:
    """Everything about a setting except its name, type and default.

    Attributes:
        help: The effect and the unit of the setting, for help texts and docstrings.
        group: The heading under which help texts list the setting.
        compare: The default in a comparison; `SAME` if it is the same as in training, or `TRAIN_ONLY` if comparisons do
            not have the setting.
        swept: The option of a comparison that takes several values of the setting, such as "cells". Empty if there is
            no such option.
        minimum, below, maximum: Bounds of a number: at least `minimum`, at most `maximum`, and less than `below`.
        choices: The allowed values of a setting that is a string.
        default_text: A text for help texts that describes the default, if it depends on the data.
    """

    help: str
    group: Group
    compare: Any = SAME
    swept: str = ""
    minimum: float = 0
    below: float = math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    default_text: str = ""


def setting(default: Any, help: str, group: Group, **about: Any) -> Any:
    """Return a dataclass field that defines a setting. `about` are further attributes of `Setting`."""
    return dataclasses.field(default=default, metadata={"setting": Setting(help, group, **about)})


@dataclass(frozen=True)
class SettingField:
    """A setting of a settings class: its name, the kind of its values, its default and its description."""

    name: str
    kind: Kind
    default: Any
    about: Setting

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def comparable(self) -> bool:
        """True if a comparison has this setting, under the same name."""
        return self.about.compare is not TRAIN_ONLY and not self.about.swept

    @property
    def compare_default(self) -> Any:
        """The default of the setting in a comparison."""
        return self.default if self.about.compare in (SAME, TRAIN_ONLY) else self.about.compare

    def check(self, value: Any) -> Any:
        """Return the value as a plain Python value, if it is allowed.

        Raises:
            InputError: The value is not allowed.
        """
        if self.kind == "str":
            return self._check_choice(value)
        if self.kind == "bool":
            if not isinstance(value, (bool, np.bool_)):
                raise InputError(f"{self.name} must be true or false, not {value!r}.")
            return bool(value)
        if self.kind == "floats":
            numbers = value if isinstance(value, list | tuple) else [value]
            return tuple(sorted({self._check_number(number, False) for number in numbers}))
        return self._check_number(value, self.kind == "int")

    def _check_number(self, value: Any, whole: bool) -> int | float:
        about = self.about
        types = (int, np.integer) if whole else (int, float, np.integer, np.floating)
        is_number = isinstance(value, types) and not isinstance(value, bool)
        if not is_number or not (about.minimum <= value < about.below and value <= about.maximum):
            raise InputError(f"{self.name} must be a {'whole ' * whole}number {self.range}, not {value!r}.")
        return int(value) if whole else float(value)

    @property
    def range(self) -> str:
        """A text that describes the allowed numbers."""
        about = self.about
        if math.isfinite(about.below):
            return f"of at least {about.minimum:g} and below {about.below:.12g}"
        return (
            f"from {about.minimum:g} to {about.maximum:.12g}"
            if math.isfinite(about.maximum)
            else f"of at least {about.minimum:g}"
        )

    def _check_choice(self, value: Any) -> str:
        folded = {choice.lower().replace("_", ""): choice for choice in self.about.choices}
        choice = folded.get(str(value).lower().replace("_", ""), value)
        require_one_of(self.name, choice, self.about.choices)
        return str(choice)


_KINDS: Mapping[Any, Kind] = {
    int: "int",
    int | None: "int",
    float: "float",
    float | None: "float",
    bool: "bool",
    bool | None: "bool",
    str: "str",
    tuple[float, ...]: "floats",
}


def setting_fields(settings: "type[SettingsTable]") -> tuple[SettingField, ...]:
    """Return the settings of a settings class, sorted by group and then by the order of definition."""
    types = get_type_hints(settings)
    fields = [
        SettingField(field.name, _KINDS[types[field.name]], field.default, field.metadata["setting"])
        for field in dataclasses.fields(settings)
    ]
    return tuple(sorted(fields, key=lambda field: GROUPS.index(field.about.group)))


@dataclass(frozen=True, kw_only=True)
class SettingsTable:
    """The base class of settings classes. Subclasses define each setting as a field with `setting`."""

    @classmethod
    def complete(cls, given: Mapping[str, Any], compare: bool = False) -> Self:
        """Check the given values, and return settings with these values and defaults for all other settings.

        Args:
            given: The names of settings and their values. None stands for the default.
            compare: Use the settings and defaults of a comparison instead of those of training.

        Raises:
            InputError: A name is unknown, or a value is not allowed.
        """
        fields = {field.name: field for field in setting_fields(cls)}
        values: dict[str, Any] = {}
        if compare:
            values = {name: field.compare_default for name, field in fields.items()}
            fields = {name: field for name, field in fields.items() if field.comparable}
        for name, value in given.items():
            if name not in fields:
                raise InputError(f"{name!r} is not a setting of this task: leave it out{nearest(name, list(fields))}")
            if value is not None:
                values[name] = fields[name].check(value)
        return cls(**values)

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary of the names of all settings and their values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Settings(SettingsTable):
    """The settings that every task has, for the recurrent layers and for training.

    If a default is None, it is replaced by a value that depends on the data, by `Task.prepare` or by
    `training.dataset.Dataset.read`.
    """

    cell: str = setting(
        "gru",
        "Recurrent cell.",
        "model",
        choices=tuple(CELLS),
        swept="cells",
    )
    units: int = setting(128, "Units of each recurrent layer, in each direction.", "model", minimum=1)
    layers: int = setting(1, "Number of stacked recurrent layers.", "model", minimum=1)
    epochs: int | None = setting(
        None, "Passes over the training set.", "training", minimum=1, compare=5, default_text="depends on its size"
    )
    batch_size: int | None = setting(32, "Examples per training step.", "training", minimum=1)
    learning_rate: float = setting(
        0.002, "Peak learning rate of Adam.", "training", minimum=1e-12, compare=0.001, swept="learning_rates"
    )
    schedule: str = setting(
        "linear",
        "Learning rate schedule: constant, linear or cosine decay to 0.",
        "training",
        choices=("constant", "linear", "cosine"),
        compare="constant",
    )
    warmup: float = setting(
        0.0, "Fraction of the training steps during which the learning rate rises to its peak.", "training", below=1
    )
    clip_norm: float = setting(
        1.0, "Maximum norm to which gradients are clipped; 0 for no clipping.", "training", compare=0.0
    )
    ema_decay: float = setting(
        0.998,
        "Decay of the moving average of the weights. It is evaluated and saved; 0 for no average.",
        "training",
        below=1,
        compare=0.0,
    )
    patience: int | None = setting(
        None,
        "Epochs without improvement on the validation set before training stops; 0 never stops early.",
        "training",
        compare=0,
        default_text="a fifth of the epochs, but at least 5; 0 with fewer than 10 epochs",
    )
    precision: str = setting(
        "float32",
        "Precision of the numbers that matrix products of recurrent layers multiply in training: float32, or bfloat16, "
        "which is faster on processors with AVX512-BF16. Sums, states and weights are float32.",
        "training",
        choices=PRECISIONS,
    )
    seed: int = setting(
        0,
        "Seed of the initial weights, the order of the examples and dropout.",
        "training",
        below=2**32,
        swept="seeds",
    )
    recurrent_dropout: float = setting(
        0.0,
        "Fraction of the previous state dropped before the product with the recurrent kernel.",
        "regularization",
        below=1,
    )
    zoneout: float = setting(
        0.0,
        "Fraction of the state's units that keep their previous value at a time step in training.",
        "regularization",
        below=1,
    )
    output_dropout: float = setting(
        0.5, "Fraction of each recurrent layer's outputs dropped in training.", "regularization", below=1, compare=0.0
    )
    weight_decay: float = setting(
        0.0, "Decoupled weight decay: each step subtracts this number * learning rate * weights.", "regularization"
    )


# The default patience: one epoch in so many, and at least so many epochs; but 0 if there are few epochs.
_EPOCHS_PER_PATIENCE, _MIN_PATIENCE, _FEW_EPOCHS = 5, 5, 10


def default_patience(epochs: int) -> int:
    """Return the default of the setting `patience` for a training with this number of epochs."""
    return 0 if epochs < _FEW_EPOCHS else max(epochs // _EPOCHS_PER_PATIENCE, _MIN_PATIENCE)


def embedding_moments(default: str) -> Any:
    """Return a dataclass field that defines the setting for Adam's second moments in the embedding."""
    return setting(
        default,
        "Second moments of Adam for the embedding table: own (one per weight) or shared (one for the whole table).",
        "training",
        choices=("own", "shared"),
        compare="own",
    )


def read_toml(path: str | Path) -> dict[str, Any]:
    """Return a dictionary of the settings in a TOML file. Hyphens in names are replaced by underscores.

    Raises:
        InputError: The file cannot be read, is not valid TOML, or contains a table.
    """
    try:
        read = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"--config {path} cannot be read ({error.strerror}): name a readable file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"--config {path} is not valid TOML ({error}): write one `name = value` per line.") from None
    for name, value in read.items():
        if isinstance(value, dict):
            raise InputError(
                f"--config {path} has a table [{name}]: write one `name = value` per line, without tables."
            )
    return {name.replace("-", "_"): value for name, value in read.items()}
