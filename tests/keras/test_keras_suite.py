"""The tests that Keras publishes for its recurrent layers, run with `accelerate()`."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

FILES = ("gru", "lstm", "simple_rnn", "rnn", "bidirectional", "stacked_rnn_cells", "dropout_rnn_cell")


@pytest.mark.slow
def test_the_tests_of_keras_pass_with_accelerate():
    spec = find_spec("keras")
    if spec is None or spec.origin is None:
        pytest.skip("Keras is not installed.")
    folder = Path(spec.origin).parent / "src/layers/rnn"
    files = [str(folder / f"{name}_test.py") for name in FILES]
    if not all(Path(file).exists() for file in files):
        pytest.skip("This release of Keras does not contain its tests.")
    here = str(Path(__file__).parent)
    options = ("-q", "-p", "keras_suite_plugin", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *files],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": here},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    passed = [int(count) for count in re.findall(r"(\d+) passed", done.stdout)]
    assert sum(passed) > 30, done.stdout[-2000:]
