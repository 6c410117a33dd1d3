"""The linear-chain CRF equals its definition, the sum and the maximum over all sequences, in NumPy and JAX."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import assert_close

from gatewright.nn.backend import NUMPY, jax_backend
from gatewright.tasks.tag import crf
from gatewright.tasks.tag.crf import Chain

LENGTHS = (0, 1, 2, 5)


def chain(tags=3, time=5, seed=0, lengths=LENGTHS, dtype=np.float64, spread=2.0):
    """Return examples of these lengths, padded on the left with numbers that must not matter."""
    rng = np.random.default_rng(seed)
    P = rng.normal(0, spread, (len(lengths), time, tags)).astype(dtype)
    live = np.arange(time) >= time - np.array(lengths)[:, None]
    A, a, b = (rng.normal(0, spread, shape).astype(dtype) for shape in ((tags, tags), (tags,), (tags,)))
    y = rng.integers(0, tags, (len(lengths), time))
    return Chain(P, live, A, a, b), y


def score(P, A, a, b, y):
    """Return s(y) of one example, term by term."""
    steps = sum(P[t, tag] for t, tag in enumerate(y))
    return a[y[0]] + steps + sum(A[i, j] for i, j in itertools.pairwise(y)) + b[y[-1]]


def sequences(made, row):
    """Return every sequence of tags for an example's live steps, and their scores."""
    P = made.P[row][made.live[row]]
    listed = list(itertools.product(range(P.shape[1]), repeat=len(P)))
    return listed, np.array([score(P, made.A, made.a, made.b, y) if y else 0.0 for y in listed])


BACKENDS = [pytest.param(lambda: NUMPY, id="numpy"), pytest.param(jax_backend, id="jax")]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("tags", [1, 2, 3, 4])
def test_the_likelihood_equals_the_sum_over_all_sequences(backend, tags):
    with jax.enable_x64(True):
        made, y = chain(tags)
        partition = np.asarray(crf.log_partition(backend(), made))
        likelihood = np.asarray(crf.log_likelihood(backend(), made, y))
    for row, length in enumerate(LENGTHS):
        listed, scores = sequences(made, row)
        wanted = np.log(np.exp(scores).sum()) if length else 0.0
        own = scores[listed.index(tuple(y[row][made.live[row]].tolist()))]
        assert_close(partition[row], wanted, "forward", np.float64)
        assert_close(likelihood[row], own - wanted, "forward", np.float64)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("tags", [1, 2, 3, 4])
def test_the_best_tags_are_the_most_probable_sequence(backend, tags):
    with jax.enable_x64(True):
        made, _ = chain(tags, seed=1)
        found = np.asarray(crf.max_marginals(backend(), made))
        partition = np.asarray(crf.log_partition(NUMPY, made))
    assert not found[~made.live].any()
    for row, length in enumerate(LENGTHS):
        listed, scores = sequences(made, row)
        best = listed[int(scores.argmax())]
        assert tuple(found[row][made.live[row]].argmax(axis=1)) == best
        for step, tag in itertools.product(range(length), range(tags)):
            wanted = max(s for y, s in zip(listed, scores, strict=True) if y[step] == tag) - partition[row]
            assert_close(found[row][made.live[row]][step, tag], wanted, "forward", np.float64)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_probabilities_sum_to_one(seed, tags, lengths):
    made, _ = chain(tags, 4, seed, lengths)
    for row, length in enumerate(lengths):
        total = 0.0
        for y in itertools.product(range(tags), repeat=length):
            whole = np.zeros((len(lengths), 4), int)
            whole[row, 4 - length :] = y
            total += np.exp(crf.log_likelihood(NUMPY, made, whole)[row])
        assert total == pytest.approx(1)


def test_padding_never_changes_a_result():
    made, y = chain(tags=7, time=9, lengths=(9, 8, 7, 1))
    for row, length in enumerate((9, 8, 7, 1)):
        alone = Chain(made.P[row : row + 1, 9 - length :], made.live[row : row + 1, 9 - length :], *made[2:])
        assert_close(
            crf.max_marginals(NUMPY, alone)[0], crf.max_marginals(NUMPY, made)[row, 9 - length :], "same_order", float
        )
        likelihood = crf.log_likelihood(NUMPY, alone, y[row : row + 1, 9 - length :])[0]
        assert_close(likelihood, crf.log_likelihood(NUMPY, made, y)[row], "same_order", float)


def test_gradients_equal_finite_differences():
    made, y = chain(tags=4, time=5, seed=3)
    parts = (made.P, *made[2:])
    backend = jax_backend()

    def loss(P, A, a, b):
        return -crf.log_likelihood(backend, Chain(P, made.live, A, a, b), y).sum()

    with jax.enable_x64(True):
        gradients = jax.grad(loss, argnums=(0, 1, 2, 3))(*map(jnp.asarray, parts))
        rng, step = np.random.default_rng(0), np.finfo(float).eps ** (1 / 3)
        for place, gradient in enumerate(gradients):
            along = rng.normal(size=parts[place].shape)
            moved = [
                [part + sign * step * along if place == own else part for own, part in enumerate(parts)]
                for sign in (1, -1)
            ]
            wanted = (loss(*moved[0]) - loss(*moved[1])) / (2 * step)
            assert_close((np.asarray(gradient) * along).sum(), wanted, "finite_difference", np.float64)


def test_scores_that_are_far_apart_stay_finite():
    made, y = chain(tags=5, dtype=np.float32, spread=300)

    def loss(P):
        return crf.log_likelihood(jax_backend(), made._replace(P=P), y).sum()

    assert np.isfinite(crf.log_likelihood(NUMPY, made, y)).all()
    assert np.isfinite(crf.max_marginals(NUMPY, made)).all()
    assert np.isfinite(jax.grad(loss)(jnp.asarray(made.P))).all()
