"""The gradients of a forecaster's layers outside training: equal to those of JAX."""

import jax
import numpy as np
import pytest
from forecast_models import forecaster
from models import loaded
from tolerances import assert_close

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations


@pytest.mark.parametrize(
    "options",
    [
        {"decoding": "segments", "known": 1, "cell": "min_gru", "zoneout": 0.1},
        {"decoding": "direct", "missing": "decay", "layers": 2},
        {"decoding": "recursive", "known": 1},
    ],
)
def test_gradients_equal_those_of_jax(options):
    model, rng = loaded(forecaster(**options)), np.random.default_rng(3)
    values = rng.normal(3, 2, (8 + 5 * options.get("known", 0), 2 + options.get("known", 0)))
    values[[2, 3], 0] = np.nan
    explainable = model.explainable(values, label="b q0.9")
    layers, weights = (every[1:-1] for every in explainable.network)  # without the normalization and the units
    # At 0, where the biases of a new layer are, the decay has no gradient.
    weights = [{name: w + 0.1 if name.endswith("decay_bias") else w for name, w in one.items()} for one in weights]
    first, w = explainable.network[0][0], explainable.network[1][0]
    read, _ = first.forward(NUMPY, w, Activations(explainable.inputs), None, None)
    # Training keeps the gradient of quantiles from the forecast, but an explanation does not.
    backend = jax_backend()._replace(stop_gradient=lambda x: x)

    def forward(x):
        return models.forward(layers, backend, weights, read._replace(x=x))[0].x

    outputs, pullback = models.vjp(layers, weights, read)
    expected, back = jax.vjp(forward, read.x)
    d = rng.normal(size=expected.shape).astype(np.float32)
    assert_close(outputs.x, expected, "forward", np.float32)
    assert_close(pullback(d), back(d)[0], "gradient", np.float32)
