"""The memory of recurrent layers: how long units hold what was written, and how often gates are closed or open."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gatewright.explanation.recording import Direction, Recording
from gatewright.results.explanation import LayerMemory

Floats = NDArray[np.float64]

CLOSED, OPEN = 0.1, 0.9
"""A gate is closed below the first number and open above the second (Karpathy, Johnson & Fei-Fei 2015, "Visualizing and
Understanding Recurrent Networks", section 4.2: left- and right-saturated)."""


def memory(recordings: Iterable[Recording]) -> tuple[LayerMemory, ...]:
    """Return the memory of each direction of each recurrent layer, from the input to the output.

    Args:
        recordings: Forward passes of one network over one or more batches, which are read one by one.
    """
    batches: list[list[_Sums]] = [[_sums(one) for one in recording.directions] for recording in recordings]
    return tuple(_memory(parts) for parts in zip(*batches, strict=True))


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


def by_half_life(half_life: Floats) -> NDArray[np.intp]:
    """Return the indices of the units, the one with the longest half-life first."""
    return np.argsort(-half_life, kind="stable")


def kept(keep: Floats, written: Floats, backward: bool = False) -> Floats:
    """Return how much of what each step wrote is still there after each later step, [time, time].

    With the products P_t(s) of the factors k after step t up to step s, row t and column s is

        (sum over units of |w_t| * |P_t(s)|) / (sum over units of |w_t|)

    the part of the numbers that step t wrote, without regard to their signs. It is 1 at s = t, and NaN at the steps
    that are processed before t. A row is NaN if the step wrote nothing, such as a masked step.

    Args:
        keep, written: k_t and w_t of one example, [time, units].
        backward: True if the steps are processed from the last to the first.
    """
    if backward:
        return kept(keep[::-1], written[::-1])[::-1, ::-1]
    k, left = np.abs(keep), np.zeros_like(keep)
    total = np.abs(written).sum(axis=1)
    found = np.full((len(keep), len(keep)), np.nan)
    for s in range(len(keep)):
        left[:s] *= k[s]
        left[s] = np.abs(written[s])
        found[: s + 1, s] = left[: s + 1].sum(axis=1)
    with np.errstate(invalid="ignore"):
        return found / np.where(total > 0, total, np.nan)[:, None]


def kept_at_end(fractions: Floats, backward: bool = False) -> Floats:
    """Return how much of what each step wrote is still there after the last step that is processed, [time].

    Args:
        fractions: The result of `kept`.
        backward: True if the steps are processed from the last to the first.
    """
    return fractions[:, 0 if backward else -1] if len(fractions) else np.zeros(0)


def overwritten_at(fractions: Floats, backward: bool = False) -> NDArray[np.int64]:
    """Return the index of the step after which less than half of what each step wrote is left, or -1, [time].

    Args:
        fractions: The result of `kept`.
        backward: True if the steps are processed from the last to the first.
    """
    order = np.arange(len(fractions), dtype=np.int64)[:: -1 if backward else 1]
    below = fractions[:, order] < 0.5  # False for NaN
    if not len(order):
        return order
    return np.where(below.any(axis=1), order[below.argmax(axis=1)], -1)


@dataclass(frozen=True)
class _Sums:
    """Sums over the live steps of a batch: of |k|, [units], and of the steps at which gates are closed and open."""

    direction: Direction
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
    return _Sums(direction, int(mask.sum()), keep, saturated)


def _memory(parts: tuple[_Sums, ...]) -> LayerMemory:
    one, steps = parts[0].direction, sum(part.steps for part in parts)
    count = steps or np.nan
    keeps = [part.keep for part in parts if part.keep is not None]
    return LayerMemory(
        title=one.title,
        cell=one.rec.cell,
        conventions=dict(one.rec.definition.conventions),
        half_life=half_lives(np.sum(keeps, axis=0) / count) if keeps else None,
        saturation={
            name: np.sum([part.saturated[name] for part in parts], axis=0) / count for name in parts[0].saturated
        },
    )
