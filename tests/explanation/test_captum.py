"""Integrated gradients and leave-one-out equal those of Captum for the same network in PyTorch."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from explained import drawn_weights, token_example

from gatewright.explanation.integrated_gradients import BASELINE, integrated_gradients
from gatewright.explanation.omission import omission
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent
from gatewright.tasks.base.explainable import Output

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install 'gatewright[test,torch]'")
attr = pytest.importorskip("captum.attr", reason="Captum is not installed: pip install 'gatewright[test,torch]'")


def network_module():
    path = Path(__file__).parents[2] / "examples" / "pytorch_network.py"
    spec = importlib.util.spec_from_file_location("pytorch_network", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["pytorch_network"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "pooling", "layers"),
    [("gru", "max", 1), ("lstm", "mean", 2), ("gru", "last", 2), ("simple_rnn", "mean", 1)],
)
def test_integrated_gradients_equal_captum(cell, pooling, layers):
    pool = [] if pooling == "last" else [Pool(pooling)]
    below = [Recurrent(cell, 12, True, return_sequences=True)] * (layers - 1)
    top = Recurrent(cell, 16, True, return_sequences=bool(pool))
    network = [Embedding(300, 20), Dropout(0.5), *below, top, *pool, Dense(3)]
    weights = drawn_weights(network, scale=0.1)
    other = network_module().PyTorchNetwork(network, weights)
    captum = attr.IntegratedGradients(lambda x: other(x)[:, 2] - other(x)[:, 0])
    for length in (3, 40):
        ids = np.random.default_rng(length).integers(2, 300, length).tolist()
        example = token_example(ids, Output("good", 2, "bad", 0))
        own = integrated_gradients(network, weights, example)
        x = other.vectors([1, *ids])
        expected = captum.attribute(x, n_steps=300 if pooling == "max" else 50)
        expected = expected.sum(dim=-1)[0].numpy()
        assert np.corrcoef(own.values, expected)[0, 1] > 0.999
        # A unit's maximum moves from step to step on the path, where its gradient jumps.
        tolerance = 0.05 if pooling == "max" else 1e-3
        np.testing.assert_allclose(own.values, expected, rtol=0, atol=tolerance * np.abs(expected).max())
        whole = float((other(x)[:, 2] - other(x)[:, 0]).detach())
        assert abs(own.difference) < 0.01 * abs(whole - own.others[BASELINE])
    alone = omission(network, weights, example).values
    with torch.no_grad():
        for step in (1, 5, 40):
            shortened = other(other.vectors([token for place, token in enumerate([1, *ids]) if place != step]))
            assert alone[step] == pytest.approx(whole - float(shortened[0, 2] - shortened[0, 0]), abs=1e-5)
