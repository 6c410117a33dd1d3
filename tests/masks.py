"""Masks of padded sequences."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def lengths_to_mask(lengths: Any, time: int) -> NDArray[np.bool_]:
    """Return a mask [batch, time] that is True at the first lengths[b] steps of example b."""
    mask: NDArray[np.bool_] = np.arange(time) < np.asarray(lengths)[:, None]
    return mask
