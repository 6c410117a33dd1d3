"""The `translate` command: translate sentences with a trained translator."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatewright.commands.flags import add_json, add_max_input, number, whole_number
from gatewright.commands.predict import texts_given
from gatewright.commands.printing import called, print_json
from gatewright.data.limits import max_bytes, too_large, with_max_input
from gatewright.results.serialize import to_json_value
from gatewright.support.errors import InputError
from gatewright.support.escapes import escape_control
from gatewright.support.files import atomically, require_other_file, require_plot, require_writable
from gatewright.support.packages import require_packages

if TYPE_CHECKING:
    from gatewright.results.translation import Translation

# Bytes of standard input that are read at most before the lines in them are translated.
_AVAILABLE = 1 << 15
# Sentences of a file that are translated before the first of them is printed. Of more, more have the same length and
# are translated together.
_AT_ONCE = 4096


@with_max_input
def translate(
    model: str | Path,
    texts: str | Iterable[str] | None = None,
    *,
    file: str | None = None,
    beam: int | None = None,
    best: int = 1,
    length_penalty: float | None = None,
    attention: bool = False,
    plot: str | Path | None = None,
    source: str | None = None,
    header: str | None = None,
    max_input: float | None = None,
) -> "list[Translation] | list[list[Translation]]":
    """Return a list with the translation of each sentence, or with a list of the best ones if `best` is more than 1.

    Args:
        model: Path of a model file from `gatewright train translate`.
        texts: One sentence or several sentences. Leave it out if `file` is given.
        file: A file to read instead of `texts`: a text file with one sentence on each line ("-" for standard input), or
            a table.
        beam: Number of hypotheses of beam search; 1 for greedy search. By default that of the training.
        best: Number of translations of each sentence, at most `beam`.
        length_penalty: Exponent of the length by which beam search normalizes log probabilities; 0 for none. By default
            that of the training.
        attention: Return the attention too.
        plot: Draw the attention of one sentence and its best translation to this file (.png, .svg or .pdf).
        source: Name of the column of a table that has the sentences. By default as in training.
        header: Place of the column names of a table: "first" or "none".
        max_input: Maximum size of `file` after decompression, in GB. The default is 4.

    Raises:
        InputError: The model, its input or a setting cannot be used.
        ImportError: A package for plots is missing. The message names it.
    """
    options = {"source": source, "header": header}
    decoding = {"beam": beam, "best": best, "length_penalty": length_penalty, "attention": attention}
    found = list(_translated(model, texts, file, options, plot, decoding))
    return [own[0] for own in found] if best == 1 else found


def _translated(
    model: str | Path,
    texts: str | Iterable[str] | None,
    file: str | None,
    options: dict[str, str | None],
    plot: str | Path | None,
    decoding: dict[str, Any],
) -> "Iterator[list[Translation]]":
    """Yield the translations of each sentence as soon as they are found; see `translate`."""
    from gatewright import runtime

    if plot is not None:
        require_packages("--plot", ("matplotlib",))
        require_plot(Path(plot))
        require_writable(Path(plot), "--plot")
        require_other_file(Path(plot), "--plot", {"MODEL": model, "--file": file})
        decoding = {**decoding, "attention": True}
    loaded = runtime.load(model)
    given = {name: value for name, value in options.items() if value is not None}
    if texts is None and file == "-" and plot is None:
        for name, value in given.items():
            raise InputError(f"--{name} {value} is for a table, but standard input has a sentence on each line.")
        yield from loaded.translations(_lines_of_stdin(), **decoding)
        return
    sentences = loaded.examples_from(texts, file, given)
    if plot is not None and len(sentences) != 1:
        raise InputError(f"--plot draws the attention of one sentence, not of {len(sentences):,}: give one.")
    batches = (sentences[first : first + _AT_ONCE] for first in range(0, len(sentences), _AT_ONCE))
    for found in loaded.translations(batches, total=len(sentences), **decoding):
        if plot is not None:
            with atomically(plot) as path:
                found[0].plot().savefig(path, dpi=150)
        yield found


def _lines_of_stdin() -> Iterator[list[str]]:
    r"""Yield the lines that have arrived on standard input, as soon as there are any. Only \n and \r\n end a line.

    Raises:
        InputError: A line is not UTF-8, or longer than `--max-input`.
    """
    rest, done = b"", 0
    if sys.stdin is None:  # closed by `<&-`
        return
    stream: Any = sys.stdin.buffer
    while found := stream.read1(_AVAILABLE):
        *lines, rest = (rest + found).split(b"\n")
        if len(rest) > max_bytes():
            raise too_large("A line of standard input")
        if lines:
            yield [_decoded(line, done + place) for place, line in enumerate(lines)]
        done += len(lines)
    if rest:
        yield [_decoded(rest, done)]


def _decoded(line: bytes, place: int) -> str:
    try:
        return line.removesuffix(b"\r").decode("utf-8-sig" if place == 0 else "utf-8")
    except UnicodeDecodeError:
        raise InputError(
            f"Line {place + 1:,} of standard input is not UTF-8. Convert the text to UTF-8, or give a file with --file."
        ) from None


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Translate sentences with a trained translator."
    parser = commands.add_parser(
        "translate",
        help=about,
        description="Print the translation of each sentence on a line of its own. Lines on standard input are "
        "translated as they arrive.",
        epilog="examples:\n"
        '  gatewright translate model.safetensors "A man is reading."\n'
        "  gatewright translate model.safetensors --file sentences.txt > translations.txt",
    )
    parser.add_argument("model", help="A model file of `gatewright train translate`.")
    parser.add_argument(
        "texts",
        nargs="*",
        metavar="SENTENCE",
        help="A sentence. If it is -, read lines from standard input. Everything after -- is a sentence.",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--file", metavar="FILE", help="File with a sentence on each line, or table (- for standard input)."
    )
    data.add_argument(
        "--source", metavar="COLUMN", help="Column of a table that has the sentences (default: as in training)."
    )
    data.add_argument("--header", metavar="first|none", help="Place of the column names of a table (default: found).")
    add_max_input(data)
    search = parser.add_argument_group("search")
    search.add_argument(
        "--beam",
        metavar="N",
        type=whole_number,
        help="Number of hypotheses of beam search; 1 for greedy search (default: as in training).",
    )
    search.add_argument(
        "--length-penalty",
        metavar="X",
        type=number,
        help="Exponent of the length by which beam search normalizes log probabilities; 0 for none (default: as in "
        "training).",
    )
    search.add_argument(
        "--best",
        metavar="N",
        type=whole_number,
        default=1,
        help="Print the N best translations of each sentence, each after its rank and its log probability, with tabs "
        "between them (default: 1).",
    )
    parser.add_argument(
        "--attention", action="store_true", help="Print a table of the attention after each translation."
    )
    parser.add_argument(
        "--plot",
        metavar="FILE",
        help="Draw the attention of one sentence and its best translation to a file (.png, .svg or .pdf).",
    )
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    options.texts, options.file = texts_given(options)
    if options.json:
        found = called(translate, options)
        print_json({"translations": to_json_value(found)})
    else:
        called(_print, options)
    return 0


@with_max_input
def _print(
    *,
    max_input: float | None,
    model: str,
    texts: Sequence[str] | None,
    file: str | None,
    plot: str | None,
    source: str | None,
    header: str | None,
    **decoding: Any,
) -> None:
    """Print the translations of each sentence as soon as they are found. The arguments are those of `translate`."""
    done = 0
    try:
        for found in _translated(model, texts, file, {"source": source, "header": header}, plot, decoding):
            _print_sentence(found, decoding["best"] > 1, decoding["attention"])
            done += 1
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted after the translation of sentence {done:,}") from None


def _print_sentence(found: "Sequence[Translation]", ranked: bool, attention: bool) -> None:
    for rank, translation in enumerate(found, 1):
        text = escape_control(translation.text)
        print(f"{rank}\t{translation.log_probability:.4f}\t{text}" if ranked else text)
        if attention:
            from gatewright.report import render

            print()
            render.show(translation, sys.stdout)
    if sys.stdout is not None:  # closed by `>&-`
        sys.stdout.flush()
