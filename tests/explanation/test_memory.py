"""The memory of recurrent layers: half-lives, saturated gates, and what became of what each step wrote."""

import numpy as np
import pytest
from explained import drawn_weights

from gatewright.explanation.memory import fate, half_lives, memory
from gatewright.explanation.recording import record
from gatewright.nn.layers import Dense, Embedding, Recurrent

IDS = np.array([[0, 0, 3, 9, 2, 10, 4], [5, 6, 7, 0, 8, 9, 10]], np.int32)


def test_a_half_life_halves_what_a_unit_holds():
    k = np.array([0.5, 0.9, 0.999, 1e-9])
    np.testing.assert_allclose(k ** half_lives(k), 0.5)
    assert half_lives(np.array([0.0, 1.0, 1.5])).tolist() == [0, np.inf, np.inf]
    assert np.isnan(half_lives(np.array([np.nan]))).all()


def test_what_is_left_counts_the_numbers_that_a_step_wrote():
    keep = np.array([[1.0, 1], [0.5, 1], [0.5, 0.1], [1, 0.1]])
    written = np.array([[3.0, -1], [0, 2], [0, 0], [1, -1]])
    found = fate(keep, written)
    # Step 0: 3 and 1 become 1.5 and 1, then 0.75 and 0.1, then 0.75 and 0.01. Step 1: 2 becomes 0.2, then 0.02.
    np.testing.assert_allclose(found.kept_at_end, [0.76 / 4, 0.01, np.nan, 1])
    assert found.overwritten_at.tolist() == [2, 2, -1, -1]
    backward = fate(keep[::-1], written[::-1], backward=True)
    np.testing.assert_allclose(backward.kept_at_end, found.kept_at_end[::-1])
    assert backward.overwritten_at.tolist() == [-1, -1, 1, 1]


@pytest.mark.parametrize("steps", [0, 1, 7, 8, 9])
def test_what_is_left_equals_the_products_by_hand(steps):
    rng = np.random.default_rng(steps)
    keep, written = rng.uniform(0, 1, (steps, 5)), rng.normal(size=(steps, 5))
    found = fate(keep, written)
    left = [
        [(abs(written[t]) * np.prod(keep[t + 1 : s + 1], axis=0)).sum() / abs(written[t]).sum() for s in range(steps)]
        for t in range(steps)
    ]
    np.testing.assert_allclose(found.kept_at_end, [row[-1] for row in left])
    expected = [next((s for s in range(t, steps) if left[t][s] < 0.5), -1) for t in range(steps)]
    assert found.overwritten_at.tolist() == expected


@pytest.mark.parametrize("cell", ["gru", "lstm", "min_gru", "simple_rnn"])
def test_memory_is_that_of_all_steps_of_all_batches_without_padding(cell):
    layers = [Embedding(11, 4), Recurrent(cell, 6, True, return_sequences=True), Recurrent(cell, 3), Dense(2)]
    weights = drawn_weights(layers, scale=2)
    whole = memory([record(layers, weights, IDS)])
    parts = memory(record(layers, weights, ids[ids != 0][None]) for ids in IDS)
    assert [one.title.partition(" ")[2] for one in whole] == ["1, forward", "1, backward", "2"]
    for one, other in zip(whole, parts, strict=True):
        assert list(one.saturation) == list(one.conventions)
        for name, fractions in one.saturation.items():
            np.testing.assert_allclose(fractions, other.saturation[name])
        if cell == "simple_rnn":
            assert one.half_life is None
        else:
            np.testing.assert_allclose(one.half_life, other.half_life, rtol=1e-5)
    if cell == "min_gru":
        first = record(layers, weights, IDS).directions[0]
        live = (IDS != 0)[:, :, None]
        z = first.gates["z"]
        expected = np.stack([(z < 0.1) & live, (z > 0.9) & live], axis=-1).sum(axis=(0, 1)) / live.sum()
        np.testing.assert_allclose(whole[0].saturation["z"], expected)
        np.testing.assert_allclose(whole[0].half_life, half_lives(((1 - z) * live).sum(axis=(0, 1)) / live.sum()))
