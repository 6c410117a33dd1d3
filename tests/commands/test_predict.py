"""The command `predict` with texts of all kinds."""

import io
import json

import pytest
from models import classifier
from numpy import array

import gatewright
from gatewright.commands import main
from gatewright.nn.file import write
from gatewright.support.errors import InputError

TABLE = 'label,text\ngood,"a fine film, and long"\nbad,a dull film\n'


@pytest.fixture
def model(tmp_path):
    write(classifier(), tmp_path / "c.safetensors")
    return str(tmp_path / "c.safetensors")


@pytest.mark.parametrize("arguments", [["-"], ["--file", "-"], ["--file", "-", "--format", "csv"]])
def test_a_table_on_standard_input(model, monkeypatch, capsys, arguments):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(TABLE.encode())))
    assert main.main(["predict", model, *arguments, "--json"]) == 0
    printed = capsys.readouterr()
    expected = gatewright.predict(model, ["a fine film, and long", "a dull film"])
    assert json.loads(printed.out)["predictions"] == [prediction.to_json() for prediction in expected]
    assert ("was read as a table" in printed.err) == ("csv" not in arguments)


def test_options_of_tables(model, tmp_path, capsys):
    (tmp_path / "a.txt").write_text("a dull film|1\na fine film|2\n")
    arguments = ["--file", str(tmp_path / "a.txt"), "--format", "csv", "--header", "none", "--text", "column 1"]
    assert main.main(["predict", model, *arguments]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
    assert main.main(["predict", model, *arguments[:-1], "column 3"]) == 2
    assert "--text 'column 3' is not a column of" in capsys.readouterr().err


def test_any_iterable_of_texts(model):
    expected = gatewright.predict(model, ["a", "b"])
    for texts in (("a", "b"), (text for text in "ab"), array(["a", "b"])):
        assert gatewright.predict(model, texts) == expected
    assert gatewright.predict(model, []) == []
    assert gatewright.predict(model, "a") == gatewright.predict(model, ["a"])


@pytest.mark.parametrize("texts", [5, b"a", [["a"]], [None], {"a": 1}])
def test_other_values_are_refused(model, texts):
    with pytest.raises(InputError, match=r"must be a string|must be one string or a list"):
        gatewright.predict(model, texts)
