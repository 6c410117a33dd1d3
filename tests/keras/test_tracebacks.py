"""Tracebacks and warnings show the files of the program, not those of Gatewright."""

import logging
import sys
import threading
import traceback
import warnings

import pytest

from gatewright.keras import imports, timing, tracebacks
from gatewright.support.errors import require_one_of


def fail():
    raise KeyError("mine")


def fail_in_our_code():
    require_one_of("The cell", "x", ["gru"])


def through_our_code(function):
    """Call a function from a file of the package."""

    class Allowed:
        def __contains__(self, _):
            function()

    require_one_of("The cell", "x", Allowed())


@pytest.fixture
def installed(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    tracebacks.install()
    yield
    tracebacks.uninstall()


def assert_only_this_file(text):
    assert 'File "' in text
    assert all(__file__ in line for line in text.splitlines() if line.startswith('  File "')), text


@pytest.mark.parametrize("function", [fail, fail_in_our_code])
def test_frames_in_the_middle_and_at_the_end_are_removed(installed, function, capsys, caplog):
    try:
        through_our_code(function)
    except Exception as error:
        assert_only_this_file(traceback.format_exc())
        logging.exception("logged")
        assert_only_this_file(caplog.text)
        sys.excepthook(type(error), error, error.__traceback__)
        printed = capsys.readouterr().err
        assert_only_this_file(printed.partition("Traceback")[2])
        assert function.__name__ in printed


def test_frames_of_causes_and_of_groups_are_removed():
    def nested():
        try:
            through_our_code(fail)
        except KeyError as error:
            raise ValueError("outer") from error

    try:
        through_our_code(nested)
    except ValueError as error:
        group = ExceptionGroup("group", [error])
    assert "errors.py" in "".join(traceback.format_exception(group))
    tracebacks.strip(group)
    text = "".join(traceback.format_exception(group))
    assert "errors.py" not in text
    assert "in fail" in text


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_frames_of_threads_are_removed(monkeypatch, capsys):
    monkeypatch.setattr(threading, "excepthook", threading.__excepthook__)
    tracebacks.install()
    thread = threading.Thread(target=through_our_code, args=(fail,))
    thread.start()
    thread.join()
    tracebacks.uninstall()
    printed = capsys.readouterr().err
    assert "KeyError: 'mine'" in printed
    assert "errors.py" not in printed


def test_warnings_are_about_lines_of_the_program():
    def warn():
        warnings.warn("mine", stacklevel=2)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        timing._timed("fit", warn)()  # as a warning in `fit` is about the line that calls `fit`
    assert caught[0].filename == __file__


def test_a_warning_of_an_imported_module_is_about_the_import(tmp_path, monkeypatch):
    (tmp_path / "deprecated_module.py").write_text("import warnings\nwarnings.warn('gone', stacklevel=2)\n")
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        imports._import("deprecated_module", globals())
    assert caught[0].filename == __file__


def test_uninstall_puts_everything_back_but_what_the_program_has_changed(monkeypatch):
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    before = traceback.TracebackException.__init__, threading.excepthook
    tracebacks.install()
    assert traceback.TracebackException.__init__ is not before[0]
    own = sys.excepthook = lambda *error: None
    tracebacks.uninstall()
    assert (traceback.TracebackException.__init__, threading.excepthook) == before
    assert sys.excepthook is own
