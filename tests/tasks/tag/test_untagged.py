"""Sentences for predictions from files of texts and files of words."""

import json

import numpy as np
import pytest
from tag_models import loaded_tagger, tagger

import gatewright
from gatewright.commands import main as cli
from gatewright.nn.file import write
from gatewright.support.errors import InputError
from gatewright.tasks.tag.model import Tagger
from gatewright.tasks.tag.running_text import WordSplitter

WORDS = [("a", "fine"), ("film",)]


def predicted(path, **options):
    return [one.words for one in loaded_tagger(labels=()).predict_from(None, str(path), options)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.conllu", "# x\n1\ta" + "\t_" * 8 + "\n2\tfine" + "\t_" * 8 + "\n\n1\tfilm" + "\t_" * 8 + "\n"),
        ("a.conll", "a O\nfine B-a\n\nfilm O\n"),
        ("a.conll", "a\nfine\n\nfilm\n"),
        ("a.conll", "1\ta\n2\tfine\n\n1\tfilm\n"),
        ("a.iob", "a\tO\nfine\tB-a\n\nfilm\tO\n"),
        ("a.tsv", "a\tO\nfine\tB-a\n\nfilm\tO\n"),
        ("a.tsv", "word\ttag\na\tO\nfine\tB-a\n\nfilm\tO\n"),
        ("a.csv", "sent_id,word\n1,a\n1,fine\n2,film\n"),
        ("a.csv", "words\na fine\nfilm\n"),
        ("a.jsonl", '{"tokens": ["a", "fine"]}\n{"tokens": ["film"], "ner_tags": ["O"]}\n'),
        ("a.json", json.dumps([{"words": ["a", "fine"]}, {"words": ["film"]}])),
        ("a.txt", "a fine\nfilm\n"),
        ("a.csv", "id,text\n1,a fine\n2,film\n"),
        ("a.csv", "id,Sentence\n1,a fine\n2,film\n"),
        ("a.jsonl", '{"sentence": "a fine"}\n{"sentence": "film"}\n'),
    ],
)
def test_words_and_texts_are_recognized(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert predicted(tmp_path / name) == WORDS


def test_sentences_in_tables_are_running_text(tmp_path):
    file = tagger(labels=())
    file.prepared["splitter"] = WordSplitter.fit([["a", "film", "."]]).to_json()
    model = Tagger(file, Tagger.parse_prepared(file.prepared))
    (tmp_path / "a.csv").write_text("sentence\na film.\nfine\n")
    assert model.predict_from(None, str(tmp_path / "a.csv"), {})[0].words == ("a", "film", ".")


def test_options_choose_the_words(tmp_path):
    (tmp_path / "a.txt").write_text("O x a\nO x fine\n\nO x film\n")
    assert predicted(tmp_path / "a.txt", word_column="3") == WORDS
    (tmp_path / "a.csv").write_text("k,text,w\n1,x,a\n1,x,fine\n2,x,film\n")
    assert predicted(tmp_path / "a.csv", word_column="w", sentence="k") == WORDS
    assert predicted(tmp_path / "a.csv", text="w") == [("a",), ("fine",), ("film",)]


@pytest.mark.parametrize(
    ("text", "what"), [("a O\nfine B-a\n\nfilm O\n", "a word and its tag"), ("a\nfine\n\nfilm\nday\n", "a word")]
)
def test_lines_of_words_are_not_read_as_texts(tmp_path, text, what):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(InputError, match=rf"a\.txt seems to have {what} on .* with --word-column 1, or as texts with"):
        predicted(tmp_path / "a.txt")
    assert len(predicted(tmp_path / "a.txt", word_column="1")) == 2
    assert len(predicted(tmp_path / "a.txt", format="lines")) == text.count("\n")


def test_refused(tmp_path):
    (tmp_path / "a.txt").write_text("a fine film\n")
    with pytest.raises(InputError, match="--text x and --word-column 1 exclude each other"):
        predicted(tmp_path / "a.txt", word_column="1", text="x")
    with pytest.raises(InputError, match=r"--sentence 1 names a column of a file. Give a file with --file"):
        loaded_tagger().predict_from(["a"], None, {"sentence": "1"})


def test_python_accepts_any_iterable_of_texts(tmp_path):
    path = tmp_path / "m.safetensors"
    write(tagger(labels=()), path)
    for texts in (iter(["a fine", "film"]), np.array(["a fine", "film"]), [["a", "fine"], "film"]):
        assert [one.words for one in gatewright.predict(path, texts)] == WORDS
    assert gatewright.predict(path, []) == []
    for wrong in (5, [None], {"a": 1}):
        with pytest.raises(InputError, match="not "):
            gatewright.predict(path, wrong)
    with pytest.raises(InputError, match="No texts are given"):
        gatewright.predict(path)
    with pytest.raises(InputError, match="Texts and --file"):
        gatewright.predict(path, ["a"], file="a.txt")
    with pytest.raises(InputError, match="--text x is for a file"):
        gatewright.predict(path, ["a"], text="x")


def test_the_command_reads_words(tmp_path, capsys):
    write(tagger(labels=()), tmp_path / "m.safetensors")
    (tmp_path / "a.txt").write_text("O x a\nO x fine\n\nO x film\n")
    command = ["predict", str(tmp_path / "m.safetensors"), "--file", str(tmp_path / "a.txt"), "--json"]
    assert cli.main([*command, "--word-column", "3"]) == 0
    assert [tuple(one["words"]) for one in json.loads(capsys.readouterr().out)["predictions"]] == WORDS


def test_words_after_their_tags_are_read_with_a_note(tmp_path, capsys):
    (tmp_path / "a.bio").write_text("B-PER\tAnna\nO\tsleeps\n\nB-LOC\tRome\n")
    assert predicted(tmp_path / "a.bio") == [("Anna", "sleeps"), ("Rome",)]
    assert "The words are read from column 2, since column 1 has the tags of spans" in capsys.readouterr().err


def test_words_with_their_tags_attached_are_refused(tmp_path):
    (tmp_path / "a.txt").write_text("Anna/B-a sleeps/O\nRome/B-a is/O old/O\n")
    with pytest.raises(InputError, match=r"seems to have the tag of each word attached to it, as in 'Anna/B-a'"):
        predicted(tmp_path / "a.txt")
    assert predicted(tmp_path / "a.txt", format="lines")[0] == ("Anna/B-a", "sleeps/O")
