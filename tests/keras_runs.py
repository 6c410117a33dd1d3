"""Programs, notebooks and processes for the tests of `gatewright run`."""

import os
import subprocess
import sys

import nbformat

# No server listens there: downloads fail at once, and no test depends on the network.
OFFLINE = {"https_proxy": "http://127.0.0.1:9", "http_proxy": "http://127.0.0.1:9"}


def gatewright(*arguments, folder, **environment):
    """Run the command in a process of its own, and return the completed process."""
    return python("-m", "gatewright.commands.main", *arguments, folder=folder, **environment)


def python(*arguments, folder, **environment):
    """Run Python in a process of its own, and return the completed process."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, **OFFLINE, **environment},
        timeout=120,
    )


def write(path, text):
    path.write_text(text)
    return path


def write_notebook(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, path)
    return path


def assert_input_error(result, *parts):
    code, out, err = result
    assert code == 2
    assert out == ""
    assert err.startswith("gatewright: ")
    assert err.count("\n") == 1
    for part in parts:
        assert part in err
