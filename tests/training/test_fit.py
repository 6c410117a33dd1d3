"""Training: the same steps as Keras' own fit, and the epoch that is chosen."""

import functools

import numpy as np
import pytest
from adding_problem import PREPARED, network_of, sets
from keras_models import KERAS_CELLS, keras_model
from tolerances import assert_close

from gatewright.data.batches import shuffled
from gatewright.training.fit import fit
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # trains networks

network = functools.cache(network_of)


def fitted(ours, recipe, seed=1, first=(1, 0), **more):
    return fit(ours, recipe, *sets(), seed=seed, weights=ours.initial_weights(first), **more)


@pytest.mark.parametrize("cell", KERAS_CELLS)
def test_an_epoch_equals_keras_fit(cell):
    """The same weights, order of examples and Adam give the same weights, also after a last batch that is smaller."""
    import keras

    ours, train = network(cell), sets().train
    model = keras_model(ours.layers, ours.initial_weights([3, 0]), features=2)
    # Keras adds epsilon before it corrects v, optax after it, as in the paper; with a small one they agree.
    model.compile(keras.optimizers.Adam(0.01, epsilon=1e-10), "mse")
    order = shuffled(70, 5, 1)
    model.fit(train.inputs[order], train.targets[order], batch_size=8, shuffle=False, verbose=0)
    found = fitted(ours, Recipe(1, 8, 0.01), seed=5, first=[3, 0])
    names = ("kernel", "recurrent_kernel", "bias")  # Keras' order; JAX sorts the keys
    own = [layer[name] for layer in found.weights for name in names if name in layer]
    for mine, theirs in zip(own, model.trainable_variables, strict=True):
        assert_close(mine, theirs.value, "training", np.float32)


def test_the_chosen_epoch_is_the_best_on_the_validation_set_and_its_weights_are_returned():
    found = fitted(network(), Recipe(6, 8, 0.3))
    figures = [epoch.validation["mse"] for epoch in found.epochs]
    assert found.chosen == 1 + int(np.argmin(figures))
    again = network().outputs(found.weights, sets().validation)
    assert PREPARED.measure(again, sets().validation.targets)["mse"] == figures[found.chosen - 1]


def test_a_training_is_a_function_of_its_seed():
    one, again = (fitted(network(), Recipe(2, 8, 0.01)) for _ in range(2))
    assert [epoch.validation for epoch in one.epochs] == [epoch.validation for epoch in again.epochs]
    other = fitted(network(), Recipe(2, 8, 0.01), seed=2)
    assert one.epochs[0].loss != other.epochs[0].loss


def test_the_loss_of_an_epoch_is_the_mean_over_examples():
    """With a learning rate of nearly 0, the loss of an epoch is that of the initial weights."""
    ours, train = network(), sets().train
    outputs = ours.outputs(ours.initial_weights([1, 0]), train)
    found = fitted(ours, Recipe(1, 8, 1e-30))
    assert_close(found.epochs[0].loss, PREPARED.measure(outputs, train.targets)["mse"], "gradient", np.float32)


def test_training_stops_after_epochs_without_improvement():
    found = fitted(network(), Recipe(50, 8, 0.9, patience=2))
    assert len(found.epochs) == found.chosen + 2 < 50


def test_callbacks_get_every_batch_and_every_epoch():
    ticks, ended = [], []
    fitted(
        network(),
        Recipe(2, 8, 0.01),
        tick=lambda *at: ticks.append(at),
        epoch_end=lambda number, epoch: ended.append(number),
    )
    assert ticks[:2] == [(1, 8, 70), (1, 16, 70)]
    assert ticks[-1] == (2, 70, 70)
    assert ended == [1, 2]
