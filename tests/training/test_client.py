"""Training reuses memory in a process where JAX computed before gatewright was imported, too."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gatewright
from gatewright.support import memory
from gatewright.training import client


@pytest.fixture
def jax_first(monkeypatch):
    monkeypatch.setattr(memory, "_jax_was_first", True)
    if not memory.jax_was_first():
        pytest.skip("the C library is not glibc")


def test_an_own_client_computes_if_jax_was_first(jax_first):
    here = jnp.ones(3).device
    with client.reusing_memory():
        doubled = jax.jit(lambda x: 2 * x)(jnp.ones(3))
    assert doubled.device != here
    assert doubled.device.client is not here.client
    assert np.asarray(doubled).tolist() == [2, 2, 2]
    assert jnp.ones(3).device == here


def test_a_device_that_the_user_has_chosen_is_kept(jax_first):
    with jax.default_device(jax.devices()[0]), client.reusing_memory():
        assert jnp.ones(3).device == jax.devices()[0]


@pytest.mark.slow
def test_training_is_the_same_with_the_own_client(jax_first, monkeypatch, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat, and the dog lay on the log. " * 40)
    settings = {"units": 8, "epochs": 1, "layers": 1}
    own = gatewright.train("generate", text, tmp_path / "own.safetensors", **settings)
    monkeypatch.setattr(memory, "_jax_was_first", False)
    shared = gatewright.train("generate", text, tmp_path / "shared.safetensors", **settings)
    assert own.epochs[0].loss == pytest.approx(shared.epochs[0].loss, rel=1e-5)


def test_one_sentence_if_jax_has_no_such_client(jax_first, monkeypatch, capsys):
    def missing():
        raise AttributeError

    monkeypatch.setattr(client, "_own_client", missing)
    here = jnp.ones(3).device
    with client.reusing_memory():
        assert jnp.ones(3).device == here
    said = capsys.readouterr().err
    assert said.startswith("gatewright: JAX computed before gatewright was imported, which makes training slower: ")
    assert said.endswith("import gatewright first.\n")


def test_memory_is_kept_through_all_epochs(monkeypatch, tmp_path):
    returned = []
    library = memory._glibc()
    if library is None:
        pytest.skip("the C library is not glibc")

    class Library:
        mallopt = staticmethod(lambda *arguments: 1)
        malloc_trim = staticmethod(returned.append)

    monkeypatch.setattr(memory, "_glibc", Library)
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat, and the dog lay on the log. " * 40)
    gatewright.train("generate", text, tmp_path / "model.safetensors", units=8, epochs=3, layers=1)
    assert returned == [0]
