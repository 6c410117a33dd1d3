"""The layers of taggers, in NumPy and JAX."""

import jax.numpy as jnp
import numpy as np
import pytest
from tag_models import SENTENCES, tagger
from tolerances import assert_close

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.ops import reference as cells
from gatewright.ops.recurrence import Recurrence
from gatewright.support.errors import InputError
from gatewright.support.trees import tree_map
from gatewright.tasks.tag.layers import WordCharEmbedding
from gatewright.tasks.tag.spelling import Spelling

WORDS = [text.split() for text in SENTENCES]
IDS = Spelling.fit(WORDS, 40, 1, 6).encode(WORDS, 7)
LIVE = IDS["words"] > 0


def outputs(file, backend=NUMPY, targets=None):
    inputs = Activations(IDS if backend is NUMPY else tree_map(jnp.asarray, IDS), targets=targets)
    return tree_map(np.asarray, models.forward(file.layers, backend, file.weights, inputs)[0].x)


@pytest.mark.parametrize("crf", [False, True])
@pytest.mark.parametrize("pooling", ["max", "attention"])
@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
def test_numpy_and_jax_agree(crf, pooling, cell):
    file = tagger(cell, 7, crf=crf, pooling=pooling)
    for targets in (None, {"tags": LIVE * 2}):
        one, other = (outputs(file, backend, targets) for backend in (NUMPY, jax_backend()))
        assert one.keys() == other.keys() == {"scores", "labels", "losses"}
        for name, array in one.items():
            assert_close(other[name], array, "forward", np.float32)
        assert (one["losses"] > 0).all() == (targets is not None)


@pytest.mark.parametrize("cell", ["simple_rnn", "lstm", "gru"])
@pytest.mark.parametrize("units", [1, 8, 9, 17])
def test_a_word_is_its_vector_and_the_last_states_over_its_letters(cell, units):
    layer = WordCharEmbedding(9, 4, 11, units, cell)
    w = {name: array * 3 for name, array in models.initial_weights([layer], 1, [2])[0].items()}
    ids = {
        "words": np.array([[0, 5, 2], [3, 2, 8]], np.int32),
        "chars": np.array(
            [[[0, 0, 0], [4, 7, 0], [9, 0, 0]], [[4, 4, 4], [10, 3, 5], [2, 0, 0]]],
            np.int32,
        ),
    }
    result, _ = layer.forward(NUMPY, w, Activations(ids), None, None)
    assert result.mask.tolist() == [[False, True, True], [True, True, True]]
    assert result.x.shape == (2, 3, layer.width(1))
    for row, step in [(0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]:
        letters = [number for number in ids["chars"][row, step] if number]
        x = w["chars_table"].astype(np.float64)[letters][None]
        expected = [w["table"][ids["words"][row, step]]]
        for prefix, reverse in (("", False), ("backward_", True)):
            weights = (w[f"chars_{prefix}{name}"].astype(np.float64) for name in ("kernel", "recurrent_kernel", "bias"))
            rec = Recurrence(cell, reverse=reverse)
            zeros = [np.zeros((1, units)) for _ in rec.state_names]
            expected.append(cells.forward(rec, x, *weights, zeros).states[0][0])
        assert_close(result.x[row, step], np.concatenate(expected), "forward", np.float32)


def test_without_a_crf_the_scores_of_each_step_are_a_softmax():
    scores = outputs(tagger())["scores"]
    assert_close(np.exp(scores).sum(axis=2)[LIVE], np.ones(LIVE.sum()), "forward", np.float32)
    assert not scores[~LIVE].any()


def test_word_dropout_leaves_the_letters():
    layer = WordCharEmbedding(9, 4, 11, 3, "gru", word_dropout=0.5)
    w = models.initial_weights([layer], 1, [2])[0]
    ids = {"words": np.array([[0, 5, 6, 8]], np.int32), "chars": np.array([[[0], [4], [7], [4]]], np.int32)}

    class Rng:
        def keep(self, rate, shape):
            assert rate == 0.5
            return np.array([[True, True, False, False]])

    x = layer.forward(NUMPY, w, Activations(ids), None, Rng())[0].x[0]
    plain = layer.forward(NUMPY, w, Activations(ids), None, None)[0].x[0]
    np.testing.assert_array_equal(x[:2], plain[:2])
    np.testing.assert_array_equal(x[2:, :4], w["table"][[2, 2]])
    np.testing.assert_array_equal(x[:, 4:], plain[:, 4:])


def test_a_tagger_cannot_run_step_by_step():
    layers = tagger().layers
    for layer in (layers[0], layers[-1]):
        with pytest.raises(InputError, match="needs the whole sequence at once"):
            layer.stepper({})
