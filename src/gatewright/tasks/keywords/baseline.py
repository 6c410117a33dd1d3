"""The baseline of classifiers of recordings: summaries of each mel band, for a logistic regression."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

PARTS = 8
"""The number of equally long parts into which a recording is divided."""


def summaries(frames: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Return a vector for each recording, [recordings, features].

    It has the mean of each mel band in each of `PARTS` parts of the recording, the minimum and the maximum of each
    band, and the number of frames.

    Args:
        frames: The frames of each recording, [frames, bands] each, with one frame or more. If there are fewer frames
            than parts, some parts have the same frame.
    """
    return np.stack([_summary(one.astype(np.float64)) for one in frames])


def _summary(one: NDArray[np.float64]) -> NDArray[np.float64]:
    ends = np.linspace(0, len(one), PARTS + 1).astype(int)
    means = [one[first : max(last, first + 1)].mean(axis=0) for first, last in pairwise(ends)]
    return np.concatenate([*means, one.min(axis=0), one.max(axis=0), [len(one)]])
