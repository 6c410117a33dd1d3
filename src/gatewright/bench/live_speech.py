"""Measure how fast a transcriber processes speech, and that the division into chunks does not change transcripts.

Times are the CPU time of one thread, which other programs on the machine change little: they slow the caches and, on a
shared core, the thread.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.01
CHUNKS = (0.01, 0.025, 0.1, 1.0)
"""The lengths of chunks in seconds that are compared."""

_WARM_UP = 200  # frames


@dataclass(frozen=True)
class LiveSpeed:
    """The CPU time that a transcriber takes.

    Attributes:
        decoding: The method of decoding.
        frames: The number of frames of 10 ms that were measured.
        median, mean, p95, p99: The time from a frame of sound to the transcript so far, in microseconds.
        step: The median time of those frames that complete a step of the network, in microseconds. With them, the
            features of all frames of the step are computed, and the network and the search run; the others wait.
        live: The CPU time of transcribing sound in chunks of 10 ms, divided by the length of the sound.
        whole: The same for whole recordings.
    """

    decoding: str
    frames: int
    median: float
    mean: float
    p95: float
    p99: float
    step: float
    live: float
    whole: float


def live_speed(model: Any, recordings: Sequence[NDArray[np.float32]], decoding: str) -> LiveSpeed:
    """Return the speed of a transcriber on one thread.

    Args:
        model: A transcriber that can transcribe live.
        recordings: The samples of recordings at the rate of the model, [samples].
        decoding: The method of decoding.
    """
    from gatewright.ops import kernels

    threads = kernels.num_threads()
    kernels.set_num_threads(1)
    try:
        _streamed(model, recordings[0], decoding, FRAME_SECONDS, [])  # what is only needed once is made here
        model.transcribe(recordings[0], model.sample_rate, decoding=decoding)
        times, began = list[int](), time.thread_time_ns()
        for samples in recordings:
            _streamed(model, samples, decoding, FRAME_SECONDS, times)
        live = time.thread_time_ns() - began
        began = time.thread_time_ns()
        for samples in recordings:
            model.transcribe(samples, model.sample_rate, decoding=decoding)
        whole = time.thread_time_ns() - began
    finally:
        kernels.set_num_threads(threads)
    nanoseconds = 1e9 * sum(map(len, recordings)) / model.sample_rate
    microseconds = np.array(times[_WARM_UP:] or times) / 1e3
    # The frames that complete a step are the slowest ones.
    of_steps = 100 - 50 / model.prepared.stack
    median, p95, p99, step = np.percentile(microseconds, (50, 95, 99, of_steps)).tolist()
    mean = float(microseconds.mean())
    return LiveSpeed(decoding, len(microseconds), median, mean, p95, p99, step, live / nanoseconds, whole / nanoseconds)


def different_in_chunks(model: Any, recordings: Sequence[NDArray[np.float32]], decoding: str) -> int:
    """Return the number of recordings whose transcript depends on the chunks, the times of words included.

    A transcript is also different if its text is not that of the whole recording. The arguments are those of
    `live_speed`.
    """
    different = 0
    for samples in recordings:
        whole = model.transcribe(samples, model.sample_rate, decoding=decoding)
        found = [_streamed(model, samples, decoding, seconds, []) for seconds in CHUNKS]
        different += any(one != found[0] for one in found) or found[0].text != whole.text
    return different


def _streamed(
    model: Any, samples: NDArray[np.float32], decoding: str, chunk_seconds: float, nanoseconds: list[int]
) -> Any:
    """Return the transcript of samples that arrive in chunks, and append the CPU time of each chunk."""
    stream = model.stream(decoding=decoding)
    for chunk in _chunks(samples, round(chunk_seconds * model.sample_rate)):
        began = time.thread_time_ns()
        stream.push(chunk)
        nanoseconds.append(time.thread_time_ns() - began)
    return stream.end()


def _chunks(samples: NDArray[np.float32], length: int) -> Iterator[NDArray[np.float32]]:
    for start in range(0, len(samples), length):
        yield samples[start : start + length]
