"""The `predict` command: print the predictions of a trained model for texts or a file."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gatewright.commands.flags import add_json, add_max_input, add_options
from gatewright.commands.printing import called, print_error, print_json
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
    spec = registry.of_model(loaded.task)
    own = [option.name for option in spec.predict_options]
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        if name not in _options():
            raise InputError(f"{name!r} is not an option of predict: leave it out{nearest(name, list(_options()))}")
        if name not in own:
            raise InputError(
                f"{_options()[name].flag} {value} does not apply to {model}, a model of {spec.examples}: leave it out."
            )
    if "plot" in given:
        require_other_file(Path(given["plot"]), "--plot", {"MODEL": model, "--file": file})
    return list(loaded.predict_from([texts] if isinstance(texts, str) else texts, file, given))


def _options() -> dict[str, Option]:
    return {option.name: option for spec in registry.TASKS for option in spec.predict_options}


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
    parser.add_argument(
        "--file",
        metavar="FILE",
        help="File to read (- for standard input): one text per line, a table of texts, a file of series or, for a "
        "forecaster, a table of recent time steps.",
    )
    add_options(parser, _options().values())
    add_max_input(parser)
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.texts == ["-"] and options.file is None:
        options.texts, options.file = [], "-"
    elif "-" in options.texts and len(options.texts) > 1:
        print_error("- stands for standard input and cannot be one of several texts: leave it or the others out.")
        return 2
    options.texts = options.texts or None
    predictions = called(predict, options)
    if options.json:
        print_json({"predictions": [prediction.to_json() for prediction in predictions]})
        return 0
    for index, prediction in enumerate(predictions):
        print(prediction.text(first=index == 0))
    return 0
