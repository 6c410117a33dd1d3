"""Frames of utterances from recordings, which may have other rates, be damaged, or have several utterances."""

import numpy as np
import pytest
from data.audio.wavs import wav

from gatewright.data.audio.features import Features
from gatewright.data.audio.recording import read_recording
from gatewright.data.corpora.corpus import Utterance
from gatewright.data.corpora.frames import are_cepstra, common_rate, frames_of
from gatewright.support.errors import InputError

FEATURES = Features("log_mel", 8_000, bands=20)


def write_wav(path, seconds=0.5, rate=8_000, channels=1):
    """Write a tone of 440 Hz with a little noise, and return an utterance that is the whole recording."""
    times = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(0).normal(size=len(times))
    samples = (8_000 * np.sin(2 * np.pi * 440 * times) + 100 * noise).astype(int)
    path.write_bytes(wav(np.repeat(samples, channels), channels=channels, rate=rate))
    return Utterance(path.stem, path, "go")


def test_frames_are_those_of_the_recording_and_parts_those_of_their_samples(tmp_path):
    whole = write_wav(tmp_path / "a.wav")
    part = whole._replace(name="part", start=0.1, end=0.3)
    read = frames_of("db", [whole, part], FEATURES)
    samples = read_recording(whole.audio).samples
    np.testing.assert_array_equal(read.frames[0], FEATURES.frames(samples))
    np.testing.assert_array_equal(read.frames[1], FEATURES.frames(samples[800:2_400]))
    assert read.notes == ()


def test_the_most_frequent_rate_is_common_and_others_are_resampled_with_one_note(tmp_path):
    utterances = [write_wav(tmp_path / f"{place}.wav", rate=16_000 if place in (1, 3) else 8_000) for place in range(6)]
    assert common_rate(utterances) == 8_000
    assert common_rate([*utterances, *[utterances[1]] * 3]) == 8_000  # parts of one recording count once
    read = frames_of("db", utterances, FEATURES)
    assert len(read.frames[1]) == len(read.frames[0])
    assert read.notes == (
        "2 of the 6 recordings of db have another sample rate and were resampled to 8,000 Hz; the first is "
        f"{tmp_path / '1.wav'} with 16,000 Hz.",
    )


def test_damaged_recordings_are_left_out_and_what_is_unusual_is_said_once(tmp_path):
    utterances = [write_wav(tmp_path / f"{place}.wav", channels=2) for place in range(6)]
    utterances[2].audio.write_text("not a sound")
    read = frames_of("db", utterances, FEATURES)
    assert [one.name for one in read.utterances] == ["0", "1", "3", "4", "5"]
    assert read.notes[0].startswith("1 of the 6 utterances of db was left out. The first problem: ")
    assert read.notes[1] == f"{tmp_path / '0.wav'} has 2 channels; their mean is used. The same holds for 4 more."
    utterances[3].audio.write_bytes(b"")
    with pytest.raises(InputError, match="2 of the 6 utterances of db cannot be used"):
        frames_of("db", utterances, FEATURES)


def test_recordings_and_cepstra_are_not_mixed(tmp_path):
    sound, cepstra = Utterance("a", tmp_path / "a.wav", "go"), Utterance("b", tmp_path / "b.mfc", "go")
    assert [are_cepstra("db", [one]) for one in (sound, cepstra)] == [False, True]
    with pytest.raises(InputError, match=r"db has 1 files of cepstra \(\.mfc\) and 1 recordings"):
        are_cepstra("db", [sound, cepstra])
    with pytest.raises(InputError, match="db has recordings, but the model reads files of cepstra"):
        frames_of("db", [sound], None)
