"""The `import` command: make a model file of a model that was trained with Keras."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gatewright.commands.flags import add_json, names, whole_number
from gatewright.commands.info import Info, info
from gatewright.commands.printing import called, print_result
from gatewright.support.files import require_other_file, require_writable
from gatewright.support.progress import print_status


def import_model(
    model: str | Path,
    *,
    out: str | Path = "model.safetensors",
    words: str | Path | Mapping[str, int] | Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    max_length: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    scaler: str | Path | Mapping[str, Any] | None = None,
) -> Info:
    """Write the model in a file of Keras to a model file of Gatewright, and return its description.

    Args:
        model: Path of a `.keras` or `.h5` file with a whole model.
        out: Path of the model file to write.
        words: `imdb`, the file of a word index, a `Tokenizer` as JSON or a vocabulary, or a word index itself.
        labels: Names of the classes, in the order of the outputs. The default is 0, 1, ...
        max_length: The length to which texts or series were padded. The default is the length of the model's input.
        padding: Side of the padding, "pre" or "post".
        truncating: Side at which longer texts or series are cut, "pre" or "post".
        scaler: For series, a `.npz` or `.json` file with `mean` and `scale`, or `min` and `max`.

    Raises:
        InputError: The model cannot be imported, or an argument does not fit it.
    """
    from gatewright.exchange.from_keras import Preparation, model_of_stack
    from gatewright.exchange.keras_files import read_stack
    from gatewright.nn import file as model_file

    path = Path(out)
    inputs = {"MODEL": model, "--words": _as_path(words), "--scaler": _as_path(scaler)}
    require_other_file(path, "--out", inputs)
    require_writable(path, "--out")
    how = Preparation(words, labels, max_length, padding, truncating, scaler)
    imported = model_of_stack(read_stack(model), how)
    for note in imported.notes:
        print_status(note)
    model_file.write(imported.file, path)
    return info(path)


def from_keras(
    model: Any,
    *,
    words: str | Path | Mapping[str, int] | Sequence[str] | None = None,
    labels: Sequence[str] | None = None,
    max_length: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    scaler: str | Path | Mapping[str, Any] | None = None,
) -> Any:
    """Return a Keras model as a Gatewright model, which predicts, generates and explains without Keras.

    Args:
        model: A built Keras model.
        words, labels, max_length, padding, truncating, scaler: See `import_model`.

    Raises:
        InputError: The model cannot be imported, or an argument does not fit it.
    """
    from gatewright.exchange.from_keras import Preparation
    from gatewright.exchange.keras_files import live_stack

    return _loaded(live_stack(model), Preparation(words, labels, max_length, padding, truncating, scaler))


def load_keras(model: Any, preparation: Mapping[str, Any]) -> Any:
    """Return a Keras model, or the one in a `.keras` or `.h5` file, as a Gatewright model.

    Args:
        model: A built Keras model, or the path of a file.
        preparation: The arguments `words`, `labels` and so on of `import_model`.

    Raises:
        InputError: The model cannot be imported, or an argument does not fit it.
    """
    from gatewright.exchange.from_keras import Preparation
    from gatewright.exchange.keras_files import live_stack, read_stack

    read = read_stack if isinstance(model, str | os.PathLike) else live_stack
    return _loaded(read(model), Preparation(**preparation))


def _loaded(stack: Any, how: Any) -> Any:
    from gatewright.exchange.from_keras import model_of_stack
    from gatewright.tasks import registry

    imported = model_of_stack(stack, how)
    for note in imported.notes:
        print_status(note)
    return registry.model_class(imported.file.task)(imported.file, imported.prepared)


def _as_path(given: Any) -> Any:
    return given if isinstance(given, str | os.PathLike) else None


def add_preparation(parser: Any) -> None:
    """Add the flags that say how the inputs of a Keras model were prepared."""
    add = parser.add_argument
    add(
        "--words",
        metavar="imdb|FILE",
        help="The words of the ids that the model reads: imdb, a JSON file with tokenizer.word_index or "
        "tokenizer.to_json(), or a text file with the vocabulary of TextVectorization.",
    )
    add(
        "--labels",
        metavar="A,B,...",
        type=names,
        help="Names of the classes, in the order of the outputs (default: 0,1,...).",
    )
    add(
        "--max-length",
        metavar="N",
        type=whole_number,
        help="Length to which texts or series were padded or cut, as maxlen of pad_sequences (default: the length of "
        "the model's input).",
    )
    for flag, verb in (("--padding", "padded"), ("--truncating", "cut")):
        add(
            flag,
            metavar="pre|post",
            help=f"Side at which texts or series were {verb} (default: pre, as in pad_sequences; post after "
            "TextVectorization).",
        )
    add(
        "--scaler",
        metavar="FILE",
        help="For series: .npz or .json file with mean and scale, or min and max, of each feature.",
    )


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Make a model file of a model that was trained with Keras, to predict, evaluate, generate and explain."
    parser = commands.add_parser(
        "import",
        help=about,
        description=about,
        epilog="example:\n  gatewright import model.keras --words imdb --labels negative,positive",
    )
    parser.add_argument("model", help="A .keras or .h5 file with a whole Keras model.")
    parser.add_argument(
        "--out", metavar="FILE", default="model.safetensors", help="Model file to write (default: model.safetensors)."
    )
    add_preparation(parser)
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    return print_result(called(import_model, options), options.json)
