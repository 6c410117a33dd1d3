"""Read MATLAB files in a child process, since the library has crashed on damaged files."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from gatewright.data.archives import arrays_of_archive
from gatewright.data.foreign import read_in_child


def read_cells(path: Path, names: Sequence[str]) -> dict[str, list[NDArray[Any]]]:
    """Return the matrices in each of the named cell arrays that a MATLAB file has.

    Raises:
        InputError: The file is damaged, too large, or not of the versions 5 to 7.
        OSError: The file cannot be read.
    """
    damaged = f"{path} is not a MATLAB file of version 5 to 7, or is damaged. Write it again."
    content = read_in_child("read_cells", path, *names, damaged=damaged)
    arrays = arrays_of_archive(io.BytesIO(content), path)
    counts = {name: int(arrays[f"{name} count"]) for name in names if f"{name} count" in arrays}
    return {name: [arrays[f"{name} {place}"] for place in range(count)] for name, count in counts.items()}
