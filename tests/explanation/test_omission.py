"""Leave-one-out equals the network's own answers for shortened examples, however it is computed."""

import numpy as np
import pytest
from explained import drawn_weights, number_example, token_example, value

from gatewright.explanation.omission import groups, omission
from gatewright.explanation.shared_reading import read_without_each
from gatewright.nn.layers import Dense, Dropout, Embedding, Pool, Recurrent, Softmax
from gatewright.ops.cells import CELLS
from gatewright.results.explanation import OMISSION
from gatewright.support.errors import InputError
from gatewright.tasks.base.explainable import Output
from gatewright.tasks.classify_series.layers import SeriesInput

IDS = [4, 9, 2, 10, 2, 5, 5, 7, 3]
DIFFERENCE = Output("good", 1, "bad", 0)


def text_network(cell="gru", pooling="last", bidirectional=False, layers=1, **options):
    sequences = pooling != "last"
    below = [Recurrent(cell, 7, bidirectional, return_sequences=True) for _ in range(layers - 1)]
    top = Recurrent(cell, 9, bidirectional, return_sequences=sequences, **options)
    pool = [Pool(pooling)] if sequences else []
    return [Embedding(11, 5), Dropout(0.5), *below, top, *pool, Dropout(0.5), Dense(3)]


def assert_equals_shortened_examples(layers, weights, example, shared):
    """Compare each effect with a forward pass of the shortened example alone, without padding."""
    found = omission(layers, weights, example)
    assert (read_without_each(layers, weights, example) is not None) == shared
    assert found.method == OMISSION
    assert found.values.shape == (len(example.steps),)
    whole = value(layers, weights, example.inputs, example.output)
    for step in range(len(example.steps)):
        if step in example.removable:
            shortened = value(layers, weights, example.without([(step,)]), example.output)
            assert found.values[step] == pytest.approx(whole - shortened, abs=1e-6 * max(1, abs(whole)) * 4)
        else:
            assert np.isnan(found.values[step])


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "attention"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_effects_of_words_equal_the_answers_without_them(cell, pooling, bidirectional):
    layers = text_network(cell, pooling, bidirectional)
    example = token_example(IDS, DIFFERENCE)
    assert_equals_shortened_examples(layers, drawn_weights(layers), example, shared=pooling != "attention")


@pytest.mark.parametrize("merge", ["concat", "sum", "mul", "ave"])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_merged_and_reversed_directions_are_read_in_their_order(merge, go_backwards, pooling):
    layers = text_network("lstm", pooling, True, merge=merge, go_backwards=go_backwards, zoneout=0.2)
    example = token_example(IDS, Output("good", 2, sign=-1))
    shared = pooling == "last" or merge == "concat"
    assert_equals_shortened_examples(layers, drawn_weights(layers), example, shared)


def test_texts_that_a_limit_cuts_get_the_words_before_in_place_of_those_left_out():
    layers = text_network("gru", "max", True)
    weights = drawn_weights(layers)
    for max_length in (9, 10):  # at 9, the start of the text is read too when a word is left out
        example = token_example(IDS, DIFFERENCE, max_length)
        assert len(example.without([(8,)])[0]) == 9
        assert_equals_shortened_examples(layers, weights, example, shared=max_length == 10)


def test_networks_with_several_recurrent_layers_read_each_shortened_text():
    layers = text_network("lstm", "mean", True, layers=2)
    assert_equals_shortened_examples(layers, drawn_weights(layers), token_example(IDS, DIFFERENCE), shared=False)


@pytest.mark.parametrize("step", [0, 4, 9])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_effects_on_the_output_of_one_step_follow_it_when_steps_before_are_left_out(step, bidirectional):
    recurrent = Recurrent("lstm", 6, bidirectional, return_sequences=True)
    layers = [Embedding(11, 5), recurrent, Dense(4), Softmax(11)]
    weights = drawn_weights(layers)
    example = token_example(IDS, Output("a", 3, "b", 4, step=step))
    found = omission(layers, weights, example).values
    whole = value(layers, weights, example.inputs, example.output)
    for left_out in example.removable:
        at = Output("a", 3, "b", 4, step=step - (left_out <= step))
        shortened = value(layers, weights, example.without([(left_out,)]), at)
        assert found[left_out] == pytest.approx(whole - shortened, abs=1e-5)
    if not bidirectional:
        np.testing.assert_allclose(found[step + 1 :], 0, atol=1e-6)
    assert (read_without_each(layers, weights, example) is None) == (bidirectional and step > 0)


def test_steps_of_numbers_are_left_out_too_and_masked_ones_change_nothing():
    layers = [SeriesInput(), Recurrent("gru", 6, True, return_sequences=True), Pool("mean"), Dense(1)]
    weights = drawn_weights(layers, 3)
    x = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    bare = [Recurrent("lstm", 5), Dense(1)]
    assert_equals_shortened_examples(bare, drawn_weights(bare, 3), number_example(x, Output("sum", 0)), shared=True)
    x[2, 1] = x[5, 0] = np.nan
    assert_equals_shortened_examples(layers, weights, number_example(x, Output("high", 0)), shared=True)
    x[4] = np.nan
    example = number_example(x, Output("high", 0))
    assert_equals_shortened_examples(layers, weights, example, shared=False)
    assert omission(layers, weights, example).values[4] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("length", [0, 1, 2])
def test_short_texts_have_effects_too(length):
    for pooling in ("last", "mean", "max"):
        layers = text_network("gru", pooling, True)
        example = token_example(IDS[:length], DIFFERENCE)
        assert_equals_shortened_examples(layers, drawn_weights(layers), example, shared=length > 0)


def test_a_long_text_is_read_in_parts_with_the_same_effects(monkeypatch):
    layers = text_network("gru", "mean", True)
    weights, example = drawn_weights(layers), token_example(IDS, DIFFERENCE)
    together = omission(layers, weights, example)
    phrases = groups(layers, weights, example, together, [(1, 2), (2, 3, 4), (5,)])
    for module in ("shared_reading", "target"):
        monkeypatch.setattr(f"gatewright.explanation.{module}.POSITIONS", 25)
    np.testing.assert_allclose(omission(layers, weights, example).values, together.values, rtol=0, atol=1e-6)
    for one, other in zip(groups(layers, weights, example, together, [(1, 2), (2, 3, 4), (5,)]), phrases, strict=True):
        assert one.steps == other.steps
        assert one.effect == pytest.approx(other.effect, abs=1e-6)


def test_groups_are_left_out_together_and_compared_with_their_steps_alone():
    layers = text_network("gru", "max", True)
    weights, example = drawn_weights(layers), token_example(IDS, DIFFERENCE)
    alone = omission(layers, weights, example)
    pair, phrase = groups(layers, weights, example, alone, [(3, 2), {4, 5, 6}])
    assert (pair.steps, phrase.steps) == ((2, 3), (4, 5, 6))
    for group in (pair, phrase):
        without = value(layers, weights, example.without([group.steps]), example.output)
        whole = value(layers, weights, example.inputs, example.output)
        assert group.effect == pytest.approx(whole - without, abs=1e-5)
        assert group.separate == pytest.approx(alone.values[list(group.steps)].sum())
    assert pair.effect != pytest.approx(pair.separate)


@pytest.mark.parametrize(
    ("step", "reason"), [(0, r"Step 0 cannot be left out \('1'\)"), (99, r"Step 99 .*because there are 10 steps")]
)
def test_a_group_with_a_step_that_cannot_be_left_out_is_refused(step, reason):
    layers = text_network()
    weights, example = drawn_weights(layers), token_example(IDS, DIFFERENCE)
    with pytest.raises(InputError, match=reason):
        groups(layers, weights, example, omission(layers, weights, example), [(1, step)])
