"""`gatewright run` finds and starts programs as Python does."""

import io
import json
import py_compile
import sys
import zipfile
from types import SimpleNamespace

import pytest
from keras_runs import assert_input_error, gatewright, python, write, write_notebook

from gatewright.keras.startup import sitecustomize

SHOW = """import json, sys
spec = globals().get("__spec__")
print(json.dumps([__name__, globals().get("__file__"), __package__, spec and spec.name, sys.argv, sys.path[0]]))
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Make the package `toy`, in the current folder, with the modules `show`, `__main__` and `broken`."""
    folder = tmp_path / "toy"
    folder.mkdir()
    write(folder / "__init__.py", "")
    write(folder / "neighbour.py", "VALUE = 1")
    write(folder / "show.py", f"from .neighbour import VALUE\n{SHOW}")
    write(folder / "__main__.py", SHOW)
    (tmp_path / "plain").mkdir()
    write(tmp_path / "plain" / "__init__.py", "")
    (tmp_path / "failing").mkdir()
    write(tmp_path / "failing" / "__init__.py", "1 / 0")
    write(tmp_path / "failing" / "program.py", "")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] in ("toy", "plain", "failing")]:
        del sys.modules[name]


@pytest.mark.parametrize("arguments", [["-m", "toy.show"], ["-m", "toy"], ["toy/show2.py"], ["toy"]])
def test_a_program_sees_the_same_as_with_python(run, package, arguments):
    write(package / "toy" / "show2.py", SHOW)
    code, out, err = run(*arguments, "-x", "--quiet", "--output", "y", "--", "z")
    expected = python("-B", *arguments, "-x", "--quiet", "--output", "y", "--", "z", folder=package)
    assert (code, err) == (0, "")
    assert json.loads(out) == json.loads(expected.stdout)


def test_an_archive_is_run_as_with_python(run, tmp_path):
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
        archive.writestr("__main__.py", f"import inner\n{SHOW}")
        archive.writestr("inner.py", "")
    expected = python("app.pyz", "a", folder=tmp_path)
    code, out, _ = run(tmp_path / "app.pyz", "a")
    sys.modules.pop("inner", None)
    assert code == 0
    assert out.replace(f"{tmp_path}/", "") == expected.stdout.replace(f"{tmp_path}/", "")


def test_compiled_files_and_standard_input_are_programs(run, tmp_path, monkeypatch):
    program = write(tmp_path / "p.py", "import sys; print(__name__, sys.argv[1:])")
    compiled = py_compile.compile(str(program), cfile=str(tmp_path / "q.pyc"))
    assert run(compiled, "a") == (0, "__main__ ['a']\n", "")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"import sys; print(__name__, sys.argv)")))
    assert run("-", "a") == (0, "__main__ ['-', 'a']\n", "")


def test_options_after_a_notebook_are_those_of_the_command(run, tmp_path):
    notebook = write_notebook(tmp_path / "n.ipynb")
    assert_input_error(run(notebook, "--output", tmp_path), "--output", "is a folder")
    assert_input_error(run(notebook, "--output", "x", "a", "--b"), "Notebooks take no arguments", ": a --b.")


def test_a_misplaced_comparison_is_pointed_out(run, tmp_path):
    code, out, err = run(write(tmp_path / "p.py", "import sys; print(sys.argv[1:])"), "--compare-stock")
    assert (code, out) == (0, "['--compare-stock']\n")
    assert "put it before the program" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-m", "no_such"], "There is no module no_such"),
        (["-m", "toy.no_such"], "There is no module toy.no_such"),
        (["-m", ".toy"], "There is no module .toy"),
        (["-m", "toy.show.py"], "such as toy.show"),
        (["-m", "plain"], "plain is a package without __main__.py"),
        (["plain"], "plain is a folder without __main__.py"),
        (["empty.zip"], "empty.zip is an archive without __main__.py"),
        (["--compare-stock", "-"], "- can be read only once"),
        (["--output", "x.ipynb", "-m", "toy"], "--output is for notebooks"),
    ],
)
def test_what_can_not_be_run_is_an_error(run, package, arguments, message):
    zipfile.ZipFile(package / "empty.zip", "w").close()
    assert_input_error(run(*arguments), message)


def test_an_error_in_the_package_of_a_module_is_reported_as_python_does(run, package):
    code, out, err = run("-m", "failing.program")
    assert (code, out) == (1, "")
    assert "ZeroDivisionError" in err
    assert "src/gatewright" not in err


def test_nothing_of_a_run_remains_in_the_process(run, tmp_path):
    import builtins
    import os
    import traceback

    def state():
        return builtins.__import__, sys.excepthook, traceback.TracebackException.__init__, dict(os.environ)

    before = state()
    run(write(tmp_path / "p.py", "import os; print(os.environ['GATEWRIGHT_RUN'])"))
    assert state() != before
    run.end()
    assert state() == before
    assert sitecustomize._finder not in sys.meta_path


def test_notes_and_a_summary_are_printed_unless_the_run_is_quiet(tmp_path):
    program = write(tmp_path / "p.py", "from gatewright.keras import notes; notes.note_once('A note.'); exit('bye')")
    done = gatewright("run", program, folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "gatewright: A note.\nbye\ngatewright: No recurrent layer ran.\n")
    done = gatewright("run", "--quiet", program, folder=tmp_path)
    assert (done.returncode, done.stderr) == (1, "bye\n")
