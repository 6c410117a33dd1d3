"""The command line where it meets the system: pipes that close, letters that are not shown, unknown flags."""

import dataclasses
import io
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from models import classifier, language_model

import gatewright
from gatewright.commands import flags
from gatewright.commands import main as cli
from gatewright.nn.file import write
from gatewright.support import progress


@pytest.fixture
def files(tmp_path):
    write(classifier(), tmp_path / "c.safetensors")
    write(language_model(rows="prefixes"), tmp_path / "l.safetensors")
    (tmp_path / "many.txt").write_text("a fine film\n" * 20_000)
    return tmp_path


def run(folder, command, **environment):
    """A command of the shell, with gatewright's own for `gatewright`."""
    own = f"{sys.executable} -m gatewright.commands.main"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.replace('gatewright', own)}"],
        cwd=folder,
        capture_output=True,
        text=True,
        # As on a terminal of anyone's: not written through at once.
        env={**{name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}, **environment},
        timeout=100,
    )


@pytest.mark.parametrize(
    "command",
    [
        "gatewright generate l.safetensors --tokens 1000000 | head -c 20",
        "gatewright predict c.safetensors --file many.txt | head -n 1",
        "gatewright info l.safetensors | true",
        "gatewright train classify --help | true",
    ],
)
def test_a_reader_that_goes_away_ends_it_without_a_word(files, command):
    done = run(files, command)
    assert done.returncode in (0, 141)  # 0 where all was written before
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["info l.safetensors", "generate l.safetensors", "--help", "--version", ""])
def test_output_that_can_not_be_written(files, command):
    done = run(files, f"gatewright {command} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == (
        "gatewright: the output can't be written or read (No space left on device): mend that, or name another place.\n"
    )


def test_output_that_is_closed(files):
    done = run(files, "gatewright info l.safetensors >&-")
    assert (done.returncode, done.stderr) == (0, "")
    done = run(files, "gatewright info nowhere >&-")
    assert (done.returncode, done.stderr.startswith("gatewright: nowhere is not there")) == (2, True)


@pytest.mark.parametrize(
    ("encoding", "prompt", "shown"),
    [("utf-8:strict", "\\xff", "\\udcff"), ("ascii", "\\xff", "\\udcff"), ("ascii", "\\u00e9", "\\xe9")],
)
def test_letters_that_can_not_be_shown_are_escaped(files, encoding, prompt, shown):
    command = f"gatewright generate l.safetensors --tokens 1 --prompt $'{prompt}'"
    done = run(files, command, PYTHONIOENCODING=encoding, LC_ALL="C.UTF-8")
    assert (done.returncode, done.stdout.startswith(shown)) == (0, True)


def test_letters_of_a_program_are_its_own(files):
    (files / "program.py").write_text("print('\\udcff')")
    done = run(files, "gatewright run program.py", PYTHONIOENCODING="utf-8:strict")
    assert (done.returncode, "UnicodeEncodeError" in done.stderr) == (1, True)


def test_texts_stand_anywhere_among_the_flags(files, capsys):
    path = str(files / "c.safetensors")
    said = []
    for arguments in (["a fine film", "a dull one", "--json"], ["--json", "a fine film", "a dull one"]):
        assert cli.main(["predict", path, *arguments]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    assert said[0].count('"label"') == 2


def test_a_text_that_begins_with_a_hyphen_stands_after_two(files, capsys):
    path = str(files / "c.safetensors")
    for arguments in (["--", "-5 degrees"], ["a", "--json", "--", "-x", "--json", "b"]):
        assert cli.main(["predict", path, *arguments]) == 0
    assert capsys.readouterr().out.count("probabilities") == 4
    for arguments in (["-5 degrees"], ["-5"], ["--json", "-5"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(["predict", path, *arguments])
        assert ended.value.code == 2
        assert "; a text that begins with - stands after all flags and --" in capsys.readouterr().err


def test_a_hyphen_is_a_text_where_there_is_no_command_line(files):
    assert len(gatewright.predict(files / "c.safetensors", ["-", "a"])) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["predict", "m", "--jsn", "a text"], "unrecognized arguments: --jsn; a text that begins with -"),
        (["predict", "m", "a text", "--jsn"], "unrecognized arguments: --jsn; a text that begins with -"),
        (["--sead"], "unrecognized arguments: --sead (see gatewright --help)"),
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


def test_a_model_of_a_training_that_was_interrupted(files, capsys):
    model = classifier()
    path = str(files / "half.safetensors")
    for finished in (True, False):
        write(dataclasses.replace(model, training={**model.training, "finished": finished}), path)
        assert cli.main(["info", path]) == 0
        assert ("not finished: training was interrupted" in capsys.readouterr().out) is not finished


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_help_names_all_data(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    for data in ("imdb", "a folder of text files by class", "shakespeare", "ptb", "imdb-unlabelled", "a text file"):
        assert data in told
    assert "labelled data" not in told


# While the flags are made modules are imported already.
@pytest.mark.parametrize(("place", "name"), [(flags, "parser"), (cli, "_doctor")])
def test_ctrl_c_at_any_time_is_one_line(place, name, monkeypatch, capsys):
    def interrupted(*given):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(place, name, interrupted)
    monkeypatch.setitem(cli._COMMANDS, "doctor", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert cli.main(["doctor"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "gatewright: interrupted\n"


class Lines(io.StringIO):
    """A log that says when it has a line."""

    def __init__(self):
        super().__init__()
        self.written = threading.Event()

    def write(self, text):
        self.written.set()
        return super().write(text)


def test_a_log_is_told_of_what_lasts_before_it_ticks(monkeypatch):
    for doing in ("compiling", "answering the test rows"):
        log = Lines()
        with progress.Progress(1, log) as told:
            monkeypatch.setattr(progress, "_QUIET_AT_FIRST", 1000.0)
            told.begin("training", 2)
            monkeypatch.setattr(progress, "_QUIET_AT_FIRST", 0.01)
            told.begin("training", 2) if doing == "compiling" else told.answering(doing)
            assert log.written.wait(60)
        assert log.getvalue() == f"training: {doing}\n"


@pytest.mark.parametrize("over", [lambda told: told.tick(1, 1, 9), lambda told: told.end(), lambda told: None])
def test_a_log_is_not_told_of_what_is_over_soon(over, monkeypatch):
    log = Lines()
    with progress.Progress(1, log) as told:
        told.begin("training", 2)
        over(told)
    told._waiting.join(60)  # it has been told to stop
    assert log.getvalue() == ""


def test_a_terminal_is_told_what_begins(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    with progress.Progress(1, terminal) as told:
        told.begin("baseline", 1, "fitting the baseline")
    assert "fitting the baseline" in terminal.getvalue()
    assert "compiling" not in terminal.getvalue()
