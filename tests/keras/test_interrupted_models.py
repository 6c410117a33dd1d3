"""A model keeps its variables when `fit`, `evaluate` or `predict` does not end, and hears of ids outside a table."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gatewright

pytest.importorskip("jax")
keras = pytest.importorskip("keras")

import jax  # noqa: E402

layers = keras.layers

X = np.random.default_rng(0).normal(size=(64, 5, 2)).astype(np.float32)
Y = X.sum((1, 2))


@pytest.fixture(autouse=True)
def _accelerated() -> Iterator[None]:
    with gatewright.accelerate():
        yield


def trained() -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((5, 2)), layers.GRU(3, dropout=0.2), layers.BatchNormalization(), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    model.fit(X, Y, batch_size=16, verbose=0)
    return model


def values(model: Any) -> list[Any]:
    return [np.array(v.value) for v in (*model.variables, *model.optimizer.variables)]


def wrong_generator() -> Iterator[Any]:
    yield X[:16], Y[:16]
    raise OSError("the file is gone")


class Stop(keras.callbacks.Callback):
    """Raise an error after the third step."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 2:
            raise RuntimeError("disk full")


WRONG: dict[str, Callable[[Any], Any]] = {
    "predict": lambda m: m.predict(X[:, :, :1], verbose=0),
    "evaluate": lambda m: m.evaluate(X[:, :, :1], Y, verbose=0),
    "fit": lambda m: m.fit(X[:, :, :1], Y, verbose=0),
    "validation": lambda m: m.fit(X, Y, batch_size=64, validation_data=(X[:, :, :1], Y), verbose=0),
    "train_on_batch": lambda m: m.train_on_batch(X[:, :, :1], Y),
    "test_on_batch": lambda m: m.test_on_batch(X[:, :, :1], Y),
    "predict_on_batch": lambda m: m.predict_on_batch(X[:, :, :1]),
}


@pytest.mark.slow
def test_a_call_that_fails_leaves_the_model_as_it_was(tmp_path: Path) -> None:
    model = trained()
    for name, call in WRONG.items():
        before = values(model)
        with pytest.raises(
            ValueError, match=r"GRU layer 'gru.*' was built for inputs with 2 features, but .* 1 feature:"
        ):
            call(model)
        after = values(model)  # raises if a value is lost
        if name != "validation":  # it trains for an epoch before
            np.testing.assert_array_equal(after[0], before[0], err_msg=name)
    with pytest.raises(OSError, match="the file is gone"):
        model.fit(wrong_generator(), steps_per_epoch=4, shuffle=False, verbose=0)
    with pytest.raises(RuntimeError, match="disk full"):
        model.fit(X, Y, batch_size=16, verbose=0, callbacks=[Stop()])
    expected = model.predict(X[:2], verbose=0)
    with contextlib.suppress(DeprecationWarning):  # Keras and NumPy disagree about __array__
        model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(model.predict(X[:2], verbose=0), expected)
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()


@pytest.mark.slow
def test_a_fit_that_stops_early_has_the_values_of_its_last_step() -> None:
    """Four steps and an error in a callback equal the same steps without the error."""
    stopped, whole = trained(), trained()
    with pytest.raises(RuntimeError, match="disk full"):
        stopped.fit(X, Y, batch_size=16, verbose=0, shuffle=False, callbacks=[Stop()])
    whole.fit(X[:48], Y[:48], batch_size=16, verbose=0, shuffle=False)
    for one, other in zip(stopped.variables[:8], whole.variables[:8], strict=True):
        np.testing.assert_allclose(np.array(one.value), np.array(other.value), rtol=1e-6)
    assert int(stopped.optimizer.iterations) == int(whole.optimizer.iterations) == 7


def train_until_ctrl_c(model: Any, delay: float) -> None:
    threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT)).start()
    while True:
        model.fit(X, Y, batch_size=16, epochs=50, verbose=0)
        model.predict(X, verbose=0)


@pytest.mark.slow
def test_ctrl_c_at_any_time_leaves_the_model(request: pytest.FixtureRequest) -> None:
    # Shells start background jobs with Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    model = trained()
    for delay in (0.003, 0.01, 0.02, 0.05, 0.1, 0.2):
        with pytest.raises(KeyboardInterrupt):
            train_until_ctrl_c(model, delay)
        assert all(np.isfinite(v).all() for v in values(model))
    model.fit(X, Y, verbose=0)


@pytest.mark.slow
def test_a_failure_inside_xla_puts_back_the_values_of_the_beginning() -> None:
    class Failing(keras.Sequential):
        fails = False

        def train_step(self, state: Any, data: Any) -> Any:
            logs, state = super().train_step(state, data)
            if self.fails:
                jax.debug.callback(self._fail)
            return logs, state

        @staticmethod
        def _fail() -> None:
            raise MemoryError("no memory")

    model = Failing([keras.Input((5, 2)), layers.GRU(3), layers.Dense(1)])
    model.compile("adam", "mse")
    before = values(model)
    model.fails = True
    with pytest.raises(Exception, match="no memory"), pytest.warns(RuntimeWarning, match="in a training step"):
        model.fit(X, Y, verbose=0)
    for one, other in zip(values(model)[:5], before[:5], strict=True):
        np.testing.assert_array_equal(one, other)


def text_model(*between: Any) -> Any:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((6,)), layers.Embedding(9, 4, name="words"), *between, layers.Dense(1)])
    model.compile("adam", "mse")
    return model


@pytest.mark.slow
def test_an_id_outside_the_table_gives_nan_and_one_warning() -> None:
    good = np.random.default_rng(1).integers(0, 9, (8, 6))
    bad = good.copy()
    bad[3, 2] = 9
    model = text_model(layers.Dropout(0.1), layers.LSTM(3))  # another layer stands between
    sentence = (
        r"Embedding layer 'words' has a table of 9 rows, for the ids 0 to 8, but was given the id 9\. .*input_dim=10"
    )
    with pytest.warns(gatewright.UnknownIdWarning, match=sentence) as caught:
        predicted = model.predict(bad, verbose=0)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    np.testing.assert_array_equal(np.isnan(predicted)[:, 0], np.arange(8) == 3)
    np.testing.assert_array_equal(np.isnan(model.predict_on_batch(bad))[:, 0], np.arange(8) == 3)  # no second warning
    assert np.isfinite(model.predict(good, verbose=0)).all()
    with pytest.warns(gatewright.UnknownIdWarning, match="given the id -10"):
        text_model(layers.GRU(3))(np.full((1, 6), -10))


@pytest.mark.slow
def test_an_id_beyond_32_bits_does_not_become_a_valid_one() -> None:
    ids = np.full((2, 6), 2**32 + 3)
    model = text_model(layers.GRU(3))
    with pytest.warns(UserWarning, match="4294967299|words") as caught:
        predicted = model.predict(ids, verbose=0)
    assert np.isnan(predicted).all()
    messages = [str(w.message) for w in caught]
    assert any("the integer 4294967299, which does not fit into the 32 bits that JAX uses" in text for text in messages)
    assert any("Embedding layer 'words'" in text for text in messages)


@pytest.mark.slow
def test_float64_is_computed_in_float64_on_the_kernels() -> None:
    from gatewright.ops import numpy as ops
    from gatewright.ops.recurrence import Recurrence

    x = np.random.default_rng(2).normal(size=(3, 5, 2))
    try:
        keras.config.set_floatx("float64")
        model = keras.Sequential([keras.Input((5, 2)), layers.LSTM(3, dtype="float64")])
        model.compile("adam", "mse")
        model.fit(x, np.ones((3, 3)), verbose=0)
        predicted = model.predict(x, verbose=0)
        expected = ops.forward(Recurrence("lstm"), x, *(np.array(v.value) for v in model.weights)).states[0]
    finally:
        keras.config.set_floatx("float32")
    assert predicted.dtype == np.float64
    np.testing.assert_allclose(predicted, expected, rtol=1e-14, atol=1e-14)
    assert jax.numpy.ones(1).dtype == np.float32


def test_the_slow_path_warning_names_all_layers_and_the_users_line() -> None:
    model = keras.Sequential([layers.GRU(3, activation="elu", return_sequences=True), layers.RNN(Own())])
    with pytest.warns(gatewright.SlowPathWarning) as caught:
        model(X)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    text = str(caught[0].message)
    assert "2 layers run on the slower loop" in text
    assert "its activation is elu" in text
    assert "its cell is Own" in text


class Own(layers.SimpleRNNCell):
    """A cell of the user's own."""

    def __init__(self) -> None:
        super().__init__(3)
