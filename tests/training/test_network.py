"""A compiled network: its outputs, the memory of a training step, and adversarial training."""

import functools

import numpy as np
import pytest
from adding_problem import network_of, sets
from tolerances import assert_close

from gatewright.data.batches import Batch
from gatewright.data.encoders import Words
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.tasks.base.labels import SingleLabel
from gatewright.tasks.classify.task import PreparedTexts
from gatewright.training import network as training_network
from gatewright.training.network import Network, perturbation
from gatewright.training.recipe import Recipe

pytestmark = pytest.mark.slow  # compiles networks

network = functools.cache(network_of)


def test_outputs_do_not_depend_on_the_size_of_a_call(monkeypatch):
    weights, train = network().initial_weights([1, 0]), sets().train
    whole = network().outputs(weights, train)
    assert whole.shape == (70, 1)
    monkeypatch.setattr(training_network, "_EXAMPLES_PER_CALL", 9)
    assert_close(network_of().outputs(weights, train), whole, "same_order", np.float32)


def test_outputs_report_their_progress():
    done = []
    network().outputs(network().initial_weights([1, 0]), sets().train, tick=done.append)
    assert sum(done) == 70


def test_peak_memory_counts_weights_optimizer_batch_and_scratch():
    def bytes_of(units, batch_size):
        return network("lstm", units, batch_size).peak_memory(sets().train)

    parameters = 4 * 64 * (2 + 64 + 1) + 65
    assert bytes_of(64, 8) > 3 * 4 * parameters  # weights and Adam's two moments
    assert bytes_of(64, 32) > bytes_of(64, 8)
    # The values that the backward pass needs: five per unit and step of the LSTM.
    assert bytes_of(64, 32) - bytes_of(64, 8) > 24 * 12 * 64 * 5 * 4


class TestAdversarial:
    """Against Miyato et al. 2017, with finite differences for the gradient by the embedded words."""

    INPUTS = np.array([[0, 3, 4, 5], [0, 0, 9, 3], [0, 0, 0, 0]], np.int32)
    TARGETS = np.array([1, 0, 1], np.int32)

    def network(self, adversarial_epsilon):
        prepared = PreparedTexts(SingleLabel(("bad", "good")), Words.fit(["a b"], 9), 4)
        layers = [Embedding(11, 4), Recurrent("gru", 5, return_sequences=True), Pool("mean"), Dense(1)]
        recipe = Recipe(1, 3, 0.01, adversarial_epsilon=adversarial_epsilon)
        return Network(prepared, layers, Batch(self.INPUTS, self.TARGETS), recipe)

    def losses(self, ours, weights, shift):
        outputs, _ = ours.forward(weights, self.INPUTS, self.TARGETS, shift=np.asarray(shift, np.float32))
        return np.asarray(ours.prepared.losses(outputs, self.TARGETS), np.float64)

    def gradient(self, ours, weights):
        """Return the gradient of the mean loss by the embedded words."""
        g = np.zeros((*self.INPUTS.shape, 4))
        for place in np.ndindex(*g.shape):
            step = np.zeros_like(g)
            step[place] = 0.01
            both = [self.losses(ours, weights, sign * step).mean() for sign in (1, -1)]
            g[place] = (both[0] - both[1]) / 0.02
        return g

    def test_texts_are_moved_uphill_by_the_given_length(self):
        ours = self.network(0.3)
        weights = ours.initial_weights([3])
        table = np.asarray(weights[0]["table"])
        g = self.gradient(ours, weights)
        r = np.asarray(perturbation(g.astype(np.float32), table, self.INPUTS))
        live = table[self.INPUTS[self.INPUTS > 0]]
        length = np.sqrt((live**2).sum(axis=1).mean())
        np.testing.assert_allclose(np.sqrt((r**2).sum(axis=(1, 2)))[:2], length, rtol=1e-5)
        assert not r[self.INPUTS == 0].any()
        still, moved = (self.losses(ours, weights, shift) for shift in (0 * r, 0.3 * r))
        assert np.all(moved[:2] > still[:2])
        assert moved[2] == still[2]

    def test_a_step_learns_equally_from_the_texts_and_the_moved_texts(self):
        ours, plain = self.network(0.3), self.network(0.0)
        weights = ours.initial_weights([3])
        g = self.gradient(plain, weights).astype(np.float32)
        r = 0.3 * np.asarray(perturbation(g, np.asarray(weights[0]["table"]), self.INPUTS))
        (_, gradients) = ours._adversarial_gradients(
            lambda w, shift: (
                ours.prepared.losses(ours.forward(w, self.INPUTS, self.TARGETS, shift=shift)[0], self.TARGETS).mean(),
                (),
            ),
            weights,
            self.INPUTS,
        )
        kernel = np.asarray(weights[-1]["kernel"])
        for place in np.ndindex(*kernel.shape):
            both = []
            for sign in (1, -1):
                step = np.zeros_like(kernel)
                step[place] = sign * 0.01
                other = [*weights[:-1], {**weights[-1], "kernel": kernel + step}]
                both.append(np.mean([self.losses(ours, other, shift).mean() for shift in (0 * r, r)]))
            expected = (both[0] - both[1]) / 0.02
            assert float(gradients[-1]["kernel"][place]) == pytest.approx(expected, rel=1e-2, abs=1e-5)

    def test_a_batch_without_gradient_is_not_moved(self):
        zeros = np.zeros((*self.INPUTS.shape, 4), np.float32)
        assert not np.asarray(perturbation(zeros, np.ones((11, 4), np.float32), self.INPUTS)).any()
