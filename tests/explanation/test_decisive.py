"""The steps that decide together: the search equals a plain one, and the set does what it says."""

import numpy as np
import pytest
from explained import drawn_weights, token_example, value

from gatewright.explanation.decisive import decisive_steps, steps_to_leave_out
from gatewright.explanation.omission import omission
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent, Softmax
from gatewright.tasks.base.explainable import Output

IDS = [4, 9, 2, 10, 2, 5, 5, 7, 3]


def network(pooling, bidirectional=True):
    if pooling == "last":
        return [Embedding(11, 5), Recurrent("gru", 9, bidirectional), Dense(3)]
    return [Embedding(11, 5), Recurrent("gru", 9, bidirectional, return_sequences=True), Pool(pooling), Dense(3)]


def plain_search(number, removable, count):
    """Leave out one step at a time, always the one without which the number is lowest."""
    chosen = []
    while len(chosen) < count:
        rest = [step for step in removable if step not in chosen]
        chosen.append(min(rest, key=lambda step: number((*chosen, step))))
    return chosen


@pytest.mark.parametrize("pooling", ["last", "max", "attention"])  # the last one cannot share readings
@pytest.mark.parametrize("seed", range(4))
def test_with_a_round_for_each_step_the_search_is_the_plain_one(pooling, seed):
    layers = network(pooling)
    weights, example = drawn_weights(layers, seed=seed), token_example(IDS, Output("good", 1, "bad", 0))

    def number(steps):
        return value(layers, weights, example.without([steps]), example.output)

    *_, last = rounds = list(steps_to_leave_out(layers, weights, example, 3))
    assert [len(steps) for steps in rounds] == [1, 2, 3]
    assert list(last) == plain_search(number, example.removable, 3)
    assert rounds[0][0] == int(np.nanargmax(omission(layers, weights, example).values))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_output_of_one_step_is_followed_when_steps_are_left_out(bidirectional):
    layers = [Embedding(11, 5), Recurrent("lstm", 6, bidirectional, return_sequences=True), Dense(4), Softmax(11)]
    weights, example = drawn_weights(layers), token_example(IDS, Output("a", 3, "b", 4, step=5))

    def number(steps):
        at = Output("a", 3, "b", 4, step=5 - sum(step <= 5 for step in steps))
        return value(layers, weights, example.without([steps]), at)

    *_, last = steps_to_leave_out(layers, weights, example, 3)
    assert list(last) == plain_search(number, example.removable, 3)


def test_rounds_choose_the_count_in_the_end():
    layers = network("max")
    weights, example = drawn_weights(layers), token_example(IDS * 9, Output("good", 1, "bad", 0))
    assert [len(steps) for steps in steps_to_leave_out(layers, weights, example, 8)] == [3, 6, 8]
    assert [len(steps) for steps in steps_to_leave_out(layers, weights, example, 81)] == [27, 54, 81]


@pytest.mark.parametrize("pooling", ["last", "max"])
def test_without_the_decisive_steps_the_alternative_is_as_probable_and_without_fewer_it_is_not(pooling):
    layers = network(pooling)
    example = token_example(IDS * 9, Output("good", 1, "bad", 0))
    changed = 0
    for seed in range(12):
        weights = drawn_weights(layers, seed=seed)
        whole = value(layers, weights, example.inputs, example.output)
        found = decisive_steps(layers, weights, example)
        if whole <= 0:
            assert found is None
            continue
        assert 1 <= len(found.steps) <= 8
        assert len(set(found.steps)) == len(found.steps)
        without = value(layers, weights, example.without([found.steps]), example.output)
        assert found.left == pytest.approx(without, abs=1e-5)
        if found.left > 0:
            assert len(found.steps) == 8
        else:
            changed += 1
            assert value(layers, weights, example.without([found.steps[:-1]]), example.output) > -1e-5
    assert changed


def test_words_that_say_the_same_are_found_together():
    """A unit that any of three words turns on: without one of them, nothing changes."""
    layers = [Embedding(5, 1), Recurrent("simple_rnn", 1, return_sequences=True), Pool("max"), Dense(1)]
    table = np.array([[0], [0], [0], [0], [2]], np.float32)
    one, zero = np.ones((1, 1), np.float32), np.zeros(1, np.float32)
    weights = [
        {"table": table},
        {"kernel": one, "recurrent_kernel": 0 * one, "bias": zero},
        {},
        {"kernel": one, "bias": np.array([-0.5], np.float32)},
    ]
    ids = [4 if place in (3, 11, 19) else 3 for place in range(30)]
    example = token_example(ids, Output("good", 0, "bad"))
    effects = omission(layers, weights, example).values[list(example.removable)]
    np.testing.assert_allclose(effects, 0, atol=1e-6)
    found = decisive_steps(layers, weights, example)
    assert sorted(found.steps) == [4, 12, 20]  # the start of the text comes first
    assert found.left == pytest.approx(-0.5, abs=1e-6)


def test_numbers_without_an_alternative_and_texts_without_words_have_no_decisive_steps():
    layers = network("max")
    weights = drawn_weights(layers)
    assert decisive_steps(layers, weights, token_example(IDS, Output("sum", 1))) is None
    assert decisive_steps(layers, weights, token_example([], Output("good", 1, "bad", 0))) is None
