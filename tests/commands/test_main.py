"""The command line and the system: closed pipes, characters that cannot be shown, unknown flags, Ctrl-C."""

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
from gatewright.commands import doctor, main
from gatewright.nn.file import write
from gatewright.support import progress


@pytest.fixture
def files(tmp_path):
    write(classifier(), tmp_path / "c.safetensors")
    write(language_model(examples="prefixes"), tmp_path / "l.safetensors")
    (tmp_path / "many.txt").write_text("a fine film\n" * 20_000)
    return tmp_path


def run(folder, command, **environment):
    """Run a shell command in which `gatewright` is the tested command line."""
    own = f"{sys.executable} -m gatewright.commands.main"
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command.replace('gatewright', own)}"],
        cwd=folder,
        capture_output=True,
        text=True,
        # Output is buffered, as it is by default.
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
def test_a_closed_pipe_ends_a_command_silently(files, command):
    done = run(files, command)
    assert done.returncode in (0, 141)  # 0 if everything was written before
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("command", ["info l.safetensors", "generate l.safetensors", "--help", "--version", ""])
def test_output_that_cannot_be_written_is_reported(files, command):
    done = run(files, f"gatewright {command} > /dev/full")
    assert done.returncode == 2
    assert done.stderr == (
        "gatewright: The output cannot be read or written (No space left on device): fix this or name another path.\n"
    )


def test_closed_output_is_no_error(files):
    done = run(files, "gatewright info l.safetensors >&-")
    assert (done.returncode, done.stderr) == (0, "")
    done = run(files, "gatewright info nowhere >&-")
    assert (done.returncode, done.stderr.startswith("gatewright: nowhere does not exist")) == (2, True)


@pytest.mark.parametrize(
    ("encoding", "prompt", "shown"),
    [("utf-8:strict", "\\xff", "\\udcff"), ("ascii", "\\xff", "\\udcff"), ("ascii", "\\u00e9", "\\xe9")],
)
def test_characters_that_cannot_be_shown_are_escaped(files, encoding, prompt, shown):
    command = f"gatewright generate l.safetensors --tokens 1 --prompt $'{prompt}'"
    done = run(files, command, PYTHONIOENCODING=encoding, LC_ALL="C.UTF-8")
    assert (done.returncode, done.stdout.startswith(shown)) == (0, True)


def test_output_of_a_program_is_not_escaped(files):
    (files / "program.py").write_text("print('\\udcff')")
    done = run(files, "gatewright run program.py", PYTHONIOENCODING="utf-8:strict")
    assert (done.returncode, "UnicodeEncodeError" in done.stderr) == (1, True)


def test_texts_stand_anywhere_among_the_flags(files, capsys):
    path = str(files / "c.safetensors")
    printed = []
    for arguments in (["a fine film", "a dull one", "--json"], ["--json", "a fine film", "a dull one"]):
        assert main.main(["predict", path, *arguments]) == 0
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].count('"label"') == 2


def test_a_text_that_begins_with_a_hyphen_follows_a_double_hyphen(files, capsys):
    path = str(files / "c.safetensors")
    for arguments in (["--", "-5 degrees"], ["a", "--json", "--", "-x", "--json", "b"]):
        assert main.main(["predict", path, *arguments]) == 0
    assert capsys.readouterr().out.count("probabilities") == 4
    for arguments in (["-5 degrees"], ["-5"], ["--json", "-5"]):
        with pytest.raises(SystemExit) as ended:
            main.main(["predict", path, *arguments])
        assert ended.value.code == 2
        assert "; put a text that begins with - after all flags and --" in capsys.readouterr().err


def test_a_hyphen_is_a_text_in_python(files):
    assert len(gatewright.predict(files / "c.safetensors", ["-", "a"])) == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["predict", "m", "--jsn", "a text"], "unrecognized arguments: --jsn; put a text that begins with -"),
        (["predict", "m", "a text", "--jsn"], "unrecognized arguments: --jsn; put a text that begins with -"),
        (["--sead"], "unrecognized arguments: --sead (see gatewright --help)"),
        (["train", "generate", "a.txt", "--unitz", "3"], "unrecognized arguments: --unitz 3 (see gatewright train gen"),
        (["compare", "adding", "--sead", "3"], "unrecognized arguments: --sead 3 (see gatewright compare --help)"),
    ],
)
def test_unknown_flags_are_refused(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as ended:
        main.main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"gatewright: {sentence}")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No texts are given. Give texts, - for standard input, or a file of texts with --file."),
        (["a", "--file", "b.txt"], "Texts and --file b.txt are both given. Leave one of them out."),
        (["a", "-"], "- stands for standard input and cannot be one of several texts: leave it or the others out."),
    ],
)
def test_missing_and_contradictory_texts_are_refused(files, arguments, sentence, capsys):
    assert main.main(["predict", str(files / "c.safetensors"), *arguments]) == 2
    assert capsys.readouterr().err == f"gatewright: {sentence}\n"


def test_a_folder_is_not_a_model(files, capsys):
    assert main.main(["info", str(files)]) == 2
    assert f"{files} is a folder: give the path of a model file" in capsys.readouterr().err


def test_info_says_that_a_training_was_interrupted(files, capsys):
    model = classifier()
    path = str(files / "half.safetensors")
    for finished in (True, False):
        write(dataclasses.replace(model, training={**model.training, "finished": finished}), path)
        assert main.main(["info", path]) == 0
        assert ("not finished: training was interrupted" in capsys.readouterr().out) is not finished


def test_help_lists_the_data_of_all_tasks(capsys):
    with pytest.raises(SystemExit):
        main.main(["compare", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    folder = "a folder with a subfolder of text files for each class"
    for data in ("imdb", folder, "shakespeare", "ptb", "a text file", "digits"):
        assert data in printed


@pytest.mark.parametrize(("module", "name"), [(main, "parser"), (doctor, "doctor")])
def test_ctrl_c_at_any_time_is_reported_in_one_line(module, name, monkeypatch, capsys):
    """Ctrl-C may come while the flags are made, or while the command runs."""

    def interrupted(*given, **options):
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(module, name, interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main.main(["doctor"]) == 130
    finally:
        signal.signal(signal.SIGINT, before)
    assert capsys.readouterr().err == "gatewright: interrupted\n"


class Lines(io.StringIO):
    """A log that signals when it has a line."""

    def __init__(self):
        super().__init__()
        self.written = threading.Event()

    def write(self, text):
        self.written.set()
        return super().write(text)


def test_a_log_names_an_activity_that_lasts(monkeypatch):
    for doing in ("compiling", "answering the test rows"):
        log = Lines()
        with progress.Progress(1, log) as shown:
            monkeypatch.setattr(progress, "_FIRST_LOG_SECONDS", 1000.0)
            shown.start_run("training", 2)
            monkeypatch.setattr(progress, "_FIRST_LOG_SECONDS", 0.01)
            shown.start_run("training", 2) if doing == "compiling" else shown.show_activity(doing)
            assert log.written.wait(60)
        assert log.getvalue() == f"training: {doing}\n"


@pytest.mark.parametrize(
    "end", [lambda shown: shown.update(1, 1, 9), lambda shown: shown.finish_run(), lambda shown: None]
)
def test_a_log_does_not_name_an_activity_that_ends_soon(end, monkeypatch):
    log = Lines()
    with progress.Progress(1, log) as shown:
        shown.start_run("training", 2)
        end(shown)
    shown._timer.join(60)
    assert log.getvalue() == ""


def test_a_terminal_names_each_activity(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    with progress.Progress(1, terminal) as shown:
        shown.start_run("baseline", 1, "fitting the baseline")
    assert "fitting the baseline" in terminal.getvalue()
    assert "compiling" not in terminal.getvalue()


def test_a_wrong_number_of_threads_is_one_sentence_in_every_command(files):
    said = "GATEWRIGHT_NUM_THREADS must be a whole number from 1 to 65536, not 'x'. Change it or unset it."
    for command in ("generate l.safetensors", "predict c.safetensors film", "train classify many.txt", "bench step"):
        done = run(files, f"gatewright {command}", GATEWRIGHT_NUM_THREADS="x")
        assert (done.returncode, done.stderr, done.stdout) == (2, f"gatewright: {said}\n", "")
    done = run(files, "gatewright predict c.safetensors film", GATEWRIGHT_NUM_THREADS="")
    assert (done.returncode, done.stderr) == (0, "")
