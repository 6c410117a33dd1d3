"""Lazy training of a large embedding table, against Adam on the whole table."""

import functools

import jax
import numpy as np
import pytest

from gatewright.data.batches import Batch
from gatewright.data.encoders import Words
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent, Softmax
from gatewright.tasks.base.labels import SingleLabel
from gatewright.tasks.classify.task import PreparedTexts
from gatewright.training import network as training_network
from gatewright.training.checkpoint import Checkpoint
from gatewright.training.fit import fit
from gatewright.training.lazy_table import LazyTable, lazy_table
from gatewright.training.network import Network
from gatewright.training.optimizer import apply_moves, optimizer
from gatewright.training.recipe import Recipe

ROWS, UNITS = 300, 4


def relative_difference(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.abs(a - b).max() / np.abs(b).max()


@pytest.mark.parametrize("clip_norm", [0.0, 0.5])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_the_weights_equal_those_of_adam_on_the_whole_table(clip_norm, weight_decay):
    """Rows are missed for 0 to more than 256 steps, and the learning rate changes, also to 0."""
    rng = np.random.default_rng(1)
    start = [{"table": rng.standard_normal((ROWS, UNITS)).astype(np.float32)}, {"kernel": np.ones(3, np.float32)}]
    lazy, dense = LazyTable(clip_norm, weight_decay), optimizer(clip_norm, weight_decay, "shared")
    target = jax.numpy.array(rng.standard_normal((ROWS, UNITS)), np.float32)

    def loss(weights, ids, wanted):
        return ((weights[0]["table"][ids] - wanted) ** 2).sum() + ((weights[1]["kernel"] - 2) ** 2).sum()

    @jax.jit
    def lazy_step(weights, state, ids, rates):
        used_weights, numbers, used = lazy.use(weights, state, ids)
        gradients = jax.grad(loss)(used_weights, numbers, target[ids])
        return lazy.update(weights, state, used, gradients, rates)

    @jax.jit
    def dense_step(weights, state, ids, rates):
        moves, state = dense.update(jax.grad(loss)(weights, ids, target[ids]), state, weights)
        return apply_moves(weights, moves, rates), state

    mine, theirs = start, start
    state, their_state = lazy.init(jax.tree.map(jax.numpy.array, mine)), dense.init(theirs)
    for step in range(600):
        ids = np.minimum(rng.zipf(1.3, (2, 5)), ROWS - 1).astype(np.int32)
        rates = np.float32([0.02 * (1 - step / 600) * (step % 50 != 7), 0.01])
        mine, state = lazy_step(mine, state, ids, rates)
        theirs, their_state = dense_step(theirs, their_state, ids, rates)
    assert relative_difference(mine[0]["table"], theirs[0]["table"]) > 1e-5  # rows are behind, until they catch up
    mine, state = jax.jit(lazy.caught_up)(mine, state)
    assert relative_difference(mine[0]["table"], theirs[0]["table"]) < 1e-5
    assert relative_difference(mine[1]["kernel"], theirs[1]["kernel"]) < 1e-5


def recipe_of(**given):
    return Recipe(**{"epochs": 2, "batch_size": 4, "learning_rate": 0.01, "embedding_moments": "shared", **given})


LAYERS = [Embedding(ROWS, UNITS, word_dropout=0.2), Recurrent("gru", 5, return_sequences=True), Pool("mean"), Dense(1)]


@functools.cache
def texts():
    rng = np.random.default_rng(2)
    inputs = np.minimum(rng.zipf(1.3, (40, 6)) + 3, ROWS - 1).astype(np.int32)
    inputs[::3, :2] = 0
    return Batch(inputs, (inputs.sum(axis=1) % 2).astype(np.int32))


def network_of(recipe):
    prepared = PreparedTexts(SingleLabel(("bad", "good")), Words.fit(["a b"], 9), 6)
    return Network(prepared, LAYERS, texts(), recipe)


def fitted(recipe, network, **more):
    weights = network.initial_weights([1, 0])
    return fit(network, recipe, texts(), texts(), seed=1, weights=weights, **more)


@pytest.mark.slow  # compiles networks
def test_a_training_equals_that_with_the_whole_table(monkeypatch):
    recipe = recipe_of(
        schedule="cosine", clip_norm=0.1, weight_decay=0.1, ema_decay=0.9, adversarial_epsilon=0.1, layer_lr_decay=2.0
    )
    mine = fitted(recipe, network_of(recipe))
    monkeypatch.setattr(training_network, "lazy_table", lambda *arguments: None)
    theirs = fitted(recipe, network_of(recipe))
    assert mine.chosen == theirs.chosen
    for layer, same in zip(mine.weights, theirs.weights, strict=True):
        for name in layer:
            assert relative_difference(layer[name], same[name]) < 1e-5, name


@pytest.mark.slow  # compiles a network
def test_an_interrupted_training_resumes_to_the_same_bits(tmp_path, monkeypatch):
    recipe = recipe_of()
    network = network_of(recipe)
    whole = fitted(recipe, network)

    class Interrupted(Exception):
        pass

    def interrupt(epoch, done, total):
        if (epoch, done) == (2, 16):
            raise Interrupted

    monkeypatch.setattr(Checkpoint, "due", lambda self: True)  # after each batch
    with pytest.raises(Interrupted):
        fitted(recipe, network, checkpoint=Checkpoint(tmp_path / "progress", {}), tick=interrupt)
    resumed = fitted(recipe, network, checkpoint=Checkpoint(tmp_path / "progress", {}))
    for layer, same in zip(resumed.weights, whole.weights, strict=True):
        for name in layer:
            np.testing.assert_array_equal(layer[name], same[name])


def test_a_table_is_trained_as_a_whole_where_every_row_has_a_gradient_or_the_gain_is_small():
    inputs = texts().inputs
    assert lazy_table(LAYERS, 1, inputs, recipe_of()) is not None
    assert lazy_table(LAYERS, 1, inputs, recipe_of(embedding_moments="own")) is None
    assert lazy_table(LAYERS, 1, inputs, recipe_of(batch_size=40)) is None
    tied = [LAYERS[0], Recurrent("gru", UNITS, return_sequences=True), Softmax(ROWS, tied=True)]
    assert lazy_table(tied, 1, inputs, recipe_of()) is None
    assert lazy_table([*tied[:2], Softmax(ROWS)], 1, inputs, recipe_of()) is not None
    assert lazy_table([Embedding(ROWS, UNITS, dropout=0.1), *LAYERS[1:]], 1, inputs, recipe_of()) is None
    assert lazy_table(LAYERS[1:], UNITS, inputs, recipe_of()) is None
