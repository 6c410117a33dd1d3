"""A short run of the fuzzer of inputs, without the files that child processes read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fuzz_inputs


@pytest.mark.slow
def test_damaged_inputs_are_read_or_refused_in_one_sentence():
    outcomes = fuzz_inputs.main(200, seed=1)
    assert sum(outcomes.values()) == 200
    assert {kind.split(": ")[1] for kind in outcomes} == {"examples", "sentence"}
