"""Texts as examples of a language model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatewright.tasks.generate.streams import in_rows, in_streams, lines, prefixes, side_by_side, stream


def test_texts_are_joined_with_start():
    assert stream([[4, 5], [], [6]]).tolist() == [1, 4, 5, 1, 1, 6]


def test_examples_continue_in_the_next_batch():
    rows = in_streams(np.arange(1, 12), 2, 3)
    assert rows.inputs.tolist() == [[1, 2, 3], [6, 7, 8], [4, 5, 0], [9, 10, 0]]
    assert rows.targets.tolist() == [[2, 3, 4], [7, 8, 9], [5, 6, 0], [10, 11, 0]]


@given(ids=st.integers(2, 60), streams=st.integers(1, 9), length=st.integers(1, 9))
def test_every_id_but_the_first_is_a_target_once(ids, streams, length):
    whole = np.arange(1, ids + 1)
    rows = in_streams(whole, streams, length)
    assert len(rows.inputs) % streams == 0
    assert sorted(rows.targets[rows.targets > 0].tolist()) == whole[1:].tolist()
    live = rows.targets > 0
    np.testing.assert_array_equal(rows.targets[live], rows.inputs[live] + 1)
    assert np.all((rows.inputs > 0) == live)
    np.testing.assert_array_equal(rows.targets, side_by_side(whole[1:], streams, length))
    for row in range(streams):
        one = rows.targets[row::streams].ravel()
        assert np.all(np.diff(one[one > 0]) == 1)


@pytest.mark.parametrize(
    ("length", "inputs"),
    [
        (3, [[0, 0, 1], [0, 1, 4], [1, 4, 5], [0, 0, 1]]),
        (2, [[0, 1], [1, 4], [4, 5], [0, 1]]),
    ],
)
def test_prefixes(length, inputs):
    rows = prefixes([[4, 5, 6], [], [7]], length)
    assert rows.inputs.tolist() == inputs
    assert rows.targets.tolist() == [4, 5, 6, 7]


def test_lines_begin_and_end_with_start_and_are_cut():
    rows = lines([[4, 5, 6], [7], []], 3)
    assert rows.inputs.tolist() == [[1, 4, 5], [1, 7, 0], [1, 0, 0]]
    assert rows.targets.tolist() == [[4, 5, 6], [7, 1, 0], [1, 0, 0]]


def test_values_of_lines_are_cut_like_their_targets():
    targets = np.append(stream([[4, 5, 6], [7], []])[1:], 1)
    assert in_rows(targets, [4, 2, 1], 3).tolist() == [[4, 5, 6], [7, 1, 0], [1, 0, 0]]
