"""Tagged sentences from all formats, and the errors for bad ones."""

import gzip
import lzma

import pytest

from gatewright.support.errors import InputError
from gatewright.tasks.tag.reading import read_tagged
from gatewright.tasks.tag.sentences import ColumnChoice, Tagged

CONLLU = """\
# sent_id = 1
# text = Don't go
1-2\tDon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tDo\tdo\tAUX\tVB\tMood=Imp\t3\taux\t_\t_
2\tn't\tnot\tPART\tRB\t_\t3\tadvmod\t_\t_
3\tgo\tgo\tVERB\tVB\t_\t0\troot\t_\tSpaceAfter=No
3.1\tgo\tgo\tVERB\tVB\t_\t_\t_\t_\t_

# text = Yes
1\tYes\tyes\tINTJ\tUH\t_\t0\troot\t_\t_

"""
SENTENCES = [["Do", "n't", "go"], ["Yes"]]


def conllu(path, text=CONLLU):
    path.write_text(text)
    return str(path)


def lines(folder, words=("show flights", "book it"), tags=("O B-x", "O O"), labels=("find", "book")):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in (("seq.in", words), ("seq.out", tags), ("label", labels)):
        if content is not None:
            (folder / name).write_text("".join(f"{line}\n" for line in content))
    return str(folder)


def read(data, column=None, **splits):
    return read_tagged(str(data), ColumnChoice(column), **splits)


def refused(data, column=None, **splits):
    with pytest.raises(InputError) as caught:
        read(data, column, **splits)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith((".", "?"))
    return sentence


class TestConllu:
    @pytest.mark.parametrize(
        ("column", "tags"),
        [
            (None, [["AUX", "PART", "VERB"], ["INTJ"]]),
            ("upos", [["AUX", "PART", "VERB"], ["INTJ"]]),
            ("xpos", [["VB", "RB", "VB"], ["UH"]]),
            ("deprel", [["aux", "advmod", "root"], ["root"]]),
            ("feats", [["Mood=Imp", "_", "_"], ["_"]]),
        ],
    )
    def test_columns(self, tmp_path, column, tags):
        source = read(conllu(tmp_path / "a.conllu"), column)
        assert source.train == Tagged(SENTENCES, tags)
        assert (source.name, source.validation, source.test, source.notes) == ("a.conllu", None, None, ())

    @pytest.mark.parametrize(("ending", "compress"), [(".xz", lzma.compress), (".gz", gzip.compress)])
    def test_compressed(self, tmp_path, ending, compress):
        path = tmp_path / f"a.conllu{ending}"
        path.write_bytes(compress(CONLLU.encode()))
        assert read(str(path)).train.words == SENTENCES

    def test_line_ends_and_a_last_line_without_one(self, tmp_path):
        text = CONLLU.rstrip("\n").replace("\n", "\r\n")
        (tmp_path / "a.conllu").write_bytes(text.encode())
        assert read(tmp_path / "a.conllu").train.words == SENTENCES

    def test_refused(self, tmp_path):
        path = tmp_path / "a.conllu"
        assert "must be one of 'upos', 'xpos', 'feats', 'deprel', not 'pos'" in refused(conllu(path), column="pos")
        assert "line 2 has 2 fields" in refused(conllu(path, "# a\nthe\tDET\n"))
        assert "line 1 does not start with a number" in refused(conllu(path, "x" + "\ta" * 9))
        assert "has no xpos: every field of that column is _" in refused(
            conllu(path, CONLLU.replace("VB", "_").replace("RB", "_").replace("UH", "_")), column="xpos"
        )
        assert "has no sentence" in refused(conllu(path, "# nothing\n\n\n"))


class TestLines:
    def test_slots_and_intents(self, tmp_path):
        source = read(lines(tmp_path / "a"))
        assert source.train == Tagged(
            [["show", "flights"], ["book", "it"]], [["O", "B-x"], ["O", "O"]], ["find", "book"]
        )
        assert read(lines(tmp_path / "b", labels=None)).train.labels is None

    def test_parts(self, tmp_path):
        for part in ("train", "dev", "test"):
            lines(tmp_path / "a" / part, (part, "x"), ("O", "O"))
        source = read(str(tmp_path / "a"))
        assert [part.words[0] for part in (source.train, source.validation, source.test)] == [
            ["train"],
            ["dev"],
            ["test"],
        ]

    def test_empty_sentences_are_left_out_with_a_note(self, tmp_path):
        source = read(lines(tmp_path / "a", ("show", "", "it"), ("O", " ", "O"), ("find", "none", "book")))
        assert source.train == Tagged([["show"], ["it"]], [["O"], ["O"]], ["find", "book"])
        assert source.notes == ("1 sentence without a word was left out.",)

    def test_refused(self, tmp_path):
        folder = tmp_path / "a"
        assert "line 2 has 2 words in seq.in but 1 tags in seq.out" in refused(lines(folder, tags=("O B-x", "O")))
        assert "has 2 lines in seq.in but 1 in seq.out" in refused(lines(folder, tags=("O B-x",)))
        assert "has 2 lines in seq.in but 3 in label" in refused(lines(folder, labels=("a", "b", "c")))
        assert "line 1 has no label" in refused(lines(folder, labels=("", "b")))
        assert "has no sentence" in refused(lines(folder, ("", ""), ("", "")))
        assert "--column names a column of a file" in refused(lines(folder), column="upos")
        (folder / "seq.out").unlink()
        assert "has no seq.out" in refused(folder)


class TestParts:
    def test_a_folder_of_files(self, tmp_path):
        for part in ("train", "dev", "test"):
            conllu(tmp_path / f"xx-ud-{part}.conllu", CONLLU.replace("Yes", part))
        (tmp_path / "README.txt").write_text("about training and testing")
        source = read(str(tmp_path))
        parts = source.train, source.validation, source.test
        assert [part.words[1] for part in parts] == [["train"], ["dev"], ["test"]]

    def test_a_folder_of_folders_that_have_the_names(self, tmp_path):
        for part in ("train", "test"):
            (tmp_path / part).mkdir()
            (tmp_path / part / "FIN.txt").write_text(f"{part} B-X\n")
            (tmp_path / part / "README").write_text("about the data\n")
        source = read(tmp_path)
        assert (source.train.words, source.validation, source.test.words) == ([["train"]], None, [["test"]])
        (tmp_path / "train" / "FIN2.txt").write_text("more B-X\n")
        assert "has two train sets, train/FIN.txt and train/FIN2.txt. Remove one." in refused(tmp_path)

    def test_the_files_of_conll_2003(self, tmp_path):
        for part in ("train", "testa", "testb"):
            (tmp_path / f"eng.{part}").write_text(f"-DOCSTART- -X- O O\n\n{part} NN B-NP B-X\nis VB O O\n")
        source = read(tmp_path)
        parts = source.train, source.validation, source.test
        assert [part.words for part in parts] == [[["train", "is"]], [["testa", "is"]], [["testb", "is"]]]

    def test_given_splits(self, tmp_path):
        one, other = conllu(tmp_path / "one.conllu"), conllu(tmp_path / "other.conllu", CONLLU.replace("Yes", "No"))
        source = read(one, validation=other, test=other)
        assert source.test == source.validation
        assert source.test.words[1] == ["No"]

    def test_refused(self, tmp_path):
        one = conllu(tmp_path / "one.conllu")
        both = tmp_path / "both"
        both.mkdir()
        conllu(both / "train.conllu")
        conllu(both / "test.conllu")
        assert "has its own test set. Leave --test" in refused(both, test=one)
        assert "has several splits" in refused(one, test=str(both))
        assert "--test must be a .conllu file" in refused(one, test=str(tmp_path / "nowhere"))
        assert "did you mean 'atis'?" in refused("atiss")
        assert "'' does not exist" in refused("")
        conllu(both / "test.txt")
        assert "has two test sets" in refused(both)
        (tmp_path / "none").mkdir()
        assert "None has train in its name" in refused(tmp_path / "none")
        assert "has no labels for its sentences" in refused(
            lines(tmp_path / "l"), test=lines(tmp_path / "n", labels=None)
        )


class TestNamed:
    def test_from_their_folders(self, tmp_path, monkeypatch):
        monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
        for part in ("train", "dev", "test"):
            lines(tmp_path / "atis" / part)
            (tmp_path / "ewt").mkdir(exist_ok=True)
            path = tmp_path / "ewt" / f"en_ewt-ud-{part}.conllu.xz"
            path.write_bytes(lzma.compress(CONLLU.encode()))
        (tmp_path / "atis" / "slot_label.txt").write_text("O\n")
        assert read("atis").test.labels == ["find", "book"]
        assert read("ewt", "xpos").validation.tags[1] == ["UH"]
        assert "--column names a column of a file, but atis has no columns" in refused("atis", column="upos")

    @pytest.mark.parametrize("name", ["atis", "ewt"])
    def test_missing_sets_are_refused(self, tmp_path, monkeypatch, name):
        monkeypatch.setenv("GATEWRIGHT_DATA", str(tmp_path))
        assert f"{tmp_path / name} does not exist. Put" in refused(name)
        monkeypatch.delenv("GATEWRIGHT_DATA")
        assert "GATEWRIGHT_DATA is not set. Put" in refused(name)
