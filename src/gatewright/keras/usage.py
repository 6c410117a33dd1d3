"""A record of which recurrent layers ran on the kernels, and of the seconds spent in `fit` and the like.

Each process records its own. If GATEWRIGHT_RUN names the folder of a `gatewright run`, the process also appends what it
records to a file in this folder, from which `of_run` reads the record of all processes of the run.
"""

import contextlib
import json
import os
import weakref
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gatewright.keras.precision import of_products

ONE_STEP = "one step"
"""The reason for the stock loop that is no loss of speed: a call with one time step, outside training."""

_FILE = "usage.jsonl"


class Usage:
    """The layers and the times of one process or of all processes of a run.

    Attributes:
        layers: The number of layers for each class name and reason for the stock loop, which is None for the kernels.
        seconds: The seconds spent in each method of models, such as "fit".
    """

    def __init__(self) -> None:
        self.layers: Counter[tuple[str, str | None]] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def summary(self) -> str:
        """Return one sentence such as "2 GRU layers ran on the compiled kernels; 12.3 s in fit."."""
        fast = {name: count for (name, reason), count in self.layers.items() if reason is None}
        how = " (products in bfloat16 in training)" if of_products(training=True) == "bfloat16" else ""
        parts = [f"{_enumerate(fast)} ran on the compiled kernels{how}"] if fast else []
        for reason in dict.fromkeys(reason for _, reason in self.layers if reason is not None):
            slow = {name: count for (name, other), count in self.layers.items() if other == reason}
            if reason == ONE_STEP:
                parts.append(f"{_enumerate(slow)} ran single steps as stock Keras does")
                continue
            because = f" ({reason})" if reason else ""
            parts.append(f"{_enumerate(slow)} ran on the slower loop of stock Keras{because}")
        times = ", ".join(f"{seconds:.1f} s in {what}" for what, seconds in self.seconds.items())
        return "; ".join([*(parts or ["No recurrent layer ran"]), *([times] if times else [])]) + "."


_seen: dict[tuple[int, bool, bool], weakref.ref[Any]] = {}  # the layers already counted that still exist
_here = Usage()


def record_layer(layer: Any, on_kernels: bool, reason: str = "") -> None:
    """Count a recurrent layer, once for the kernels and once for the stock loop, however often it is called.

    `reason` says why the layer runs on the stock loop.
    """
    key = id(layer), on_kernels, reason == ONE_STEP
    if key not in _seen:
        _seen[key] = weakref.ref(layer, lambda _: _seen.pop(key, None))
        name, why = type(layer).__name__, None if on_kernels else reason
        _here.layers[name, why] += 1
        _share({"layer": name, "reason": why})


def record_seconds(what: str, seconds: float) -> None:
    """Add to the time spent in a method of models.

    Args:
        what: The name of the method, such as "fit".
        seconds: Duration of one call in seconds.
    """
    _here.seconds[what] += seconds
    _share({"method": what, "seconds": seconds})


def summary() -> str:
    """Return one sentence about this process, such as "2 GRU layers ran on the compiled kernels; 12.3 s in fit."."""
    return _here.summary()


def clear() -> None:
    """Forget everything that was recorded in this process."""
    _seen.clear()
    _here.layers.clear()
    _here.seconds.clear()


def of_run(folder: Path) -> Usage:
    """Return what all processes of a run have recorded in the folder of the run."""
    usage = Usage()
    file = folder / _FILE
    for line in file.read_text("utf-8").splitlines() if file.exists() else ():
        entry = json.loads(line)
        if "layer" in entry:
            usage.layers[entry["layer"], entry["reason"]] += 1
        else:
            usage.seconds[entry["method"]] += entry["seconds"]
    return usage


def _share(entry: dict[str, Any]) -> None:
    """Append an entry to the record of the run, if there is a run and it has not ended."""
    folder = os.environ.get("GATEWRIGHT_RUN")
    if not folder:
        return
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
    with contextlib.suppress(FileNotFoundError):  # the run has ended, and its folder is gone
        file = os.open(os.path.join(folder, _FILE), flags, 0o600)  # a third of the time of `open`, for each `predict`
        try:
            os.write(file, f"{json.dumps(entry)}\n".encode())  # one write, so that entries of processes do not mix
        finally:
            os.close(file)


def _enumerate(counts: Mapping[str, int]) -> str:
    """Return a list in words, such as "2 GRU layers and 1 LSTM layer"."""
    words = [f"{count} {name} layer{'s' if count > 1 else ''}" for name, count in counts.items()]
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), words[-1]])
