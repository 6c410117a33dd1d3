"""Training with products in bfloat16: what is rounded, what is not, and where it is recorded."""

import numpy as np
import pytest
from adding_problem import network_of, sets

from gatewright.commands import main as cli
from gatewright.nn import backend
from gatewright.support.errors import InputError
from gatewright.training import network

pytestmark = pytest.mark.slow  # compiles networks

ADDING = ["train", "classify", "--units", "5", "--embedding-dim", "5", "--epochs", "1", "--batch-size", "8"]


def test_only_training_steps_round_their_products():
    plain, rounding = network_of("lstm"), network_of("lstm", precision="bfloat16")
    weights, train = plain.initial_weights([1, 0]), sets().train
    np.testing.assert_array_equal(rounding.outputs(weights, train), plain.outputs(weights, train))
    batch = train.take(np.arange(8))
    losses = [
        float(one.train_step(one.init(weights), batch, np.ones(8, np.float32), 0.01, [0, 0])[1])
        for one in (plain, rounding)
    ]
    assert 0 < abs(losses[0] - losses[1]) < 0.02


def test_it_needs_a_cpu(monkeypatch):
    monkeypatch.setattr(network, "on_cpu_only", lambda: False)
    with pytest.raises(InputError, match=r"^precision bfloat16 needs JAX on the CPU: set JAX_PLATFORMS=cpu, or use"):
        network_of(precision="bfloat16")


def test_a_model_file_names_the_precision(tmp_path, monkeypatch, capsys):
    used = []
    made = backend.jax_backend
    monkeypatch.setattr(network, "jax_backend", lambda *given: used.extend(given) or made(*given))
    table = tmp_path / "texts.csv"
    table.write_text("text,label\n" + "".join(f"word{k % 7} {'good' * (k % 2)} x,{k % 2}\n" for k in range(60)))
    train = [*ADDING, str(table), "--out", str(tmp_path / "m.safetensors")]
    assert cli.main([*train, "--precision", "BFloat16"]) == 0
    assert used == ["bfloat16"]
    capsys.readouterr()
    assert cli.main(["info", str(tmp_path / "m.safetensors")]) == 0
    assert "precision bfloat16" in capsys.readouterr().out
    assert cli.main(["predict", str(tmp_path / "m.safetensors"), "a good word1"]) == 0
    assert cli.main(train) == 2  # another training than that of the file
    assert "precision 'bfloat16', not 'float32'" in capsys.readouterr().err
    assert cli.main([*train, "--precision", "float16"]) == 2
    assert "precision must be one of 'float32', 'bfloat16', not 'float16'" in capsys.readouterr().err
