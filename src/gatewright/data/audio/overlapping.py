"""View overlapping parts of a vector as rows."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

_Number = TypeVar("_Number", bound=np.generic)


def overlapping(values: NDArray[_Number], shape: tuple[int, int], step: int) -> NDArray[_Number]:
    """Return parts of a contiguous vector that begin `step` numbers after each other, without a copy.

    NumPy's `sliding_window_view` takes as long as the features of a frame.

    Args:
        values: The vector, [numbers].
        shape: The number of parts, and the length of each.
        step: The numbers from the start of one part to that of the next.
    """
    size = values.itemsize
    return np.ndarray(shape, values.dtype, values, 0, (step * size, size))
