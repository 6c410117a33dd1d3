"""Reading speech with transcripts, from recordings and from cepstra."""

from __future__ import annotations

import numpy as np
import pytest
from data.audio.wavs import wav
from speech_corpora import transcripts, write_sphinx
from speech_models import sound

from gatewright.support.errors import InputError
from gatewright.tasks.transcribe.reading import read_evaluated
from gatewright.tasks.transcribe.settings import TranscribeSettings
from gatewright.tasks.transcribe.task import Transcribe


def write_recordings(folder, texts, rate=8000):
    folder.mkdir()
    for place, text in enumerate(texts):
        samples = (30_000 * sound(0.2 * len(text), place)).astype(int)
        (folder / f"u{place}.wav").write_bytes(wav(samples, rate=rate))
        (folder / f"u{place}.txt").write_text(f"{text}\n")
    return str(folder)


def read(data, options=None, **settings):
    task = Transcribe(data, TranscribeSettings.complete(settings), options or {})
    splits = task.read()
    return splits, task.prepare(splits)[0]


def test_recordings_become_features_at_their_most_frequent_rate(tmp_path):
    texts = transcripts(20)
    data = write_recordings(tmp_path / "recordings", texts)
    splits, prepared = read(data)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (14, 2, 4)
    assert splits.held_out
    assert sorted(splits.train.texts + splits.validation.texts + splits.test.texts) == sorted(texts)
    front = prepared.front_end
    assert (front.kind, front.rate, front.width, prepared.features) == ("log_mel", 8000, 40, 40)
    assert prepared.normalization.per == "utterance"
    first = splits.train
    assert prepared.inputs(first.frames[0]).mean(axis=0) == pytest.approx(0, abs=1e-4)

    speech, _, is_test = read_evaluated(data, {}, front, 3)
    assert (len(speech), speech.features, is_test) == (3, front, False)


def test_features_and_normalization_follow_the_settings(tmp_path):
    data = write_recordings(tmp_path / "recordings", transcripts(20))
    _, prepared = read(data, features="mfcc", bidirectional=False)
    assert prepared.features == 39  # with slopes and curvatures
    assert prepared.normalization.per == "training"
    assert read(data, deltas=1, mel_bands=30)[1].features == 60


def test_splits_of_cepstra_have_speakers_of_their_own(tmp_path):
    data = write_sphinx(tmp_path / "corpus", {"train": transcripts(60), "test": transcripts(5, 1)})
    for line in data.glob("etc/c_test.*"):  # speakers of the test set that the training set does not have
        line.write_text(line.read_text().replace("/s", "/t"))
    for path in sorted((data / "feat" / "test").iterdir()):
        path.rename(path.with_name(path.name.replace("s", "t")))
    splits, prepared = read(str(data))
    assert prepared.front_end is None
    assert splits.validation.speakers
    assert not set(splits.train.speakers) & set(splits.validation.speakers)


def test_a_limit_takes_random_utterances(tmp_path):
    data = write_sphinx(tmp_path / "corpus", {"train": transcripts(60), "test": transcripts(20, 1)})
    task = Transcribe(str(data), TranscribeSettings.complete({}), {}, limit=10)
    splits = task.read()
    assert (len(splits.train) + len(splits.validation), len(splits.test)) == (10, 10)


def test_cepstra_of_a_model_of_recordings_are_refused(tmp_path):
    data = write_sphinx(tmp_path / "corpus", {"train": transcripts(5)})
    _, prepared = read(write_recordings(tmp_path / "recordings", transcripts(20)))
    with pytest.raises(InputError, match="has files of cepstra"):
        read_evaluated(str(data), {}, prepared.front_end)
    assert np.isfinite(prepared.normalization.mean).all()


def _replace(folder, suffix, content):
    for path in folder.glob(f"*{suffix}"):
        path.write_bytes(content)


def _keep(folder, count):
    for path in sorted(folder.iterdir())[count:]:
        path.unlink()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: _keep(folder, 0), "has no recordings with transcripts"),
        (lambda folder: _keep(folder, 2), "r has too few recordings to set some aside for the test set"),
        (
            lambda folder: _replace(folder, ".txt", b" \n"),
            "6 of the 6 utterances of r cannot be used.*has no transcript",
        ),
        (lambda folder: _replace(folder, ".wav", b"no sound"), "is a text file, not a recording"),
        (lambda folder: _replace(folder, ".wav", b""), "u.*wav is empty"),
        (lambda folder: _replace(folder, ".wav", wav(np.ones(40))), "utterances are too short for their transcripts"),
    ],
    ids=["nothing", "one utterance", "empty transcripts", "texts as recordings", "empty recordings", "5 ms"],
)
def test_recordings_that_cannot_be_trained_on_are_refused(tmp_path, damage, message):
    data = write_recordings(tmp_path / "r", transcripts(6))
    damage(tmp_path / "r")
    with pytest.raises(InputError, match=message):
        read(data)
