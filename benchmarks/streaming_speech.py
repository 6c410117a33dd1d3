"""Time live transcription on one thread: a frame of 10 ms, and the real-time factor; and compare lengths of chunks.

    python benchmarks/streaming_speech.py [MODEL] [--seconds 20] [--write]

MODEL is the file of a transcriber that processes recordings in one direction. The sound is recordings of the Free
Spoken Digit Dataset in $GATEWRIGHT_DATA, one after the other. Without MODEL, the network has the default size and
random weights. Its search takes longer than that of a trained network, because all symbols are about equally probable.
--write writes benchmarks/results/streaming_speech.md. Times are CPU time; run it with `taskset -c 0`.
"""

import argparse
import os
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gatewright import runtime
from gatewright.bench.live_speech import CHUNKS, LiveSpeed, different_in_chunks, live_speed
from gatewright.data.audio.features import Features
from gatewright.data.audio.recording import read_recording
from gatewright.data.audio.resampling import resampled
from gatewright.data.corpora.named import read_fsdd
from gatewright.nn import model as models
from gatewright.nn.file import ModelFile
from gatewright.ops.machine import checkout, processor
from gatewright.tasks import registry
from gatewright.tasks.base.task import Splits
from gatewright.tasks.transcribe.settings import TranscribeSettings
from gatewright.tasks.transcribe.speech import Speech
from gatewright.tasks.transcribe.task import Transcribe

DECODINGS = ("greedy", "lexicon")
RATE = 8_000
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
RESULT = Path(__file__).parent / "results" / "streaming_speech.md"
_RECORDING_SECONDS = 5.0


def random_model(recordings: Sequence[NDArray[np.float32]]) -> Any:
    """Return a transcriber of characters with the default size and random weights."""
    settings = TranscribeSettings(bidirectional=False)
    features = Features("log_mel", RATE, settings.mel_bands)
    frames = tuple(features.frames(samples) for samples in recordings)
    texts = tuple(" ".join(WORDS) for _ in recordings)
    speech = Speech(frames, texts, tuple(map(str, range(len(texts)))), (), features)
    task = Transcribe("random", settings)
    prepared, complete = task.prepare(Splits("random", speech, speech, speech))
    network = task.network(prepared, complete)
    weights = tuple(models.initial_weights(network, prepared.features, [0]))
    kind, stored = registry.model_class("transcribe"), prepared.to_json()
    return kind(ModelFile("transcribe", tuple(network), weights, stored, {}), kind.parse_prepared(stored))


def sound(seconds: float, rate: int) -> list[NDArray[np.float32]]:
    """Return recordings of spoken digits, each of 5 seconds."""
    digits = read_fsdd().splits["test"]
    order = np.random.default_rng(0).permutation(len(digits))
    parts, wanted, found = list[NDArray[np.float32]](), round(seconds * RATE), 0
    while found < wanted:
        parts.append(read_recording(digits[order[len(parts) % len(digits)]].audio).samples)
        found += len(parts[-1])
    samples, length = np.concatenate(parts)[:wanted], round(_RECORDING_SECONDS * RATE)
    return [resampled(samples[start : start + length], RATE, rate) for start in range(0, wanted, length)]


def report(what: str, seconds: float, load: float, results: Sequence[tuple[LiveSpeed, int]]) -> str:
    """Return the results as Markdown.

    Args:
        what: What the model is.
        seconds: The length of the sound.
        load: The load of the machine before the run.
        results: The speed with each decoding, and the number of recordings whose transcripts are different.
    """
    from gatewright.ops import kernels

    git = checkout()
    commit = f"{str(git['commit'])[:10]}{' with changes' * bool(git['dirty'])}"
    lines = [
        "# Live transcription",
        "",
        f"`python benchmarks/streaming_speech.py` on {processor()}, {kernels.instruction_set()}, 1 thread, commit "
        f"{commit}, load {load:.1f} before the run; {what}.",
        "",
        f"A frame is 10 ms of sound, of {seconds:g} seconds in recordings of 5 seconds. Most frames wait until a step "
        "of the network is complete, and the median is theirs. The frame that completes a step computes the features "
        "of all frames of the step, and runs the network and the search; the column step is the median of these. "
        "Times are CPU time.",
        "The real-time factor is the CPU time divided by the length of the sound.",
        "",
        "| decoding | frames | median | mean | 95% | 99% | step | real-time factor, live | of whole recordings |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for speed, _ in results:
        decoding, frames, median, mean, p95, p99, step, live, whole = astuple(speed)
        micros = " | ".join(f"{one:.0f} us" for one in (median, mean, p95, p99, step))
        lines.append(f"| {decoding} | {frames:,} | {micros} | {live:.4f} | {whole:.4f} |")
    chunks = ", ".join(f"{1000 * one:g}" for one in CHUNKS)
    different = sum(number for _, number in results)
    lines += ["", f"Transcripts that differ between chunks of {chunks} ms and the whole recording: {different}.", ""]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--write", action="store_true")
    given, load = parser.parse_args(), os.getloadavg()[0]
    if given.model is None:
        recordings = sound(given.seconds, RATE)
        model, what = random_model(recordings), "random weights of the default size, 3 GRU layers with 128 units"
    else:
        model, what = runtime.load(given.model), f"the model {Path(given.model).name}"
        recordings = sound(given.seconds, model.sample_rate)
    results = [
        (live_speed(model, recordings, decoding), different_in_chunks(model, recordings, decoding))
        for decoding in DECODINGS
    ]
    text = report(what, given.seconds, load, results)
    print(text)
    if given.write:
        RESULT.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
