"""Hold out series for the validation and the test set, so that related series are in the same set."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gatewright.data import split
from gatewright.data.numbers import shown_names
from gatewright.support.errors import InputError
from gatewright.tasks.base.splitting import SPLIT_SEED
from gatewright.tasks.classify_series.series import Series

# Number of random assignments of groups of which the best one is used.
_TRIES = 500


class HeldOut(NamedTuple):
    """The series to keep, the series that are held out, and sentences for reports."""

    kept: Series
    held: Series
    notes: tuple[str, ...] = ()


def hold_out(examples: Series, fraction: float, name: str, neighbours: str = "") -> HeldOut:
    """Hold out a fraction of the series. The classes have similar proportions in both sets.

    Whole groups are held out if the series have two groups or more. Otherwise windows, and series whose neighbors are
    related, are held out in blocks of consecutive ones, and windows that overlap with held-out ones are left out.

    Args:
        examples: The series.
        fraction: The fraction to hold out.
        name: The name of the held-out set, such as "test set", for notes.
        neighbours: See `SeriesSource`.
    """
    if len(set(examples.groups)) > 1:
        held = _groups_to_hold(examples, fraction)
        chosen = np.array([group in held for group in examples.groups])
        note = (
            f"All series with the same {examples.options.group!r} are in the same set. The {name} has those of "
            f"{shown_names(sorted(held))}: {chosen.mean():.0%} of the series."
        )
        kept, held_out = (examples.take(np.flatnonzero(mask)) for mask in (~chosen, chosen))
        return HeldOut(kept, held_out, (note,))
    blocks = bool(neighbours or examples.spans)
    divide = split.stratified_block_split if blocks else split.stratified_split
    kept_places, held_places = divide(examples.labels, fraction, SPLIT_SEED)
    notes = []
    if examples.groups:
        notes.append(
            f"The {name} has series of the same {examples.options.group!r} as the training set, because only one is "
            "left."
        )
    elif examples.spans:
        notes.append(
            f"The {name} consists of blocks of consecutive windows of the streams that the network is trained on. To "
            "hold out whole subjects or recordings, name their column with --group."
        )
    elif neighbours:
        notes.append(f"Neighboring series {neighbours}. The {name} therefore consists of blocks of consecutive series.")
    overlapping = _overlap(examples, kept_places, held_places, examples.options.window or 0)
    if overlapping.any():
        left_out = "window that overlaps" if overlapping.sum() == 1 else "windows that overlap"
        notes.append(f"Left out of the training set: {overlapping.sum():,} {left_out} with the {name}.")
        kept_places = kept_places[~overlapping]
    return HeldOut(examples.take(kept_places), examples.take(held_places), tuple(notes))


def require_groups(examples: Series, name: str) -> None:
    """Raise an error if all series have the same group, so that no group can be held out.

    Raises:
        InputError: There are fewer than two groups.
    """
    if examples.groups and len(set(examples.groups)) < 2:
        raise InputError(
            f"All series of {name} have the same value of {examples.options.group!r}, {examples.groups[0]!r}, but the "
            "training set and the test set need different ones. Choose another column with --group, or leave it out."
        )


def shared_groups(train: Series, other: Series, name: str) -> list[str]:
    """Return a note about the groups that the training set and another set, which the user gave, have in common."""
    shared = sorted(set(train.groups) & set(other.groups))
    if not shared:
        return []
    return [f"The training set and the {name} both have series of {train.options.group!r} {shown_names(shared)}."]


def _groups_to_hold(examples: Series, fraction: float) -> set[str]:
    """Return the groups to hold out: those of the random choice whose classes have the best proportions."""
    names, groups = np.unique(np.array(examples.groups), return_inverse=True)
    classes = np.unique(np.array(examples.labels), return_inverse=True)[1]
    counts = np.zeros((len(names), classes.max() + 1))
    np.add.at(counts, (groups, classes), 1)
    totals = counts.sum(axis=0)
    rng = np.random.default_rng(SPLIT_SEED)
    # A group remains for the validation set if there are three or more.
    most = max(1, len(names) - 2)
    best: tuple[float, NDArray[np.intp]] | None = None
    for _ in range(_TRIES):
        order = rng.permutation(len(names))
        sizes = np.cumsum(counts[order].sum(axis=1))
        number = 1 + int(np.argmin(np.abs(sizes[:most] - fraction * len(groups))))
        held = counts[order[:number]].sum(axis=0)
        error = float(np.abs(held - fraction * totals).sum() + len(groups) * (held == totals).sum())
        if best is None or error < best[0]:
            best = error, order[:number]
    return set() if best is None else set(names[best[1]].tolist())


def _overlap(examples: Series, kept: NDArray[np.intp], held: NDArray[np.intp], window: int) -> NDArray[np.bool_]:
    """Return a mask of the kept windows that have steps in common with held-out ones, [kept]."""
    if not examples.spans:
        return np.zeros(len(kept), np.bool_)
    # The first steps count over all streams, so windows of different streams never are as close as this.
    starts = np.array([span.start for span in examples.spans])
    held_starts = np.sort(starts[held])
    after = np.searchsorted(held_starts, starts[kept])
    padded = np.concatenate([[-window], held_starts, [starts.max(initial=0) + window]])
    close: NDArray[np.bool_] = (starts[kept] - padded[after] < window) | (padded[after + 1] - starts[kept] < window)
    return close
