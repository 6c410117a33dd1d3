"""Windows of long time series. Windows are copied only when they are indexed, to save memory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Windows:
    """Windows of one long time series, which can be indexed like an array [windows, length, features].

    Args:
        values: The time series, [time, features].
        starts: The first time step of each window, [windows].
        length: The number of time steps in a window.
    """

    def __init__(self, values: NDArray[np.float32], starts: NDArray[np.intp], length: int) -> None:
        self.values, self.starts = values, starts
        self._length = length

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.starts), self._length, self.values.shape[1]

    @property
    def ndim(self) -> int:
        return 3

    @property
    def dtype(self) -> np.dtype[np.float32]:
        return self.values.dtype

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, windows: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        """Return the windows with the given indices as one array, [windows, length, features]."""
        cut: NDArray[np.float32] = self.values[self.starts[windows][:, None] + np.arange(self._length)]
        return cut

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)
