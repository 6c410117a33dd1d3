"""The `explain` command: show which steps speak for an answer, and what the network kept of them."""

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewright.commands.flags import add_json, add_max_input, add_options, whole_number
from gatewright.commands.import_model import add_preparation, load_keras
from gatewright.commands.predict import check_options, predict_options, texts_given
from gatewright.commands.printing import called, print_json
from gatewright.data.limits import with_max_input
from gatewright.support.errors import InputError
from gatewright.support.files import atomically, require_other_file, require_plot, require_writable
from gatewright.support.packages import require_packages
from gatewright.support.progress import print_status, with_progress

_KERAS = (".keras", ".h5", ".hdf5")

if TYPE_CHECKING:
    from typing import TypeAlias

    from gatewright.results.explanation import Explanation, ModelExplanation
    from gatewright.results.spoken import SpokenExplanation

    Explained: TypeAlias = Explanation | SpokenExplanation


@with_max_input
def explain(
    model: Any,
    example: Any = None,
    *,
    file: str | None = None,
    limit: int | None = None,
    label: str | None = None,
    against: str | None = None,
    step: int | None = None,
    together: str | Iterable[str] = (),
    whole: bool = False,
    out: str | Path | None = None,
    plot: str | Path | None = None,
    full_vocabulary: bool = False,
    words: Any = None,
    labels: Sequence[str] | None = None,
    max_length: int | None = None,
    padding: str | None = None,
    truncating: str | None = None,
    scaler: Any = None,
    max_input: float | None = None,
    **options: Any,
) -> "Explained | list[Explained] | ModelExplanation":
    """Explain the answer of a trained network: which steps speak for it, and what the network kept of them.

    A transcript is explained by its alignment: when the network writes each character.

    Args:
        model: A trained model, a Keras model, or the path of a model file, a `.keras` or an `.h5` file.
        example: A text, a series [time, channels], the path of a recording, or a list of these. Without an example and
            without `file`, the model as a whole is explained.
        file: A file of examples to read instead, as for `predict`.
        limit: Explain only this many examples of `file`, from its beginning.
        label: The answer to explain. By default the predicted one. For a translator, a word of the translation; with
            `step`, the piece to explain there.
        against: The alternative that it is compared with. By default the most probable other one.
        step: Number of the step whose output is explained, counted from 1, for a model with an output at each step.
            By default the last step. For a translator it is a piece of the translation, by default the one with the
            smallest probability.
        together: One or more phrases, whose words are also left out together.
        whole: Explain the model as a whole, over all examples.
        out: File to write: a page for a browser, in which the network runs. Only for one example.
        plot: File to draw a picture to (.png, .svg or .pdf). Only for one example.
        full_vocabulary: Put all words of the model on the page, not only the most frequent ones.
        words, labels, max_length, padding, truncating, scaler: How the inputs of a Keras model were prepared; see
            `import_model`.
        max_input: Maximum size of `file` after decompression, in GB. The default is 4.
        options: Options for reading `file`, as for `predict`.

    Returns:
        An `Explanation` for one example, or a `SpokenExplanation` for a recording and its transcript; a list of them
        for a list or a file; or a `ModelExplanation`.

    Raises:
        InputError: The model or the example cannot be used, or the answers of the model cannot be explained.
        ImportError: A package is missing. The message names it.

    Examples:

    explained = gatewright.explain("model.safetensors", "a fine film")
    explained.attribution("omission").values  # the effect of each word on the logit
    explained.plot()
    """
    from gatewright.explanation.example import explain_example
    from gatewright.explanation.whole import explain_model

    require_packages("gatewright explain", ("rich",))
    preparation = {
        "words": words,
        "labels": labels,
        "max_length": max_length,
        "padding": padding,
        "truncating": truncating,
        "scaler": scaler,
    }
    loaded, name = _load(model, {key: value for key, value in preparation.items() if value is not None})
    given = check_options(loaded.task, name, options)
    if step is not None and step < 1:
        raise InputError(f"A step is counted from 1, so it cannot be {step}: give a number from 1.")
    no_examples = file is None and example is None
    examples = None if no_examples else loaded.examples_from(example, file, given)[:limit]
    if whole or examples is None:
        _refuse_for_whole({"--out": out, "--plot": plot, "--step": step, "--together": together or None})
        return explain_model(loaded, name, examples, label, against)
    read = {"MODEL": name, "--file": file, "TEXT": examples[0] if len(examples) == 1 else None}
    if out is not None:
        _require_one(out, "--out", "A page", examples)
        require_other_file(Path(out), "--out", read)
    if plot is not None:
        _require_one(plot, "--plot", "A picture", examples)
        require_packages("--plot", ("matplotlib",))
        require_plot(Path(plot))
        require_writable(Path(plot), "--plot")
        require_other_file(Path(plot), "--plot", {**read, "--out": out})
    chosen: dict[str, Any] = {
        "label": label,
        "against": against,
        "step": None if step is None else step - 1,
        "together": (together,) if isinstance(together, str) else tuple(together),
    }
    if loaded.explained_by_alignment:
        _refuse_for_alignment({"--label": label, "--against": against, "--step": step, "--together": together or None})
    explained: list[Explained] = [
        loaded.spoken(name, one) if loaded.explained_by_alignment else explain_example(loaded, name, one, **chosen)
        for one in with_progress(examples, "examples explained")
    ]
    if out is not None:
        _write_page(loaded, explained[0], Path(out), full_vocabulary)
    if plot is not None:
        with atomically(plot) as path:
            explained[0].plot().savefig(path, dpi=150)
        print_status(f"The picture is written to {plot}.")
    is_one = file is None and len(explained) == 1 and not isinstance(example, list | tuple | Iterator)
    return explained[0] if is_one else explained


def _load(model: Any, preparation: Mapping[str, Any]) -> tuple[Any, str]:
    """Return the model, with weights that only NumPy and the kernels need, and its name.

    Args:
        model: See `explain`.
        preparation: How the inputs of a Keras model were prepared.

    Raises:
        InputError: The model cannot be used, or it is not a Keras model and `preparation` is not empty.
    """
    from gatewright import runtime
    from gatewright.tasks.base.model import TrainedModel

    is_path = isinstance(model, str | os.PathLike)
    is_file = is_path and Path(model).suffix not in _KERAS
    if (is_file or isinstance(model, TrainedModel)) and preparation:
        flag = "--" + next(iter(preparation)).replace("_", "-")
        raise InputError(
            f"{flag} is for Keras models, and a model file says how its inputs are read: leave {flag} out."
        )
    if isinstance(model, TrainedModel):
        return model, model.task
    if is_file:
        return runtime.load(model), os.fspath(model)
    return load_keras(model, preparation), os.fspath(model) if is_path else str(getattr(model, "name", "model"))


def _refuse_for_whole(given: Mapping[str, Any]) -> None:
    """Raise an error if an option was given that is about one example, while the model as a whole is explained.

    Raises:
        InputError: A value is not None.
    """
    for flag, value in given.items():
        if value is not None:
            raise InputError(f"{flag} is about one example, but the model as a whole is explained: leave {flag} out.")


def _refuse_for_alignment(given: Mapping[str, Any]) -> None:
    """Raise an error if an option was given that is about one of several answers, while a transcript is explained.

    Raises:
        InputError: A value is not None.
    """
    for flag, value in given.items():
        if value is not None:
            raise InputError(
                f"{flag} chooses an answer or phrases of an input, but of a transcript all characters are explained: "
                f"leave {flag} out."
            )


def _require_one(path: str | Path, flag: str, what: str, examples: Sequence[Any]) -> None:
    """Raise an error unless there is one example, for a file about one.

    Raises:
        InputError: There is not exactly one.
    """
    if len(examples) != 1:
        raise InputError(
            f"{what} ({flag} {path}) explains one example, not {len(examples):,}: give one, or leave {flag} out."
        )


def _write_page(model: Any, explained: "Explained", path: Path, full_vocabulary: bool) -> None:
    """Write the page of an explanation. If it cannot run the network, print a note."""
    from gatewright.explanation.page_network import page_network
    from gatewright.report.page.spoken import write_spoken_page
    from gatewright.report.page.write import write_page
    from gatewright.results.explanation import Explanation

    if not isinstance(explained, Explanation):
        write_spoken_page(explained, path)
        print_status(f"The page is written to {path}.")
        return
    try:
        network = page_network(model, explained.target)
    except InputError as error:
        print_status(f"The page shows the network, but does not run it: {error}")
        write_page(explained, str(error), path)
    else:
        write_page(explained, network, path, full_vocabulary)
    print_status(f"The page is written to {path}.")


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Explain a model's answer: which words or steps speak for it, and what the network kept of them."
    parser = commands.add_parser(
        "explain",
        help=about,
        description=f"{about} Without a text and a file, the model as a whole is explained.",
        epilog="examples:\n"
        '  gatewright explain model.safetensors "a fine film"\n'
        '  gatewright explain model.safetensors "a fine film" --out page.html\n'
        "  gatewright explain speech.safetensors recording.wav --plot picture.png\n"
        "  gatewright explain model.safetensors --file reviews.csv --whole",
    )
    parser.add_argument("model", help="A model file, or a .keras or .h5 file with a whole Keras model.")
    parser.add_argument(
        "texts",
        nargs="*",
        metavar="TEXT",
        help="A text, or the path of a recording. If it is -, "
        "read standard input as with --file -. Everything after -- is a text.",
    )
    answer = parser.add_argument_group("answer")
    answer.add_argument(
        "--label",
        metavar="NAME",
        help="Answer to explain (default: the predicted one). For translators, a word of the translation.",
    )
    answer.add_argument(
        "--against", metavar="NAME", help="Alternative to compare it with (default: the most probable other answer)."
    )
    answer.add_argument(
        "--step",
        metavar="N",
        type=whole_number,
        help="Step whose output is explained, counted from 1, for models with an output at each step (default: the "
        "last one). For translators, a piece of the translation (default: the least certain one).",
    )
    answer.add_argument(
        "--together",
        metavar="PHRASE",
        action="append",
        default=[],
        help="Words to leave out together too, such as 'not good'. It can be given several times.",
    )
    answer.add_argument(
        "--whole", action="store_true", help="Explain the model as a whole, over all texts or the whole file."
    )
    add_preparation(parser.add_argument_group("Keras models"))
    page = parser.add_argument_group("page and picture")
    page.add_argument("--out", metavar="FILE", help="File for a page for a browser, in which the network runs.")
    page.add_argument("--plot", metavar="FILE", help="File for a picture (.png, .svg or .pdf).")
    page.add_argument(
        "--full-vocabulary",
        action="store_true",
        help="Put all words of the model on the page (default: the most frequent ones that fit into 2 MB).",
    )
    data = parser.add_argument_group("data", "Options that are not given are those of the training.")
    data.add_argument("--file", metavar="FILE", help="File of examples to read, as for `gatewright predict`.")
    data.add_argument("--limit", metavar="N", type=whole_number, help="Explain only the first N examples of the file.")
    add_options(data, (option for name, option in predict_options().items() if name != "plot"))
    add_max_input(data)
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    options.texts, options.file = texts_given(options)
    options.example = options.texts
    del options.texts
    found = called(explain, options)
    explained = found if isinstance(found, list) else [found]
    if options.json:
        print_json({"explanations": [one.to_json() for one in explained]})
        return 0
    from gatewright.report import render

    for index, one in enumerate(explained):
        if index:
            print()
        render.show(one, sys.stdout)
    return 0
