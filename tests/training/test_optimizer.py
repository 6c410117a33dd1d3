"""The optimizer: the steps of Adam as in the paper, and embeddings with one second moment per table."""

import numpy as np
import optax
import pytest
from tolerances import assert_close

from gatewright.training.optimizer import optimizer

SHAPES = [{"table": (7, 3)}, {"kernel": (3, 4), "bias": (4,)}]


def weights(seed):
    draw = np.random.default_rng(seed)
    return [{name: draw.standard_normal(shape).astype(np.float32) for name, shape in layer.items()} for layer in SHAPES]


def steps(transformation, gradients):
    """Return the steps of an optimizer for gradients, one after another."""
    own = weights(0)
    state, taken = transformation.init(own), []
    for gradient in gradients:
        step, state = transformation.update(gradient, state, own)
        taken.append(step)
    return taken


def adam(gradients, mean_square):
    """Return the steps of Kingma & Ba 2015, algorithm 1, in float64; v has the squared gradient, or its mean."""
    m = v = 0.0
    taken = []
    for t, g in enumerate(np.asarray(gradients, np.float64), 1):
        square = (g * g).mean() if mean_square else g * g
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * square
        taken.append(m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8))
    return taken


@pytest.mark.parametrize("moments", ["own", "shared"])
def test_steps_equal_the_equations(moments):
    gradients = [weights(seed) for seed in range(1, 6)]
    taken = steps(optimizer(0.0, 0.0, moments), gradients)
    for place, layer in enumerate(SHAPES):
        for name in layer:
            expected = adam([one[place][name] for one in gradients], moments == "shared" and name == "table")
            for mine, theirs in zip(taken, expected, strict=True):
                assert_close(np.asarray(mine[place][name]), theirs, "training", np.float32)


def test_a_rare_token_is_memorized_unless_the_moments_are_shared():
    def moved(moments):
        """Return how far a token moves that occurs in one of 50 batches, relative to one that occurs in each."""
        gradients = [weights(0) for _ in range(50)]
        for place, one in enumerate(gradients):
            one[0]["table"][:] = 0
            one[0]["table"][1] = 1
            one[0]["table"][2] = place == 25
        total = sum(np.asarray(step[0]["table"]) for step in steps(optimizer(0.0, 0.0, moments), gradients))
        return total[2, 0] / total[1, 0]

    assert moved("own") > 0.1
    assert moved("shared") < 0.03


@pytest.mark.parametrize("moments", ["own", "shared"])
def test_gradients_are_clipped_and_weights_decay(moments):
    """Gradients above the largest norm give equal steps, and the decay is proportional to the weights."""
    gradients = [weights(1)]
    large = steps(optimizer(1.0, 0.0, moments), [[{n: 9 * g for n, g in layer.items()} for layer in gradients[0]]])
    small = steps(optimizer(1.0, 0.0, moments), gradients)
    decayed = steps(optimizer(1.0, 0.25, moments), gradients)
    for place, own in enumerate(weights(0)):
        for name in own:
            assert_close(np.asarray(large[0][place][name]), small[0][place][name], "training", np.float32)
            added = np.asarray(decayed[0][place][name]) - np.asarray(small[0][place][name])
            assert_close(added, 0.25 * own[name], "training", np.float32)


def test_own_moments_equal_optax_adam():
    gradients = [weights(seed) for seed in range(1, 4)]
    mine, theirs = steps(optimizer(0.0, 0.0, "own"), gradients), steps(optax.scale_by_adam(), gradients)
    for one, other in zip(mine, theirs, strict=True):
        for layer, same in zip(one, other, strict=True):
            for name in layer:
                np.testing.assert_array_equal(layer[name], same[name])
