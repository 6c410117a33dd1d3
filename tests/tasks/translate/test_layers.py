"""The layers of translators, in NumPy and JAX."""

import jax
import numpy as np
import pytest
from tolerances import assert_close

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.tasks.translate.layers import ATTENTION, Decoder, Encoder

SOURCE = np.array([[5, 6, 7, 1], [4, 1, 0, 0]], np.int32)
TARGET = np.array([[5, 6, 1], [8, 1, 0]], np.int32)


def network(cell="gru", attention="after", **options):
    return [Encoder(11, 6, cell, 7), Decoder(11, 6, cell, 5, attention, **options)]


def losses(layers, weights, backend=NUMPY, rng=None, source=SOURCE, target=TARGET):
    inputs = Activations(source, targets={"ids": target})
    return models.forward(layers, backend, models.bind(layers, weights), inputs, None, rng)[0].x["losses"]


@pytest.mark.parametrize("score", ["dot", "additive"])
@pytest.mark.parametrize("attention", ATTENTION)
def test_numpy_and_jax_agree(attention, score):
    layers = network(attention=attention, score=score)
    weights = models.initial_weights(layers, 1, [1])
    assert [{name: array.shape for name, array in layer.items()} for layer in weights] == models.shapes(layers, 1)
    expected = losses(layers, weights)
    assert_close(losses(layers, weights, jax_backend()), expected, "forward", np.float32)
    assert ((expected > 0) == (TARGET > 0)).all()
    gradients = jax.grad(lambda w: losses(layers, w, jax_backend()).sum())(weights)
    assert all(np.abs(array).max() > 0 for array in jax.tree.leaves(gradients))
