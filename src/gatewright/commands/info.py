"""The `info` command: print the contents of a model file."""

import argparse
import textwrap
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewright.commands.flags import add_json
from gatewright.commands.printing import called, print_result
from gatewright.results.formatting import format_number

if TYPE_CHECKING:
    from gatewright.nn.layer import Layer

_WIDTH = 100


@dataclass(frozen=True)
class Info:
    """The contents of a model file.

    Attributes:
        model, bytes: The path of the model file, and its size in bytes.
        task: The subcommand of `gatewright train` that trained the model, such as "classify".
        layers: The kind and the settings of each layer, from the input to the output.
        parameters: Number of trained parameters.
        encoder: The kind of encoder.
        ids: The number of ids that the encoder has, or the number of features at each time step for numeric inputs.
        answers: What the model predicts, such as {"labels": [...]} for a classifier.
        training: The settings and results of the training run, without the hashes of the training examples.
        reads: A sentence about the inputs and their encoder.
        read_with: The options with which the data of the training was read. Empty if there are none.
        defaults: For each layer, the names of the settings that have their default value. The text leaves them out.
    """

    model: str
    bytes: int
    task: str
    layers: tuple[dict[str, Any], ...]
    parameters: int
    encoder: str
    ids: int
    answers: dict[str, Any]
    training: dict[str, Any]
    reads: str
    read_with: str
    defaults: tuple[frozenset[str], ...]

    def to_json(self) -> dict[str, Any]:
        """Return all fields but `defaults` as a dictionary of JSON values."""
        return {name: value for name, value in asdict(self).items() if name != "defaults"}

    def __str__(self) -> str:
        lines = [
            f"{self.model}: {self.task}, {self.parameters:,} parameters, {self.bytes:,} bytes",
            *(
                f"  {' '.join(_field(name, value) for name, value in layer.items() if name not in usual)}"
                for layer, usual in zip(self.layers, self.defaults, strict=True)
            ),
            self.reads,
            *(
                f"{name}: {', '.join(map(str, value)) if isinstance(value, list) else str(value).lower()}"
                for name, value in self.answers.items()
            ),
        ]
        if self.training.get("finished") is False:
            lines.append("not finished: training was interrupted, and this is the best epoch so far")
        for name in ("test", "baseline"):
            if figures := self.training.get(name):
                listed = ", ".join(
                    f"{key} {format_number(value)}" for key, value in figures.items() if value is not None
                )
                lines.append(f"{name}: {listed}")
        if self.read_with:
            lines.append(f"read with: {self.read_with}")
        if settings := self.training.get("settings"):
            lines.append("settings: " + ", ".join(f"{name} {value}" for name, value in settings.items()))
        return "\n".join(
            textwrap.fill(line, _WIDTH, subsequent_indent="    ", break_long_words=False, replace_whitespace=False)
            for line in lines
        )


def _field(name: str, value: Any) -> str:
    if name == "kind":
        return f"{value:<10}"
    if isinstance(value, bool):
        return name if value else f"{name} false"
    return f"{name} {value}"


def _defaults(layer: "Layer") -> frozenset[str]:
    """Return the names of the fields of a layer that have their default value."""
    declared = fields(layer)  # type: ignore[arg-type]
    return frozenset(field.name for field in declared if getattr(layer, field.name) == field.default)


def info(model: str | Path) -> Info:
    """Return a description of the model in a model file.

    Raises:
        InputError: The file does not exist, is damaged, or has an unsupported version.
    """
    from gatewright import runtime
    from gatewright.tasks.base.seen import ENTRY

    loaded = runtime.load(model)
    described = loaded.describe()
    return Info(
        str(model),
        Path(model).stat().st_size,
        loaded.command,
        tuple({"kind": layer.kind, **asdict(layer)} for layer in loaded.layers),
        loaded.parameters,
        described.encoder,
        described.size,
        loaded.answers(),
        {name: value for name, value in loaded.training.items() if name != ENTRY},
        described.reads,
        str(loaded.trained_data),
        tuple(map(_defaults, loaded.layers)),
    )


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Print the contents of a model file."
    parser = commands.add_parser("info", help=about, description=about)
    parser.add_argument("model", help="A model file.")
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    return print_result(called(info, options), options.json)
