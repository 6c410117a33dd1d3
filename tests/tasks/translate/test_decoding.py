"""Beam search equals exhaustive search, greedy search, and a beam search that never stops early."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from table_stepper import TableStepper, sentences

from gatewright.support.errors import InputError
from gatewright.support.ids import PADDING, START, UNKNOWN
from gatewright.tasks.translate.decoding import Decoding, best_extensions, translate_groups, translate_ids

SEEDS = st.integers(0, 2**32 - 1)
PENALTIES = st.sampled_from([0.0, 0.3, 1.0, 1.7])
COVERAGES = st.sampled_from([0.0, 0.4])
CHOICES = [START, 4, 5, 6]


def lp(length, alpha):
    return ((5 + length) / 6) ** alpha


def score(total, attention, decoding):
    value = total / lp(len(attention), decoding.length_penalty)
    if decoding.coverage:
        value += decoding.coverage * np.log(np.minimum(np.sum(attention, axis=0, dtype=float), 1)).sum()
    return value


def total_of(stepper, source, ids):
    """Return the log probability of ids, the last of which may be START, and the attention in each step."""
    total, attention, prefix = 0.0, [], [START]
    for number in ids:
        logs, weights = stepper.one(source, prefix)
        total += float(logs[number])
        attention.append(weights)
        prefix.append(number)
    return total, np.array(attention)


def all_translations(stepper, source, steps, decoding):
    """Return (score, ids) of every translation that ends within some steps, the best first."""
    found = []
    for length in range(steps):
        for ids in itertools.product(CHOICES[1:], repeat=length):
            found.append((score(*total_of(stepper, source, (*ids, START)), decoding), ids))
    return sorted(found, key=lambda one: -one[0])


def greedy(stepper, source, steps):
    prefix = [START]
    for _ in range(steps):
        logs, _ = stepper.one(source, prefix)
        number = max(CHOICES, key=lambda number: (logs[number], -number))
        if number == START:
            break
        prefix.append(number)
    return tuple(prefix[1:])


def patient_search(stepper, source, decoding):
    """Return (score, ids) of all that a beam search finds that always takes all steps, and what is still live."""
    live, complete = [(0.0, ())], []
    for _ in range(decoding.steps(len(source))):
        extensions = []
        for total, ids in live:
            logs, _ = stepper.one(source, (START, *ids))
            extensions += [(total + float(logs[number]), (*ids, number)) for number in CHOICES]
        kept = sorted(extensions, key=lambda one: -one[0])[: decoding.beam]
        complete += [one for one in kept if one[1][-1] == START]
        live = [one for one in kept if one[1][-1] != START]
    scored = [(score(total, total_of(stepper, source, ids)[1], decoding), ids[:-1]) for total, ids in complete]
    return sorted(scored, key=lambda one: -one[0]), live


@settings(max_examples=15, deadline=None)
@given(SEEDS, PENALTIES, COVERAGES)
def test_a_wide_beam_finds_the_best_translations_of_all(seed, penalty, coverage):
    stepper = TableStepper(seed)
    decoding = Decoding(200, penalty, coverage, length_factor=0, length_offset=4)
    source = [4, 5, START]
    expected = all_translations(stepper, source, 4, decoding)
    found = translate_ids(stepper, [source], decoding, best=len(expected))[0]
    assert [hypothesis.ids for hypothesis in found] == [ids for _, ids in expected]
    assert [hypothesis.score for hypothesis in found] == pytest.approx([value for value, _ in expected], rel=1e-12)
    for hypothesis in found:
        total, attention = total_of(stepper, source, (*hypothesis.ids, START))
        assert hypothesis.ended
        assert hypothesis.log_probability == total
        np.testing.assert_array_equal(hypothesis.attention, attention)


@settings(max_examples=25, deadline=None)
@given(SEEDS, PENALTIES, COVERAGES, st.integers(1, 5), st.integers(1, 5), st.sampled_from([0.5, 2.0, 6.0]))
def test_stopping_early_misses_nothing(seed, penalty, coverage, beam, best, sharpness):
    stepper = TableStepper(seed, sharpness=sharpness)
    decoding = Decoding(beam, penalty, coverage, length_offset=3)
    source = sentences(np.random.default_rng(seed), 1)[0]
    expected, live = patient_search(stepper, source, decoding)
    found = translate_ids(stepper, [source], decoding, min(best, beam))[0]
    ended = [hypothesis for hypothesis in found if hypothesis.ended]
    assert [hypothesis.ids for hypothesis in ended] == [ids for _, ids in expected[: min(best, beam)]]
    assert [hypothesis.score for hypothesis in ended] == sorted((one.score for one in ended), reverse=True)
    # Only where too few translations ended, those follow that reached the largest number of steps.
    unended = [ids for _, ids in live][: min(best, beam) - len(ended)]
    assert [hypothesis.ids for hypothesis in found[len(ended) :]] == unended


@settings(max_examples=25, deadline=None)
@given(SEEDS, PENALTIES)
def test_one_beam_is_greedy_search(seed, penalty):
    stepper = TableStepper(seed)
    for source in sentences(np.random.default_rng(seed), 3):
        decoding = Decoding(1, penalty)
        (found,) = translate_ids(stepper, [source], decoding)[0]
        assert found.ids == greedy(stepper, source, decoding.steps(len(source)))
        assert found.log_probability == total_of(stepper, source, (*found.ids, *[START] * found.ended))[0]


@settings(max_examples=15, deadline=None)
@given(SEEDS, PENALTIES, st.integers(1, 5), st.randoms(use_true_random=False))
def test_other_sentences_and_more_translations_change_nothing(seed, penalty, beam, random):
    stepper, decoding = TableStepper(seed), Decoding(beam, penalty, length_offset=3)
    sources = sentences(np.random.default_rng(seed), 6)
    alone = [translate_ids(stepper, [source], decoding)[0][0] for source in sources]
    order = [random.randrange(len(sources)) for _ in range(9)]  # some several times, some not at all
    together = translate_ids(stepper, [sources[place] for place in order], decoding, best=random.randint(1, beam))
    for place, hypotheses in zip(order, together, strict=True):
        assert hypotheses[0].ids == alone[place].ids
        assert hypotheses[0].log_probability == alone[place].log_probability
        assert hypotheses[0].score == alone[place].score
        np.testing.assert_array_equal(hypotheses[0].attention, alone[place].attention)
        assert len({hypothesis.ids for hypothesis in hypotheses}) == len(hypotheses)
        assert not {PADDING, START, UNKNOWN, 3} & {number for one in hypotheses for number in one.ids}


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 3), st.integers(1, 4), st.integers(1, 9), st.sampled_from([3, 128, 200, 400]))
def test_extensions_are_those_of_a_stable_sort(seed, sentence_count, beam, count, vocabulary):
    rng = np.random.default_rng(seed)
    logs = np.log(rng.integers(1, 9, (sentence_count * beam, vocabulary)) / 8).astype(np.float32)  # many are equal
    logs[rng.random(logs.shape) < 0.3] = -np.inf
    totals = np.log(rng.integers(0, 3, (sentence_count, beam)) / 2 + 1e-300)
    sums, parents, ids = best_extensions(logs, totals, count)
    flat = (totals[:, :, None] + logs.reshape(sentence_count, beam, -1)).reshape(sentence_count, -1)
    expected = np.argsort(-flat, axis=1, kind="stable")[:, :count]
    values = np.take_along_axis(flat, expected, axis=1)
    np.testing.assert_array_equal(sums[:, : values.shape[1]], values)
    finite = np.isfinite(values)
    found = parents * vocabulary + ids
    np.testing.assert_array_equal(found[:, : values.shape[1]][finite], expected[finite])


def test_a_translation_without_an_end_is_cut_and_says_so():
    class Endless(TableStepper):
        def one(self, source, prefix):
            logs, attention = super().one(source, prefix)
            logs[START] = -np.inf
            return logs, attention

    stepper = Endless()
    found = translate_ids(stepper, [[4, 5, START]], Decoding(3), best=2)[0]
    assert [len(hypothesis.ids) for hypothesis in found] == [16, 16]  # 2 * 3 + 10
    assert not any(hypothesis.ended for hypothesis in found)
    assert found[0].score >= found[1].score
    assert found[0].attention.shape == (16, 3)


def test_an_empty_sentence_has_an_empty_translation_without_the_network():
    found = translate_ids(TableStepper(), [[], [4, START], [START]], Decoding(2))
    assert [found[place][0].ids for place in (0, 2)] == [(), ()]
    assert [found[place][0].log_probability for place in (0, 2)] == [0, 0]
    assert found[2][0].attention.shape == (0, 1)


def test_sentences_of_one_length_are_translated_together_and_leave_when_they_are_finished():
    stepper, rng = TableStepper(sharpness=4.0), np.random.default_rng(0)
    sources = sentences(rng, 30, longest=2)
    groups = [places for places, _ in translate_groups(stepper, sources, Decoding(2))]
    assert sorted(place for places in groups for place in places) == list(range(30))
    assert len(groups) == 2
    together = stepper.rows
    for source in sources:
        translate_ids(stepper, [source], Decoding(2))
    # Alone, a sentence takes no fewer rows, except one that another sentence of the group needs.
    assert together < 1.3 * (stepper.rows - together)


def test_settings_outside_their_range_are_refused():
    with pytest.raises(InputError, match=r"beams must be from 1 to 1,000, not 0\."):
        Decoding(0)
    with pytest.raises(InputError, match=r"length penalty must be from 0 to 10, not -1\."):
        Decoding(length_penalty=-1.0)
    with pytest.raises(InputError, match=r"coverage penalty must be from 0 to 10, not nan\."):
        Decoding(coverage=float("nan"))
    with pytest.raises(InputError, match=r"from 1 to the number of beams, which is 5, not 6"):
        translate_ids(TableStepper(), [[4, START]], Decoding(), best=6)


def test_probabilities_that_are_not_numbers_are_refused():
    class Broken(TableStepper):
        def one(self, source, prefix):
            logs, attention = super().one(source, prefix)
            logs[5] = np.nan
            return logs, attention

    with pytest.raises(InputError, match="not finite"):
        translate_ids(Broken(), [[4, START]], Decoding())
