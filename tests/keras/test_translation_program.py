"""The example program that translates with Keras: the loop of `predict` gives the same on the kernels and on stock."""

import re
import runpy
from pathlib import Path

import pytest
from keras_runs import write

pytest.importorskip("keras")

from gatewright.keras import accelerate, usage

PROGRAM = Path(__file__).parents[2] / "examples" / "keras_translation.py"
SIZES = {"UNITS": 16, "EPOCHS": 2, "SENTENCES": 4, "MAX_LENGTH": 10}


@pytest.mark.slow
def test_stock_keras_and_the_kernels_give_the_same_translations(tmp_path, monkeypatch, capsys):
    text = PROGRAM.read_text(encoding="utf-8")
    for name, value in SIZES.items():
        text, count = re.subn(rf"(?m)^{name} = .*", f"{name} = {value}", text)
        assert count == 1
    program = str(write(tmp_path / "p.py", text))
    monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))  # without Multi30k: sentences are invented
    usage.clear()
    runpy.run_path(program)
    stock = capsys.readouterr().out
    assert usage.summary().startswith("No recurrent layer ran")
    with accelerate.accelerate():
        runpy.run_path(program)
    ours = capsys.readouterr().out
    assert usage.summary().startswith("2 LSTM layers ran on the compiled kernels")
    usage.clear()
    of_stock, of_ours = (out.partition("translating took")[2].partition("\n")[2] for out in (stock, ours))
    assert of_stock == of_ours
    assert of_stock.count("\n-> ") == SIZES["SENTENCES"]
