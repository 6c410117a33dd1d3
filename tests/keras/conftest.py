"""The command `gatewright run` in this process."""

import sys
from types import SimpleNamespace

import pytest

from gatewright.commands import main as cli
from gatewright.keras import run as run_module


@pytest.fixture
def run(monkeypatch, capsys):
    """Return a function that runs the command in this process, without Keras, and returns code, stdout and stderr.

    Its attribute `end` does what happens at the end of a process.
    """
    at_exit = []
    monkeypatch.setattr(run_module, "atexit", SimpleNamespace(register=at_exit.append))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setattr(sys, "path", ["", *sys.path])

    def run(*arguments):
        code = cli.main(["run", "--quiet", *map(str, arguments)])
        return code, *capsys.readouterr()

    def end():
        while at_exit:
            at_exit.pop()()

    run.end = end
    yield run
    end()
