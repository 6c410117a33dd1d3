"""Trained classifiers of recordings: other recordings change nothing, and what cannot be used is refused."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from data.audio.wavs import wav
from hypothesis import given, settings
from hypothesis import strategies as st
from keyword_models import keyword_classifier, loaded_keyword_classifier
from speech_models import RATE, sound

from gatewright.commands import main
from gatewright.nn.file import write
from gatewright.support.errors import InputError

model = functools.cache(loaded_keyword_classifier)
# Recordings of 5 ms to 1.2 s, of which a model with 60 frames reads 0.6 s.
SECONDS = st.lists(st.integers(1, 240).map(lambda number: number / 200), min_size=2, max_size=9)


@settings(max_examples=15)
@given(
    SECONDS,
    st.integers(0, 99),
    st.booleans(),
    st.sampled_from(["mean", "max", "last", "attention"]),
    st.sampled_from(["training", "utterance"]),
)
def test_other_recordings_do_not_change_a_prediction(seconds, seed, bidirectional, pooling, per):
    one = model(bidirectional=bidirectional, pooling=pooling, per=per)
    recordings = [sound(length, seed + place) for place, length in enumerate(seconds)]
    together = one.probabilities(recordings, RATE)
    for recording, expected in zip(recordings, together, strict=True):
        np.testing.assert_allclose(one.probabilities(recording, RATE)[0], expected, atol=2e-6)
    np.testing.assert_allclose(one.probabilities(recordings[::-1], RATE), together[::-1], atol=2e-6)


def test_recordings_have_different_predictions():
    found = model().probabilities([sound(0.5, seed) for seed in range(20)], RATE)
    assert set(found.argmax(axis=1)) == {0, 1, 2}
    assert np.ptp(found, axis=0).min() > 0.3


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(keyword_classifier(), tmp_path / "m.safetensors")
    return "m.safetensors"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No recording is given"),
        (["-"], "Recordings to predict are not read from standard input"),
        (["none.wav"], "none.wav does not exist"),
        (["."], ". is a folder. Give the path of a file."),
        (["--file", "."], "'.' is a folder"),
    ],
)
def test_what_cannot_be_predicted_is_refused_in_one_sentence(file, capsys, arguments, message):
    assert main.main(["predict", file, *arguments]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.count("\n") == 1
    assert message in found.err


def test_other_rates_are_noted_once(file, tmp_path, capsys):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(wav((30_000 * np.repeat(sound(0.3), 2)).astype(int), rate=2 * RATE))
    assert main.main(["predict", file, "a.wav", "b.wav"]) == 0
    found = capsys.readouterr()
    assert found.err.count("has a sample rate of 16,000 Hz, and was converted to 8,000 Hz") == 1


@pytest.mark.parametrize("samples", [np.full(900, 1e300), np.full(900, np.nan), np.full(900, -np.inf, np.float32)])
@pytest.mark.parametrize("rate", [RATE, 2 * RATE])
def test_samples_that_are_not_finite_are_refused(samples, rate):
    with pytest.raises(InputError, match="not finite"):
        model().predict(samples, rate)
