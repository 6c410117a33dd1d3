"""The `export` command: write a trained model in the format of another library."""

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gatewright.commands.flags import add_json
from gatewright.commands.printing import called, print_result
from gatewright.support.errors import InputError, require_one_of
from gatewright.support.files import require_other_file, require_writable


@dataclass(frozen=True)
class Exported:
    """A model that was written in another format.

    Attributes:
        out, bytes: The path of the file, and its size in bytes.
        to: The format.
        notes: Sentences about the inputs and outputs of the file.
    """

    out: str
    bytes: int
    to: str
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return all fields as a dictionary of JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join([f"{self.out}: {self.bytes:,} bytes", *self.notes])


@dataclass(frozen=True)
class _Format:
    """A format.

    Attributes:
        suffix: The end of the names of its files.
        about: What it is, for the help.
        write: Function that writes a loaded model to a path, and returns sentences about the file.
    """

    suffix: str
    about: str
    write: Callable[[Any, Path], tuple[str, ...]]


def _write_keras(model: Any, path: Path) -> tuple[str, ...]:
    from gatewright.exchange.to_keras import stack_of_model, write_stack

    exported = stack_of_model(model)
    write_stack(exported.stack, path)
    return exported.notes


_FORMATS: Mapping[str, _Format] = {
    "keras": _Format(".keras", "a model of Keras 3", _write_keras),
}


def export(model: str | Path, *, to: str, out: str | Path | None = None) -> Exported:
    """Write a trained model in the format of another library.

    Args:
        model: Path of a model file.
        to: The format: "keras" for a `.keras` file that stock Keras 3 loads.
        out: Path of the file to write. The default is `model` with the suffix of the format, such as "model.keras".

    Returns:
        The path and size of the file, and sentences about what it reads and returns.

    Raises:
        InputError: The model cannot be used, the format cannot express it, or the file cannot be written.
        ImportError: A package for the format is not installed.
    """
    from gatewright import runtime

    require_one_of("The format", to, tuple(_FORMATS))
    chosen = _FORMATS[to]
    path = Path(f"model{chosen.suffix}" if out is None else out)
    if path.suffix != chosen.suffix:
        raise InputError(f"--out {path} must end with {chosen.suffix}: rename it, such as {path.stem}{chosen.suffix}.")
    require_other_file(path, "--out", {"MODEL": model})
    loaded = runtime.load(model)
    require_writable(path, "--out")
    notes = chosen.write(loaded, path)
    return Exported(str(path), path.stat().st_size, to, notes)


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Write a trained model in the format of another library."
    parser = commands.add_parser(
        "export",
        help=about,
        description=about,
        epilog="example:\n  gatewright export model.safetensors --to keras --out model.keras",
    )
    parser.add_argument("model", help="A model file.")
    listed = ", ".join(f"{name} ({one.about})" for name, one in _FORMATS.items())
    parser.add_argument("--to", required=True, choices=tuple(_FORMATS), help=f"The format: {listed}.")
    parser.add_argument(
        "--out", metavar="FILE", help="File to write (default: model with the suffix of the format, as model.keras)."
    )
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    return print_result(called(export, options), options.json)
