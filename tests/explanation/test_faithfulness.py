"""The deletion test: the top steps against random ones, the same for all attributions."""

import numpy as np
import pytest
from explained import drawn_weights, token_example, value
from scipy import stats

from gatewright.explanation import faithfulness as module
from gatewright.explanation.faithfulness import faithfulness
from gatewright.explanation.omission import omission
from gatewright.nn.layers import Dense, Embedding, Pool, Recurrent
from gatewright.results.explanation import GRADIENTS, LEDGER, Attribution
from gatewright.results.statistics import mean_interval
from gatewright.tasks.base.explainable import Output

LAYERS = [Embedding(11, 5), Recurrent("gru", 6, True, return_sequences=True), Pool("mean"), Dense(2)]
WEIGHTS = drawn_weights(LAYERS)


def text(length, output=None):
    ids = np.random.default_rng(1).integers(2, 11, length).tolist()
    return token_example(ids, output or Output("good", 1, "bad", 0))


def test_the_top_tenth_is_left_out_and_compared_with_random_steps():
    example = text(23)
    effects = np.random.default_rng(2).normal(size=24)
    effects[0] = 100  # the start of a text cannot be left out
    effects[5] = effects[17] = 9
    found, worst = faithfulness(
        LAYERS, WEIGHTS, example, [Attribution(LEDGER, effects), Attribution(GRADIENTS, -effects)]
    )
    assert (found.method, found.deleted) == (LEDGER, 2)
    whole = value(LAYERS, WEIGHTS, example.inputs, example.output)
    without = value(LAYERS, WEIGHTS, example.without([(5, 17)]), example.output)
    assert found.top == pytest.approx(whole - without, abs=1e-5)
    assert worst.random == found.random
    assert worst.top != found.top
    expected = mean_interval(found.random.values)
    assert (found.random.low, found.random.high) == pytest.approx((expected.low, expected.high))
    assert len(found.random.values) == 20
    assert len(set(found.random.values)) > 10
    assert faithfulness(LAYERS, WEIGHTS, example, [Attribution(LEDGER, effects)])[0].random == found.random


def test_leaving_out_the_words_that_decided_lowers_the_logit_further_than_random_words():
    example = text(40)
    (found,) = faithfulness(LAYERS, WEIGHTS, example, [omission(LAYERS, WEIGHTS, example)])
    assert found.deleted == 4
    assert found.top > found.random.high


@pytest.mark.parametrize("length", [1, 4])
def test_at_least_one_step_is_left_out(length):
    example = text(length)
    (found,) = faithfulness(LAYERS, WEIGHTS, example, [omission(LAYERS, WEIGHTS, example)])
    assert found.deleted == 1
    assert found.top == pytest.approx(np.nanmax(omission(LAYERS, WEIGHTS, example).values), abs=1e-5)


def test_steps_that_an_attribution_cannot_judge_are_not_left_out_and_without_steps_there_is_no_test():
    example = text(4)
    effects = np.array([1, np.nan, -3, -2, np.nan])
    (found,) = faithfulness(LAYERS, WEIGHTS, example, [Attribution(LEDGER, effects)])
    without = value(LAYERS, WEIGHTS, example.without([(3,)]), example.output)
    assert found.top == pytest.approx(value(LAYERS, WEIGHTS, example.inputs, example.output) - without, abs=1e-5)
    assert faithfulness(LAYERS, WEIGHTS, text(0), [Attribution(LEDGER, np.zeros(1))]) == ()


def test_the_interval_is_that_of_student():
    assert stats.t.ppf(0.975, module.DRAWS - 1) == pytest.approx(module._T, rel=1e-12)
