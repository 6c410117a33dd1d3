"""The layers of translators, in NumPy and JAX."""

import jax
import numpy as np
import pytest
from tolerances import assert_close

from gatewright.nn import model as models
from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.nn.layer import Activations
from gatewright.support.errors import InputError
from gatewright.support.ids import UNKNOWN
from gatewright.tasks.translate.layers import ATTENTION, SCORES, Decoder, Encoder

# The lengths are 7, 2 and 1, and 4, 1 and 5.
SOURCE = np.array([[5, 6, 7, 4, 4, 9, 1], [4, 1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]], np.int32)
TARGET = np.array([[5, 6, 8, 1, 0], [1, 0, 0, 0, 0], [8, 8, 10, 5, 1]], np.int32)
DROPOUT = {"embedding_dropout": 0.2, "word_dropout": 0.3, "dropout": 0.2, "recurrent_dropout": 0.2, "zoneout": 0.1}


class Masks:
    """Random numbers that are the same at each forward pass."""

    def __init__(self):
        self.drawn, self._rng = [], np.random.default_rng(3)

    def keep(self, rate, shape):
        self.drawn.append((rate, shape))
        return self._rng.random(shape) >= rate


def network(cell="gru", units=5, encoder=None, **options):
    return [Encoder(11, 6, cell, units + 2, **(encoder or {})), Decoder(11, 6, cell, units, **options)]


def weights_of(layers, scale=2.0):
    """Return weights that are larger than the initial ones, so that the attention is not nearly uniform."""
    weights = models.initial_weights(layers, 1, [1])
    return [{name: array * np.float32(scale) for name, array in layer.items()} for layer in weights]


def losses(layers, weights, backend=NUMPY, rng=None, source=SOURCE, target=TARGET):
    inputs = Activations(source, targets={"ids": target})
    return models.forward(layers, backend, models.bind(layers, weights), inputs, None, rng)[0].x["losses"]


def jitted(layers, weights, source=SOURCE, target=TARGET):
    """Return the losses in JAX, compiled as a whole, which is faster than operation by operation."""
    return jax.jit(lambda w: losses(layers, w, jax_backend(), None, source, target))(weights)


NETWORKS = [
    *({"attention": attention, "score": score} for attention in ATTENTION[:3] for score in SCORES),
    {"attention": "none"},
]
CELLS_AND_UNITS = [("gru", 17), ("lstm", 9), ("simple_rnn", 1), ("gru", 7), ("gru", 8), ("lstm", 9), ("simple_rnn", 17)]


def name(options):
    return "-".join(options.values())


@pytest.mark.slow  # compiles networks
@pytest.mark.parametrize(("options", "cell_and_units"), list(zip(NETWORKS, CELLS_AND_UNITS, strict=True)))
def test_numpy_and_jax_agree(options, cell_and_units):
    cell, units = cell_and_units
    depth = 1 + units % 2
    layers = network(cell, units, {"depth": depth}, depth=depth, tied=units != 8, shared=units == 9, **options)
    weights = weights_of(layers)
    assert [{name: array.shape for name, array in layer.items()} for layer in weights] == models.shapes(layers, 1)
    expected = losses(layers, weights)
    assert_close(jitted(layers, weights), expected, "forward", np.float32)
    assert ((expected > 0) == (TARGET > 0)).all()


@pytest.mark.slow  # compiles gradients
@pytest.mark.parametrize(
    ("options", "training"), [(NETWORKS[0], True), (NETWORKS[1], False), (NETWORKS[3], True), (NETWORKS[4], True)]
)
def test_gradients_equal_finite_differences(options, training):
    """In training with all kinds of dropout and with label smoothing, along a random direction of each array."""
    own = {**DROPOUT, "label_smoothing": 0.1, "depth": 2, "shared": True} if training else {"tied": False}
    layers = network("gru", 3, DROPOUT if training else {}, **options, **own)
    weights = [{name: a.astype(np.float64) for name, a in layer.items()} for layer in weights_of(layers)]

    def total(weights, backend=NUMPY):
        return losses(layers, weights, backend, Masks() if training else None).sum()

    with jax.enable_x64(True):
        value, gradients = jax.jit(jax.value_and_grad(lambda w: total(w, jax_backend())))(weights)
        assert_close(value, total(weights), "forward", np.float64, TARGET.size)
    rng, step = np.random.default_rng(0), np.finfo(np.float64).eps ** (1 / 3)
    for layer, by_name in enumerate(gradients):
        for name, gradient in by_name.items():
            direction, moved = rng.normal(size=gradient.shape), []
            for sign in (1, -1):
                other = [dict(named) for named in weights]
                other[layer][name] = weights[layer][name] + sign * step * direction
                moved.append(total(other))
            along = (np.asarray(gradient) * direction).sum()
            assert_close((moved[0] - moved[1]) / (2 * step), along, "finite_difference", np.float64)
            assert np.abs(gradient).max() > 0, name


@pytest.mark.parametrize("options", NETWORKS, ids=name)
def test_padding_and_other_sentences_do_not_change_the_losses(options):
    layers = network("gru", 9, {"depth": 2}, **options)
    weights = weights_of(layers)
    together = losses(layers, weights)
    wide = {"source": np.pad(SOURCE, ((0, 0), (0, 4))), "target": np.pad(TARGET, ((0, 0), (0, 2)))}
    wider = losses(layers, weights, **wide)
    if options == NETWORKS[0]:
        assert_close(jitted(layers, weights, **wide), wider, "forward", np.float32)
    assert_close(wider[:, :5], together, "same_order", np.float32)
    assert not wider[:, 5:].any()
    for row, (source, target) in enumerate(zip(SOURCE, TARGET, strict=True)):
        source, target = source[None, source > 0], target[None, target > 0]
        alone = losses(layers, weights, source=source, target=target)
        assert_close(alone[0], together[row, : target.size], "same_order", np.float32)


def test_without_attention_the_decoder_knows_the_last_outputs_of_the_encoder_alone():
    layers = network(attention="none")
    bound = models.bind(layers, weights_of(layers))
    read, _ = layers[0].forward(NUMPY, bound[0], Activations(SOURCE, targets={"ids": TARGET}), None, None)
    assert read.states[0][0].shape == (3, 14)
    np.testing.assert_array_equal(read.states[0][0][:, :7], read.x[[0, 1, 2], [6, 1, 0], :7])
    np.testing.assert_array_equal(read.states[0][0][:, 7:], read.x[:, 0, 7:])
    found = [
        layers[1].forward(NUMPY, bound[1], read._replace(x=x), None, None)[0].x["losses"] for x in (read.x, -read.x)
    ]
    np.testing.assert_array_equal(*found)


def test_label_smoothing_is_part_of_the_losses_in_training_alone():
    """Szegedy et al. 2016, section 7: the cross-entropy with the target distribution (1 - eps) [y] + eps / ids."""
    plain, smooth = network(), network(label_smoothing=0.3)
    weights = weights_of(plain)
    np.testing.assert_array_equal(losses(smooth, weights), losses(plain, weights))
    read = [losses(plain, weights, target=np.full_like(TARGET, y)[:, :1])[:, 0] for y in range(1, 11)]
    # That of padding is the one that is missing: all probabilities add up to 1.
    log_p = -np.array([-np.log1p(-np.exp(-np.array(read, np.float64)).sum(axis=0)), *read])
    for y in (4, 9):
        found = losses(smooth, weights, rng=Masks(), target=np.full_like(TARGET, y)[:, :1])[:, 0]
        assert_close(found, -0.7 * log_p[y] - 0.3 * log_p.mean(axis=0), "gradient", np.float32)


def test_dropout_is_the_same_at_all_steps_for_embeddings_and_words_are_never_ends():
    encoder, decoder = network(encoder=DROPOUT, **DROPOUT)
    bound = models.bind([encoder, decoder], weights_of([encoder, decoder]))
    masks = Masks()
    losses([encoder, decoder], bound, rng=masks)
    assert (0.2, (3, 1, 6)) in masks.drawn
    assert masks.drawn.count((0.3, SOURCE.shape)) == 1
    assert masks.drawn.count((0.3, TARGET.shape)) == 1
    assert (0.2, (3, 7, 14)) in masks.drawn
    assert (0.2, (3, 5, 6)) in masks.drawn

    class AllWords:
        def keep(self, rate, shape):
            return np.zeros(shape, bool)

    words = [Encoder(11, 6, "gru", 7, word_dropout=0.5), Decoder(11, 6, "gru", 5, word_dropout=0.5)]
    source, target = np.where(SOURCE > 1, UNKNOWN, SOURCE), np.where(TARGET > 1, UNKNOWN, TARGET)
    found = losses(words, bound, rng=AllWords(), target=target)
    np.testing.assert_array_equal(found, losses(words, bound, source=source, target=target))


def test_without_targets_there_are_no_losses():
    layers = network()
    out, _ = models.forward(layers, NUMPY, models.bind(layers, weights_of(layers)), Activations(SOURCE))
    np.testing.assert_array_equal(out.x["losses"], np.zeros((3, 1)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attention": "before"}, "attention must be"),
        ({"score": "cosine"}, "score must be"),
        ({"cell": "gro"}, "gro"),
        ({"cell": "min_gru", "recurrent_dropout": 0.5}, "no recurrent kernel"),
    ],
)
def test_options_that_do_not_exist_are_refused(options, message):
    with pytest.raises((InputError, ValueError), match=message):
        Decoder(**{"vocabulary": 11, "embedding": 6, "cell": "gru", "units": 5, **options})


def test_the_table_of_the_softmax_has_vectors_of_norm_1():
    weights = models.initial_weights([Encoder(900, 100, "gru", 3), Decoder(900, 100, "gru", 3)], 1, [1])
    for layer in weights:
        assert abs(np.linalg.norm(layer["table"], axis=1).mean() - 1) < 0.02
