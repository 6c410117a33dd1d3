"""The command `transcribe`: files, and sound on standard input."""

from __future__ import annotations

import io
import json
import signal
from types import SimpleNamespace

import numpy as np
import pytest
from data.audio.wavs import wav
from models import classifier
from speech_models import RATE, sound, transcriber

import gatewright
from gatewright import runtime
from gatewright.commands import main
from gatewright.commands.sound_input import LiveText
from gatewright.nn.file import write

LIVE, WHOLE, CEPSTRA = "live.safetensors", "whole.safetensors", "cepstra.safetensors"
WAVES = {"a.wav": sound(1.0), "b.wav": sound(1.5, seed=1)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with three models and two recordings."""
    path = tmp_path_factory.mktemp("speech")
    write(transcriber(units=32, tokens="words"), path / LIVE)
    write(transcriber(bidirectional=True), path / WHOLE)
    write(transcriber(cepstra=True), path / CEPSTRA)
    for name, samples in WAVES.items():
        (path / name).write_bytes(wav(whole_numbers(samples), rate=RATE))
    return path


@pytest.fixture(autouse=True)
def _in_folder(folder, monkeypatch):
    monkeypatch.chdir(folder)


def whole_numbers(samples):
    """Return samples with full scale 1.0 as numbers of 16 bits."""
    return (samples * 32767).round().astype(np.int16)


def give(monkeypatch, *chunks):
    """Make the chunks arrive on standard input one after another."""
    arriving = [*chunks, b""]

    def read1(size):
        found = arriving.pop(0)
        if isinstance(found, type):
            raise found
        return found

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read1=read1)))


def printed(capsys, *arguments, code=0):
    assert main.main(["transcribe", *arguments]) == code
    return capsys.readouterr().out


@pytest.mark.parametrize("model", [LIVE, WHOLE])
def test_each_recording_has_a_line(model, capsys):
    one, other = gatewright.transcribe(model, ["a.wav", "b.wav"])
    assert one.text != other.text
    assert printed(capsys, model, "a.wav") == f"{one.text}\n"
    assert printed(capsys, model, "a.wav", "b.wav") == f"a.wav\t{one.text}\nb.wav\t{other.text}\n"
    assert gatewright.transcribe(model, "a.wav") == [one]


def test_words_with_their_times(capsys):
    (found,) = gatewright.transcribe(LIVE, "a.wav", decoding="greedy")
    lines = printed(capsys, LIVE, "a.wav", "--timestamps", "--decoding", "greedy").splitlines()
    assert [line.split("\t") for line in lines] == [
        [f"{word.start:.2f}", f"{word.end:.2f}", f"{word.confidence:.2f}", word.text] for word in found.words
    ]
    named = printed(capsys, LIVE, "--timestamps", "a.wav", "b.wav", "--decoding", "greedy").splitlines()
    assert [line.removeprefix("a.wav\t") for line in named[: len(lines)]] == lines


def test_json_has_all_transcripts(capsys):
    found = json.loads(printed(capsys, WHOLE, "a.wav", "b.wav", "--json"))
    assert found == {"transcripts": [one.to_json() for one in gatewright.transcribe(WHOLE, ["a.wav", "b.wav"])]}
    assert found == json.loads(printed(capsys, WHOLE, "a.wav", "b.wav", "--format", "json", "--timestamps"))
    assert found["transcripts"][0]["duration"] == 1.0


def test_subtitles(capsys):
    assert printed(capsys, WHOLE, "a.wav", "--format", "srt").startswith("1\n00:00:00,")
    assert printed(capsys, WHOLE, "a.wav", "--format", "vtt").startswith("WEBVTT\n\n00:00:00.")


@pytest.mark.parametrize("model", [LIVE, WHOLE])
def test_sound_on_standard_input_has_the_transcript_of_the_file(model, monkeypatch, capsys):
    expected = printed(capsys, model, "a.wav")
    samples = whole_numbers(WAVES["a.wav"]).tobytes()
    whole = wav(whole_numbers(WAVES["a.wav"]), rate=RATE)
    for chunks in ([samples], [samples[:333], samples[333:2000], samples[2000:]], [whole], [whole[:5], whole[5:]]):
        give(monkeypatch, *chunks)
        assert printed(capsys, model, "-") == expected
    give(monkeypatch, (np.frombuffer(samples, "<i2") / np.float32(32768)).astype("<f4").tobytes())
    assert printed(capsys, model, "-", "--encoding", "f32le", "--rate", str(RATE)) == expected
    give(monkeypatch, samples, b"x")  # half a sample
    assert json.loads(printed(capsys, model, "-", "--json"))["transcripts"][0]["text"] == expected.strip()


def test_words_are_printed_as_soon_as_they_are_certain(monkeypatch, capsys):
    samples = whole_numbers(WAVES["b.wav"]).tobytes()
    expected = printed(capsys, LIVE, "b.wav", "--decoding", "greedy")
    pieces, seen = [samples[at : at + 1600] for at in range(0, len(samples), 1600)], []
    give(monkeypatch, *pieces)
    read1 = __import__("sys").stdin.buffer.read1

    def watched(size):
        seen.append(capsys.readouterr().out)
        return read1(size)

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read1=watched)))
    seen.append(printed(capsys, LIVE, "-", "--decoding", "greedy"))
    assert "".join(seen) == expected
    assert sum(map(bool, seen)) > 3


def test_an_interruption_ends_the_sound(monkeypatch, capsys):
    give(monkeypatch, whole_numbers(WAVES["a.wav"]).tobytes(), KeyboardInterrupt)
    assert main.main(["transcribe", LIVE, "-"]) == 0
    found = capsys.readouterr()
    assert found.out == printed(capsys, LIVE, "a.wav")
    assert "interrupted: the transcript is that of the sound so far" in found.err


def test_an_interruption_while_the_model_works_ends_the_sound_after_this_work(monkeypatch, capsys):
    give(monkeypatch, whole_numbers(WAVES["a.wav"]).tobytes(), whole_numbers(WAVES["b.wav"]).tobytes())
    monkeypatch.setattr(LiveText, "update", lambda *_: signal.raise_signal(signal.SIGINT))
    assert main.main(["transcribe", LIVE, "-"]) == 0
    found = capsys.readouterr()
    assert found.out == printed(capsys, LIVE, "a.wav")
    assert "interrupted: the transcript is that of the sound so far" in found.err


def test_an_interrupted_recording_is_transcribed_as_far_as_it_goes(monkeypatch, capsys):
    give(
        monkeypatch,
        wav(whole_numbers(np.concatenate([WAVES["a.wav"], WAVES["b.wav"]])), rate=RATE)[: 44 + 2 * RATE],
        KeyboardInterrupt,
    )
    assert main.main(["transcribe", LIVE, "-"]) == 0
    found = capsys.readouterr()
    assert found.out == printed(capsys, LIVE, "a.wav")
    assert "Standard input is incomplete" in found.err


def test_a_reader_that_ends_early_is_no_error(monkeypatch, capsys):
    def closed(*_, **__):
        raise BrokenPipeError

    monkeypatch.setattr(LiveText, "finish", closed)
    give(monkeypatch, whole_numbers(WAVES["a.wav"]).tobytes())
    assert main.main(["transcribe", LIVE, "-"]) == 141
    assert capsys.readouterr().err == ""


def test_long_recordings_show_progress(monkeypatch, capsys):
    monkeypatch.setattr("gatewright.support.progress._TICK_SECONDS", 0.0)
    printed_before = printed(capsys, LIVE, "b.wav")
    assert main.main(["transcribe", LIVE, "b.wav"]) == 0
    found = capsys.readouterr()
    assert found.out == printed_before
    assert "50 of 50 steps are decoded" in found.err
    assert "of 49 steps are aligned with their words" in found.err


def test_another_rate_on_standard_input_is_converted(monkeypatch, capsys):
    doubled = np.repeat(WAVES["a.wav"], 2)
    give(monkeypatch, whole_numbers(doubled).tobytes())
    found = json.loads(printed(capsys, LIVE, "-", "--rate", str(2 * RATE), "--json"))["transcripts"][0]
    assert found["duration"] == 1.0
    assert found["text"]
    give(monkeypatch, wav(whole_numbers(doubled), rate=2 * RATE))
    assert main.main(["transcribe", LIVE, "-"]) == 0
    assert "Standard input has a sample rate of 16,000 Hz, and was converted to 8,000 Hz" in capsys.readouterr().err


def test_one_of_several_files_that_cannot_be_used_is_named(tmp_path, capsys):
    (tmp_path / "text.wav").write_text("no sound")
    assert main.main(["transcribe", LIVE, "a.wav", str(tmp_path / "text.wav"), "none.wav", "b.wav"]) == 2
    found = capsys.readouterr()
    assert [line.split("\t")[0] for line in found.out.splitlines()] == ["a.wav", "b.wav"]
    assert found.err.count("\n") == 2
    assert "text.wav is a text file, not a recording" in found.err
    with pytest.raises(ValueError, match="text file"):
        gatewright.transcribe(LIVE, ["a.wav", tmp_path / "text.wav"])


def test_other_rates_are_noted_once(tmp_path, capsys):
    for name in ("c.wav", "d.wav"):
        (tmp_path / name).write_bytes(wav(whole_numbers(np.repeat(WAVES["a.wav"], 2)), rate=2 * RATE))
    assert main.main(["transcribe", LIVE, str(tmp_path / "c.wav"), str(tmp_path / "d.wav")]) == 0
    found = capsys.readouterr()
    assert found.err.count("has a sample rate of 16,000 Hz, and was converted to 8,000 Hz") == 1


def test_cepstra_are_for_models_of_cepstra(tmp_path, capsys, monkeypatch):
    values = np.random.default_rng(0).normal(0, 10, (80, 13)).astype(">f4")
    (tmp_path / "a.mfc").write_bytes(np.array([values.size], ">i4").tobytes() + values.tobytes())
    (found,) = gatewright.transcribe(CEPSTRA, tmp_path / "a.mfc")
    assert found.text
    assert found.duration == pytest.approx(0.8)
    for model, file, message in (
        (CEPSTRA, "a.wav", "reads files of cepstra (.mfc), but a.wav is none"),
        (LIVE, str(tmp_path / "a.mfc"), "is a file of cepstra, but the model reads recordings"),
        (CEPSTRA, "-", "The model reads files of cepstra (.mfc), not sound"),
    ):
        give(monkeypatch, whole_numbers(WAVES["a.wav"]).tobytes())
        assert main.main(["transcribe", model, file]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([LIVE], "No recording is given"),
        ([LIVE, "none.wav"], "none.wav"),
        ([LIVE, "a.wav", "-"], "- stands for standard input and cannot be one of several files"),
        ([LIVE, "a.wav", "--rate", "8000"], "--rate 8000 is for sound on standard input"),
        ([LIVE, "-", "--rate", "3"], "sample rate must be a whole number from 1,000 to 384,000 Hz, not 3"),
        ([LIVE, "-", "--encoding", "u8"], "The encoding must be one of 's16le', 'f32le', not 'u8'"),
        ([LIVE, "a.wav", "b.wav", "--format", "srt"], "--format srt is for one recording, not for 2"),
        ([LIVE, "a.wav", "--format", "xml"], "The format must be one of 'text', 'json', 'srt', 'vtt'"),
        ([LIVE, "a.wav", "--format", "srt", "--json"], "--json and --format srt contradict each other"),
        ([LIVE, "a.wav", "--decoding", "best"], "The decoding must be one of"),
        ([LIVE, "a.wav", "b.wav", "--beam", "0"], "beams must be from 1 to 1,000, not 0"),
        (["none.safetensors", "a.wav"], "none.safetensors"),
        ([LIVE, "-"], "Standard input has no sound"),
        ([WHOLE, "-"], "Standard input has no sound"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(monkeypatch, capsys, arguments, message):
    give(monkeypatch)
    assert main.main(["transcribe", *arguments]) == 2
    found = capsys.readouterr()
    assert found.out == ""
    assert found.err.startswith("gatewright: ")
    assert found.err.count("\n") == 1
    assert message in found.err


def test_other_models_are_refused(tmp_path, monkeypatch, capsys):
    write(classifier(), tmp_path / "c.safetensors")
    for file in ("a.wav", "-"):
        give(monkeypatch, b"xx")
        assert main.main(["transcribe", str(tmp_path / "c.safetensors"), file]) == 2
        assert "not a transcriber: use `gatewright predict`" in capsys.readouterr().err
    for arguments in (["generate", LIVE], ["translate", LIVE, "one"], ["predict", LIVE, "a.wav"]):
        assert main.main(arguments) == 2
        found = capsys.readouterr()
        assert found.out == ""
        assert found.err.count("\n") == 1
        assert "`gatewright transcribe`." in found.err
    model = runtime.load(tmp_path / "c.safetensors")
    with pytest.raises(ValueError, match="not a transcriber"):
        model.transcribe(WAVES["a.wav"], RATE)


def test_a_terminal_shows_the_end_of_the_transcript_so_far(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "8")
    terminal = Terminal()
    monkeypatch.setattr("sys.stdout", terminal)
    from gatewright.commands.sound_input import LiveText

    shown = LiveText()
    for text in ("one", "one", "one two three\x1b"):
        shown.update(text, "")
    shown.finish("one two")
    assert terminal.getvalue() == "\rone\x1b[K\rree\\x1b\x1b[K\r\x1b[Kone two\n"
