"""The flags of the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any, NoReturn

from gatewright.ops.cells import CELLS
from gatewright.support.version import VERSION


class Parser(argparse.ArgumentParser):
    """One sentence for a wrong command line, as for every other bad input."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"gatewright: {message} (see {self.prog} --help)\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if sys.stdout is not None:  # help that can't be written is told by `main`, and not when the interpreter ends
            sys.stdout.flush()
        super().exit(status, message)


def parser() -> Parser:
    """The commands with their flags."""
    made = Parser(prog="gatewright", description="Gated recurrent networks (SimpleRNN, LSTM, GRU), fast on CPUs.")
    made.add_argument("--version", action="version", version=f"gatewright {VERSION}")
    commands = made.add_subparsers(dest="command", title="commands")
    run = commands.add_parser(
        "run",
        help="run a stock Keras program or notebook, unchanged, on the compiled kernels",
        description="Run a stock Keras program or notebook, unchanged, on the compiled kernels. "
        "Where TensorFlow is not installed, Keras 3 answers to tensorflow.keras.",
    )
    run.add_argument("--output", metavar="COPY.ipynb", help="write the executed copy of a notebook to this file")
    run.add_argument("program", help="a Python program (.py) or a notebook (.ipynb)")
    run.add_argument("arguments", nargs=argparse.REMAINDER, help="passed on to the program")
    _add_train(commands)
    _add_users(commands)
    _add_compare(commands)
    _add_bench(commands)
    commands.add_parser("doctor", help="what is installed here, which parts work, and what to mend")
    return made


def _add_train(commands: Any) -> None:
    from gatewright.tasks.classify.settings import PRETRAINED
    from gatewright.tasks.registry import JOBS

    train = commands.add_parser(
        "train",
        help="train a network on your data, beside a simple baseline, into one model file",
        description="Train a network and keep it, with all that is needed to use it, in one file; a simple baseline "
        "stands beside. What is interrupted goes on when the same command is given again.",
    )
    tasks = train.add_subparsers(dest="task", title="tasks", required=True)
    for name, job in JOBS.items():
        task = tasks.add_parser(name, help=job.learns, description=f"Learn {job.learns}.")
        add = task.add_argument
        add("data", help=job.data)
        add("--out", metavar="FILE", default="model.safetensors", help="the model file (default: %(default)s)")
        for option in job.options:
            _add_option(task, option)
        if name == "classify":
            others = ", ".join(f"{setting} {value}" for setting, value in PRETRAINED.items()).lower()
            help_ = f"a language model to begin with, and to fine-tune; what is not given is then: {others}"
            add("--from", dest="pretrained", metavar="FILE", help=help_)
        add("--validation", metavar="DATA", help="the validation part (default: the data's own, or a tenth set aside)")
        add(
            "--test",
            metavar="DATA",
            help="the test part (default: the data's own, or some is set aside; of a language model with a validation "
            "part that part)",
        )
        add("--limit", metavar="N", type=_whole, help="at most N training rows (tokens), and N test rows: a quick look")
        add("--config", metavar="FILE.toml", help="settings, one `name = value` a line; flags override them")
        for setting in job.settings:
            _add_setting(task, setting)
        add("--json", action="store_true", help="print the result as one JSON object")


def _add_option(parser: argparse.ArgumentParser, option: Any) -> None:
    parser.add_argument(f"--{option.name.replace('_', '-')}", metavar=option.metavar, help=option.help)


def _add_setting(parser: argparse.ArgumentParser, setting: Any, plain: bool = False) -> None:
    """A flag; with `plain`, without a word on a default that is another here."""
    flag = f"--{setting.name.replace('_', '-')}"
    default = str(setting.default).lower() if isinstance(setting.default, bool) else setting.default
    if setting.kind == "numbers":
        default = ",".join(map(str, setting.default))
    ending = "" if default is None or plain else f" (default: {default})"
    told: dict[str, Any] = {"default": argparse.SUPPRESS, "help": f"{setting.help}{ending}"}
    if setting.kind == "switch":
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, **told)
        return
    kinds: dict[str, tuple[str, Callable[[str], Any]]] = {
        "whole": ("N", _whole),
        "number": ("X", _number),
        "choice": ("NAME", str),
        "numbers": ("X,Y,...", _numbers),
    }
    metavar, kind = kinds[setting.kind]
    parser.add_argument(flag, metavar=metavar, type=kind, **told)


def _add_users(commands: Any) -> None:
    from gatewright.tasks.registry import JOBS, OPTIONS

    evaluate = commands.add_parser(
        "evaluate",
        help="measure a model on data",
        description="Measure a model on data like its training data; of data with a test part, on that part.",
    )
    evaluate.add_argument("model", help="a model file")
    evaluate.add_argument(
        "data",
        help="; ".join(f"of a model of train {name} {job.data}" for name, job in JOBS.items()),
    )
    for option in OPTIONS.values():
        _add_option(evaluate, option)
    evaluate.add_argument("--limit", metavar="N", type=_whole, help="the first N rows (tokens) only")
    predict = commands.add_parser(
        "predict",
        help="what a model says of texts or series, or of what comes after them",
        description="Print the label and its probability for each text or series, one line each; of a model that "
        "gives any number of labels those given, or -, and the probability of each; of a tagger each word and its "
        "tag, one line a word; a forecaster prints a table, a row a step ahead.",
    )
    predict.add_argument("model", help="a model file")
    predict.add_argument(
        "texts",
        nargs="*",
        metavar="TEXT",
        help="a text; - for one a line from standard input; what follows -- is a text whatever it begins with",
    )
    predict.add_argument(
        "--file",
        metavar="F",
        help="a text file with one text a line, or a table; - for stdin; of series a .ts, .npz or long table; of a "
        "forecaster a table of recent steps",
    )
    predict.add_argument(
        "--plot", metavar="FILE", help="of a forecaster: a .png, .svg or .pdf picture of the forecasts with intervals"
    )
    predict.add_argument("--text", metavar="COLUMN", help="the column of a table (default: text)")
    for name in ("id", "time"):
        _add_option(predict, OPTIONS[name])
    _add_generate(commands)
    info = commands.add_parser("info", help="what a model file holds", description="Print what a model file holds.")
    info.add_argument("model", help="a model file")
    for parser in (evaluate, predict, info):
        parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def _add_generate(commands: Any) -> None:
    from gatewright.tasks.generate.settings import DECODING

    generate = commands.add_parser(
        "generate",
        help="continue a text with a language model",
        description="Print the prompt and its continuation, as it is written.",
    )
    add = generate.add_argument
    add("model", help="a model file of `train generate`")
    add("--prompt", metavar="TEXT", default="", help="the text to continue (default: the beginning of a text)")
    add("--stop", metavar="TEXT", action="append", default=[], help="end before this text; may be given several times")
    for setting in DECODING:
        _add_setting(generate, setting)
    add("--json", action="store_true", help="print the result as one JSON object")


def _add_compare(commands: Any) -> None:
    from gatewright.tasks.registry import COMPARED, JOBS, OPTIONS

    compare = commands.add_parser(
        "compare",
        help="compare SimpleRNN, LSTM and GRU over several seeds, beside a simple baseline, on your data",
        description="Train each cell from several seeds on the same rows, beside a simple baseline, and say what that "
        "shows. Finished runs are kept in --out: the same command does the missing ones only.",
    )
    compare.add_argument(
        "data",
        nargs="?",
        default="adding",
        help="; ".join(["adding (needs no data)", *(f"to {name} {job.data}" for name, job in JOBS.items())])
        + " (default: adding)",
    )
    add = compare.add_argument
    add("--task", metavar="NAME", help=f"{', '.join(JOBS)}: what train learns of that name (default: classify)")
    for option in OPTIONS.values():
        _add_option(compare, option)
    add(
        "--test",
        metavar="DATA",
        help="a file or folder of test rows (default: a fifth of the rows is set aside; with generate a tenth)",
    )
    add("--validation", metavar="DATA", help="likewise of validation rows (default: a tenth of the training rows)")
    plain = ["SimpleRNN", "LSTM", "GRU"]
    others = [cell.title for cell in CELLS.values() if cell.title not in plain]
    add(
        "--cells",
        metavar="A,B,...",
        type=_names,
        default=plain,
        help=f"default: {','.join(plain)}; others: {', '.join(others)}",
    )
    add("--units", metavar="N", type=_whole, help="of the recurrent layer (default: adding 64, texts 128)")
    add(
        "--match",
        metavar="units|parameters",
        default="units",
        help="as many units for each cell, or as many parameters as the first cell has (default: units)",
    )
    add("--embedding", metavar="N", type=_whole, help="numbers for each token (default: 128; generate 64)")
    add(
        "--length",
        metavar="N",
        type=_whole,
        help="steps; of a text its last words (default: adding 100, texts 200, generate and tag 64)",
    )
    add("--vocabulary", metavar="N", type=_whole, help="ids in use (default: 10000)")
    add("--batch", metavar="N", type=_whole, help="rows of a training step (default: adding 16, texts 32)")
    add("--epochs", metavar="N", type=_whole, help="passes over the training rows (default: 5)")
    add(
        "--learning-rates",
        metavar="X,Y,...",
        type=_numbers,
        help="the best for each cell is chosen on validation rows (default: adding 0.005, texts 0.001, "
        "generate 0.003, tag 0.002)",
    )
    add("--seeds", metavar="N", type=_whole, default=3, help="how many times each cell is trained (default: 3)")
    add("--limit", metavar="N", type=_whole, help="at most N training and N test rows, for a quick look")
    add("--out", metavar="DIR", default="gatewright-compare", help="for runs and report (default: %(default)s)")
    for setting in {name: one for job in reversed(COMPARED.values()) for name, one in job.items()}.values():
        _add_setting(compare, setting, plain=True)
    add("--json", action="store_true", help="print the result as one JSON object")


def _add_bench(commands: Any) -> None:
    bench = commands.add_parser(
        "bench",
        help="measure speed and memory on this machine, beside the libraries that are installed here",
        description="Measure on this machine, beside the libraries that are installed here; leaves a table and a JSON "
        "file of each suite in --out, of some a picture. Keep everything else still meanwhile.",
    )
    bench.add_argument(
        "suites", nargs="*", metavar="SUITE", help="what to measure, see --list (default: all but cases)"
    )
    add = bench.add_argument
    add("--out", metavar="FOLDER", default="gatewright-bench", help="for the results (default: %(default)s)")
    add("--rounds", metavar="N", type=_whole, help="turns of each peer that count (default: each suite's own)")
    add("--peers", metavar="A,B,...", type=_names, help="whom to measure beside Gatewright (default: all installed)")
    add("--tensorflow-python", metavar="PATH", help="an interpreter that has Keras and TensorFlow (default: this one)")
    add("--all-cases", action="store_true", help="in training, every cell in every case")
    add("--list", action="store_true", help="name the suites and peers, and the minutes that suites take")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None


def _numbers(text: str) -> list[float]:
    try:
        return [float(number) for number in _names(text)]
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be numbers with commas between, not {text!r}") from None
