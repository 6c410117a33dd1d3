"""Classifying recordings: `train classify` from a folder to predictions, and what it refuses."""

import json

import numpy as np
import pytest
from data.audio.wavs import wav

import gatewright
from gatewright import runtime
from gatewright.commands import main as cli
from gatewright.support.errors import InputError
from gatewright.tasks import registry
from gatewright.tasks.base.trained_data import TrainedData
from gatewright.tasks.keywords.reading import read_keywords, read_to_evaluate, recordings_in
from gatewright.tasks.keywords.settings import KeywordSettings
from gatewright.tasks.keywords.task import ClassifyKeywords

RATE = 8_000
SMALL = {"units": 8, "layers": 1, "epochs": 6, "learning_rate": 0.03, "batch_size": 8}


def sweep(label, seconds, seed):
    """Return samples of a tone that rises or falls, so that only the order of frames distinguishes them."""
    times = np.arange(round(seconds * RATE)) / RATE
    share = times / seconds if label == "up" else 1 - times / seconds
    noise = np.random.default_rng(seed).normal(size=len(times))
    phase = 2 * np.pi * np.cumsum(500 + 2_500 * share) / RATE
    return (0.3 * np.sin(phase) + 0.003 * noise).astype(np.float32)


def write(path, samples, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(wav((samples * 32_767).astype(int), rate=rate))


def write_folder(root, count=40, **names):
    """Write recordings of two labels, of 0.2 to 0.4 seconds."""
    for number in range(count):
        label = ("up", "down")[number % 2]
        write(root / label / f"{number}.wav", sweep(label, 0.2 + 0.005 * number, number))
    return str(root)


def task(data, options=None, **settings):
    return ClassifyKeywords(str(data), KeywordSettings.complete(settings), options or {})


def test_recordings_belong_to_this_task_and_other_data_does_not(tmp_path):
    write_folder(tmp_path / "sounds", 4)
    (tmp_path / "tables" / "a").mkdir(parents=True)
    (tmp_path / "tables" / "a" / "1.csv").write_text("t,x\n0,1\n1,2\n2,3\n")
    (tmp_path / "texts" / "a").mkdir(parents=True)
    (tmp_path / "texts" / "a" / "1.txt").write_text("a fine film")
    (tmp_path / "sounds.csv").write_text("path,label\nup/0.wav,up\n")
    (tmp_path / "texts.csv").write_text("text,label\nplay up.wav,music\n")
    owners = {
        name: registry.find("classify", str(tmp_path / name), {}).name
        for name in ("sounds", "tables", "texts", "sounds.csv", "texts.csv")
    }
    assert owners == {
        "sounds": "keywords",
        "tables": "classify_series",
        "texts": "classify",
        "sounds.csv": "keywords",
        "texts.csv": "classify",
    }
    assert registry.find("classify", "fsdd", {}).name == "keywords"


def test_preparing_learns_from_the_training_set_alone_and_is_stored(tmp_path):
    one = task(write_folder(tmp_path), stack=3)
    splits = one.read()
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (29, 3, 8)
    assert splits.held_out
    prepared, settings = one.prepare(splits)
    batch = prepared.encode(splits.train)
    assert prepared.features == 120
    assert (prepared.lengths(batch) == [-(-len(frames) // 3) for frames in splits.train.frames]).all()
    assert settings.max_seconds == pytest.approx(max(map(len, splits.train.frames)) * 0.01)
    stored = json.loads(json.dumps(prepared.to_json()))
    again = type(prepared).from_json(stored)
    assert again.to_json() == prepared.to_json()
    np.testing.assert_array_equal(again.encode(splits.test).inputs, prepared.encode(splits.test).inputs)
    with pytest.raises(InputError, match="its normalization has 40 features, but its frames have 20"):
        type(prepared).from_json({**stored, "features": {**stored["features"], "bands": 20}})


def test_long_recordings_are_cut_with_a_note(tmp_path):
    one = task(write_folder(tmp_path), max_seconds=0.3)
    splits = one.read()
    assert any("last longer than 0.30 s, and only their last 0.30 s are read" in note for note in splits.notes)
    prepared, _ = one.prepare(splits)
    assert prepared.encode(splits.train).inputs.shape == (29, 15, 80)


def test_a_recording_with_another_rate_is_resampled_and_one_that_is_damaged_is_left_out(tmp_path):
    data = write_folder(tmp_path)
    write(tmp_path / "up" / "8.wav", sweep("up", 0.5, 0), rate=16_000)
    (tmp_path / "down" / "9.wav").write_bytes(b"RIFFnothing")
    splits = task(data).read()
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 39
    assert splits.train.features.rate == RATE
    notes = " ".join(splits.notes)
    assert "has another sample rate and was resampled to 8,000 Hz; the first is" in notes
    assert "was left out. The first problem:" in notes


def test_a_speaker_is_held_out_with_all_recordings(tmp_path):
    rows = [f"{number}.wav,{'ab'[number % 2]},s{number % 3}" for number in range(60)]
    (tmp_path / "t.csv").write_text("audio,label,speaker\n" + "\n".join(rows) + "\n")
    for number in range(60):
        (tmp_path / f"{number}.wav").touch()
    corpus = read_keywords(str(tmp_path / "t.csv"), {"test_speaker": "s1"})
    assert {one.speaker for one in corpus.test} == {"s1"}
    assert {one.speaker for one in corpus.train} == {"s0", "s2"}
    assert corpus.held_out_by == ""
    utterances, _, is_test = read_to_evaluate(str(tmp_path / "t.csv"), {"test_speaker": "s1"})
    assert (utterances, is_test) == (corpus.test, True)
    with pytest.raises(InputError, match=r"has no speaker 's9'\. It has s0, s1, s2\."):
        read_keywords(str(tmp_path / "t.csv"), {"test_speaker": "s9"})
    with pytest.raises(InputError, match="both give the test set"):
        read_keywords(str(tmp_path / "t.csv"), {"test_speaker": "s1"}, test="x.csv")


def test_options_of_the_training_that_do_not_fit_a_file_to_predict_are_left_out(tmp_path):
    (tmp_path / "t.csv").write_text("sound,audio\na.wav,x\n")
    (tmp_path / "a.wav").touch()
    trained = TrainedData({"audio": "sound", "label": "word", "test_speaker": "ann"})
    table, wav = str(tmp_path / "t.csv"), str(tmp_path / "a.wav")
    found, notes = trained.read(lambda options: recordings_in(table, options), table, {})
    assert (found, notes) == ([tmp_path / "a.wav"], ("Read as in training, with --audio sound.",))
    assert trained.read(lambda options: recordings_in(wav, options), wav, {}) == ([tmp_path / "a.wav"], ())


def test_data_that_cannot_be_classified_is_refused(tmp_path):
    for number in range(4):
        write(tmp_path / "one" / "up" / f"{number}.wav", sweep("up", 0.2, 0))
        write(tmp_path / "many" / f"label{number}" / "a.wav", sweep("up", 0.2, 0))
    with pytest.raises(InputError, match="has only one class, 'up'"):
        task(tmp_path / "one").read()
    with pytest.raises(InputError, match="has 4 different labels in 4 recordings"):
        task(tmp_path / "many").read()
    with pytest.raises(InputError, match="there is no 'fssd'; did you mean 'fsdd'"):
        task("fssd").read()


@pytest.mark.slow
def test_from_a_folder_to_predictions(tmp_path, capsys):
    data, out = write_folder(tmp_path / "sweeps", 60), tmp_path / "m.safetensors"
    result = gatewright.train("classify", data, out, **SMALL)
    assert result.sizes == {"train": 43, "validation": 5, "test": 12}
    assert result.test["accuracy"] > 0.9
    assert result.baseline_name.startswith("logistic regression")
    evaluated = gatewright.evaluate(out, data, split="all")
    assert (evaluated.size, evaluated.test["accuracy"] > 0.9) == (60, True)

    model = runtime.load(out)
    files = sorted(map(str, (tmp_path / "sweeps" / "up").iterdir()))[:5]
    together = model.probabilities(files)
    alone = np.concatenate([model.probabilities(file) for file in files])
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert model.predict(files[0]).label == "up"
    samples = sweep("down", 0.3, 99)
    write(tmp_path / "new.wav", samples)
    from_file, from_samples = model.predict(str(tmp_path / "new.wav")), model.predict(samples, RATE)
    assert from_file.label == from_samples.label == "down"
    # The same sound at another rate has the same answer.
    assert model.predict(np.repeat(samples, 2), 2 * RATE).label == "down"
    with pytest.raises(InputError, match="or with rate an array of samples, not ndarray"):
        model.predict(samples)
    assert model.predict((samples * 32_767).astype(np.int16), RATE).label == "down"
    for wrong, rate, message in (
        (np.zeros((2, 3), np.float32), RATE, r"not an array of shape \(2, 3\)"),
        (np.zeros(0, np.float32), RATE, "no samples"),
        (samples, 0, "from 1,000 to 384,000 Hz, not 0"),
    ):
        with pytest.raises(InputError, match=message):
            model.predict(wrong, rate)

    assert cli.main(["predict", str(out), *files[:2]]) == 0
    assert capsys.readouterr().out.startswith("up\t")
    table = tmp_path / "t.csv"
    table.write_text("audio\nnew.wav\nsweeps/up/0.wav\n")
    assert [one.label for one in gatewright.predict(out, file=str(table))] == ["down", "up"]
    assert cli.main(["predict", str(out), "--file", str(table.with_suffix(".txt"))]) == 2
    assert "--file must be a recording or a table" in capsys.readouterr().err
    (tmp_path / "text.wav").write_text("not a sound")
    assert cli.main(["predict", str(out), str(tmp_path / "text.wav")]) == 2
    assert "text.wav is a text file, not a recording" in capsys.readouterr().err

    explained = gatewright.explain(out, str(tmp_path / "new.wav"))
    assert explained.target.name == "down"
    assert [step.text for step in explained.steps[:3]] == ["0.00 s", "0.02 s", "0.04 s"]
    assert len(explained.attributions) == 3
    strongest, *_ = explained.sound.stretches
    assert f"{strongest.start:.2f} s to {strongest.end:.2f} s" in explained.summary
    assert 0 <= strongest.start < strongest.end <= explained.sound.sound.spectrogram.seconds + 0.01
    assert strongest.effect > 0
    assert len(explained.sound.effects) == len(explained.steps)
    assert cli.main(["info", str(out)]) == 0
    assert "recordings at 8,000 Hz: 40 mel bands, in steps of 20 ms" in " ".join(capsys.readouterr().out.split())
