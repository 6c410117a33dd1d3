"""The explanation of a transcript: when each symbol is written, of recordings and of cepstra."""

from __future__ import annotations

import json

import numpy as np
import pytest
from data.audio.wavs import wav
from models import loaded
from speech_models import RATE, sound, transcriber

import gatewright
from gatewright.commands.main import main
from gatewright.nn import file
from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.decoding import Decoding


@pytest.fixture
def recording(tmp_path):
    (tmp_path / "a.wav").write_bytes(wav((sound(1.2) * 32_767).astype(int), rate=RATE))
    return str(tmp_path / "a.wav")


@pytest.mark.parametrize(
    ("tokens", "decoding"),
    [("characters", Decoding("greedy")), ("characters", None), ("words", Decoding("greedy")), ("bytes", None)],
)
def test_symbols_make_up_the_transcript_and_its_words(tokens, decoding, recording):
    model = loaded(transcriber(tokens=tokens, decoding=decoding))
    found = gatewright.explain(model, recording)
    (transcript,) = model.transcriptions([recording])
    assert transcript == found.transcript
    assert transcript.words
    ordered = [time for symbol in found.symbols for time in (symbol.start, symbol.end)]
    assert ordered == sorted(ordered)
    for place, word in enumerate(transcript.words):
        own = [symbol for symbol in found.symbols if symbol.word == place]
        assert "".join(symbol.text for symbol in own).strip() == word.text
        assert (own[0].start, own[-1].end) == (word.start, word.end)
        assert np.prod([symbol.confidence for symbol in own]) == pytest.approx(word.confidence, rel=1e-5)
    # The confidence of a symbol is that of its output at one of its steps.
    for symbol in found.symbols:
        steps = slice(round(symbol.start / 0.03), round(symbol.end / 0.03))
        output = found.outputs.index(symbol.text)
        assert found.probabilities[steps, output].max() == pytest.approx(symbol.confidence)
    assert found.outputs[0] == ""
    assert any("beam search" in note for note in found.notes) == (decoding is None)
    assert found.spectrogram.seconds == pytest.approx(transcript.duration, abs=0.03)
    assert found.spectrogram.values.max() == 0
    json.loads(json.dumps(found.to_json()))


def test_cepstra_are_explained_without_frequencies(tmp_path):
    model = loaded(transcriber(cepstra=True))
    frames = np.random.default_rng(0).normal(5, 3, (60, 13)).astype(np.float32)
    (tmp_path / "a.mfc").write_bytes(np.array([frames.size], ">i4").tobytes() + frames.astype(">f4").tobytes())
    found = gatewright.explain(model, str(tmp_path / "a.mfc"))
    assert found.spectrogram.hertz == ()
    np.testing.assert_allclose(found.spectrogram.values, (frames - 5) / 3, rtol=1e-5)
    assert found.transcript.duration == pytest.approx(0.6)


def test_the_command_writes_text_json_a_page_and_a_picture(tmp_path, recording, capsys):
    model = str(tmp_path / "m.safetensors")
    file.write(transcriber(), model)
    page, picture = tmp_path / "page.html", tmp_path / "picture.png"
    assert main(["explain", model, recording, "--out", str(page), "--plot", str(picture)]) == 0
    assert "symbols, each with its start" in capsys.readouterr().out
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main(["explain", model, recording, "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["explanations"]
    assert found["transcript"]["words"]
    for arguments, message in (
        ([recording, "--label", "a"], "of a transcript all characters are explained"),
        ([recording, "--out", recording], "is also given as TEXT"),
        ([recording, "--plot", "a.txt"], "--plot must be a file with the suffix"),
        ([recording, recording, "--plot", str(picture)], "A picture (--plot"),
        (["--file", recording], "Recordings are given without --file"),
        ([], "has no vocabulary of words: give examples"),
        ([model], "is not a recording"),
    ):
        assert main(["explain", model, *arguments]) == 2
        printed = capsys.readouterr().err
        assert message in printed
        assert "Traceback" not in printed
    with pytest.raises(InputError, match="for the path of a recording, not for ndarray"):
        gatewright.explain(model, sound(0.5))
