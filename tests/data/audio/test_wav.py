"""WAV files of all kinds, unusual ones, and damaged ones."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from data.audio.wavs import EXTENSIBLE, FLOAT, chunk, format_chunk, pcm, riff, wav
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_close

from gatewright.data.audio.recording import recording_from
from gatewright.support.errors import InputError

VALUES = np.array([0, 1, -1, 100, -128, 127, 5])
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


@pytest.mark.parametrize("bits", [8, 16, 24, 32])
def test_whole_numbers_are_scaled_to_full_scale_1(bits):
    top = 2 ** (bits - 1)
    values = np.array([0, top // 2, -top, top - 1, -1])
    recording = recording_from(wav(values, bits, rate=16000), "a.wav")
    assert recording.rate == 16000
    assert recording.samples.dtype == np.float32
    np.testing.assert_array_equal(recording.samples, (values / top).astype(np.float32))


@pytest.mark.parametrize("bits", [32, 64])
def test_floating_point_numbers_are_kept(bits):
    values = np.array([0, 0.5, -1.25, 1e-20]).astype(f"<f{bits // 8}")
    content = riff(format_chunk(bits=bits, tag=FLOAT), chunk(b"data", values.tobytes()))
    np.testing.assert_array_equal(recording_from(content, "a.wav").samples, values.astype(np.float32))


@pytest.mark.parametrize("bits", [16, 24])
def test_the_extensible_format(bits):
    # 20 bits that count, in samples of 24: they are the upper ones.
    extension = struct.pack("<HHIH", 22, bits - 4, 3, 1) + GUID_TAIL
    values = np.array([256, -512, 4096])
    content = riff(format_chunk(bits=bits, tag=EXTENSIBLE, extension=extension), chunk(b"data", pcm(values, bits)))
    np.testing.assert_array_equal(recording_from(content, "a.wav").samples, values / 2 ** (bits - 1))


@pytest.mark.parametrize("channels", [2, 6])
def test_channels_are_averaged_with_a_note(channels):
    values = np.arange(10 * channels).reshape(10, channels)
    recording = recording_from(wav(values.ravel(), channels=channels), "a.wav")
    np.testing.assert_allclose(recording.samples, values.mean(axis=1) / 32768, rtol=1e-6)
    assert recording.notes == (f"a.wav has {channels} channels; their mean is used.",)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("format", ["WAV", "WAVEX", "RF64"])
def test_the_samples_are_those_that_soundfile_reads(format, subtype):
    soundfile = pytest.importorskip("soundfile")
    stream = io.BytesIO()
    soundfile.write(stream, np.random.default_rng(0).uniform(-0.9, 0.9, (50, 2)), 22050, subtype, format=format)
    expected, rate = soundfile.read(io.BytesIO(stream.getvalue()), dtype="float64")
    recording = recording_from(stream.getvalue(), "a.wav")
    assert recording.rate == rate
    # Samples of 32 bits are rounded once before the mean, and once after it.
    assert_close(recording.samples, expected.mean(axis=1), "same_order", np.float32)


def test_encodings_that_are_not_plain_are_read_with_soundfile():
    soundfile = pytest.importorskip("soundfile")
    stream = io.BytesIO()
    samples = 0.5 * np.sin(np.arange(200) / 5)
    soundfile.write(stream, samples, 8000, "ULAW", format="WAV")
    np.testing.assert_allclose(recording_from(stream.getvalue(), "a.wav").samples, samples, atol=0.02)


def test_other_chunks_are_skipped():
    odd = chunk(b"LIST", b"odd")
    unpadded = b"LIST" + struct.pack("<I", 3) + b"odd"
    data = chunk(b"data", pcm(VALUES, 16))
    plain = recording_from(wav(VALUES), "a.wav")
    for content in (
        riff(chunk(b"JUNK", bytes(28)), format_chunk(), odd, data, chunk(b"LIST", b"later")),
        riff(format_chunk(), unpadded, data),
        wav(VALUES) + b"not a chunk",
    ):
        recording = recording_from(content, "a.wav")
        np.testing.assert_array_equal(recording.samples, plain.samples)
        assert recording.notes == ()


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_stream_of_unknown_size_is_read_to_its_end(size):
    content = riff(format_chunk(), chunk(b"data", pcm(VALUES, 16), size))
    recording = recording_from(content, "a.wav")
    assert len(recording.samples) == len(VALUES)
    assert recording.notes == ()


def test_a_header_that_announces_4_gigabytes_is_read_as_far_as_the_file_goes():
    content = riff(format_chunk(), chunk(b"data", pcm(VALUES, 16), 0xFFFFFFF0))
    recording = recording_from(content, "a.wav")
    assert len(recording.samples) == len(VALUES)
    (note,) = recording.notes
    assert (
        note == "a.wav is incomplete: its header announces 4,294,967,280 bytes of sound, but 14 follow. They were read."
    )


@given(st.integers(1, 60))
def test_a_truncated_file_is_read_or_refused(end):
    content = wav(np.arange(16))[:end]
    if end < 46:
        with pytest.raises(InputError, match=r"^a.wav"):
            recording_from(content, "a.wav")
    else:
        recording = recording_from(content, "a.wav")
        np.testing.assert_array_equal(recording.samples, np.arange((end - 44) // 2) / 32768)
        assert "a.wav is incomplete" in recording.notes[0]


def test_an_incomplete_last_sample_is_left_out():
    recording = recording_from(riff(format_chunk(channels=2), chunk(b"data", pcm(VALUES, 16))), "a.wav")
    assert len(recording.samples) == 3
    assert recording.notes[0] == "a.wav is incomplete: it ends within a sample, which was left out."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (riff(format_chunk(), chunk(b"data", b"")), "has 0 samples"),
        (riff(format_chunk(), chunk(b"data", b""), chunk(b"LIST", b"name")), "has 0 samples"),
        (riff(format_chunk()), "ends before its samples"),
        (riff(chunk(b"data", bytes(8))), "ends before the format of its samples"),
        (riff(), "ends before the format"),
        (riff(chunk(b"fmt ", bytes(3))), "is 3 bytes long"),
        (riff(*[chunk(b"JUNK", b"")] * 20_000, format_chunk(), chunk(b"data", bytes(8))), "ends before the format"),
        (wav(VALUES, rate=4_000_000_000), "sample rate of 4,000,000,000 Hz"),
        (wav(VALUES, rate=0), "sample rate of 0 Hz"),
        (riff(format_chunk(channels=0), chunk(b"data", bytes(8))), "0 channels of 16 bits in 0 bytes"),
        (wav(VALUES)[:32] + b"\x03" + wav(VALUES)[33:], "1 channels of 16 bits in 3 bytes"),
    ],
)
def test_what_has_no_sound_is_refused(content, message):
    with pytest.raises(InputError, match=message):
        recording_from(content, "a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_samples_that_are_not_finite_are_refused(value):
    content = riff(format_chunk(bits=64, tag=FLOAT), chunk(b"data", np.array([0, value, 1]).tobytes()))
    with pytest.raises(InputError, match="not finite numbers"):
        recording_from(content, "a.wav")


def test_long_recordings_are_read_in_blocks():
    values = np.random.default_rng(0).integers(-20_000, 20_000, 600_000)
    recording = recording_from(wav(values, channels=3), "a.wav")
    expected = values.reshape(-1, 3).mean(axis=1) / 32768
    np.testing.assert_allclose(recording.samples, expected, atol=1e-7)
