"""The command `translate`: sentences as arguments, in files and on standard input."""

import io
import json
from types import SimpleNamespace

import pytest
from models import classifier
from translation_models import translator

import gatewright
from gatewright.commands import main
from gatewright.nn.file import write

TEXT = "a man is reading\n\ntwo dogs\r\na dog\x0creads\u2028a book"
SENTENCES = ["a man is reading", "", "two dogs", "a dog\x0creads\u2028a book"]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "t.safetensors"
    write(translator(), path)
    return str(path)


def give(monkeypatch, content):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_each_sentence_has_a_line_whatever_way_it_is_given(model, tmp_path, monkeypatch, capsys):
    assert main.main(["translate", model, *SENTENCES]) == 0
    expected = capsys.readouterr().out
    assert expected.count("\n") == len(SENTENCES)
    assert expected.split("\n")[1] == ""
    (tmp_path / "in.txt").write_bytes(TEXT.encode())
    assert main.main(["translate", model, "--file", str(tmp_path / "in.txt")]) == 0
    assert capsys.readouterr().out == expected
    for given in (["-"], ["--file", "-"]):
        give(monkeypatch, b"\xef\xbb\xbf" + TEXT.encode())
        assert main.main(["translate", model, *given]) == 0
        assert capsys.readouterr().out == expected


def test_lines_on_standard_input_are_translated_as_they_arrive(model, monkeypatch, capsys):
    printed = []

    arriving = [b"a man is", b" reading\ntwo", b" dogs\n", b"a dog", b""]

    def read1(size):
        printed.append(capsys.readouterr().out)
        return arriving.pop(0)

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read1=read1)))
    assert main.main(["translate", model, "-"]) == 0
    printed.append(capsys.readouterr().out)
    expected = [gatewright.translate(model, text)[0].text for text in ("a man is reading", "two dogs", "a dog")]
    assert [part.count("\n") for part in printed] == [0, 0, 1, 1, 0, 1]
    main.main(["translate", model, "a man is reading", "two dogs", "a dog"])
    assert "".join(printed) == capsys.readouterr().out
    assert len(set(expected)) == 3


def test_the_best_translations_with_ranks_and_log_probabilities(model, capsys):
    assert main.main(["translate", model, "two dogs", "a dog", "--best", "3"]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["1", "2", "3"] * 2
    found = gatewright.translate(model, ["two dogs", "a dog"], best=3)
    assert [row[1] for row in rows] == [f"{one.log_probability:.4f}" for own in found for one in own]
    assert main.main(["translate", model, "two dogs", "a dog", "--best", "3", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["translations"]
    assert listed == [[one.to_json() for one in own] for own in found]
    assert main.main(["translate", model, "two dogs", "--json", "--attention"]) == 0
    (one,) = json.loads(capsys.readouterr().out)["translations"]
    assert len(one["attention"]) == len(one["target_pieces"])


def test_the_attention_as_a_table_and_as_a_plot(model, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    arguments = ["translate", model, "a man is reading a book", "--attention", "--plot", str(tmp_path / "a.png")]
    assert main.main(arguments) == 0
    lines = capsys.readouterr().out.split("\n")  # a file, so without colours
    assert all(len(line) <= 60 for line in lines[1:])
    assert lines[2].endswith("│ ▁a ▁man ▁is ▁reading ▁a ▁book [END]")
    (translation,) = gatewright.translate(model, "a man is reading a book", attention=True)
    assert lines[0] == translation.text
    rows = lines[3 : 3 + len(translation.target_pieces)]
    for row, piece, shares in zip(rows, translation.target_pieces, translation.attention, strict=True):
        assert row.startswith(piece.replace("\n", "\\n"))
        assert (row[-5:].strip() != "") or shares[-1] < 0.05
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No sentences are given"),
        (["a", "--file", "f.txt"], "both given"),
        (["--file", "missing.txt"], "'missing.txt' does not exist"),
        (["a", "--header", "first"], "--header first is for a file"),
        (["-", "--source", "en"], "--source en is for a table"),
        (["a", "b", "--plot", "p.png"], "--plot draws the attention of one sentence, not of 2"),
        (["a", "--plot", "p.txt"], "--plot must be a file with the suffix .png"),
        (["a", "--plot", "none/p.png"], "is in a folder that does not exist"),
        (["a", "--beam", "0"], "The number of beams must be from 1"),
        (["a", "--length-penalty", "nan"], "The length penalty must be from 0 to 10, not nan"),
        (["a", "--best", "7"], "from 1 to the number of beams, which is 3, not 7"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_sentence(model, tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main.main(["translate", model, *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("gatewright: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err
    assert not list(tmp_path.iterdir())


def test_a_line_that_is_no_text_stops_after_the_lines_before_it(model, monkeypatch, capsys):
    give(monkeypatch, b"two dogs\na \xff dog\n")
    assert main.main(["translate", model, "-"]) == 2
    assert "Line 2 of standard input is not UTF-8" in capsys.readouterr().err


def test_other_models_are_refused(tmp_path, capsys):
    write(classifier(), tmp_path / "c.safetensors")
    assert main.main(["translate", str(tmp_path / "c.safetensors"), "a"]) == 2
    assert "not a translator: use `gatewright predict`" in capsys.readouterr().err


def test_control_characters_do_not_reach_the_terminal_or_break_lines(tmp_path, monkeypatch, capsys):
    from gatewright.tasks.translate.vocabulary import Vocabulary

    monkeypatch.setattr(Vocabulary, "decode_target", lambda self, ids: "a\nb\x1b[2J\tc")
    write(translator(), tmp_path / "t.safetensors")
    assert main.main(["translate", str(tmp_path / "t.safetensors"), "a", "b"]) == 0
    assert capsys.readouterr().out == "a\\nb\\x1b[2J\\tc\n" * 2


def test_an_interruption_says_how_far_it_came(model, monkeypatch, capsys):
    lines = [b"two dogs\n"]

    def read1(size):
        if not lines:
            raise KeyboardInterrupt
        return lines.pop()

    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=SimpleNamespace(read1=read1)))
    assert main.main(["translate", model, "-"]) == 130
    printed = capsys.readouterr()
    assert printed.out.count("\n") == 1
    assert "interrupted after the translation of sentence 1" in printed.err
