"""Corpora of transcribed speech from tables and from folders of all layouts, and the errors for bad ones."""

import gzip
import json

import pytest

from gatewright.data.corpora.corpus import Utterance
from gatewright.data.corpora.reading import read_corpus, read_utterances
from gatewright.support.errors import InputError, OptionError


def touch(*paths):
    """Create empty files: readers of corpora do not open recordings."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def refused(data, options=None, kind=InputError, **splits):
    with pytest.raises(kind) as caught:
        read_corpus(str(data), options or {}, **splits)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def texts(utterances):
    return [one.text for one in utterances]


class TestTables:
    def test_paths_are_relative_to_the_table_and_columns_are_found_by_their_names(self, tmp_path):
        touch(tmp_path / "wavs" / "a.wav", tmp_path / "b.wav")
        table = write(tmp_path / "t.csv", "wav,transcript,speaker,age\nwavs/a.wav, go on ,ann,3\nb.wav,stop,bob,4\n")
        corpus = read_corpus(str(table), {})
        assert (corpus.name, corpus.validation, corpus.test, corpus.held_out_by) == ("t.csv", None, None, "")
        assert corpus.train == [
            Utterance("wavs/a.wav", tmp_path / "wavs/a.wav", "go on", "ann"),
            Utterance("b.wav", tmp_path / "b.wav", "stop", "bob"),
        ]

    def test_lines_of_json_and_absolute_paths_are_read(self, tmp_path):
        touch(tmp_path / "x" / "a.flac")
        rows = [{"audio_filepath": str(tmp_path / "x" / "a.flac"), "duration": 1.5, "text": "go"}]
        table = tmp_path / "manifest.jsonl.gz"
        table.write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
        assert read_corpus(str(table), {}).train[0].audio == tmp_path / "x" / "a.flac"

    def test_options_name_columns_and_ambiguous_or_missing_ones_are_refused(self, tmp_path):
        touch(tmp_path / "a.wav")
        table = write(tmp_path / "t.tsv", "path\taudio\ttext\tsentence\nx\ta.wav\tgo\tno\n")
        assert read_corpus(str(table), {"audio": "audio", "text": "text"}).train[0].text == "go"
        assert "has the columns 'path', 'audio'. Choose one with --audio." in refused(table, kind=OptionError)
        assert "is not a column" in refused(table, {"audio": "wav"}, kind=OptionError)
        other = write(tmp_path / "o.tsv", "audio\tage\na.wav\t4\n")
        assert "has no column 'text'. It has 'audio', 'age'. Choose one with --text." in refused(other)

    def test_common_voice_has_its_recordings_in_clips_and_a_table_for_each_split(self, tmp_path):
        header = "client_id\tpath\tsentence\n"
        for place, name in enumerate(("train", "dev", "test", "other")):
            touch(tmp_path / "clips" / f"{name}.mp3")
            write(tmp_path / f"{name}.tsv", f"{header}speaker{place}\t{name}.mp3\tthe {name}\n")
        corpus = read_corpus(str(tmp_path), {})
        assert [texts(split) for split in corpus[1:4]] == [["the train"], ["the dev"], ["the test"]]
        assert corpus.train[0].audio == tmp_path / "clips" / "train.mp3"
        assert "'train.tsv'" in corpus.notes[0]
        evaluated = read_utterances(str(tmp_path), {})
        assert (texts(evaluated.utterances), evaluated.is_test) == (["the test"], True)
        assert "--test" in refused(tmp_path, test=str(tmp_path / "other.tsv"))

    def test_one_recording_twice_is_left_out_once(self, tmp_path):
        touch(tmp_path / "a.wav", tmp_path / "b.wav")
        table = write(tmp_path / "t.csv", "audio,text\na.wav,go\nb.wav,on\na.wav,go\n")
        corpus = read_corpus(str(table), {})
        assert texts(corpus.train) == ["go", "on"]
        assert "1 of the 3 utterances of t.csv is a repetition and was left out" in corpus.notes[0]

    def test_a_table_without_usable_rows_is_refused(self, tmp_path):
        assert "has no utterances" in refused(write(tmp_path / "t.csv", "audio,text\n"))
        assert "has no transcript" in refused(write(tmp_path / "t.csv", "audio,text\na.wav,\n"))
        assert "a.wav does not exist" in refused(write(tmp_path / "t.csv", "audio,text\na.wav,go\n"))


class TestFolders:
    def test_librispeech(self, tmp_path):
        root = tmp_path / "LibriSpeech"
        for split, speaker in (("train-clean-5", 84), ("train-other", 85), ("dev-clean", 1), ("test-clean", 2)):
            chapter = root / split / str(speaker) / "7"
            touch(chapter / f"{speaker}-7-0000.flac")
            write(chapter / f"{speaker}-7.trans.txt", f"{speaker}-7-0000 GO IN {speaker}\n")
        corpus = read_corpus(str(tmp_path), {})
        assert [texts(split) for split in corpus[1:4]] == [["GO IN 84", "GO IN 85"], ["GO IN 1"], ["GO IN 2"]]
        assert corpus.train[0][:1] == ("84-7-0000",)
        assert corpus.train[0].speaker == "84"

    def test_kaldi_with_segments(self, tmp_path):
        touch(tmp_path / "wav" / "r1.wav", tmp_path / "wav" / "r2.wav")
        data = tmp_path / "data" / "train"
        write(data / "wav.scp", "r2 wav/r2.wav\nr1 wav/r1.wav\n")
        write(data / "segments", "u1 r1 2.5 3\nu2 r2 0 -1\nu3 r1 0.25 1.5\n")
        write(data / "text", "u1 last words\nu2 other\nu3 first words\n")
        write(data / "utt2spk", "u1 ann\nu2 bob\nu3 ann\n")
        r1, r2 = (tmp_path / "wav" / f"r{number}.wav" for number in (1, 2))
        assert read_corpus(str(tmp_path / "data"), {}).train == [
            Utterance("u3", r1, "first words", "ann", 0.25, 1.5),
            Utterance("u1", r1, "last words", "ann", 2.5, 3.0),
            Utterance("u2", r2, "other", "bob", 0.0, None),
        ]

    def test_kaldi_with_commands_or_wrong_times_is_refused(self, tmp_path):
        write(tmp_path / "wav.scp", "r1 sph2pipe -f wav r1.sph |\n")
        write(tmp_path / "text", "r1 go\n")
        assert "commands are not run" in refused(tmp_path)
        write(tmp_path / "wav.scp", "r1 r1.wav\n")
        write(tmp_path / "segments", "u1 r1 3 2\n")
        assert "'u1 r1 3 2', which is not" in refused(tmp_path)
        write(tmp_path / "segments", "u1 r9 1 2\n")
        assert "the recording 'r9' for 'u1', which is not in wav.scp" in refused(tmp_path)
        (tmp_path / "text").unlink()
        assert "text does not exist" in refused(tmp_path)

    def test_a_text_next_to_each_recording(self, tmp_path):
        for split, number in (("train", 1), ("train", 2), ("valid", 3)):
            touch(tmp_path / split / "a" / f"{number}.WAV")
            write(tmp_path / split / "a" / f"{number}.txt", f"number\n  {number}\n")
        write(tmp_path / "train" / "README.txt", "Recorded at home.")
        corpus = read_corpus(str(tmp_path), {})
        assert texts(corpus.train) == ["number 1", "number 2"]
        assert corpus.train[0].name == "a/1"
        assert texts(corpus.validation) == ["number 3"]
        assert any("1 text file in" in note and "README.txt" in note for note in corpus.notes)

    def test_other_folders_and_several_tables_are_refused(self, tmp_path):
        assert "has no recordings with transcripts" in refused(tmp_path)
        for name in ("a", "b"):
            write(tmp_path / f"{name}.csv", "audio,text\nx.wav,go\n")
        assert "has the tables 'a.csv', 'b.csv'. Give the path of one of them." in refused(tmp_path)
        assert "there is no 'an5'; did you mean 'an4'?" in refused("an5")
        assert "--audio wav is an option of tables" in refused("an4", {"audio": "wav"})


def test_splits_are_given_by_options(tmp_path):
    touch(tmp_path / "a.wav", tmp_path / "b.wav")
    train, test = (write(tmp_path / f"{x}.csv", f"audio,text\n{x}.wav,text {x}\n") for x in "ab")
    corpus = read_corpus(str(train), {}, test=str(test))
    assert texts(corpus.test) == ["text b"]
    assert "--validation must be" in refused(train, validation="nowhere")
    evaluated = read_utterances(str(train), {})
    assert (texts(evaluated.utterances), evaluated.is_test) == (["text a"], False)
    for split in ("train", "test"):
        write(tmp_path / "both" / f"{split}.csv", "audio,text\na.wav,text a\n")
    assert "has the splits train, test. Give the data of one split." in refused(train, test=str(tmp_path / "both"))


@pytest.mark.parametrize(("shared", "held_out_by"), [(False, "speaker"), (True, "")])
def test_splits_are_to_be_set_aside_by_speaker_if_the_speakers_are_known_and_the_test_set_has_others(
    tmp_path, shared, held_out_by
):
    for name, speakers in (("train", "abcde"), ("test", "a" if shared else "x")):
        touch(*(tmp_path / f"{name}{who}.wav" for who in speakers))
        rows = "".join(f"{name}{who}.wav,go,{who}\n" for who in speakers)
        write(tmp_path / f"{name}.csv", f"audio,text,speaker\n{rows}")
    assert read_corpus(str(tmp_path), {}).held_out_by == held_out_by
