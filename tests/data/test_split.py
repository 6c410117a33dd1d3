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
def test_hold_out(labels, share, seed):
    kept, held = split.hold_out(labels, share, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert len(held) == round(share * len(labels))
    again = split.hold_out(labels, share, seed)
    assert (again[0].tolist(), again[1].tolist()) == (kept.tolist(), held.tolist())


@given(labels, st.floats(0, 1), seeds)
def test_hold_out_keeps_and_holds_each_class(labels, share, seed):
    kept, held = split.hold_out(labels, share, seed)
    all_rows = Counter(labels)
    if len(kept) >= len(all_rows):
        assert set(counts(labels, kept)) == set(all_rows)
    repeated = {label for label, rows in all_rows.items() if rows > 1}
    if len(held) >= len(repeated) and len(kept) >= len(all_rows):
        assert repeated <= set(counts(labels, held))


@given(st.lists(st.integers(20, 60), min_size=1, max_size=4), st.floats(0.1, 0.9), seeds)
def test_hold_out_in_proportion(sizes, share, seed):
    labels = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    _, held = split.hold_out(labels, share, seed)
    for number, size in enumerate(sizes):
        assert abs(counts(labels, held)[str(number)] - len(held) * size / len(labels)) < 1


def test_hold_out_shuffles():
    labels = ["a"] * 500 + ["b"] * 500
    kept, held = split.hold_out(labels, 0.2, 0)
    assert 0.4 < np.mean(kept[:100] < 500) < 0.6
    assert held.tolist() != sorted(held)
    assert split.hold_out(labels, 0.2, 1)[1].tolist() != held.tolist()


@given(labels, st.floats(0, 1), seeds)
def test_stretches_are_held_as_rows_are(labels, share, seed):
    kept, held = split.hold_out_stretches(labels, share, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert counts(labels, held) == counts(labels, split.hold_out(labels, share, seed)[1])
    assert split.hold_out_stretches(labels, share, seed)[1].tolist() == held.tolist()


def test_stretches_of_neighbours_are_on_one_side():
    """Of 2 x 3,000 rows a tenth: three stretches of 100 of each class, at most six edges between the sides."""
    labels = ["a", "b"] * 3000
    kept, held = split.hold_out_stretches(labels, 0.1, 0)
    for label in (0, 1):
        side = np.isin(np.arange(label, 6000, 2), held)
        assert side.sum() == 300
        assert np.count_nonzero(side[1:] != side[:-1]) <= 6
    assert split.hold_out_stretches(labels, 0.1, 1)[1].tolist() != held.tolist()
    assert kept.tolist() != sorted(kept)


def test_a_class_of_one_row_is_kept():
    assert all(split.hold_out(["a"] * 9 + ["b"], 0.5, seed)[0].tolist().count(9) for seed in range(10))


def test_numbers_are_labels_too():
    assert len(split.hold_out(np.array([0, 0, 1, 1]), 0.5, 0)[1]) == 2


@given(labels, st.integers(1, 90), seeds)
def test_sample(labels, rows, seed):
    chosen = split.sample(labels, rows, seed)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(chosen) == min(rows, len(labels))
    assert chosen.tolist() == split.sample(labels, rows, seed).tolist()
    if rows >= len(set(labels)):
        assert set(counts(labels, chosen)) == set(labels)


@given(st.lists(st.integers(20, 60), min_size=1, max_size=4), st.integers(10, 100), seeds)
def test_sample_in_proportion(sizes, rows, seed):
    labels = [str(number) for number, size in enumerate(sizes) for _ in range(size)]
    chosen = split.sample(labels, rows, seed)
    for number, size in enumerate(sizes):
        assert abs(counts(labels, chosen)[str(number)] - len(chosen) * size / len(labels)) < 1


def test_sample_of_no_rows():
    with pytest.raises(InputError, match="the number of rows must be 1 or more, not 0"):
        split.sample(["a"], 0, 0)


def test_recurring():
    assert split.recurring(["a", "b", "a", "c"], ["a", "d", "a"]) == 2


def test_recurring_reviews():
    try:
        public.folder("imdb")
    except FileNotFoundError as error:
        pytest.skip(str(error))
    assert split.recurring(public.imdb("train").texts, public.imdb("test").texts) == 123


several = st.lists(st.sets(st.sampled_from("abcdef")).map(tuple), max_size=60)


@given(several, st.floats(0, 1), seeds)
def test_hold_out_several_keeps_each_label(labels, share, seed):
    kept, held = split.hold_out_several(labels, share, seed)
    assert sorted([*kept, *held]) == list(range(len(labels)))
    assert len(held) == round(share * len(labels))
    again = split.hold_out_several(labels, share, seed)
    assert (again[0].tolist(), again[1].tolist()) == (kept.tolist(), held.tolist())
    occurring = {label for row in labels for label in row}
    if len(kept) >= len(occurring):
        assert {label for row in kept for label in labels[row]} == occurring


def test_hold_out_several_shuffles():
    kept, held = split.hold_out_several([("a",)] * 500 + [("b",)] * 500, 0.2, 0)
    assert 0.4 < np.mean(kept[:100] < 500) < 0.6
    assert 0.4 < np.mean(held < 500) < 0.6


@given(several, st.integers(1, 70), seeds)
def test_sample_several(labels, rows, seed):
    chosen = split.sample_several(labels, rows, seed)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert len(chosen) == min(rows, len(labels))
    occurring = {label for row in labels for label in row}
    if rows >= len(occurring):
        assert {label for row in chosen for label in labels[row]} == occurring


def test_sample_several_of_no_rows():
    with pytest.raises(InputError, match="the number of rows must be 1 or more, not 0"):
        split.sample_several([("a",)], 0, 0)
