"""Single steps of translators: the numbers of the whole sequence, with the same bits in any batch."""

import numpy as np
import pytest
from tolerances import assert_close, kinds

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY
from gatewright.nn.layer import Activations
from gatewright.ops.cells import CELLS
from gatewright.ops.recurrence import Recurrence
from gatewright.support.ids import START
from gatewright.tasks.translate.decoding_step import RowProduct, Stepper
from gatewright.tasks.translate.layers import ATTENTION, Decoder, Encoder


def stepper_of(layers, scale=1.0):
    """Return a stepper, and the weights, multiplied by `scale` so that the attention is not nearly uniform."""
    weights = models.initial_weights(layers, 1, [1])
    weights = [{name: array * np.float32(scale) for name, array in layer.items()} for layer in weights]
    return Stepper(layers, models.bind(layers, weights)), weights


def network(cell="gru", units=5, vocabulary=11, encoder_depth=1, **options):
    return [Encoder(vocabulary, 6, cell, units, encoder_depth), Decoder(vocabulary, 6, cell, units, **options)]


def random_ids(rng, *shape, vocabulary=11):
    ids = rng.integers(4, vocabulary, shape).astype(np.int32)
    ids[..., -1] = START
    return ids


def losses_by_steps(stepper, source, target):
    """Return -log p of each id of the target, [sentences, target steps], one step at a time."""
    memory = stepper.encode(source)
    state, ids, losses = stepper.start(memory), np.full(len(source), START), []
    for y in target.T:
        log_p, state, attention = stepper.step(memory, state, ids, 1)
        assert_close(np.exp(log_p).sum(axis=1), np.ones(len(source)), "forward", np.float32)
        losses.append(-log_p[np.arange(len(y)), y])
        ids = y
    return np.stack(losses, axis=1), attention


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("attention", ATTENTION)
def test_the_steps_have_the_losses_of_the_whole_sequence(attention, cell):
    rng = np.random.default_rng(0)
    source, target = random_ids(rng, 3, 7), random_ids(rng, 3, 5)
    kind = kinds(Recurrence(cell), 6, 5, small_gains=False).outward
    for score, depth, shared, zoneout in [("dot", 1, False, 0.0), ("additive", 2, True, 0.2)]:
        options = {"score": score, "depth": depth, "shared": shared, "tied": depth == 1, "zoneout": zoneout}
        layers = network(cell, attention=attention, encoder_depth=depth, **options)
        stepper, weights = stepper_of(layers, 2.0)
        inputs = Activations(source, targets={"ids": target})
        expected = models.forward(layers, NUMPY, models.bind(layers, weights), inputs)[0].x["losses"]
        found, a = losses_by_steps(stepper, source, target)
        assert_close(found, expected, kind, np.float32)
        assert_close(a.sum(axis=1), np.full(3, attention != "none"), "forward", np.float32)


def run(stepper, sources, paths, beam, order=None):
    """Return the bytes of all numbers of each hypothesis at each step: {(sentence, hypothesis): [bytes of steps]}.

    Args:
        stepper: The stepper.
        sources: Source ids [sentences, source steps].
        paths: The ids that each hypothesis reads, [sentences, hypotheses, steps].
        beam: Number of hypotheses of each sentence in a call.
        order: The hypotheses of each sentence that are used, in their order in the call. None for the first ones.
    """
    order = range(beam) if order is None else order
    memory, found = stepper.encode(sources), {}
    state = stepper.rows_of(stepper.start(memory), np.repeat(np.arange(len(sources)), beam))
    for t in range(paths.shape[2]):
        ids = paths[:, order, t].reshape(-1)
        log_p, state, attention = stepper.step(memory, state, ids, beam)
        for row in range(len(ids)):
            key = row // beam, order[row % beam]
            found.setdefault(key, []).append(b"".join(a[row].tobytes() for a in (log_p, state.states, attention)))
    return found


@pytest.mark.parametrize("units", [1, 7, 8, 9, 17, 65])
@pytest.mark.parametrize(
    ("attention", "score"), [("after", "dot"), ("after", "additive"), ("bottom", "dot"), ("fed", "dot")]
)
def test_a_hypothesis_has_the_same_bits_in_any_composition(attention, score, units):
    """Alone and among others, with any number of sentences, and in any place of any beam."""
    rng, vocabulary = np.random.default_rng(units), 203 if units == 65 else 11
    cell = "lstm" if attention == "fed" else "gru"
    stepper, _ = stepper_of(network(cell, units, vocabulary, attention=attention, score=score), 3.0)
    for steps in (1, 5, 9):
        sources = random_ids(rng, 7, steps, vocabulary=vocabulary)
        paths = rng.integers(1, vocabulary, (7, 11, 3))
        expected = run(stepper, sources, paths, 11)
        for sentence in range(7):
            one = run(stepper, sources[[sentence]], paths[[sentence]], 1, [sentence % 5])
            assert one[0, sentence % 5] == expected[sentence, sentence % 5]
        for sentences, order in ([0, 1, 2], [1, 0]), ([5], [4, 3, 2, 1, 0]), ([6, 1], list(range(10, 0, -1))):
            found = run(stepper, sources[sentences], paths[sentences], len(order), order)
            assert all(found[s, k] == expected[sentence, k] for s, sentence in enumerate(sentences) for k in order)


def test_a_row_of_a_product_has_the_same_bits_in_any_place():
    rng = np.random.default_rng(0)
    for features, columns in [(1, 1), (7, 9), (17, 100), (64, 203), (256, 1001)]:
        x, W = (rng.normal(size=shape).astype(np.float32) for shape in ((250, features), (features, columns)))
        expected = RowProduct(W)(x)
        assert_close(expected, x.astype(np.float64) @ W, "forward", np.float32, features)
        for rows in (1, 2, 31, 33, 130):
            chosen = rng.permutation(250)[:rows]
            np.testing.assert_array_equal(RowProduct(W)(x[chosen]), expected[chosen])
