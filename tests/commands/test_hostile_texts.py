"""Labels, texts and names with terminal escape sequences, on their way through the commands."""

from __future__ import annotations

import json

import pytest
from models import classifier

from gatewright.commands.main import main
from gatewright.nn.file import write

LABELS = ("b\x7fad", "\x1b[31mgood\u202e")


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "c\x1b[32m.safetensors"
    write(classifier(labels=LABELS), path)
    return str(path)


def hostile(text):
    return [char for char in text if char not in "\n\t" and (ord(char) < 32 or ord(char) == 127 or char == "\u202e")]


def test_no_command_prints_what_controls_the_terminal(model, tmp_path, capsys):
    table = tmp_path / "t\x1b[33m.csv"
    table.write_text("text,label\n" + "".join(f"a fine film {number},{LABELS[number % 2]}\n" for number in range(40)))
    for arguments, code in (
        (["predict", model, "a fine film"], 0),
        (["info", model], 0),
        (["evaluate", model, str(table)], 0),
        (["predict", model, "--file", "missing\x1b[34m"], 2),
        (["info", "missing\x1b[35m"], 2),
    ):
        assert main(arguments) == code
        printed = capsys.readouterr()
        assert printed.out or printed.err
        assert not hostile(printed.out + printed.err), arguments
    for arguments in (["train", "x\x1b[31m"], ["predict", model, "--x\x1b[31m"]):
        with pytest.raises(SystemExit):
            main(arguments)
        assert not hostile(capsys.readouterr().err)


def test_json_keeps_labels_exactly(model, capsys):
    assert main(["predict", model, "a fine film", "--json"]) == 0
    printed = capsys.readouterr().out
    assert not hostile(printed)
    (prediction,) = json.loads(printed)["predictions"]
    assert sorted(prediction["probabilities"]) == sorted(LABELS)
