"""`tf.summary` without TensorFlow: numbers, distributions and texts in event files for TensorBoard."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from gatewright.keras import notes
from gatewright.keras.tensorflow.event_files import EventFile


class _State:
    """The default writer, the default step and whether summaries are written."""

    def __init__(self) -> None:
        self.writer: SummaryWriter | None = None
        self.step: Any = None
        self.record: Any = True


_state = _State()


class SummaryWriter:
    """A writer of an event file in a folder.

    Args:
        logdir: The folder.
        filename_suffix: The end of the name of the file.
    """

    def __init__(self, logdir: str | os.PathLike[str], filename_suffix: str = ".v2") -> None:
        self._logdir, self._suffix = logdir, filename_suffix
        self._events: EventFile | None = None

    @property
    def events(self) -> EventFile:
        """The event file, made at first use."""
        if self._events is None:
            self._events = EventFile(self._logdir, self._suffix)
        return self._events

    @contextlib.contextmanager
    def as_default(self, step: Any = None) -> Iterator[SummaryWriter]:
        """Make this the writer of summaries inside a context, with a default step."""
        before = _state.writer, _state.step
        _state.writer, _state.step = self, before[1] if step is None else step
        try:
            yield self
        finally:
            _state.writer, _state.step = before
            self.flush()

    def set_as_default(self, step: Any = None) -> None:
        """Make this the writer of all later summaries."""
        _state.writer = self
        if step is not None:
            _state.step = step

    def flush(self) -> None:
        """Write what is in memory to the file."""
        if self._events is not None:
            self._events.flush()

    def close(self) -> None:
        """Close the file."""
        if self._events is not None:
            self._events.close()


def create_file_writer(
    logdir: str | os.PathLike[str],
    max_queue: Any = None,
    flush_millis: Any = None,
    filename_suffix: str | None = None,
    name: str | None = None,
    experimental_trackable: bool = False,
) -> SummaryWriter:
    """Return a writer of an event file in the folder `logdir`."""
    return SummaryWriter(os.fspath(logdir), filename_suffix or ".v2")


def scalar(name: str, data: Any, step: Any = None, description: str | None = None) -> bool:
    """Write a number. Return False if there is no default writer."""
    return _write(lambda events, step: events.scalar(name, float(_array(data)), step), step)


def histogram(name: str, data: Any, step: Any = None, buckets: int | None = None, description: Any = None) -> bool:
    """Write the distribution of an array. Return False if there is no default writer."""
    count = 30 if buckets is None else buckets
    return _write(lambda events, step: events.histogram(name, _array(data), step, count), step)


def text(name: str, data: Any, step: Any = None, description: str | None = None) -> bool:
    """Write a text. Return False if there is no default writer."""
    value = data.numpy() if hasattr(data, "numpy") else data
    content = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return _write(lambda events, step: events.text(name, content, step), step)


def image(name: str, data: Any, step: Any = None, max_outputs: int = 3, description: str | None = None) -> bool:
    """Write nothing, and say so."""
    notes.note_once("tf.summary writes no images, so the event files do not have them.")
    return False


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.value if hasattr(value, "value") else value)  # the value of a variable of Keras


def _write(write: Callable[[EventFile, int], None], step: Any) -> bool:
    record = _state.record() if callable(_state.record) else _state.record
    if _state.writer is None or not bool(np.asarray(record)):
        return False
    step = _state.step if step is None else step
    if step is None:
        raise ValueError("A summary needs a step. Pass step=..., or use the writer with as_default(step=...).")
    write(_state.writer.events, int(_array(step)))
    return True


@contextlib.contextmanager
def record_if(condition: Any) -> Iterator[None]:
    """Write summaries inside a context only if a value, or the result of a function, is True."""
    before, _state.record = _state.record, condition
    try:
        yield
    finally:
        _state.record = before


def should_record_summaries() -> bool:
    """Return True if there is a default writer and summaries are written."""
    record = _state.record() if callable(_state.record) else _state.record
    return _state.writer is not None and bool(np.asarray(record))


def flush(writer: SummaryWriter | None = None, name: str | None = None) -> None:
    """Write what is in memory to the file of a writer, or of the default writer."""
    chosen = writer or _state.writer
    if chosen is not None:
        chosen.flush()


def trace_on(graph: bool = True, profiler: bool = False, profiler_outdir: str | None = None) -> None:
    """Write no graph, and say so."""
    notes.note_once("tf.summary writes no graphs, so the event files do not have them.")


def trace_export(name: str, step: Any = None, profiler_outdir: str | None = None) -> None:
    """Do nothing: there is no graph."""


def trace_off() -> None:
    """Do nothing: there is no graph."""


def _set_step(step: Any) -> None:
    _state.step = step


experimental = SimpleNamespace(set_step=_set_step, get_step=lambda: _state.step)


def write_model(name: str, data: Any, step: Any = None) -> bool:
    """Write the layers of a model, as Keras' `keras_model_summary` does."""
    model = data.to_json()
    return _write(lambda events, step: events.text(name, model, step, "graph_keras_model", b"1"), step)


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"tf.summary.{name} needs TensorFlow, which is not installed. Gatewright's substitute has create_file_writer, "
        "scalar, histogram and text."
    )
