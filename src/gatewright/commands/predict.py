"""The `predict` command: print the predictions of a trained model for texts or a file."""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gatewright.commands.flags import add_json, add_max_input, add_options
from gatewright.commands.printing import Failed, called, print_error, print_json
from gatewright.data.limits import with_max_input
from gatewright.support.errors import InputError, nearest
from gatewright.support.files import require_other_file
from gatewright.tasks import registry
from gatewright.tasks.base.spec import Option


@with_max_input
def predict(
    model: str | Path,
    texts: str | Iterable[str] | None = None,
    *,
    file: str | None = None,
    max_input: float | None = None,
    **options: Any,
) -> list[Any]:
    """Return a list with one prediction for each input: labels, the tags of a sentence, or a forecast.

    Args:
        model: Path of a model file.
        texts: One text or several texts. Leave it out if `file` is given.
        file: A file to read instead of `texts`: a text file with one text on each line ("-" for standard input), or a
            table of texts or series. For a forecaster, a table of recent time steps with the columns of its training
            data.
        max_input: Maximum size of `file` after decompression, in GB. The default is 4.
        options: Options for reading `file`, such as `text`, the name of the column that has the texts, or `format`. See
            `gatewright predict --help`.

    Raises:
        InputError: The model or its input cannot be used.
    """
    from gatewright import runtime

    loaded = runtime.load(model)
    given = check_options(loaded.task, str(model), options)
    if "plot" in given:
        require_other_file(Path(given["plot"]), "--plot", {"MODEL": model, "--file": file})
    return list(loaded.predict_from([texts] if isinstance(texts, str) else texts, file, given))


def check_options(task: str, model: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options for reading a file that are not None.

    Args:
        task: The task of the model.
        model: The name of the model, for error messages.
        options: The options.

    Raises:
        InputError: There is no such option, or it does not apply to the model.
    """
    spec, known = registry.of_model(task), predict_options()
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in known:
            raise InputError(f"{name!r} is not an option for reading a file: leave it out{nearest(name, list(known))}")
        if name not in [option.name for option in spec.predict_options]:
            raise InputError(
                f"{known[name].flag} {value} does not apply to {model}, a model of {spec.examples}: leave it out."
            )
    return given


def predict_options() -> dict[str, Option]:
    """Return the options for reading a file of all tasks, with their names as keys."""
    return {option.name: option for spec in registry.models() for option in spec.predict_options}


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Print a model's predictions: labels with probabilities, tags of words, or forecasts."
    parser = commands.add_parser(
        "predict",
        help=about,
        description=about,
        epilog='example:\n  gatewright predict model.safetensors "a fine film"',
    )
    parser.add_argument("model", help="A model file.")
    parser.add_argument(
        "texts",
        nargs="*",
        metavar="TEXT",
        help="A text. If it is -, read standard input as with --file -. Everything after -- is a text.",
    )
    data = parser.add_argument_group("data", "Options that are not given are those of the training.")
    data.add_argument(
        "--file",
        metavar="FILE",
        help="File to read (- for standard input): one text per line, a table of texts, a file of series or, for a "
        "forecaster, a table of recent time steps.",
    )
    add_options(data, predict_options().values())
    add_max_input(data)
    add_json(parser)
    parser.set_defaults(run=_run)


def texts_given(options: argparse.Namespace) -> tuple[list[str] | None, str | None]:
    """Return the texts of a command line, or None, and the value of `--file`, which is "-" for a text "-".

    Raises:
        Failed: "-" is one of several texts. The message has been printed.
    """
    if options.texts == ["-"] and options.file is None:
        return None, "-"
    if "-" in options.texts and len(options.texts) > 1:
        print_error("- stands for standard input and cannot be one of several texts: leave it or the others out.")
        raise Failed(2)
    return options.texts or None, options.file


def _run(options: argparse.Namespace) -> int:
    options.texts, options.file = texts_given(options)
    predictions = called(predict, options)
    if options.json:
        print_json({"predictions": [prediction.to_json() for prediction in predictions]})
        return 0
    for index, prediction in enumerate(predictions):
        print(prediction.text(first=index == 0))
    return 0
