"""A record of this process: which recurrent layers ran on the kernels, and the seconds spent in `fit` and the like."""

import weakref
from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

_seen: dict[tuple[int, bool], weakref.ref[Any]] = {}  # the layers already counted that still exist
_layers: Counter[tuple[str, bool]] = Counter()  # class name, and True for the kernels -> number of layers
_seconds: defaultdict[str, float] = defaultdict(float)


def record_layer(layer: Any, on_kernels: bool) -> None:
    """Count a recurrent layer, once for the kernels and once for the stock loop, however often it is called."""
    key = id(layer), on_kernels
    if key not in _seen:
        _seen[key] = weakref.ref(layer, lambda _: _seen.pop(key, None))
        _layers[type(layer).__name__, on_kernels] += 1


def record_seconds(what: str, seconds: float) -> None:
    """Add to the time spent in a method of models.

    Args:
        what: The name of the method, such as "fit".
        seconds: Duration of one call in seconds.
    """
    _seconds[what] += seconds


def summary() -> str:
    """Return one sentence such as "2 GRU layers ran on the compiled kernels; 12.3 s in fit."."""
    ran = []
    for on_kernels, where in ((True, "the compiled kernels"), (False, "the slower loop of stock Keras")):
        counts = {name: count for (name, kernels), count in _layers.items() if kernels is on_kernels}
        if counts:
            ran.append(f"{_enumerate(counts)} ran on {where}")
    times = ", ".join(f"{seconds:.1f} s in {what}" for what, seconds in _seconds.items())
    return "; ".join([*(ran or ["No recurrent layer ran"]), *([times] if times else [])]) + "."


def clear() -> None:
    """Forget everything that was recorded."""
    _seen.clear()
    _layers.clear()
    _seconds.clear()


def _enumerate(counts: Mapping[str, int]) -> str:
    """Return a list in words, such as "2 GRU layers and 1 LSTM layer"."""
    words = [f"{count} {name} layer{'s' if count > 1 else ''}" for name, count in counts.items()]
    return " and ".join([*([", ".join(words[:-1])] if words[:-1] else []), words[-1]])
