"""The kernels' instruction sets and the measurement of the processor's peak."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gatewright.ops import kernels


@pytest.mark.parametrize("threads", [1, 2])
def test_multiply_add_peak_works_with_every_instruction_set(threads: int) -> None:
    kernels.set_num_threads(threads)
    for name in kernels.instruction_sets():
        kernels.choose_instruction_set(name)
        peak = kernels.multiply_add_peak(0.001)
        assert math.isfinite(peak)
        assert peak > 0


@pytest.mark.parametrize("seconds", [0, -1.0, math.nan, math.inf, True, "long"])
def test_multiply_add_peak_needs_a_positive_time(seconds: Any) -> None:
    with pytest.raises(ValueError, match="seconds must be a number above 0"):
        kernels.multiply_add_peak(seconds)
