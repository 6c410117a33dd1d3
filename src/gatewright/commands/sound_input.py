"""Transcribe sound that arrives on standard input, and show the transcript while it grows."""

import io
import itertools
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gatewright.data.audio.encoded import is_encoded
from gatewright.data.audio.recording import rate_note, recording_from
from gatewright.data.audio.samples import require_rate
from gatewright.data.audio.wav import is_wav
from gatewright.data.limits import Total
from gatewright.support.errors import InputError, require_one_of
from gatewright.support.escapes import escape_control, raw_stream
from gatewright.support.interrupts import HeldInterrupts
from gatewright.support.progress import print_status

if TYPE_CHECKING:
    from gatewright.results.transcript import Transcript

_NAME = "Standard input"
# Bytes that show whether sound is a recording with a header.
_HEAD = 12
# Bytes that are read at most before the sound in them is transcribed.
_AVAILABLE = 1 << 15
# The type of a sample, and the number at full scale.
_ENCODINGS = {"s16le": ("<i2", 32768.0), "f32le": ("<f4", 1.0)}
_ENCODING = "s16le"


def check_samples(rate: int | None, encoding: str | None) -> None:
    """Raise an error if samples cannot have this rate or encoding.

    Raises:
        InputError: They cannot.
    """
    if rate is not None:
        require_rate(rate)
    if encoding is not None:
        require_one_of("The encoding", encoding, tuple(_ENCODINGS))


class LiveText:
    """A transcript on standard output that grows.

    On a terminal, the line shows the end of the transcript so far, and is written again when it changes. Otherwise,
    words are printed when they can no longer change.
    """

    def __init__(self) -> None:
        self._out = None if sys.stdout is None else raw_stream(sys.stdout)  # closed by `>&-`
        self._is_terminal = self._out is not None and self._out.isatty()
        self._shown = ""

    def update(self, text: str, certain: str) -> None:
        """Show the transcript so far. `certain` are those of its words that can no longer change."""
        if self._is_terminal:
            self._rewrite(escape_control(text)[1 - shutil.get_terminal_size().columns :])
        elif certain != self._shown:
            print(escape_control(certain[len(self._shown) :]), end="", flush=True)
            self._shown = certain

    def finish(self, text: str) -> None:
        """Print the whole transcript, and end its line."""
        if self._is_terminal:
            self._rewrite("")
        print(escape_control(text[len(self._shown) :]))

    def _rewrite(self, line: str) -> None:
        if line != self._shown and self._out is not None:
            self._out.write(f"\r{line}\x1b[K")
            self._out.flush()
            self._shown = line


def transcribe_stdin(
    model: Any, rate: int | None, encoding: str | None, decoding: Mapping[str, Any], shown: LiveText | None
) -> "Transcript":
    """Return the transcript of the sound on standard input: a recording, or samples of one channel without a header.

    Samples are transcribed while they arrive if the model can do this, and has their sample rate. If the user
    interrupts them, the transcript is that of the sound so far.

    Args:
        model: A transcriber.
        rate, encoding: The sample rate and the encoding of samples without a header. None for the rate of the model,
            and for 16 bits.
        decoding: The settings of the decoder.
        shown: Where the transcript is shown while it grows, or None.

    Raises:
        InputError: There is no sound, or it cannot be used.
    """
    stream: Any = io.BytesIO() if sys.stdin is None else sys.stdin.buffer  # closed by `<&-`
    with HeldInterrupts() as interrupts:
        return _transcript(model, _arriving(stream, interrupts), rate, encoding, decoding, shown)


def _transcript(
    model: Any,
    arriving: Iterator[bytes],
    rate: int | None,
    encoding: str | None,
    decoding: Mapping[str, Any],
    shown: LiveText | None,
) -> "Transcript":
    """Return the transcript of sound whose bytes arrive; see `transcribe_stdin` for the other arguments."""
    head = b""
    while len(head) < _HEAD and (found := next(arriving, b"")):
        head += found
    if is_wav(head[:_HEAD]) or is_encoded(head[:_HEAD]):
        for name, given in (("rate", rate), ("encoding", encoding)):
            if given is not None:
                raise InputError(f"--{name} {given} is for samples without a header, but {_NAME.lower()} has one.")
        recording = recording_from(_joined(head, arriving), _NAME)
        for note in (*recording.notes, *rate_note(_NAME, recording.rate, model.sample_rate)):
            print_status(note)
        transcript: Transcript = model.transcribe(recording.samples, recording.rate, **decoding)
        return transcript
    rate = rate or model.sample_rate
    chunks = _samples(itertools.chain([head], arriving), encoding or _ENCODING)
    if model.is_live and rate == model.sample_rate:
        live = model.stream(**decoding)
        for chunk in chunks:
            text = live.push(chunk)
            if shown is not None:
                shown.update(text, live.certain)
        if not live.seconds:
            raise _no_sound()
        transcript = live.end()
        return transcript
    total, parts = Total(_NAME), []
    for chunk in chunks:
        total.add(chunk.nbytes)
        parts.append(chunk)
    if not parts:
        raise _no_sound()
    transcript = model.transcribe(np.concatenate(parts), rate, **decoding)
    return transcript


def _arriving(stream: Any, interrupts: HeldInterrupts) -> Iterator[bytes]:
    """Yield bytes as they arrive, until the end or until Ctrl-C, which does not disturb the work on earlier bytes."""
    while True:
        try:
            interrupts.release()
            found = stream.read1(_AVAILABLE)
            interrupts.hold()
        except KeyboardInterrupt:
            print_status("interrupted: the transcript is that of the sound so far.")
            return
        if not found:
            return
        yield found


def _joined(head: bytes, arriving: Iterator[bytes]) -> bytearray:
    """Return all bytes.

    Raises:
        InputError: They are more than `--max-input`.
    """
    content, total = bytearray(head), Total(_NAME)
    for found in arriving:
        total.add(len(found))
        content += found
    return content


def _samples(arriving: Iterable[bytes], encoding: str) -> Iterator[NDArray[np.float32]]:
    """Yield samples with full scale 1.0 as they arrive, [samples]."""
    kind, full_scale = _ENCODINGS[encoding]
    size, rest = np.dtype(kind).itemsize, b""
    for found in arriving:
        rest += found
        whole = len(rest) // size * size
        if whole:
            yield (np.frombuffer(rest[:whole], kind) / np.float32(full_scale)).astype(np.float32)
        rest = rest[whole:]


def _no_sound() -> InputError:
    return InputError(f"{_NAME} has no sound. Pipe samples or a recording into the command.")
