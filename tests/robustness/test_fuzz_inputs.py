"""Short runs of the fuzzers of inputs and of recordings, without the files that child processes read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fuzz_inputs
import fuzz_recordings


@pytest.mark.slow
def test_damaged_inputs_are_read_or_refused_in_one_sentence():
    outcomes = fuzz_inputs.main(200, seed=1)
    assert sum(outcomes.values()) == 200
    assert {kind.split(": ")[1] for kind in outcomes} == {"examples", "sentence"}


@pytest.mark.slow
def test_damaged_recordings_are_read_or_refused_in_one_sentence():
    outcomes = fuzz_recordings.main(150, seed=1)
    assert sum(outcomes.values()) == 150
    assert {kind.split(": ")[1] for kind in outcomes} == {"examples", "sentence"}
    assert {kind.split(": ")[0] for kind in outcomes} >= {"read recording", "run transcribe", "run predict"}
