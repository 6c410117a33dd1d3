"""Drawing of ids: each setting against its source."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.tasks.base.decoding import Beam, Decoding, chooser, penalized, probabilities, search

LOGITS = np.log(np.array([0.5, 0.25, 0.15, 0.1], np.float32))
UNSEEN = np.zeros(4, bool)


def drawn(count=20_000, logits=LOGITS, **settings):
    """Return the frequency with which each id is drawn."""
    choose, unseen = chooser(Decoding(seed=3, **settings)), np.zeros(len(logits), bool)
    return np.bincount([choose(logits, unseen) for _ in range(count)], minlength=len(logits)) / count


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, [0.5, 0.25, 0.15, 0.1]),
        ({"temperature": 0}, [1, 0, 0, 0]),
        ({"temperature": 1e-310}, [1, 0, 0, 0]),
        ({"temperature": 1e6}, [0.25, 0.25, 0.25, 0.25]),
        ({"temperature": 0.5}, np.array([25, 6.25, 2.25, 1]) / 34.5),
        ({"top_k": 2}, [2 / 3, 1 / 3, 0, 0]),
        ({"top_k": 9}, [0.5, 0.25, 0.15, 0.1]),
        ({"top_p": 0.5}, [1, 0, 0, 0]),
        ({"top_p": 0.51}, [2 / 3, 1 / 3, 0, 0]),
        ({"top_p": 0.9}, [5 / 9, 2.5 / 9, 1.5 / 9, 0]),
        ({"top_k": 3, "top_p": 0.6, "temperature": 0.5}, [25 / 25, 0, 0, 0]),
    ],
)
def test_ids_are_drawn_by_their_probabilities(settings, expected):
    assert drawn(**settings) == pytest.approx(expected, abs=0.015)
    if settings.get("temperature", 1) > 1e-6:
        assert probabilities(Decoding(**settings), LOGITS) == pytest.approx(expected, abs=1e-6)


def test_no_more_than_top_k_of_equal_ids_are_kept():
    assert np.count_nonzero(probabilities(Decoding(top_k=2), np.zeros(5, np.float32))) == 2


def test_the_penalty_applies_to_ids_that_occurred_before():
    logits = np.array([2.0, -1.0, 1.0, 0.0], np.float32)
    how = Decoding(temperature=0, repetition_penalty=4)
    seen = np.array([True, True, False, False])
    assert penalized(how, logits, seen).tolist() == [0.5, -4, 1, 0]
    assert chooser(how)(logits, seen) == 2
    assert chooser(how)(logits, UNSEEN) == 0


def test_the_draws_are_a_function_of_the_seed():
    def some(seed):
        choose = chooser(Decoding(seed=seed))
        return [choose(LOGITS, UNSEEN) for _ in range(50)]

    assert some(1) == some(1) != some(2)


@given(
    logits=st.lists(st.floats(-50, 50, width=32), min_size=1, max_size=9),
    never=st.integers(0, 8),
    temperature=st.sampled_from([0, 0.1, 1.0, 5.0]),
    top_k=st.integers(0, 4),
    top_p=st.sampled_from([0.1, 0.9, 1.0]),
)
def test_an_impossible_id_is_never_drawn(logits, never, temperature, top_k, top_p):
    array = np.array([*logits, 0.0], np.float32)
    array[never % len(logits)] = -np.inf
    choose = chooser(Decoding(temperature=temperature, top_k=top_k, top_p=top_p, seed=1))
    assert never % len(logits) not in {choose(array, np.zeros(len(array), bool)) for _ in range(30)}


class TestBeams:
    """Beam search over a Markov chain in which the greedy path is not the best."""

    CHAIN = np.log(np.array([[0.01, 0.55, 0.44], [0.3, 0.3, 0.4], [0.01, 0.01, 0.98]]))

    def found(self, beams, tokens=3, end=None):
        def extended(beam, number):
            return Beam(beam.log_probability, (*beam.ids, number), number, number == end)

        return search(Beam(0.0, (), 0, False), beams, tokens, lambda beam: self.CHAIN[beam.after], extended)

    def probability(self, ids):
        return sum(self.CHAIN[a, b] for a, b in itertools.pairwise((0, *ids)))

    def test_one_beam_is_greedy_and_more_find_the_best(self):
        every = max(itertools.product(range(3), repeat=3), key=self.probability)
        assert self.found(1).ids == (1, 2, 2)
        assert self.found(9).ids == every == (2, 2, 2)
        assert self.found(9).log_probability == pytest.approx(self.probability(every))

    def test_an_ended_text_is_not_extended(self):
        assert self.found(3, tokens=50, end=1).ids == (1,)
