"""The optimizer: Adam's steps as the paper has them, and an embedding whose numbers share a second moment."""

import numpy as np
import optax
import pytest
from tolerances import assert_close

from gatewright.training.optimizer import optimizer

SHAPES = [{"table": (7, 3)}, {"kernel": (3, 4), "bias": (4,)}]


def weights(seed):
    draw = np.random.default_rng(seed)
    return [{name: draw.standard_normal(shape).astype(np.float32) for name, shape in block.items()} for block in SHAPES]


def steps(how, gradients):
    """The steps that an optimizer takes for gradients, one after another."""
    own = weights(0)
    state, taken = how.init(own), []
    for gradient in gradients:
        step, state = how.update(gradient, state, own)
        taken.append(step)
    return taken


def adam(gradients, mean_square):
    """Kingma & Ba 2015, algorithm 1, in float64; v has the gradient's squares, or their mean."""
    m = v = 0.0
    taken = []
    for t, g in enumerate(np.asarray(gradients, np.float64), 1):
        square = (g * g).mean() if mean_square else g * g
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * square
        taken.append(m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8))
    return taken


@pytest.mark.parametrize("moments", ["own", "shared"])
def test_steps_are_those_of_the_equations(moments):
    gradients = [weights(seed) for seed in range(1, 6)]
    taken = steps(optimizer(0.0, 0.0, moments), gradients)
    for place, block in enumerate(SHAPES):
        for name in block:
            wanted = adam([one[place][name] for one in gradients], moments == "shared" and name == "table")
            for mine, its in zip(taken, wanted, strict=True):
                assert_close(np.asarray(mine[place][name]), its, "training", np.float32)


def test_a_rare_token_is_learnt_by_heart_unless_the_moments_are_shared():
    def moved(moments):
        """How far a token goes in 50 batches that occurs once, as a share of one that occurs in each."""
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
def test_bound_and_decay(moments):
    """A gradient above the bound steps as the bounded one does, and the decay is a share of the weights."""
    gradients = [weights(1)]
    large = steps(optimizer(1.0, 0.0, moments), [[{n: 9 * g for n, g in block.items()} for block in gradients[0]]])
    small = steps(optimizer(1.0, 0.0, moments), gradients)
    decayed = steps(optimizer(1.0, 0.25, moments), gradients)
    for place, own in enumerate(weights(0)):
        for name in own:
            assert_close(np.asarray(large[0][place][name]), small[0][place][name], "training", np.float32)
            added = np.asarray(decayed[0][place][name]) - np.asarray(small[0][place][name])
            assert_close(added, 0.25 * own[name], "training", np.float32)


def test_own_moments_are_optax_adam():
    gradients = [weights(seed) for seed in range(1, 4)]
    mine, its = steps(optimizer(0.0, 0.0, "own"), gradients), steps(optax.scale_by_adam(), gradients)
    for one, other in zip(mine, its, strict=True):
        for block, same in zip(one, other, strict=True):
            for name in block:
                np.testing.assert_array_equal(block[name], same[name])
