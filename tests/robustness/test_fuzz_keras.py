"""A short run of the fuzzer of Keras files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("keras")
pytest.importorskip("h5py")

sys.path.insert(0, str(Path(__file__).parent))

import fuzz_keras


@pytest.mark.slow
def test_damaged_keras_files_are_read_or_refused_in_one_sentence():
    outcomes = fuzz_keras.main(50, seed=2)
    assert sum(outcomes.values()) == 50
    assert {name.split(": ")[1].split()[0] for name in outcomes} == {"stack", "sentence"}
