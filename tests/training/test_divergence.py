"""Training that diverges: what is found, at which step, and which weights are kept."""

import functools
import sys

import jax
import numpy as np
import pytest
from adding_problem import network_of, sets

from gatewright.training.fit import fit
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # trains networks

network = functools.cache(network_of)
training_loop = sys.modules["gatewright.training.fit"]
STEPS = 9  # of an epoch


def fitted(recipe, **more):
    return fit(network(), recipe, *sets(), seed=1, weights=network().initial_weights([1, 0]), **more)


def explode_at(monkeypatch, step, rate=1e30):
    """Make the learning rate huge at one step; steps count from 1."""
    monkeypatch.setattr(Recipe, "rate", lambda self, index, steps: rate if index == step - 1 else 0.01)


def test_the_step_is_named_and_the_best_epoch_before_it_is_kept(monkeypatch):
    ended = []
    whole = fitted(Recipe(2, 8, 0.01))
    explode_at(monkeypatch, 2 * STEPS + 3)
    found = fitted(Recipe(9, 8, 0.01), epoch_end=lambda number, epoch: ended.append(number))
    assert found.divergence == f"the loss is infinite at step {2 * STEPS + 4}, in epoch 3"
    assert [epoch.loss for epoch in found.epochs] == [epoch.loss for epoch in whole.epochs]
    assert ended == [1, 2]
    assert found.chosen in ended
    assert all(np.isfinite(array).all() for array in jax.tree.leaves(found.weights))


def test_weights_that_overflow_in_the_last_step_are_found(monkeypatch):
    for rate in (np.nan, np.inf):
        explode_at(monkeypatch, STEPS, rate)
        for recipe in (Recipe(1, 8, 0.01), Recipe(1, 8, 0.01, ema_decay=0.5)):
            found = fitted(recipe)
            expected = f"a weight of the network is not a finite number after step {STEPS}, the end of epoch 1"
            assert (found.divergence, found.epochs, found.chosen) == (expected, (), 0)


def test_a_gradient_that_overflows_is_found_even_if_it_is_clipped():
    train = sets().train
    large = train._replace(targets=train.targets * np.float32(1e30))
    weights = network().initial_weights([1, 0])
    for recipe in (Recipe(1, 8, 0.01), Recipe(1, 8, 0.01, clip_norm=1.0)):
        found = fit(network(), recipe, large, sets().validation, seed=1, weights=weights)
        assert found.divergence == "the loss is infinite at step 1, in epoch 1"


def test_a_loss_whose_gradients_would_be_lost_is_found():
    """With clipping, such gradients become 0; without it, the second moments of Adam become infinite."""
    train = sets().train
    large = train._replace(targets=train.targets * np.float32(1e12))
    for recipe in (Recipe(1, 8, 0.01), Recipe(1, 8, 0.01, clip_norm=1.0)):
        weights = network().initial_weights([1, 0])
        found = fit(network(), recipe, large, sets().validation, seed=1, weights=weights)
        assert found.divergence.endswith("e+24, which is too large to train with, at step 1, in epoch 1")


def test_second_moments_that_overflow_are_found(monkeypatch):
    """The loss is a number, but the square of its gradient in an earlier layer is not."""
    monkeypatch.setattr(training_loop, "_MAX_LOSS", np.inf)
    *others, dense = network().initial_weights([1, 0])
    weights = [*others, {**dense, "kernel": dense["kernel"] * np.float32(1e12)}]
    found = fit(network(), Recipe(1, 8, 1e-6), *sets(), seed=1, weights=weights)
    expected = f"the square of a gradient is too large for float32 after step {STEPS}, the end of epoch 1"
    assert found.divergence == expected


def test_the_first_loss_of_a_resumed_epoch_is_checked_too(tmp_path, monkeypatch):
    from gatewright.training.checkpoint import Checkpoint

    explode_at(monkeypatch, STEPS + 2)
    monkeypatch.setattr(Checkpoint, "due", lambda self: True)
    file = Checkpoint(tmp_path / "c.npz", {})

    def stop(epoch, done, total):
        if epoch == 2 and done == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(Recipe(3, 8, 0.01), checkpoint=file, tick=stop)
    found = fitted(Recipe(3, 8, 0.01), checkpoint=Checkpoint(tmp_path / "c.npz", {}))
    assert found.divergence == f"the loss is infinite at step {STEPS + 3}, in epoch 2"
    assert found.chosen == 1
