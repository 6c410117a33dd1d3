"""The `transcribe` command: transcribe recordings, or sound that arrives on standard input."""

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gatewright.commands.flags import add_json, add_max_input, whole_number
from gatewright.commands.printing import Failed, called, print_error, print_json
from gatewright.commands.sound_input import LiveText, check_samples, transcribe_stdin
from gatewright.data.limits import with_max_input
from gatewright.results.serialize import to_json_value
from gatewright.results.transcript import Transcript
from gatewright.support.errors import InputError, require_one_of
from gatewright.support.escapes import escape_control
from gatewright.support.progress import Ticker, print_status

_FORMATS = ("text", "json", "srt", "vtt")
_STDIN = "-"


@with_max_input
def transcribe(
    model: str | Path,
    files: str | Path | Iterable[str | Path],
    *,
    decoding: str | None = None,
    beam: int | None = None,
    max_input: float | None = None,
) -> list[Transcript]:
    """Return a list with the transcript of each recording.

    Args:
        model: Path of a model file from `gatewright train transcribe`.
        files: One file or several files: recordings, or cepstra (.mfc) for a model of these.
        decoding: "greedy", "beam" (prefix beam search) or "lexicon" (prefix beam search for known words). By default as
            in training.
        beam: Number of transcripts that prefix beam search keeps. By default as in training.
        max_input: Maximum size of a file after decompression, in GB. The default is 4.

    Raises:
        InputError: The model, a file or a setting cannot be used.
        ImportError: The format of a recording needs a package that is not installed. The message names it.
    """
    from gatewright import runtime

    paths = [files] if isinstance(files, str | Path) else list(files)
    return list(runtime.load(model).transcriptions(paths, decoding=decoding, beam=beam))


def add_parser(commands: Any) -> None:
    """Add the command to the command line."""
    about = "Transcribe recordings with a trained transcriber."
    parser = commands.add_parser(
        "transcribe",
        help=about,
        description="Print the transcript of each recording on a line of its own, after the name of its file and a tab "
        "if there are several. A model that was trained with --no-bidirectional transcribes sound on standard input "
        "while it arrives.",
        epilog="examples:\n"
        "  gatewright transcribe model.safetensors recording.wav\n"
        "  gatewright transcribe model.safetensors recording.wav --format srt > recording.srt\n"
        "  arecord -t raw -f S16_LE -r 16000 | gatewright transcribe model.safetensors -",
    )
    parser.add_argument("model", help="A model file of `gatewright train transcribe`.")
    parser.add_argument(
        "texts",
        nargs="*",
        metavar="FILE",
        help="A recording (WAV, FLAC, OGG or MP3), or cepstra (.mfc) for a model of these. If it is -, read sound from "
        "standard input: a recording, or samples of one channel without a header. Everything after -- is a file.",
    )
    data = parser.add_argument_group("data")
    data.add_argument(
        "--rate",
        metavar="HZ",
        type=whole_number,
        help="Sample rate of samples on standard input (default: that of the model).",
    )
    data.add_argument(
        "--encoding",
        metavar="NAME",
        help="Encoding of samples on standard input: s16le (16 bits) or f32le (32-bit floating-point numbers with full "
        "scale 1.0), both little-endian (default: s16le).",
    )
    add_max_input(data)
    search = parser.add_argument_group("search")
    search.add_argument(
        "--decoding",
        metavar="NAME",
        help="greedy, beam (prefix beam search) or lexicon (prefix beam search for known words) (default: as in "
        "training).",
    )
    search.add_argument(
        "--beam",
        metavar="N",
        type=whole_number,
        help="Number of transcripts that prefix beam search keeps (default: as in training).",
    )
    parser.add_argument(
        "--timestamps",
        action="store_true",
        help="Print each word on a line of its own, after its start and end in seconds and its confidence from 0 to 1, "
        "with tabs between them.",
    )
    parser.add_argument(
        "--format",
        metavar="NAME",
        help="text, json, or subtitles of one recording as srt (SubRip) or vtt (WebVTT) (default: text).",
    )
    add_json(parser)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> int:
    if options.json and options.format not in (None, "json"):
        print_error(f"--json and --format {options.format} contradict each other: leave one of them out.")
        raise Failed(2)
    options.format = "json" if options.json else options.format or "text"
    return int(called(_print, options))


@with_max_input
def _print(
    *,
    max_input: float | None,
    model: str,
    texts: Sequence[str],
    rate: int | None,
    encoding: str | None,
    timestamps: bool,
    format: str,
    **decoding: Any,
) -> int:
    """Print transcripts, and return the exit code: 2 if one of several files could not be used.

    Args:
        model, max_input, decoding: See `transcribe`.
        texts: The files.
        rate, encoding: The sample rate and the encoding of samples on standard input. None for the defaults.
        timestamps: Print words with their times.
        format: One of `_FORMATS`.
    """
    _check(texts, rate, encoding, format)
    from gatewright import runtime

    loaded, failures, found, ticker = runtime.load(model), list[str](), list[Transcript](), Ticker()
    shown = LiveText() if list(texts) == [_STDIN] and format == "text" and not timestamps else None
    try:
        for transcript in _transcripts(loaded, texts, rate, encoding, decoding, shown, failures):
            found.append(transcript)
            if format == "json" and ticker.due():
                print_status(f"{len(found):,} of {len(texts):,} recordings are transcribed.")
            if shown is not None:
                shown.finish(transcript.text)
            elif format != "json":
                _print_one(transcript, format, timestamps, len(texts) > 1)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted after the transcripts of {len(found):,} recordings") from None
    if format == "json":
        print_json({"transcripts": to_json_value(found)})
    return 2 if failures else 0


def _check(files: Sequence[str], rate: int | None, encoding: str | None, format: str) -> None:
    """Raise an error if options do not fit together.

    Raises:
        InputError: They do not.
    """
    require_one_of("The format", format, _FORMATS)
    check_samples(rate, encoding)
    if not files:
        raise InputError("No recording is given. Give files, or - for sound on standard input.")
    if _STDIN in files and len(files) > 1:
        raise InputError(f"{_STDIN} stands for standard input and cannot be one of several files.")
    if format in ("srt", "vtt") and len(files) > 1:
        raise InputError(f"--format {format} is for one recording, not for {len(files):,}: transcribe them one by one.")
    for name, value in (("rate", rate), ("encoding", encoding)):
        if value is not None and _STDIN not in files:
            raise InputError(f"--{name} {value} is for sound on standard input: give - instead of files.")


def _transcripts(
    model: Any,
    files: Sequence[str],
    rate: int | None,
    encoding: str | None,
    decoding: Mapping[str, Any],
    shown: LiveText | None,
    failures: list[str],
) -> Iterator[Transcript]:
    """Yield transcripts. If one of several files cannot be used, print the error and add its message to `failures`."""
    if list(files) == [_STDIN]:
        yield transcribe_stdin(model, rate, encoding, decoding, shown)
        return
    list(model.transcriptions((), **decoding))  # checks the model and the settings
    rest, is_one = iter(files), len(files) == 1
    while len(failures) < len(files):
        try:
            yield from model.transcriptions(rest, **decoding)
            return
        except (InputError, ImportError) as error:
            if is_one:
                raise
            print_error(str(error))
            failures.append(str(error))


def _print_one(transcript: Transcript, format: str, timestamps: bool, named: bool) -> None:
    """Print a transcript. If `named` is True, its lines begin with the name of its file."""
    if format in ("srt", "vtt"):
        from gatewright.report import subtitles

        print((subtitles.srt if format == "srt" else subtitles.vtt)(transcript), end="", flush=True)
        return
    rows = [[transcript.text]]
    if timestamps:
        rows = [[*(f"{x:.2f}" for x in (one.start, one.end, one.confidence)), one.text] for one in transcript.words]
    for row in rows:
        print("\t".join(map(escape_control, [transcript.name, *row] if named else row)), flush=True)
