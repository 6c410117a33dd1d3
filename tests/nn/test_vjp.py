"""The gradients of layers outside training: equal to those of JAX, and to differences in float64."""

import jax
import numpy as np
import pytest
from tolerances import assert_close, tolerance

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import EMBEDDING_SHIFT, Activations, Layer
from gatewright.nn.layers import Dense, Dropout, Embedding, Flatten, Masking, Pool, Recurrent, Softmax
from gatewright.ops.cells import CELLS
from gatewright.support.errors import InputError

IDS = np.array([[0, 0, 4, 9, 2, 10, 1], [5, 5, 5, 1, 2, 3, 4], [0, 0, 0, 0, 0, 0, 7], [0] * 7], np.int32)
MASK = IDS != 0


def drawn(layers, features, dtype=np.float32):
    """Return random weights, biases included, so that no term of a gradient is zero by chance."""
    rng = np.random.default_rng(4)
    return [
        {name: (array + rng.normal(size=array.shape) / 4).astype(dtype) for name, array in layer.items()}
        for layer in models.initial_weights(layers, features, [1])
    ]


def numbers(features, dtype=np.float32):
    return np.random.default_rng(2).normal(size=(*IDS.shape, features)).astype(dtype)


def assert_vjp_equals_jax_and_differences(layers, features=5, mask=MASK):
    """Hold `models.vjp` against the gradient of the same forward pass."""
    x, weights = numbers(features), drawn(layers, features)
    outputs, pullback = models.vjp(layers, weights, Activations(x, mask))

    def forward(x):
        return models.forward(layers, jax_backend(), weights, Activations(x, mask))[0].x

    expected, back = jax.vjp(forward, x)
    d = np.random.default_rng(3).normal(size=expected.shape).astype(np.float32)
    assert_close(outputs.x, expected, "forward", np.float32)
    assert_close(pullback(d), back(d)[0], "gradient", np.float32)

    wide, weights = x.astype(np.float64), drawn(layers, features, np.float64)
    _, pullback = models.vjp(layers, weights, Activations(wide, mask))
    step = np.finfo(np.float64).eps ** (1 / 3)
    for seed in range(3):
        direction = np.random.default_rng(seed).normal(size=x.shape)
        high, low = (
            models.forward(layers, NUMPY, weights, Activations(wide + side * step * direction, mask))[0].x
            for side in (1, -1)
        )
        change = ((high - low) * d).sum() / (2 * step)
        along = (pullback(d.astype(np.float64)) * direction).sum()
        assert abs(along - change) <= tolerance(change, "finite_difference", np.float64, x.size)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", CELLS)
def test_gradients_of_a_recurrent_layer_equal_jax_and_differences(cell, bidirectional):
    sequences = Recurrent(cell, 9, bidirectional, return_sequences=True, zoneout=0.2)
    last = Recurrent(cell, 17, bidirectional)
    assert_vjp_equals_jax_and_differences([sequences, last])


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_gradients_of_both_directions_merged_equal_jax_and_differences(merge, go_backwards):
    options = {"go_backwards": go_backwards, "merge": merge, "zero_output_for_mask": True}
    below = Recurrent("lstm", 4, True, return_sequences=True, use_bias=False, activation="sigmoid", **options)
    above = Recurrent("gru", 3, True, reset_after=False, **options)
    assert_vjp_equals_jax_and_differences([below, above])


def test_gradients_of_imported_layers_equal_jax_and_differences():
    dense = [Dense(4, "tanh", use_bias=False), Dense(4, "sigmoid"), Dense(3, "softmax")]
    assert_vjp_equals_jax_and_differences([Masking(), *dense, Flatten(7), Dense(2)])
    assert_vjp_equals_jax_and_differences([Pool("mean", padding=True), Dense(2)])


@pytest.mark.parametrize("method", ["mean", "max", "attention"])
@pytest.mark.parametrize("mask", [MASK, None], ids=["padded", "whole"])
def test_gradients_of_pooling_equal_jax_and_differences(method, mask):
    assert_vjp_equals_jax_and_differences([Pool(method), Dropout(0.5), Dense(3)], mask=mask)


def test_steps_with_equal_maxima_share_the_gradient_as_in_jax():
    x = np.array([[[1.0, 2.0], [1.0, 0.0], [0.0, 2.0]]], np.float32)
    pool, d = Pool("max"), np.array([[6.0, 8.0]], np.float32)
    _, pullback = pool.vjp({}, Activations(x))
    _, back = jax.vjp(lambda x: pool.forward(jax_backend(), {}, Activations(x), None, None)[0].x, x)
    np.testing.assert_array_equal(pullback(d), back(d)[0])
    np.testing.assert_array_equal(pullback(d), [[[3, 4], [3, 0], [0, 4]]])


@pytest.mark.parametrize("tied", [False, True])
def test_gradients_of_the_logits_of_a_language_model_equal_jax(tied):
    layers = [Embedding(11, 5), Recurrent("gru", 5, return_sequences=True), Softmax(11, tied)]
    weights = models.bind(layers, drawn(layers, 1))
    outputs, pullback = models.vjp(layers, weights, Activations(IDS, targets=IDS))

    def forward(shift):
        inputs = Activations(IDS, context={EMBEDDING_SHIFT: shift})
        return models.forward(layers, jax_backend(), weights, inputs)[0].x

    expected, back = jax.vjp(forward, np.zeros((*IDS.shape, 5), np.float32))
    d = np.random.default_rng(3).normal(size=expected.shape).astype(np.float32)
    assert_close(outputs.x, expected, "forward", np.float32)
    assert_close(pullback(d), back(d)[0], "gradient", np.float32)


def test_padded_steps_have_no_gradient():
    layers = [Embedding(11, 5), Recurrent("lstm", 4, True, return_sequences=True), Pool("mean")]
    _, pullback = models.vjp(layers, drawn(layers, 1), Activations(IDS))
    d_x = pullback(np.ones((4, 8), np.float32))
    assert d_x.shape == (4, 7, 5)
    np.testing.assert_array_equal(d_x[~MASK], 0)
    assert (d_x[:3][MASK[:3]] != 0).all()


def test_a_layer_without_gradients_says_so():
    class Noise(Layer):
        kind = "noise"

    with pytest.raises(InputError, match=r"^A noise layer has no gradients outside training, so its answers cannot be"):
        models.vjp([Noise()], [{}], Activations(IDS))
