"""The stretches of a recording that decide."""

from __future__ import annotations

import numpy as np
import pytest
from explained import number_example

from gatewright.explanation.stretches import sound_effects
from gatewright.nn.layers import Dense, Pool
from gatewright.results.sound import Sound, Spectrogram
from gatewright.tasks.base.explainable import Output
from gatewright.tasks.keywords.layers import RecordingInput


def effects(levels, pool):
    """Return the effects of windows on the maximum or mean of levels, which change every 20 ms."""
    layers = [RecordingInput(), Pool(pool), Dense(1)]
    weights = [{}, {}, {"kernel": np.ones((1, 1), np.float32), "bias": np.zeros(1, np.float32)}]
    borders = 0.02 * np.arange(len(levels) + 1)
    sound = Sound(Spectrogram(np.zeros((2 * len(levels), 2)), (100.0, 200.0), 0.01), borders[:-1], borders[1:])
    example = number_example(np.array(levels, np.float32)[:, None], Output("loud", 0))
    return sound_effects(layers, weights, example, sound)


def test_the_stretch_that_an_answer_is_read_from_decides():
    levels = np.zeros(30)
    levels[6:9], levels[20] = 3, 1
    found = effects(levels, "max")
    assert found.window == pytest.approx(0.1)
    # Three of the windows of five steps have all loud steps, and the fall from 3 to 1 is then 2.
    np.testing.assert_allclose(found.effects[4:12], [0.4, 0.8, 1.2, 1.2, 1.2, 0.8, 0.4, 0], rtol=1e-6)
    (stretch,) = found.stretches
    assert (stretch.start, stretch.end, stretch.effect) == pytest.approx((0.1, 0.2, 2))


def test_the_strongest_stretch_is_the_first_and_nothing_is_named_if_nothing_speaks_for_the_answer():
    levels = np.zeros(40)
    levels[5], levels[30:32] = 4, 3
    assert [stretch.start > 0.5 for stretch in effects(levels, "mean").stretches] == [True, False]
    assert effects(np.full(12, -1.0), "max").stretches == ()
    assert effects([1.0], "mean").window == pytest.approx(0.02)
