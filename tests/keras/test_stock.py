"""`gatewright run --compare-stock` runs a program on the kernels and on stock Keras."""

import re

import pytest
from keras_runs import gatewright, write

FAILS_ON_STOCK = """import os, sys
print("once")
if os.environ.get("GATEWRIGHT_STOCK"):
    sys.exit("The disk is full")
"""

PROGRAM = """import sys
import numpy as np
import tensorflow as tf

with open("runs", "a") as file:
    print(hasattr(tf.keras.layers.GRU.inner_loop, "__wrapped__"), sys.argv[1:], file=file)
model = tf.keras.Sequential([tf.keras.layers.GRU(3), tf.keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((4, 3, 2)), np.ones(4), verbose=0)
print("once")
"""


@pytest.mark.slow
def test_both_times_are_printed(tmp_path):
    program = write(tmp_path / "p.py", PROGRAM)
    done = gatewright("run", "--compare-stock", program, "--quiet", folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "once\n"), done.stderr
    assert (tmp_path / "runs").read_text() == "True ['--quiet']\nFalse ['--quiet']\n"
    summary, times = done.stderr.splitlines()[-2:]
    assert summary.startswith("gatewright: 1 GRU layer ran on the compiled kernels; ")
    number = r"\d+\.\d"
    assert re.fullmatch(
        rf"gatewright: {number} s on the compiled kernels, {number} s on stock Keras \({number} times as fast, "
        rf"both compiled anew\), in fit: {number} s and {number} s\.",
        times,
    )


def test_a_run_that_fails_is_reported_in_one_sentence(tmp_path):
    done = gatewright("run", "--compare-stock", write(tmp_path / "p.py", FAILS_ON_STOCK), folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "once\n")
    sentence = "gatewright: On stock Keras the program fails with exit code 1: The disk is full."
    assert done.stderr == f"gatewright: No recurrent layer ran.\n{sentence}\n"
    done = gatewright("run", "--quiet", "--compare-stock", write(tmp_path / "p.py", "exit(3)"), folder=tmp_path)
    assert done.returncode == 3
    assert done.stderr == "gatewright: The program ended with exit code 3, so it was not run again on stock Keras.\n"


def test_an_input_error_is_printed_once(tmp_path):
    done = gatewright("run", "--compare-stock", "no.py", folder=tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
