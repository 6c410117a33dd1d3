"""Pad sequences of numbers to one length."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def pad(sequences: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return one or more sequences, [time, features] each, in one array, [sequences, time, features].

    Sequences that are shorter than the longest one are padded with NaN on the left.
    """
    time = max(map(len, sequences))
    padded = np.full((len(sequences), time, sequences[0].shape[1]), np.nan, np.float32)
    for place, values in enumerate(sequences):
        padded[place, time - len(values) :] = values
    return padded


def beginnings(padded: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return the first step of each padded sequence that is not padding, [sequences]."""
    return np.asarray((~np.isnan(padded).all(axis=2)).argmax(axis=1))
