"""Read the goldens that make.py wrote. Needs NumPy alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from masks import lengths_to_mask

from gatewright.ops.recurrence import Recurrence

FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Golden:
    """One case: a recurrence, its operands, and what another library computed for them.

    arrays holds operands and results under the names that make.py gave them; weights are in that library's
    layout. Operands are float64; results have the dtype in which they were computed.
    """

    name: str
    recurrence: Recurrence
    mask: npt.NDArray[np.bool_] | None
    use_bias: bool
    arrays: dict[str, FloatArray]

    def __str__(self) -> str:
        return self.name

    def states(self, prefix: str) -> tuple[FloatArray, ...]:
        """The arrays `prefix + name` of the recurrence's states."""
        return tuple(self.arrays[prefix + name] for name in self.recurrence.state_names)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype in which the results were computed."""
        return self.arrays["last_h"].dtype


def _mask(case: dict[str, Any], time: int) -> npt.NDArray[np.bool_] | None:
    if case["lengths"] is not None:
        return lengths_to_mask(case["lengths"], time)
    return None if case["mask"] is None else np.array(case["mask"], dtype=bool)


def load(library: str) -> list[Golden]:
    """The goldens of "keras", "pytorch" or "onnxruntime"."""
    with np.load(Path(__file__).with_name(f"{library}.npz")) as file:
        about = json.loads(str(file["about"]))
        entries = {key: file[key] for key in file.files if key != "about"}
    goldens = []
    for name, case in about["cases"].items():
        group = name.split("/")[0]
        # A group's own entries have one "/", those of its cases two.
        arrays = {
            key.split("/")[-1]: array
            for key, array in entries.items()
            if key.startswith(f"{name}/") or (key.startswith(f"{group}/") and key.count("/") == 1)
        }
        recurrence = Recurrence(**case["recurrence"])
        mask = _mask(case, arrays["x"].shape[1])
        goldens.append(Golden(name, recurrence, mask, case["use_bias"], arrays))
    return goldens
