"""The `explain` command."""

from __future__ import annotations

import json

import pytest
from models import classifier

from gatewright.commands.main import main
from gatewright.nn import file
from gatewright.tasks import registry


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.safetensors"
    file.write(classifier(), path)
    return str(path)


def test_explains_texts_and_files(model, tmp_path, capsys):
    assert main(["explain", model, "a fine film", "--against", "bad", "--label", "good", "--together", "a fine"]) == 0
    text = capsys.readouterr().out
    assert "good" in text
    assert "leave-one-out" in text
    lines = tmp_path / "texts.txt"
    lines.write_text("a fine film\na dull film\na day\n")
    assert main(["explain", model, "--file", str(lines), "--limit", "2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["explanations"]
    assert [[step["text"] for step in one["steps"][1:]] for one in found] == [
        ["a", "fine", "film"],
        ["a", "dull", "film"],
    ]
    assert main(["explain", model, "--", "-a -fine"]) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a film", "--label", "none"], "The model has no label 'none'."),
        (["a film", "--step", "2"], "no step can be chosen"),
        (["a", "-"], "- stands for standard input"),
        (["a film", "--file", "texts.txt"], "Texts and --file texts.txt are both given."),
        (["a film", "--time", "t"], "does not apply to"),
        (["a film", "--units", "3"], "unrecognized arguments"),
        (["a film", "--whole", "--step", "1"], "--step is about one example"),
        (["--together", "a film"], "--together is about one example"),
    ],
)
def test_wrong_use_is_one_sentence(model, capsys, arguments, message):
    try:
        code = main(["explain", model, *arguments])
    except SystemExit as stopped:
        code = stopped.code
    assert code == 2
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


def test_page_is_written_for_one_text_and_never_over_an_input(model, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["explain", model, "a fine film", "--out", str(page), "--json"]) == 0
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    json.loads(capsys.readouterr().out)
    page.unlink()
    for arguments, message in (
        (["a", "b"], "explains one example, not 2"),
        (["a", "--whole"], "--out is about one example"),
        ([], "--out is about one example"),
    ):
        assert main(["explain", model, *arguments, "--out", str(page)]) == 2
        assert message in capsys.readouterr().err
        assert not page.exists()
    assert main(["explain", model, "a", "--out", model]) == 2
    assert file.read(model, registry.model_class)
