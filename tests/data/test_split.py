"""Stratified splits and samples."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.data import public, split
from gatewright.support.errors import InputError

labels = st.lists(st.sampled_from("abcde"), max_size=80)
seeds = st.integers(0, 2**32)


def counts(labels, rows):
    return Counter(labels[row] for row in rows)


@given(labels, st.floats(0, 1), seeds)
def test_stratified_split_holds_out_the_fraction(labels, share, seed):
    kept, held = split.stratified_split(labels, share, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert len(held) == round(share * len(labels))
    again = split.stratified_split(labels, share, seed)
    assert (again[0].tolist(), again[1].tolist()) == (kept.tolist(), held.tolist())


@given(labels, st.floats(0, 1), seeds)
def test_stratified_split_keeps_and_holds_out_each_class(labels, share, seed):
    kept, held = split.stratified_split(labels, share, seed)
    all_rows = Counter(labels)
    if len(kept) >= len(all_rows):
        assert set(counts(labels, kept)) == set(all_rows)
    repeated = {label for label, rows in all_rows.items() if rows > 1}
    if len(held) >= len(repeated) and len(kept) >= len(all_rows):
        assert repeated <= set(counts(labels, held))


@given(st.lists(st.integers(20, 60), min_size=1, max_size=4), st.floats(0.1, 0.9), seeds)
def test_stratified_split_keeps_proportions(sizes, share, seed):
    labels = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    _, held = split.stratified_split(labels, share, seed)
    for number, size in enumerate(sizes):
        assert abs(counts(labels, held)[str(number)] - len(held) * size / len(labels)) < 1


def test_stratified_split_shuffles():
    labels = ["a"] * 500 + ["b"] * 500
    kept, held = split.stratified_split(labels, 0.2, 0)
    assert 0.4 < np.mean(kept[:100] < 500) < 0.6
    assert held.tolist() != sorted(held)
    assert split.stratified_split(labels, 0.2, 1)[1].tolist() != held.tolist()


@given(labels, st.floats(0, 1), seeds)
def test_block_split_holds_out_as_many_as_stratified_split(labels, share, seed):
    kept, held = split.stratified_block_split(labels, share, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert counts(labels, held) == counts(labels, split.stratified_split(labels, share, seed)[1])
    assert split.stratified_block_split(labels, share, seed)[1].tolist() == held.tolist()


def test_block_split_keeps_neighbours_together():
    """A tenth of 2 x 3,000 examples is three blocks of 100 of each class, with at most six edges."""
    labels = ["a", "b"] * 3000
    kept, held = split.stratified_block_split(labels, 0.1, 0)
    for label in (0, 1):
        side = np.isin(np.arange(label, 6000, 2), held)
        assert side.sum() == 300
        assert np.count_nonzero(side[1:] != side[:-1]) <= 6
    assert split.stratified_block_split(labels, 0.1, 1)[1].tolist() != held.tolist()
    assert kept.tolist() != sorted(kept)


def test_a_class_of_one_example_is_kept():
    assert all(split.stratified_split(["a"] * 9 + ["b"], 0.5, seed)[0].tolist().count(9) for seed in range(10))


def test_labels_may_be_numbers():
    assert len(split.stratified_split(np.array([0, 0, 1, 1]), 0.5, 0)[1]) == 2


@given(labels, st.integers(1, 90), seeds)
def test_stratified_sample_has_each_class(labels, rows, seed):
    chosen = split.stratified_sample(labels, rows, seed)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(chosen) == min(rows, len(labels))
    assert chosen.tolist() == split.stratified_sample(labels, rows, seed).tolist()
    if rows >= len(set(labels)):
        assert set(counts(labels, chosen)) == set(labels)


@given(st.lists(st.integers(20, 60), min_size=1, max_size=4), st.integers(10, 100), seeds)
def test_stratified_sample_keeps_proportions(sizes, rows, seed):
    labels = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    chosen = split.stratified_sample(labels, rows, seed)
    for number, size in enumerate(sizes):
        assert abs(counts(labels, chosen)[str(number)] - len(chosen) * size / len(labels)) < 1


def test_an_empty_sample_is_refused():
    with pytest.raises(InputError, match="The number of examples must be 1 or more, not 0"):
        split.stratified_sample(["a"], 0, 0)


def test_shared_texts_are_counted():
    assert split.count_shared_texts(["a", "b", "a", "c"], ["a", "d", "a"]) == 2


def test_imdb_has_123_shared_texts():
    try:
        public.folder("imdb")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert split.count_shared_texts(public.imdb("train").texts, public.imdb("test").texts) == 123


several = st.lists(st.sets(st.sampled_from("abcdef")).map(tuple), max_size=60)


@given(several, st.floats(0, 1), seeds)
def test_multilabel_split_keeps_each_label(labels, share, seed):
    kept, held = split.multilabel_split(labels, share, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert len(held) == round(share * len(labels))
    again = split.multilabel_split(labels, share, seed)
    assert (again[0].tolist(), again[1].tolist()) == (kept.tolist(), held.tolist())
    occurring = {label for row in labels for label in row}
    if len(kept) >= len(occurring):
        assert {label for row in kept for label in labels[row]} == occurring


def test_multilabel_split_shuffles():
    kept, held = split.multilabel_split([("a",)] * 500 + [("b",)] * 500, 0.2, 0)
    assert 0.4 < np.mean(kept[:100] < 500) < 0.6
    assert 0.4 < np.mean(held < 500) < 0.6


@given(several, st.integers(1, 70), seeds)
def test_multilabel_sample_has_each_label(labels, rows, seed):
    chosen = split.multilabel_sample(labels, rows, seed)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(chosen) == min(rows, len(labels))
    occurring = {label for row in labels for label in row}
    if rows >= len(occurring):
        assert {label for row in chosen for label in labels[row]} == occurring


def test_an_empty_multilabel_sample_is_refused():
    with pytest.raises(InputError, match="The number of examples must be 1 or more, not 0"):
        split.multilabel_sample([("a",)], 0, 0)
