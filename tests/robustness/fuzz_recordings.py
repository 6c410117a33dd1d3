"""Damage recordings, and corpora of them, and read each as commands do: a result with notes, or one sentence.

    python tests/robustness/fuzz_recordings.py [count] [seed] [first]

Most cases are a WAV or FLAC file, damaged in its structure or in its bytes. It is read as training does, transcribed
and classified by the commands, from a file and from standard input. The others are folders and tables of recordings
with transcripts or labels in all layouts, damaged in their lists and files. `fuzz_inputs.py` says what fails.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import io
import json
import random
import resource
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import fuzz_inputs
from damaged_audio import damaged_wav, encoded
from damaged_corpora import cepstra, corpus_case
from fuzz_inputs import Case, Reader, Route, damage_bytes, write
from keyword_models import keyword_classifier
from models import loaded
from speech_models import transcriber

from gatewright.commands import main as command_line
from gatewright.data.audio.features import Features
from gatewright.data.audio.recording import read_recording
from gatewright.data.audio.resampling import resampled
from gatewright.nn.file import write as write_model
from gatewright.support.errors import InputError

_LIMIT = ("--json", "--max-input", str(fuzz_inputs._GIGABYTES))
_SPEECH = tuple(
    {"model": model, "flags": flags}
    for model in ("live", "whole")
    for flags in ((), ("--decoding", "greedy"), ("--beam", "3"))
)
_STDIN = tuple({"stdin": flags} for flags in ((), (), ("--rate", "16000"), ("--encoding", "f32le")))
_RECORDING = (
    Route("read", "recording"),
    Route("run", "transcribe", (*_SPEECH, *({"model": "live", **how} for how in _STDIN))),
    Route("run", "predict", ({"model": "keywords"},)),
)
_CEPSTRA = (Route("run", "transcribe", ({"model": "cepstra"}, {"model": "live"})),)


class RecordingReader(Reader):
    """Reads recordings as the commands do, with small models of random weights, whose files are in a folder."""

    def __init__(self, folder: Path) -> None:
        files = {
            "live": transcriber(units=32),
            "whole": transcriber(bidirectional=True, tokens="bytes"),
            "cepstra": transcriber(cepstra=True),
            "keywords": keyword_classifier(),
        }
        self.models = {"transcribe": loaded(files["live"]), "keywords": loaded(files["keywords"])}
        self._folder = folder
        for name, file in files.items():
            write_model(file, self._path(name))

    def read(self, path: str, route: Route, options: dict[str, Any]) -> None:
        if route.action == "read":
            recording = read_recording(Path(path))
            Features("log_mel", 16000).frames(resampled(recording.samples, recording.rate, 16000))
        elif route.action == "run":
            self._run(route.command, path, options)
        else:
            super().read(path, route, options)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.safetensors"

    def _run(self, command: str, path: str, options: dict[str, Any]) -> None:
        """Run a command. Its error is raised as an `InputError`.

        Raises:
            AssertionError: The command has neither a result nor an error of one sentence.
            InputError: The command has refused the recording.
        """
        flags, output, errors = options.get("flags", ()), io.StringIO(), io.StringIO()
        if "stdin" in options:
            flags, before = options["stdin"], sys.stdin
            sys.stdin = SimpleNamespace(buffer=_Arriving(Path(path).read_bytes()))
            path = "-"
        try:
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                code = command_line.main([command, str(self._path(options["model"])), path, *flags, *_LIMIT])
        finally:
            if path == "-":
                sys.stdin = before
        *notes, last = errors.getvalue().split("\n")
        assert not last
        assert all(line.startswith("gatewright: ") for line in notes), notes
        if code == 0:
            print("\n".join(notes), file=sys.stderr)
            json.loads(output.getvalue(), parse_constant=_refuse)
            return
        assert (code, output.getvalue()) == (2, "")
        if "not enough memory" in notes[-1]:
            raise AssertionError(notes[-1])
        raise InputError(notes[-1].removeprefix("gatewright: "))


class _Arriving(io.BytesIO):
    """Standard input whose bytes arrive in parts of any size."""

    def read1(self, size: int | None = -1) -> bytes:
        rest = len(self.getbuffer()) - self.tell()
        return super().read1(min(size or rest, 1 + rest * 7 % 997))


def _refuse(number: str) -> None:
    raise AssertionError(f"the output has the number {number}")


def make_case(draw: random.Random, folder: Path) -> Case:
    """Write a damaged recording or corpus to the folder, and return it with the ways to read it."""
    kind = draw.randrange(20)
    if kind < 8:
        content = damaged_wav(draw)
        content = damage_bytes(draw, content) if draw.random() < 0.3 else content
        return Case(write(folder, "a.wav", content), _RECORDING)
    if kind < 15:
        content = encoded(draw, flac=kind < 13)
        name = draw.choice(("a.flac", "a.flac", "a.ogg", "a.mp3", "a.wav"))
        return Case(write(folder, name, damage_bytes(draw, content) if draw.random() < 0.95 else content), _RECORDING)
    if kind == 15:
        return Case(write(folder, "a.mfc", cepstra(draw)), _CEPSTRA)
    return corpus_case(draw, folder)


def main(count: int = 20_000, seed: int = 0, first: int = 0, stop_after: int = 1) -> Any:
    """Read `count` damaged recordings and corpora; see `fuzz_inputs.main`."""
    with tempfile.TemporaryDirectory() as folder:
        make_reader = functools.partial(RecordingReader, Path(folder))
        return fuzz_inputs.main(count, seed, first, stop_after, make_case, make_reader)


if __name__ == "__main__":
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    for name, times in sorted(main(*map(int, sys.argv[1:])).items()):
        print(f"{times:7,} {name}")
