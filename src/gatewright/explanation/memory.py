"""The memory of recurrent layers: how long units hold what was written, and how often gates are closed or open."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.recording import Direction, Recording
from gatewright.ops.recurrence import Recurrence
from gatewright.results.explanation import LayerMemory

Floats = NDArray[np.float64]

CLOSED, OPEN = 0.1, 0.9
"""A gate is closed below the first number and open above the second (Karpathy, Johnson & Fei-Fei 2015, "Visualizing and
Understanding Recurrent Networks", section 4.2: left- and right-saturated)."""


def memory(recordings: Iterable[Recording]) -> tuple[LayerMemory, ...]:
    """Return the memory of each direction of each recurrent layer, from the input to the output.

    Args:
        recordings: Forward passes of one network, over one or more batches.
    """
    sums = MemorySums()
    for recording in recordings:
        sums.add(recording)
    return sums.memory()


class MemorySums:
    """Sums over forward passes of one network, from which its memory follows. They do not keep the passes."""

    def __init__(self) -> None:
        self._described: list[tuple[str, Recurrence]] = []
        self._batches: list[list[_Sums]] = []

    def add(self, recording: Recording) -> None:
        """Add a forward pass."""
        self._described = [(one.title, one.rec) for one in recording.directions]
        self._batches.append([_sums(one) for one in recording.directions])

    def memory(self) -> tuple[LayerMemory, ...]:
        """Return the memory over all passes; see the function `memory`."""
        sums = zip(*self._batches, strict=True)
        return tuple(_memory(*one, parts) for one, parts in zip(self._described, sums, strict=True))


def half_lives(mean_keep: Floats) -> Floats:
    """Return the number of steps after which half of what a unit held is left, at its mean keep factor.

        half-life = log 2 / -log(mean of k)

    It is 0 for a unit that keeps nothing (k = 0), and infinite for one that keeps everything (k >= 1).

    Args:
        mean_keep: The mean of |k_t| over the steps, [units]. NaN, if there are no steps, gives NaN.
    """
    k = np.asarray(mean_keep, np.float64)
    inner = (k > 0) & (k < 1)
    return np.where(inner, np.log(2) / -np.log(np.where(inner, k, 0.5)), np.where(k >= 1, np.inf, 0 * k))


class Fate(NamedTuple):
    """The fate of the numbers that each step wrote into the states of one direction.

    Attributes:
        kept_at_end: Fraction that is left after the last step, [time]. NaN for a step that wrote nothing.
        overwritten_at: Index of the first step after which less than half is left, or -1, [time].
    """

    kept_at_end: Floats
    overwritten_at: NDArray[np.int64]


def fate(keep: Floats, written: Floats, backward: bool = False) -> Fate:
    """Return what became of the numbers that each step wrote.

    With the product P_t(s) of the factors k after step t up to step s, the fraction that is left after step s is

        (sum over units of |w_t| * |P_t(s)|) / (sum over units of |w_t|)

    It counts the size of the numbers, without regard to their signs: a later step that writes the opposite does not
    lower it, because both are still there.

    Args:
        keep, written: k_t and w_t of one example, [time, units].
        backward: True if the steps are processed from the last to the first.
    """
    k, w = np.abs(keep), np.abs(written)
    total = w.sum(axis=1)
    order = np.arange(len(k))[:: -1 if backward else 1]
    left, overwritten = w.copy(), np.full(len(k), -1, np.int64)
    waiting = np.zeros(0, np.intp)  # steps of whose numbers at least half is left
    for s in order:
        left[waiting] *= k[s]
        gone = left[waiting].sum(axis=1) < 0.5 * total[waiting]
        overwritten[waiting[gone]] = s
        waiting = np.append(waiting[~gone], s)
    at_end, after = np.zeros(len(k)), np.ones(k.shape[1:])
    for t in order[::-1]:
        at_end[t] = (w[t] * after).sum()
        after = after * k[t]
    return Fate(at_end / np.where(total > 0, total, np.nan), overwritten)


@dataclass(frozen=True)
class _Sums:
    """Sums over the live steps of a batch: of |k|, [units], and of the steps at which gates are closed and open."""

    steps: int
    keep: Floats | None
    saturated: dict[str, Floats]


def _sums(direction: Direction) -> _Sums:
    mask = direction.mask
    keep = None if direction.factors is None else np.abs(direction.factors.keep[mask]).sum(axis=0)
    saturated = {}
    for name in direction.rec.definition.conventions:
        values = direction.gates[name][mask]
        saturated[name] = np.stack([(values < CLOSED).sum(axis=0), (values > OPEN).sum(axis=0)], axis=1)
    return _Sums(int(mask.sum()), keep, saturated)


def _memory(title: str, rec: Recurrence, parts: tuple[_Sums, ...]) -> LayerMemory:
    count = sum(part.steps for part in parts) or np.nan
    keeps = [part.keep for part in parts if part.keep is not None]
    names = rec.definition.conventions
    return LayerMemory(
        title=title,
        cell=rec.cell,
        conventions=dict(names),
        half_life=half_lives(np.sum(keeps, axis=0) / count) if keeps else None,
        saturation={name: np.sum([part.saturated[name] for part in parts], axis=0) / count for name in names},
    )
