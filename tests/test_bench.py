"""`gatewright bench`, and the peak that it holds the kernels' speed against."""

from __future__ import annotations

import math
from typing import Any

import pytest

from gatewright import kernels


class TestMultiplyAddPeak:
    @pytest.mark.parametrize("threads", [1, 2])
    def test_every_instruction_set(self, threads: int) -> None:
        kernels.set_num_threads(threads)
        for name in kernels.instruction_sets():
            kernels.choose_instruction_set(name)
            peak = kernels.multiply_add_peak(0.001)
            assert math.isfinite(peak)
            assert peak > 0

    @pytest.mark.parametrize("seconds", [0, -1.0, math.nan, math.inf, True, "long"])
    def test_refuses_what_is_no_time(self, seconds: Any) -> None:
        with pytest.raises(ValueError, match=f"^seconds must be a number above 0; it is {seconds!r}.$"):
            kernels.multiply_add_peak(seconds)
