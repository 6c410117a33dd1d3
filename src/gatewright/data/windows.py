"""Windows of long series, cut out when they are asked for: overlapping ones would fill the memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Windows:
    """Rows of `length` steps of one long array, [rows, length, features], read as an array is.

    Args:
        values: [time, features].
        starts: where in it each row begins, [rows].
        length: steps of a row.
        seen: of the first features only so many steps are read, and further ones are 0: what lies ahead is not known.
        hidden: how many features that is.
    """

    def __init__(
        self, values: NDArray[np.float32], starts: NDArray[np.intp], length: int, seen: int = 0, hidden: int = 0
    ) -> None:
        self.values, self.starts = values, starts
        self._length, self._seen, self._hidden = length, seen, hidden

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

    def __getitem__(self, rows: NDArray[np.intp] | slice) -> NDArray[np.float32]:
        """The given rows as one array."""
        cut: NDArray[np.float32] = self.values[self.starts[rows][:, None] + np.arange(self._length)]
        if self._hidden:
            cut[:, self._seen :, : self._hidden] = 0
        return cut

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = self[:]
        return whole if dtype is None else whole.astype(dtype)
