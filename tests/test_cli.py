"""The command line where it meets the system: pipes that close, letters that are not shown, unknown flags."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from models import classifier, language_model

from gatewright import cli
from gatewright.model_file import write


@pytest.fixture
def files(tmp_path):
    write(classifier(), tmp_path / "c.safetensors")
    write(language_model(rows="prefixes"), tmp_path / "l.safetensors")
    (tmp_path / "many.txt").write_text("a fine film\n" * 20_000)
    return tmp_path


def run(folder, command, **environment):
    """A command of the shell, with gatewright's own for `gatewright`."""
    own = f"{sys.executable} -m gatewright.cli"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.replace('gatewright', own)}"],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=100,
    )


@pytest.mark.parametrize(
    "command",
    [
        "gatewright generate l.safetensors --tokens 1000000 | head -c 20",
        "gatewright predict c.safetensors --file many.txt | head -n 1",
        "gatewright info l.safetensors | true",
    ],
)
def test_a_reader_that_goes_away_ends_it_without_a_word(files, command):
    done = run(files, command)
    assert done.returncode in (0, 141)  # 0 where all was written before
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_output_that_can_not_be_written(files):
    done = run(files, "gatewright info l.safetensors > /dev/full")
    assert done.returncode == 2
    assert done.stderr == "gatewright: No space left on device; make room there, or write elsewhere.\n"


@pytest.mark.parametrize(("encoding", "shown"), [("utf-8:strict", "\\udcff"), ("ascii", "\\udcff")])
def test_letters_that_can_not_be_shown_are_escaped(files, encoding, shown):
    done = run(files, "gatewright generate l.safetensors --tokens 1 --prompt $'\\xff'", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout.startswith(shown)) == (0, True)


def test_texts_stand_anywhere_among_the_flags(files, capsys):
    path = str(files / "c.safetensors")
    said = []
    for arguments in (["a fine film", "a dull one", "--json"], ["--json", "a fine film", "a dull one"]):
        assert cli.main(["predict", path, *arguments]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert said[0].count('"label"') == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "m", "--jsn", "a text"], "unrecognized arguments: --jsn a text (see gatewright predict --help)"),
        (["train", "generate", "a.txt", "--unitz", "3"], "unrecognized arguments: --unitz 3 (see gatewright train gen"),
        (["compare", "adding", "--sead", "3"], "unrecognized arguments: --sead 3 (see gatewright compare --help)"),
    ],
)
def test_flags_that_are_not_there(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"gatewright: {said}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "predict needs texts: give some, - for standard input, or a file of texts with --file."),
        (["a", "--file", "b.txt"], "predict takes texts or --file b.txt, not both: leave one of the two out."),
        (["a", "-"], "- stands for standard input, and is no text among others: leave it or the others out."),
    ],
)
def test_texts_that_can_not_be_told(files, arguments, said, capsys):
    assert cli.main(["predict", str(files / "c.safetensors"), *arguments]) == 2
    assert capsys.readouterr().err == f"gatewright: {said}\n"


def test_a_folder_is_no_model(files, capsys):
    assert cli.main(["info", str(files)]) == 2
    assert f"{files} is a folder: give the path of a model file" in capsys.readouterr().err


def test_ctrl_c_at_any_time_is_one_line(monkeypatch, capsys):
    def interrupted(options):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setitem(cli._COMMANDS, "doctor", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert cli.main(["doctor"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "gatewright: interrupted\n"
