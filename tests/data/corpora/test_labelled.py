"""Folders of recordings with a subfolder for each label, and the public set fsdd."""

from collections import Counter

import pytest

from gatewright.data import public
from gatewright.data.corpora.labelled import has_labelled_recordings, read_labelled_folder
from gatewright.data.corpora.named import read_fsdd
from gatewright.support.errors import InputError


def touch(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def names(utterances):
    return [(one.name, one.text) for one in utterances]


def test_folders_are_labels_and_other_files_are_named(tmp_path):
    touch(tmp_path, "yes/b.wav", "yes/a.WAV", "no/x/c.flac", "no/notes.doc", "README.md", ".git/d.wav")
    found = read_labelled_folder(tmp_path)
    assert names(found.splits["train"]) == [("no/x/c.flac", "no"), ("yes/a.WAV", "yes"), ("yes/b.wav", "yes")]
    assert list(found.splits) == ["train"]
    assert found.notes == (
        f"1 file that does not have the name of a recording was left out; the first is {tmp_path / 'no/notes.doc'}.",
    )


def test_speech_commands_have_lists_speakers_and_noise(tmp_path):
    touch(tmp_path, *(f"{word}/{who}_nohash_{n}.wav" for word in ("go", "no") for who in ("a1", "b2") for n in (0, 1)))
    touch(tmp_path, "_background_noise_/pink_noise.wav", "_background_noise_/README.md")
    (tmp_path / "validation_list.txt").write_text("go/a1_nohash_0.wav\n")
    (tmp_path / "testing_list.txt").write_text("no/a1_nohash_1.wav\ngo/b2_nohash_1.wav\n")
    found = read_labelled_folder(tmp_path)
    assert names(found.splits["validation"]) == [("go/a1_nohash_0.wav", "go")]
    assert names(found.splits["test"]) == [("go/b2_nohash_1.wav", "go"), ("no/a1_nohash_1.wav", "no")]
    assert Counter(one.speaker for one in found.splits["train"]) == {"a1": 2, "b2": 3}
    assert found.notes == (f"The folder _background_noise_ of {tmp_path} was left out: its recordings have no label.",)
    (tmp_path / "testing_list.txt").write_text("no/nobody.wav\n")
    with pytest.raises(InputError, match=r"testing_list\.txt has 'no/nobody.wav', which is not a recording"):
        read_labelled_folder(tmp_path)


def test_folders_of_splits(tmp_path):
    touch(tmp_path, "train/yes/a.wav", "train/no/b.wav", "valid/yes/c.wav", "test/no/d.wav")
    found = read_labelled_folder(tmp_path)
    assert {split: names(some) for split, some in found.splits.items()} == {
        "train": [("no/b.wav", "no"), ("yes/a.wav", "yes")],
        "validation": [("yes/c.wav", "yes")],
        "test": [("no/d.wav", "no")],
    }


def test_only_folders_of_recordings_are_recognized(tmp_path):
    touch(tmp_path, "texts/a/1.txt", "tables/a/1.csv", "flat/1.wav", "sounds/a/1.wav", "empty/a/b/.wav")
    assert [has_labelled_recordings(tmp_path / name) for name in ("texts", "tables", "flat", "sounds", "empty")] == [
        *(False, False, True, True, False)
    ]
    with pytest.raises(InputError, match="has no recordings"):
        read_labelled_folder(tmp_path / "texts")
    with pytest.raises(InputError, match="flat has no recordings in subfolders"):
        read_labelled_folder(tmp_path / "flat")


@pytest.mark.skipif(
    not any((root / "fsdd").is_dir() for root in public.roots()), reason="needs fsdd in GATEWRIGHT_DATA"
)
def test_fsdd_has_six_speakers_and_fifty_recordings_of_each_digit_by_each(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    splits = read_fsdd().splits
    for split, count in (("train", 45), ("test", 5)):
        counts = Counter((one.text, one.speaker) for one in splits[split])
        assert len(counts) == 60
        assert set(counts.values()) == {count}
