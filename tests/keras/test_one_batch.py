"""`predict` with a few examples in memory returns what Keras' own iterators give, and keeps what they keep."""

import numpy as np
import pytest
from tolerances import assert_close

keras = pytest.importorskip("keras")

from gatewright.keras import accelerate, usage  # noqa: E402

UNITS = 4
RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(2, 3, UNITS)).astype("float32")
IDS = RNG.integers(1, 9, size=(3, 1))


class Counter(keras.layers.Layer):
    """Counts its calls in a variable that is not trained."""

    def build(self, shape):
        self.calls = self.add_weight(name="calls", shape=(), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.calls.assign_add(1)
        return inputs


def decoder():
    """Return the model of translation notebooks that makes one step from an id and two states."""
    ids = keras.Input((None,), dtype="int32", name="ids")
    states = [keras.Input((UNITS,), name=name) for name in ("h", "c")]
    lstm = keras.layers.LSTM(UNITS, return_sequences=True, return_state=True)
    x, *new = lstm(keras.layers.Embedding(9, UNITS, mask_zero=True)(ids), initial_state=states)
    return keras.Model([ids, *states], [keras.layers.Dense(9, activation="softmax")(x), *new])


@pytest.fixture
def accelerated():
    accelerate.accelerate()
    yield
    accelerate.restore()


@pytest.fixture
def no_iterators(monkeypatch):
    """Return a function after which Keras cannot make the iterators that `predict` needs."""

    class Used(Exception):
        """Keras made an iterator."""

    def forbid():
        def iterator(**_):
            raise Used

        monkeypatch.setattr("keras.src.backend.jax.trainer.JAXEpochIterator", iterator)
        return Used

    return forbid


def by_keras(model, x):
    """Return what Keras' own code returns, which a callback makes `predict` use."""
    return model.predict(x, verbose=0, callbacks=[keras.callbacks.Callback()])


@pytest.mark.slow
def test_outputs_are_those_of_the_iterators(accelerated, no_iterators):
    import jax.numpy as jnp

    keras.utils.set_random_seed(1)
    model = decoder()
    named = dict(zip(("ids", "h", "c"), (IDS, *STATES), strict=True))
    inputs = [
        [IDS, *STATES],
        named,
        [IDS, *STATES.astype("float64")],
        [jnp.asarray(IDS), *map(jnp.asarray, STATES)],
        [IDS[:, ::-1], *STATES[:, :, ::-1]],
    ]
    expected = [by_keras(model, x) for x in inputs]
    no_iterators()
    for x, wanted in zip(inputs, expected, strict=True):
        found = model.predict(x, verbose=0)
        assert type(found) is type(wanted)
        for array, other in zip(found, wanted, strict=True):
            assert (type(array), array.dtype, array.flags.writeable) == (np.ndarray, other.dtype, True)
            np.testing.assert_array_equal(array, other)
    assert not np.shares_memory(model.predict(inputs[0], verbose=0)[1], STATES)


def test_whatever_prints_calls_back_or_has_several_batches_is_left_to_keras(accelerated, no_iterators):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    few, many = np.ones((3, 2)), np.ones((33, 2))
    model.predict(few, verbose=0)
    used = no_iterators()
    assert model.predict(many, verbose=0, batch_size=40).shape == (33, 1)
    calls = [
        (few, {}),
        (few, {"verbose": 2}),
        (few, {"verbose": 0, "batch_size": 2}),
        (few, {"verbose": 0, "steps": 1}),
        (few, {"verbose": 0, "callbacks": [keras.callbacks.Callback()]}),
        (many, {"verbose": 0}),
        (few[:0], {"verbose": 0}),
        (few.astype("longdouble"), {"verbose": 0}),
        ([few, many], {"verbose": 0}),
    ]
    for x, options in calls:
        with pytest.raises(used):
            model.predict(x, **options)


def test_variables_are_read_and_kept_in_every_call(accelerated):
    model = keras.Sequential([keras.Input((2,)), Counter(), keras.layers.Dense(1, use_bias=False)])
    x = np.ones((1, 2))
    for calls in range(1, 4):
        model.layers[1].set_weights([np.full((2, 1), calls)])
        np.testing.assert_array_equal(model.predict(x, verbose=0), [[2 * calls]])
    counted = float(model.layers[0].calls.value)

    class Predicts(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append((model.predict(x, verbose=0)[0, 0], float(model.layers[1].kernel.value.sum())))

    found = []
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.fit(np.ones((4, 2)), np.zeros((4, 1)), batch_size=1, epochs=1, verbose=0, callbacks=[Predicts()])
    assert_close([answer for answer, _ in found], [weights for _, weights in found], "same_order", np.float32)
    assert len({weights for _, weights in found}) == 4
    assert float(model.layers[0].calls.value) == counted + 8  # of four training steps and four predictions


def test_an_error_is_keras_own_and_the_model_stays_usable(accelerated):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    expected = model.predict(np.ones((1, 2)), verbose=0)
    messages = []
    for call in (by_keras, lambda model, x: model.predict(x, verbose=0)):
        with pytest.raises(ValueError, match="incompatible") as error:
            call(model, np.ones((1, 3)))
        messages.append(str(error.value))
    assert messages[0] == messages[1]
    np.testing.assert_array_equal(model.predict(np.ones((1, 2)), verbose=0), expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_step_of_a_layer_equals_that_of_a_longer_sequence(accelerated, kind):
    usage.clear()
    layer = getattr(keras.layers, kind)(UNITS, return_sequences=True, return_state=True)
    x = RNG.normal(size=(3, 2, 5)).astype("float32")
    whole, *_ = layer(x)
    first, *states = layer(x[:, :1])
    second, *_ = layer(x[:, 1:], initial_state=states)
    assert_close(np.concatenate([first, second], 1), whole, "forward", np.float32)
    assert usage.summary() == (
        f"1 {kind} layer ran on the compiled kernels; 1 {kind} layer ran single steps as stock Keras does."
    )
    usage.clear()
