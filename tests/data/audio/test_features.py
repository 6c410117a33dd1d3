"""Features equal those of Kaldi, and those of a stream equal those of the whole recording bit for bit."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import assert_close

from gatewright.data.audio.features import Features, with_deltas
from gatewright.support.errors import InputError


def sound(rate: int, seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    time = np.arange(int(rate * seconds)) / rate
    tone = 0.3 * np.sin(2 * np.pi * 440 * time) + 0.01
    return (tone + rng.normal(scale=0.05, size=len(time))).astype(np.float32)


def kaldi(features: Features, samples: np.ndarray) -> np.ndarray:
    """Return the features of kaldi-native-fbank, which computes in float32."""
    knf = pytest.importorskip("kaldi_native_fbank")
    options = knf.FbankOptions() if features.kind == "log_mel" else knf.MfccOptions()
    options.frame_opts.dither = 0
    options.frame_opts.samp_freq = features.rate
    options.mel_opts.num_bins = features.bands
    options.use_energy = False
    if features.kind == "mfcc":
        options.num_ceps = features.coefficients
    online = knf.OnlineFbank(options) if features.kind == "log_mel" else knf.OnlineMfcc(options)
    online.accept_waveform(features.rate, (samples * 32768).tolist())
    online.input_finished()
    static = np.array([online.get_frame(number) for number in range(online.num_frames_ready)], np.float32)
    if not features.deltas:
        return static
    deltas = knf.DeltaOptions()
    deltas.order = features.deltas
    return knf.compute_deltas(deltas, static)


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100])
@pytest.mark.parametrize("kind", ["log_mel", "mfcc"])
def test_features_are_those_of_kaldi(kind, rate):
    features = Features(kind, rate, deltas=2)
    samples = sound(rate, 0.3)
    frames = features.frames(samples)
    assert frames.dtype == np.float32
    assert frames.shape[1] == features.width
    assert_close(frames, kaldi(features, samples), "forward", np.float32)


@pytest.mark.parametrize("orders", [0, 1, 2])
@pytest.mark.parametrize("seconds", [0, 0.03, 0.9])
def test_deltas_can_be_added_to_frames_afterwards(orders, seconds):
    samples = sound(8000, seconds)
    frames = with_deltas(Features("mfcc", 8000).frames(samples), orders)
    np.testing.assert_array_equal(frames, Features("mfcc", 8000, deltas=orders).frames(samples))


def test_silence_is_at_the_floor_and_not_far_below_quiet_sound():
    features = Features("log_mel", 16000)
    assert (features.frames(np.zeros(1600, np.float32)) == 0).all()
    rounding = np.random.default_rng(0).uniform(-0.5, 0.5, 16000).astype(np.float32) / 32768
    assert 0 < features.frames(rounding).mean() < 5


@pytest.mark.parametrize(("samples", "frames"), [(0, 0), (1, 1), (399, 1), (400, 1), (559, 1), (560, 2), (16000, 98)])
def test_the_number_of_frames(samples, frames):
    assert Features("log_mel", 16000).frames(np.zeros(samples)).shape == (frames, 40)
    assert Features("mfcc", 16000, deltas=2).frames(np.zeros(samples)).shape == (frames, 39)


def test_a_short_recording_is_padded_with_zeros():
    features = Features("mfcc", 8000, deltas=1)
    samples = sound(8000, 0.015)
    padded = np.concatenate([samples, np.zeros(80, np.float32)])
    np.testing.assert_array_equal(features.frames(samples), features.frames(padded))


@st.composite
def chunked(draw) -> tuple[Features, np.ndarray, list[int]]:
    kind = draw(st.sampled_from(["log_mel", "mfcc"]))
    features = Features(kind, draw(st.sampled_from([8000, 16000, 22050])), deltas=draw(st.integers(0, 2)))
    # The seconds of more frames than are computed at once.
    samples = sound(features.rate, draw(st.floats(0, 1.5)), draw(st.integers(0, 9)))
    return features, samples, sorted(draw(st.lists(st.integers(0, len(samples)), max_size=12)))


@given(chunked(), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_a_stream_gives_the_bits_of_the_whole_recording(case, together):
    features, samples, ends = case
    stream, pushed = features.stream(together), []
    for chunk in np.split(samples.copy(), ends):
        pushed.append(stream.push(chunk))
        chunk[:] = 0  # the caller may use the memory for the next samples
        assert pushed[-1].shape[1] == features.width
        assert features.deltas or len(pushed[-1]) % together == 0
    np.testing.assert_array_equal(np.concatenate([*pushed, stream.end()]), features.frames(samples))


@pytest.mark.parametrize("features", [Features("log_mel", 16000), Features("mfcc", 11025, deltas=2)])
def test_a_stream_of_steps_gives_one_frame_each_and_the_bits_of_the_whole_recording(features):
    samples = sound(features.rate, 1.5)
    stream = features.stream()
    found = [stream.push(samples[: features.window])]
    for start in range(features.window, len(samples), features.step):
        found.append(stream.push(samples[start : start + features.step]))
        assert len(found[-1]) <= 1
    np.testing.assert_array_equal(np.concatenate([*found, stream.end()]), features.frames(samples))


def test_a_frame_does_not_depend_on_later_or_earlier_sound():
    features = Features("log_mel", 16000)
    samples = sound(16000, 0.5)
    np.testing.assert_array_equal(features.frames(samples)[10:], features.frames(samples[10 * features.step :]))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(value):
    samples = sound(8000, 0.1)
    samples[5] = value
    with pytest.raises(InputError, match="not finite"):
        Features("log_mel", 8000).frames(samples)


def test_samples_of_several_channels_are_refused():
    with pytest.raises(InputError, match=r"must be a vector, not an array of shape \(800, 2\)"):
        Features("log_mel", 8000).frames(np.zeros((800, 2)))


def test_any_finite_samples_have_finite_features():
    samples = np.full(800, 3e38, np.float32) * np.where(np.arange(800) % 2, -1, 1)
    for kind in ("log_mel", "mfcc"):
        assert np.isfinite(Features(kind, 8000, deltas=2).frames(samples)).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"coefficients": 41}, "41 coefficients need as many bands"),
        ({"bands": 200}, "200 mel bands are too many for a sample rate of 8,000 Hz"),
        ({"rate": 100}, "sample rate must be from 1,000 to 384,000 Hz"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        Features(**{"kind": "mfcc", "rate": 8000, **settings})


def test_coefficients_do_not_matter_without_cepstra():
    assert Features("log_mel", 8000, bands=10).frames(np.zeros(800)).shape == (8, 10)


def test_settings_are_restored():
    features = Features("mfcc", 44100, bands=30, coefficients=20, deltas=2)
    assert Features.from_json(json.loads(json.dumps(features.to_json()))) == features


@pytest.mark.parametrize(
    "damage", [{"rate": 0}, {"rate": 8e3}, {"kind": "x"}, {"bands": 2**31}, {"deltas": 3}, {"x": 1}]
)
def test_damaged_settings_are_refused(damage):
    with pytest.raises(InputError, match=r"^its features"):
        Features.from_json({**Features("mfcc", 8000).to_json(), **damage})


def test_times_are_those_of_the_samples():
    features = dataclasses.replace(Features("log_mel", 16000), rate=22050)
    assert (features.window, features.step) == (551, 220)
    assert features.step_seconds == 220 / 22050
    assert Features("log_mel", 16000).step_seconds == 0.01
    assert Features("log_mel", 16000).window_seconds == 0.025
