"""Recordings are recognized by their contents, and unusual ones get notes."""

from __future__ import annotations

import gzip
import io
import re

import numpy as np
import pytest
from data.audio.wavs import FLOAT, chunk, format_chunk, riff, wav

from gatewright.data.audio.recording import is_audio, read_recording, recording_from
from gatewright.data.limits import limited_input
from gatewright.support.errors import InputError

TONE = (20_000 * np.sin(np.arange(800) / 7)).astype(int)


def encoded(format: str, subtype: str | None = None, channels: int = 1) -> bytes:
    """Return a tone of a second in a format of soundfile."""
    soundfile = pytest.importorskip("soundfile")
    stream = io.BytesIO()
    tone = 0.5 * np.sin(np.arange(16000) / 7)
    soundfile.write(stream, np.stack([tone] * channels, axis=1), 16000, subtype, format=format)
    return stream.getvalue()


@pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3", "NIST"])
def test_the_format_is_known_from_the_content(tmp_path, format):
    path = tmp_path / "a.wav"
    path.write_bytes(encoded(format))
    assert is_audio(path)
    recording = read_recording(path)
    assert recording.rate == 16000
    expected = 0.5 * np.sin(np.arange(16000) / 7)
    # The ends of lossy formats are less exact.
    assert np.abs(recording.samples - expected)[2000:-2000].max() < (1e-4 if format in ("FLAC", "NIST") else 0.05)
    assert recording.notes == ()


def test_channels_of_encoded_files_are_averaged():
    recording = recording_from(encoded("FLAC", channels=2), "a.flac")
    np.testing.assert_array_equal(recording.samples, recording_from(encoded("FLAC"), "a.flac").samples)
    assert recording.notes == ("a.flac has 2 channels; their mean is used.",)


@pytest.mark.parametrize("format", ["FLAC", "OGG", "MP3"])
def test_encoded_files_without_their_end_are_refused(format):
    with pytest.raises(InputError, match=r"^a.flac cannot be decoded: it is damaged"):
        recording_from(encoded(format)[:20], "a.flac")


def test_half_an_encoded_file_is_read_with_a_note_where_the_format_allows_it():
    content = encoded("MP3")
    recording = recording_from(content[: len(content) // 2], "a.mp3")
    assert 4000 < len(recording.samples) < 12000
    assert recording.notes[0].startswith("a.mp3 is incomplete: its header announces 16,000 samples")


def test_a_flac_stream_of_unknown_length_is_read_to_its_end():
    content = bytearray(encoded("FLAC"))
    content[21] &= 0xF0  # the length is in the lower half of this byte and in the next four
    content[22:26] = bytes(4)
    recording = recording_from(content, "a.flac")
    np.testing.assert_array_equal(recording.samples, recording_from(encoded("FLAC"), "a.flac").samples)
    assert recording.notes == ()


def test_long_encoded_files_are_read_in_blocks():
    soundfile = pytest.importorskip("soundfile")
    stream, samples = io.BytesIO(), np.random.default_rng(0).integers(-9999, 9999, 400_000)
    soundfile.write(stream, samples.astype(np.int16), 8000, format="FLAC")
    np.testing.assert_array_equal(recording_from(stream.getvalue(), "a").samples, (samples / 32768).astype(np.float32))


def test_decoding_is_limited():
    soundfile = pytest.importorskip("soundfile")
    stream = io.BytesIO()
    soundfile.write(stream, np.zeros(1_000_000), 8000, format="FLAC")
    assert len(stream.getvalue()) < 10_000
    with limited_input(0.001), pytest.raises(InputError, match=r"larger than 0\.001 GB after decompression"):
        recording_from(stream.getvalue(), "a.flac")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"Reading a.flac needs soundfile: pip install 'gatewright\[audio\]'"):
        recording_from(b"fLaC" + bytes(50), "a.flac")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"^a.wav is empty"),
        (b"one two three\n", r"^a.wav is a text file, not a recording"),
        ("Zürich".encode() * 200, "is a text file"),
        (b"\x7fELF\x02\x01\x01\x00", "begins with b'\\\\x7fELF'. Convert it"),
        ("text".encode("utf-16"), "not a recording in a known format"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "not a recording in a known format"),
    ],
)
def test_other_files_are_refused_in_one_sentence(tmp_path, content, message):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    assert not is_audio(path)
    with pytest.raises(InputError, match=message):
        recording_from(content, "a.wav")


def test_compressed_recordings_are_read(tmp_path):
    path = tmp_path / "a.wav.gz"
    path.write_bytes(gzip.compress(wav(TONE)))
    assert len(read_recording(path).samples) == len(TONE)


def test_what_cannot_be_read_is_refused(tmp_path):
    for path, problem in ((tmp_path, "is a folder"), (tmp_path / "missing.wav", "does not exist")):
        assert not is_audio(path)
        with pytest.raises(InputError, match=f"^{re.escape(str(path))} {problem}"):
            read_recording(path)


def notes_of(values: np.ndarray) -> tuple[str, ...]:
    return recording_from(wav(values), "a.wav").notes


def test_silence_is_noted():
    assert notes_of(np.zeros(100, int)) == ("a.wav is silent: all of its samples are equal.",)
    assert notes_of(np.full(100, 7)) == ("a.wav is silent: all of its samples are equal.",)


def test_clipping_is_noted_and_loud_sound_is_not():
    loud = 32767 * np.sin(np.arange(8000) / 50)
    assert notes_of(loud.astype(int)) == ()
    (note,) = notes_of(np.clip(2 * loud, -32768, 32767).astype(int))
    assert note.startswith("a.wav is clipped: 6")


def test_floating_point_samples_with_another_full_scale_are_noted():
    content = riff(format_chunk(bits=32, tag=FLOAT), chunk(b"data", (TONE + 0.5).astype("<f4").tobytes()))
    assert recording_from(content, "a.wav").notes == (
        "a.wav has floating-point samples of up to 20,000, although 1 is full scale.",
    )
