"""Folders of the Sphinx trainer, and files of cepstra."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatewright.data.corpora.cepstra import read_cepstra
from gatewright.data.corpora.corpus import Utterance
from gatewright.data.corpora.frames import frames_of
from gatewright.data.corpora.reading import read_corpus
from gatewright.support.errors import InputError


def write_cepstra(path, frames, order=">"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack(f"{order}i", frames.size) + frames.astype(f"{order}f4").tobytes())


def cepstra(frames, seed=0):
    return np.random.default_rng(seed).normal(size=(frames, 13)).astype(np.float32)


def write_sphinx(root, splits, missing=()):
    """Write a folder whose splits are given as dictionaries from the names of utterances to transcripts."""
    (root / "etc").mkdir(parents=True, exist_ok=True)
    for split, texts in splits.items():
        (root / "etc" / f"db_{split}.fileids").write_text("".join(f"{name}\n" for name in texts))
        lines = (f"<s> {text} </s> ({name.split('/')[-1]})\n" for name, text in texts.items())
        (root / "etc" / f"db_{split}.transcription").write_text("".join(lines))
        for name in texts:
            if name not in missing:
                write_cepstra(root / "feat" / f"{name}.mfc", cepstra(5))
    return str(root)


def refused(data, **splits):
    with pytest.raises(InputError) as caught:
        read_corpus(str(data), {}, **splits)
    return str(caught.value)


def test_lists_of_files_are_splits_and_folders_are_speakers(tmp_path):
    data = write_sphinx(
        tmp_path / "db",
        {"train": {"ann/one": "GO  ON", "bob/two": "++NOISE++ STOP <sil>"}, "test": {"cat/three": "GO"}},
    )
    corpus = read_corpus(data, {})
    assert (corpus.name, corpus.notes, corpus.held_out_by) == ("db", (), "")
    feat = tmp_path / "db" / "feat"
    assert corpus.train == [
        Utterance("ann/one", feat / "ann/one.mfc", "GO ON", "ann"),
        Utterance("bob/two", feat / "bob/two.mfc", "STOP", "bob"),
    ]
    assert corpus.validation is None
    assert corpus.test == [Utterance("cat/three", feat / "cat/three.mfc", "GO", "cat")]


def test_recordings_are_preferred_to_cepstra(tmp_path):
    data = write_sphinx(tmp_path, {"train": {"ann/one": "GO"}})
    (tmp_path / "wav" / "ann").mkdir(parents=True)
    (tmp_path / "wav" / "ann" / "one.wav").touch()
    assert read_corpus(data, {}).train[0].audio == tmp_path / "wav" / "ann" / "one.wav"


def test_few_utterances_without_a_recording_or_a_transcript_are_left_out(tmp_path):
    texts = {f"u{number}": "GO" for number in range(20)}
    data = write_sphinx(tmp_path / "db", {"train": {**texts, "u7": "<s> </s>"}}, missing=["u3"])
    corpus = read_corpus(data, {})
    assert len(corpus.train) == 18
    assert [note.split(" The first problem: ")[0] for note in corpus.notes] == [
        "1 of the 20 utterances of db was left out.",
        "1 of the 19 utterances of db was left out.",
    ]
    assert corpus.notes[0].endswith("u7.mfc has no transcript.")
    assert "u3.wav does not exist." in corpus.notes[1]


def test_many_utterances_without_a_recording_are_an_error(tmp_path):
    data = write_sphinx(tmp_path / "db", {"train": {"a": "GO", "b": "ON", "c": "STOP"}}, missing=["b"])
    assert "1 of the 3 utterances of db cannot be used." in refused(data)


def test_a_second_test_set_and_paths_outside_the_folder_are_refused(tmp_path):
    data = write_sphinx(tmp_path / "db", {"train": {"a": "GO"}, "test": {"b": "ON"}})
    assert "has its own test set" in refused(data, test=data)
    assert "has only a test set" in refused(write_sphinx(tmp_path / "rest", {"test": {"b": "ON"}}))
    assert "which is not in" in refused(write_sphinx(tmp_path / "evil", {"train": {"../../b": "ON"}}))


@settings(max_examples=20)
@given(frames=st.integers(1, 40), order=st.sampled_from("<>"))
def test_cepstra_of_both_byte_orders_are_read(tmp_path_factory, frames, order):
    path = tmp_path_factory.mktemp("mfc") / "a.mfc"
    write_cepstra(path, cepstra(frames), order)
    np.testing.assert_array_equal(read_cepstra(path), cepstra(frames))


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "does not begin with the number of its values"),
        (b"\0\0\0", "does not begin with the number of its values"),
        (struct.pack(">i", 0), "has no frames"),
        (struct.pack(">i26f", 26, *range(26))[:-1], "does not begin with the number of its values"),
        (struct.pack(">i12f", 12, *range(12)), "is not a multiple of the 13 cepstra"),
        (struct.pack(">i13f", 13, *[np.nan] * 13), "not finite"),
        (b"RIFF" + bytes(100), "does not begin with the number of its values"),
    ],
)
def test_damaged_cepstra_are_refused(tmp_path, content, problem):
    path = tmp_path / "a.mfc"
    path.write_bytes(content)
    with pytest.raises(InputError, match=problem):
        read_cepstra(path)


def test_frames_leave_out_few_damaged_files_and_take_parts_by_their_times(tmp_path):
    for number in range(6):
        write_cepstra(tmp_path / f"{number}.mfc", cepstra(30, number))
    (tmp_path / "2.mfc").write_bytes(b"damaged")
    utterances = [Utterance(str(number), tmp_path / f"{number}.mfc", "GO") for number in range(6)]
    utterances[4] = utterances[4]._replace(start=0.1, end=0.25)
    read = frames_of("db", utterances, None)
    assert [one.name for one in read.utterances] == ["0", "1", "3", "4", "5"]
    assert len(read.notes) == 1
    assert read.notes[0].startswith("1 of the 6 utterances of db was left out. The first problem: ")
    np.testing.assert_array_equal(read.frames[3], cepstra(30, 4)[10:25])
    with pytest.raises(InputError, match="2 of the 6 utterances of db cannot be used"):
        frames_of("db", [*utterances[:5], utterances[5]._replace(start=5.0)], None)
