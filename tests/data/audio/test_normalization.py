"""Normalization by the training set and within each utterance."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tolerances import assert_close

from gatewright.data.audio.normalization import Normalization
from gatewright.support.errors import InputError


def utterances(count: int = 3, width: int = 4) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    scale = np.arange(1, width + 1)
    return [(rng.normal(size=(20 + 5 * n, width)) * scale + 10 * scale).astype(np.float32) for n in range(count)]


def test_the_training_set_has_mean_0_and_deviation_1():
    frames = utterances()
    normalized = np.concatenate([Normalization.fit(frames, "training").apply(one) for one in frames])
    assert normalized.dtype == np.float32
    assert_close(normalized.mean(axis=0, dtype=np.float64), np.zeros(4), "forward", np.float32)
    assert_close(normalized.std(axis=0, dtype=np.float64), np.ones(4), "forward", np.float32)


def test_each_utterance_has_mean_0_and_deviation_1():
    frames = utterances()
    normalization = Normalization.fit(frames, "utterance")
    for one in frames:
        normalized = normalization.apply(one * 3 + 100)
        assert_close(normalized.mean(axis=0, dtype=np.float64), np.zeros(4), "forward", np.float32)
        assert_close(normalized.std(axis=0, dtype=np.float64), np.ones(4), "forward", np.float32)


def test_what_hardly_varies_in_an_utterance_is_not_blown_up():
    frames = utterances()
    quiet = (10 + 1e-3 * np.random.default_rng(1).normal(size=(30, 4))).astype(np.float32)
    assert np.abs(Normalization.fit(frames, "utterance").apply(quiet)).max() < 0.1


def test_one_frame_is_normalized_to_its_own_mean():
    normalized = Normalization.fit(utterances(), "utterance").apply(np.full((1, 4), 7, np.float32))
    assert (normalized == 0).all()


def test_a_part_of_an_utterance_has_the_bits_of_the_whole():
    frames = utterances()
    normalization = Normalization.fit(frames, "training")
    parts = [normalization.apply(part) for part in np.split(frames[0], [1, 2, 9])]
    np.testing.assert_array_equal(np.concatenate(parts), normalization.apply(frames[0]))


def test_a_constant_feature_is_only_centered():
    frames = [np.full((5, 1), 1e6, np.float32), np.full((3, 1), 1e6, np.float32)]
    normalization = Normalization.fit(frames, "training")
    assert normalization.scale.tolist() == [1]
    assert (normalization.apply(frames[0]) == 0).all()


def test_utterances_without_frames_are_kept():
    empty = np.empty((0, 4), np.float32)
    frames = utterances()
    for per in ("training", "utterance"):
        normalization = Normalization.fit([*frames, empty], per)
        assert normalization.apply(empty).shape == (0, 4)
    with pytest.raises(InputError, match="no frames"):
        Normalization.fit([empty], "training")


def test_a_normalization_is_restored():
    normalization = Normalization.fit(utterances(), "utterance")
    restored = Normalization.from_json(json.loads(json.dumps(normalization.to_json())))
    np.testing.assert_array_equal(restored.mean, normalization.mean)
    np.testing.assert_array_equal(restored.scale, normalization.scale)
    assert restored.mean.dtype == restored.scale.dtype == np.float32
    assert restored.per == "utterance"


@pytest.mark.parametrize(
    "damage", [{"scale": [1, 0]}, {"scale": [1]}, {"mean": [1e300, 0]}, {"mean": []}, {"per": "x"}]
)
def test_a_damaged_normalization_is_refused(damage):
    stored = {"mean": [0, 1], "scale": [1, 1], "per": "training"}
    with pytest.raises(InputError, match=r"^its normalization"):
        Normalization.from_json({**stored, **damage})
