"""The measurements of live transcription."""

from __future__ import annotations

from dataclasses import replace

from speech_models import loaded_transcriber, sound

from gatewright.bench.live_speech import different_in_chunks, live_speed

RECORDINGS = [sound(0.8, seed) for seed in range(3)]


def test_speed_is_measured_for_each_frame():
    speed = live_speed(loaded_transcriber(), RECORDINGS, "lexicon")
    assert speed.frames == 40  # of three times 80, the first 200 are not counted
    assert 0 < speed.median <= speed.p95 <= speed.p99
    assert speed.live > 0
    assert speed.whole > 0


def test_recordings_whose_transcript_depends_on_the_chunks_are_counted():
    model = loaded_transcriber()
    assert different_in_chunks(model, RECORDINGS, "greedy") == 0

    class Changed:
        sample_rate, stream = model.sample_rate, model.stream

        def transcribe(self, samples, rate, decoding):
            found = model.transcribe(samples, rate, decoding=decoding)
            return replace(found, text="other") if samples is RECORDINGS[1] else found

    assert different_in_chunks(Changed(), RECORDINGS, "greedy") == 1
