"""Transcripts of sound that arrives in chunks, and of whole recordings."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from speech_models import RATE, loaded_transcriber, sound, transcriber

from gatewright.nn.file import write
from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.decoding import Decoding

METHODS = st.sampled_from(["greedy", "beam", "lexicon"])
SOUND = sound(1.3)

model = functools.cache(loaded_transcriber)


def streamed(samples, cuts, tokens="characters", **how):
    """Return the transcript of samples that arrive in chunks, and its text after each chunk."""
    stream = model(units=32, tokens=tokens).stream(**how)
    texts, certain = [], ""
    for chunk in np.split(samples, cuts):
        texts.append(stream.push(chunk))
        assert stream.certain.startswith(certain)  # what is certain does not change
        certain = stream.certain
    found = stream.end()
    assert f"{found.text} ".startswith(f"{certain} " if certain else "")
    return found, texts


@settings(max_examples=15)
@given(METHODS, st.lists(st.integers(0, len(SOUND)), max_size=20))
def test_the_division_into_chunks_changes_nothing(method, cuts):
    whole, _ = streamed(SOUND, [], decoding=method)
    parts, _ = streamed(SOUND, sorted(cuts), decoding=method)
    assert parts == whole
    assert whole.text
    assert whole.duration == 1.3


@settings(max_examples=15)
@given(METHODS, st.integers(0, 99), st.integers(1, 300), st.lists(st.floats(0, 1), max_size=8))
def test_sound_of_any_length_in_any_chunks_has_the_transcript_of_the_whole_recording(method, seed, length, cuts):
    recorded = np.concatenate([sound(1.0, seed), sound(length / 200, seed + 1)])
    whole = model(units=32).transcribe(recorded, RATE, decoding=method)
    assume(whole.text)
    found, _ = streamed(recorded, sorted(round(cut * len(recorded)) for cut in cuts), decoding=method)
    assert (found.text, found.duration) == (whole.text, whole.duration)


@pytest.mark.parametrize("tokens", ["characters", "words", "bytes"])
@pytest.mark.parametrize("method", ["greedy", "beam", "lexicon"])
def test_a_stream_has_the_transcript_of_the_whole_recording(method, tokens):
    whole = model(units=32, tokens=tokens).transcribe(SOUND, RATE, decoding=method)
    found, texts = streamed(SOUND, range(80, len(SOUND), 80), tokens, decoding=method)
    assert found.text == whole.text
    assert [(word.text, word.start, word.end) for word in found.words] == [
        (word.text, word.start, word.end) for word in whole.words
    ]
    assert abs(found.log_probability - whole.log_probability) < 1e-2
    assert texts[0] == ""
    assert len(set(texts)) > (3 if tokens == "characters" else 2)  # words arrive whole


def test_samples_of_16_bits_are_those_of_full_scale():
    whole = (SOUND * 32767).round().astype(np.int16)
    found, _ = streamed(whole, [500, 4000])
    assert found == streamed(whole.astype(np.float32) / 32768, [100])[0]
    assert model(units=32).transcribe(whole, RATE) == model(units=32).transcribe(whole / 32768, RATE)


def test_sound_that_is_too_short_has_few_or_no_words():
    assert streamed(np.zeros(0, np.float32), [])[0].text == ""
    assert streamed(SOUND[:50], [])[0] == streamed(SOUND[:50], [20])[0]


def test_a_stream_ends_once():
    stream = model(units=32).stream()
    stream.end()
    for use in (stream.end, lambda: stream.push(SOUND)):
        with pytest.raises(InputError, match="The transcription has ended"):
            use()


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros((3, 2)), r"one channel, \[samples\], not an array of shape \(3, 2\)"),
        (np.zeros(3, np.uint8), "floating-point numbers with full scale 1.0, int16 or int32, not uint8"),
        (["a"], "not <U1"),
        (np.array([0, np.nan]), "not finite"),
        (np.array([0, 1e300]), "not finite"),
    ],
)
def test_samples_that_are_no_sound_are_refused(samples, message):
    for use in (model(units=32).stream().push, lambda samples: model(units=32).transcribe(samples, RATE)):
        with pytest.raises(InputError, match=message):
            use(samples)


@pytest.mark.parametrize("rate", [0, -1, 8000.5, "8000", None, 10**9])
def test_rates_that_no_sound_has_are_refused(rate):
    with pytest.raises(InputError, match="must be a whole number from 1,000 to 384,000 Hz"):
        model(units=32).transcribe(SOUND, rate)


def test_models_that_need_whole_recordings_do_not_stream():
    with pytest.raises(InputError, match="needs the whole recording at once"):
        model(bidirectional=True).stream()
    with pytest.raises(InputError, match="reads files of cepstra"):
        model(cepstra=True).stream()
    assert model(units=32).stream(RATE).end().text == ""
    with pytest.raises(InputError, match="reads sound of 8,000 Hz while it arrives, not of 16000"):
        model(units=32).stream(16_000)


def test_other_sample_rates_are_converted():
    doubled = np.interp(np.arange(2 * len(SOUND)) / 2, np.arange(len(SOUND)), SOUND).astype(np.float32)
    found = model(bidirectional=True).transcribe(doubled, 2 * RATE)
    assert found.duration == 1.3
    assert found.text


def test_the_settings_of_the_decoder():
    one = model(decoding=Decoding("greedy"))
    assert one.transcribe(SOUND, RATE) == one.transcribe(SOUND, RATE, decoding="greedy")
    assert one.transcribe(SOUND, RATE, decoding="beam", beam=2).text != one.transcribe(SOUND, RATE).text
    with pytest.raises(InputError, match="The beam 8 is for the decodings beam and lexicon"):
        one.decoder(beam=8)
    with pytest.raises(InputError, match=r"The decoding must be one of .* did you mean 'beam'\?"):
        one.decoder("beams")


@pytest.mark.parametrize("tokens", ["characters", "words", "bytes"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_words_are_those_of_the_text_and_in_order(tokens, bidirectional):
    for method in ("greedy", "beam", "lexicon"):
        found = model(bidirectional=bidirectional, tokens=tokens).transcribe(SOUND, RATE, decoding=method)
        assert " ".join(word.text for word in found.words) == found.text
        times = [time for word in found.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert times[-1] <= found.duration
        assert all(0 < word.confidence <= 1 for word in found.words)
        assert found.log_probability <= 0


def test_transcribing_imports_nothing_that_trains_or_reads_tables(tmp_path):
    write(transcriber(), tmp_path / "m.safetensors")
    heavy = ("jax", "keras", "optax", "sklearn", "scipy", "pyarrow", "pandas", "matplotlib", "rich", "soundfile")
    code = (
        "import sys, numpy as np; from gatewright import runtime; "
        f"model = runtime.load({str(tmp_path / 'm.safetensors')!r}); "
        "model.transcribe(np.ones(9000), 16000); stream = model.stream(); stream.push(np.ones(900)); stream.end(); "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
