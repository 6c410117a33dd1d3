"""Progress bars of all calls are printed by one thread."""

import os
import threading

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from gatewright.keras import accelerate, progress_thread  # noqa: E402


class Recorder(keras.callbacks.Callback):
    """Records the threads in which batches end, and calls `inner` there."""

    async_safe = True  # Keras runs such callbacks in its executor

    def __init__(self, inner=None):
        super().__init__()
        self.threads, self.inner = set(), inner

    def on_predict_batch_end(self, batch, logs=None):
        self.threads.add(threading.current_thread())
        if self.inner is not None:
            self.inner()


@pytest.fixture
def model():
    accelerate.accelerate()
    progress_thread.install()
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    yield model
    progress_thread.uninstall()
    accelerate.restore()


def test_many_calls_print_in_one_thread(model):
    recorder = Recorder()
    for _ in range(4):
        model.predict(np.ones((6, 2)), batch_size=2, verbose=0, callbacks=[recorder])
    assert len(recorder.threads) == 1
    assert threading.current_thread() not in recorder.threads


def test_a_callback_in_the_thread_can_predict(model):
    inner = Recorder()
    outer = Recorder(lambda: model.predict(np.ones((2, 2)), verbose=0, callbacks=[inner]))
    model.predict(np.ones((4, 2)), batch_size=2, verbose=0, callbacks=[outer])
    assert len(outer.threads) == 1
    assert inner.threads
    assert not inner.threads & outer.threads


def test_an_error_in_the_thread_reaches_the_caller_and_the_thread_goes_on(model):
    def fail():
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        model.predict(np.ones((4, 2)), batch_size=2, verbose=0, callbacks=[Recorder(fail)])
    recorder = Recorder()
    assert model.predict(np.ones((4, 2)), verbose=0, callbacks=[recorder]).shape == (4, 1)
    assert recorder.threads


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_process_starts_its_own_thread():
    executor = progress_thread._shared_executor()
    executor.submit(int).result()
    progress_thread._forget_executor()
    assert progress_thread._shared_executor() is not executor
