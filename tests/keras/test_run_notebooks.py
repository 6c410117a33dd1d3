"""`gatewright run` executes notebooks as Jupyter does."""

import io
import json
import os
import signal
import subprocess
import sys
import time

import nbformat
import pytest
from keras_runs import OFFLINE, assert_input_error, gatewright, write, write_notebook


def outputs(copy, number):
    return nbformat.read(copy, 4).cells[number].outputs


def test_outputs_are_printed_and_no_copy_is_written(run, tmp_path):
    cells = ("import sys, os; print('one'); print('two', file=sys.stderr)", "os.getcwd()")
    code, out, err = run(write_notebook(tmp_path / "n.ipynb", *cells))
    assert (code, out, err) == (0, f"one\n'{tmp_path}'\n", "two\n")
    assert [path.name for path in tmp_path.iterdir()] == ["n.ipynb"]


def test_a_failed_cell_ends_the_notebook(run, tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb", "print(1)", "1 / 0", "print(2)")
    code, out, err = run(notebook, "--output", tmp_path / "copy.ipynb")
    assert (code, out) == (1, "1\n")
    assert "ZeroDivisionError: division by zero" in err
    assert "\x1b" not in err
    assert err.endswith(f"code cell 2 of 3 in {notebook} failed.\n")
    copy = nbformat.read(tmp_path / "copy.ipynb", 4)
    assert [cell.execution_count for cell in copy.cells] == [1, 2, None]
    assert copy.cells[1].outputs[0].ename == "ZeroDivisionError"


def test_a_kernel_that_does_not_start_is_an_error(run, tmp_path):
    write(tmp_path / "ipykernel_launcher.py", "raise SystemExit('broken')")
    code, out, err = run(write_notebook(tmp_path / "n.ipynb", "1"), "--output", tmp_path / "copy.ipynb")
    assert (code, out) == (2, "")
    assert "has the name of a Python module" in err.splitlines()[-1]
    assert not (tmp_path / "copy.ipynb").exists()


def test_a_dead_kernel_is_reported(run, tmp_path):
    code, _, err = run(write_notebook(tmp_path / "n.ipynb", "import os; os._exit(1)"))
    assert code == 1
    assert "the kernel of" in err


@pytest.mark.slow
def test_a_copy_holds_what_jupyter_would_show(run, tmp_path, monkeypatch):
    progress = "import sys\nfor i in range(40):\n    print(f'\\r{i + 1}/40', end='')\n    print('.', file=sys.stderr)"
    show = "print('a')\ndisplay(1)\nprint('b')\nprint('c')"
    fails = "import no_such_module"
    notebook = write_notebook(
        tmp_path / "n.ipynb",
        progress,
        show,
        fails,
        "input('name? '), input()",
        "import getpass; getpass.getpass('pass? ')",
        "import sys\n!{sys.executable} -c 'print(1 + 1)'\n!python -c 'import sys; print(sys.executable)'",
        "try:\n    input()\nexcept EOFError:\n    print('end of input')",
    )
    cells = nbformat.read(notebook, 4)
    cells.cells[2].metadata.tags = ["raises-exception"]
    cells.cells[0].outputs = [nbformat.v4.new_output("stream", name="stdout", text="of an earlier run")]
    cells.cells[0].metadata.execution = {"iopub.status.busy": "2001"}
    nbformat.write(cells, notebook)
    before = notebook.read_bytes()
    monkeypatch.setattr(sys, "stdin", io.StringIO("Ada\n\nsecret\n"))
    copy = tmp_path / "copy.ipynb"
    code, out, err = run("--output", copy, notebook)
    assert code == 0, err
    assert notebook.read_bytes() == before
    assert out.startswith("\r1/40\r2/40")
    assert "name? " in out
    assert [(each.name, each.text) for each in sorted(outputs(copy, 0), key=lambda each: each.name)] == [
        ("stderr", ".\n" * 40),
        ("stdout", "40/40"),
    ]
    assert [each.output_type for each in outputs(copy, 1)] == ["stream", "display_data", "stream"]
    assert outputs(copy, 1)[2].text == "b\nc\n"
    traceback = "\n".join(outputs(copy, 2)[0].traceback)
    assert "no_such_module" in traceback
    assert "gatewright" not in traceback
    assert "hidden" not in traceback
    assert outputs(copy, 3)[0].data["text/plain"] == "('Ada', '')"
    assert outputs(copy, 4)[0].data["text/plain"] == "'secret'"
    assert outputs(copy, 5)[0].text.split() == ["2", os.path.join(os.path.dirname(sys.executable), "python")]
    assert outputs(copy, 6)[0].text == "end of input\n"
    assert "a cell asks for input, but standard input has ended" in err
    times = nbformat.read(copy, 4).cells[0].metadata.execution
    assert all(time.startswith("20") and time > "2020" for time in times.values())


@pytest.mark.slow
def test_keras_runs_on_the_kernels_in_cells_and_in_programs_that_they_run(tmp_path):
    helper = (
        "%%writefile helper.py\n"
        "import numpy as np, tensorflow as tf\n"
        "if __name__ == '__main__':\n"
        "    model = tf.keras.Sequential([tf.keras.layers.GRU(3), tf.keras.layers.Dense(1)])\n"
        "    model.compile('adam', 'mse')\n"
        "    model.fit(np.ones((4, 3, 2)), np.ones(4), verbose=0)\n"
        "    print('trained')"
    )
    fails = "model.fit(np.ones((4, 3, 5)), np.ones(4), verbose=0)"
    write_notebook(tmp_path / "n.ipynb", helper, "import helper", "%run helper.py", "!python helper.py", fails)
    done = gatewright("run", "n.ipynb", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("trained\n") == 2, done.stderr
    assert done.stderr.splitlines()[-1].startswith("gatewright: 2 GRU layers ran on the compiled kernels; ")
    assert "src/gatewright" not in done.stderr


@pytest.mark.slow
def test_an_interrupted_notebook_leaves_its_copy(tmp_path):
    caught = "try:\n    print('started'); time.sleep(60)\nexcept KeyboardInterrupt:\n    print('saved')\n    raise"
    write_notebook(tmp_path / "n.ipynb", "import time\nprint('first')", caught, "print('never')")
    process = subprocess.Popen(
        [sys.executable, "-m", "gatewright.commands.main", "run", "n.ipynb", "--output", "copy.ipynb"],
        cwd=tmp_path,
        env={**os.environ, **OFFLINE},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert [process.stdout.readline() for _ in range(2)] == ["first\n", "started\n"]
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "saved\n"), err
    assert "n.ipynb was interrupted." in err
    assert outputs(tmp_path / "copy.ipynb", 0)[0].text == "first\n"
    assert outputs(tmp_path / "copy.ipynb", 1)[0].text == "started\nsaved\n"
    assert outputs(tmp_path / "copy.ipynb", 2) == []


class TestInputErrors:
    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("hello", "it is not JSON"),
            ('{"a": 1}', "is not a notebook"),
            ("3", "is not a notebook"),
            ("[]", "is not a notebook"),
            ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}', "is not a notebook"),
            ('{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": 3}', "is not a notebook"),
            ('{"nbformat": 9, "nbformat_minor": 0, "metadata": {}, "cells": []}', "is not a notebook"),
        ],
    )
    def test_a_file_that_is_not_a_notebook_is_an_error(self, run, tmp_path, text, reason):
        assert_input_error(run(write(tmp_path / "n.ipynb", text)), reason)

    def test_a_missing_notebook_and_a_folder_are_errors(self, run, tmp_path):
        assert_input_error(run(tmp_path / "no.ipynb"), "no.ipynb does not exist")
        (tmp_path / "folder.ipynb").mkdir()
        assert_input_error(run(tmp_path / "folder.ipynb"), "folder.ipynb cannot be read")

    def test_a_notebook_in_another_language_is_an_error(self, run, tmp_path):
        notebook = nbformat.v4.new_notebook(
            metadata={"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
        )
        nbformat.write(notebook, tmp_path / "n.ipynb")
        assert_input_error(run(tmp_path / "n.ipynb"), "is a notebook in R")

    def test_an_output_that_can_not_be_written_is_an_error(self, run, tmp_path):
        notebook = write_notebook(tmp_path / "n.ipynb", "1")
        assert_input_error(run("--output", tmp_path / "no" / "x.ipynb", notebook), "cannot be written")
        assert_input_error(run("--output", tmp_path, notebook), "is a folder")
        assert_input_error(run(notebook, "--output", notebook), "is the notebook itself")


@pytest.mark.parametrize("version", [3, 4])
def test_notebooks_of_earlier_formats_are_run(run, tmp_path, version):
    if version == 3:
        cell = {"cell_type": "code", "input": ["print(1)"], "language": "python", "outputs": [], "metadata": {}}
        content = {
            "nbformat": 3,
            "nbformat_minor": 0,
            "metadata": {},
            "worksheets": [{"cells": [cell], "metadata": {}}],
        }
    else:  # without ids of cells, but with the version that has them
        cell = {"cell_type": "code", "source": "print(1)", "outputs": [], "metadata": {}, "execution_count": None}
        content = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}
    notebook = write(tmp_path / "n.ipynb", json.dumps(content))
    code, out, err = run(notebook, "--output", tmp_path / "copy.ipynb")
    assert (code, out, err) == (0, "1\n", "")
    assert outputs(tmp_path / "copy.ipynb", 0)[0].text == "1\n"
