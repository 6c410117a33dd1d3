"""The substitute's functions against the results of TensorFlow itself."""

import json
from pathlib import Path

import numpy as np
import pytest

GOLDENS = Path(__file__).parents[1] / "goldens"
RESULTS = json.loads((GOLDENS / "tensorflow.json").read_text(encoding="utf-8"))["results"]
NARROWER = {"int64": "int32", "float64": "float32"}  # JAX has no 64-bit types by default


@pytest.fixture(scope="module")
def names():
    """Return the names that the expressions use, from the substitute."""
    from goldens import tensorflow_expressions

    from gatewright.keras.enable import disable, enable
    from gatewright.keras.tensorflow.names import module

    enable()
    yield tensorflow_expressions.arguments(module("tensorflow"), np)
    disable()


def assert_same(result, expected):
    """Compare two results as plain values: equal, and numbers up to rounding."""
    if isinstance(expected, list):
        assert len(result) == len(expected)
        for one, other in zip(result, expected, strict=True):
            assert_same(one, other)
    elif isinstance(expected, dict) and "dtype" in expected:
        dtype = NARROWER.get(expected["dtype"], expected["dtype"])
        assert (NARROWER.get(result["dtype"], result["dtype"]), result["shape"]) == (dtype, expected["shape"])
        np.testing.assert_allclose(result["values"], expected["values"], rtol=1e-5, atol=1e-5)
    elif isinstance(expected, dict) and "text" not in expected:
        assert result.keys() == expected.keys()
        for key in expected:
            assert_same(result[key], expected[key])
    else:
        assert result == expected


@pytest.mark.slow
def test_results_shapes_and_dtypes_are_those_of_tensorflow(names):
    from goldens.tensorflow_expressions import evaluate

    wrong = {}
    for line, expected in RESULTS.items():
        try:
            assert_same(evaluate(line, names), expected)
        except Exception as error:
            wrong[line] = f"{type(error).__name__}: {error}"
    assert not wrong, "\n".join(f"{line}\n    {error}" for line, error in wrong.items())
