"""Keras layers with products in bfloat16: in training alone, until `restore`, and in child processes."""

import os

import numpy as np
import pytest

import gatewright
from gatewright.commands import main as cli

pytest.importorskip("jax")
keras = pytest.importorskip("keras")

X = np.random.default_rng(0).normal(size=(6, 7, 9)).astype(np.float32)


@pytest.fixture(autouse=True)
def _restore_stock_layers():
    yield
    gatewright.restore()


@pytest.mark.parametrize("make", [keras.layers.SimpleRNN, keras.layers.LSTM, keras.layers.GRU])
def test_products_are_rounded_in_training_alone(make):
    layer = make(16)
    with gatewright.accelerate():
        exact = np.asarray(layer(X, training=True))
    with gatewright.accelerate(precision="bfloat16"):
        rounded, inferred = np.asarray(layer(X, training=True)), np.asarray(layer(X))
        assert os.environ["GATEWRIGHT_PRECISION"] == "bfloat16"  # child processes read it
        gatewright.accelerate()
        np.testing.assert_array_equal(layer(X, training=True), rounded)
        gatewright.accelerate(precision="float32")
        np.testing.assert_array_equal(layer(X, training=True), exact)
    np.testing.assert_array_equal(inferred, exact)
    assert 1e-5 < np.abs(rounded - exact).max() < 0.02
    assert "GATEWRIGHT_PRECISION" not in os.environ


def test_a_precision_that_there_is_not(tmp_path, capsys):
    with pytest.raises(ValueError, match=r"^precision must be one of 'float32', 'bfloat16', not 'half'"):
        gatewright.accelerate(precision="half")
    program = tmp_path / "program.py"
    program.write_text("print('ran')\n")
    assert cli.main(["run", "--precision", "half", str(program)]) == 2
    printed = capsys.readouterr()
    assert "precision must be one of 'float32', 'bfloat16', not 'half'" in printed.err
    assert not printed.out
