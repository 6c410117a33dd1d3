"""`gatewright run` with programs and notebooks."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from keras_runs import assert_input_error, gatewright, write, write_notebook

from gatewright.commands import main as cli
from gatewright.keras import notes
from gatewright.keras.startup import sitecustomize

PROGRAMS = Path(__file__).parent / "programs"
EXAMPLES = Path(__file__).parents[2] / "examples"


class TestInputErrors:
    def test_a_missing_file_is_an_error(self, run, tmp_path):
        assert_input_error(run(tmp_path / "no.py"), "no.py does not exist")

    def test_a_folder_is_an_error(self, run, tmp_path):
        assert_input_error(run(tmp_path), "is a folder without __main__.py")

    @pytest.mark.parametrize("name", ["notes.txt", "data.json", "data.CSV"])
    def test_texts_and_data_are_not_programs(self, run, tmp_path, name):
        assert_input_error(run(write(tmp_path / name, "[1]")), f"{name} is not a program")

    def test_a_syntax_error_names_the_line(self, run, tmp_path):
        assert_input_error(run(write(tmp_path / "p.py", "x = 1\ny = (\n")), "p.py, line 2", "was never closed")

    def test_null_bytes_are_an_error(self, run, tmp_path):
        assert_input_error(run(write(tmp_path / "p.py", "\0")), "null bytes")

    def test_output_is_for_notebooks_only(self, run, tmp_path):
        assert_input_error(run("--output", "x.ipynb", write(tmp_path / "p.py", "")), "--output is for notebooks")

    def test_a_notebook_takes_no_arguments(self, run, tmp_path):
        assert_input_error(run(write_notebook(tmp_path / "n.ipynb"), "a", "b"), "Notebooks take no arguments", "a b")

    def test_missing_packages_are_named(self, run, tmp_path, monkeypatch):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        assert_input_error(
            run(write(tmp_path / "p.py", "")),
            "gatewright run needs keras, jax: pip install 'gatewright[train]'",
        )

    def test_keras_on_another_backend_is_an_error(self, run, tmp_path, monkeypatch):
        monkeypatch.setenv("KERAS_BACKEND", "torch")
        assert_input_error(run(write(tmp_path / "p.py", "print(1)")), "KERAS_BACKEND is 'torch'")


class TestProgram:
    def test_the_program_is_the_main_module(self, run, tmp_path):
        program = write(
            tmp_path / "p.py",
            "import sys, neighbour\nprint(__name__, sys.argv, __file__)\n"
            "assert sys.modules['__main__'].__dict__ is globals()\n",
        )
        write(tmp_path / "neighbour.py", "")
        code, out, err = run(program, "-x", "--output", "1", "--", "y")
        assert (code, err) == (0, "")
        assert out == f"__main__ {[str(program), '-x', '--output', '1', '--', 'y']} {program}\n"

    def test_a_traceback_shows_only_the_program(self, run, tmp_path):
        program = write(
            tmp_path / "p.py",
            "def f():\n    raise KeyError('mine')\ntry:\n    f()\nexcept KeyError:\n    f()\n",
        )
        code, out, err = run(program)
        assert (code, out) == (1, "")
        lines = err.splitlines()
        assert lines[:2] == ["Traceback (most recent call last):", f'  File "{program}", line 4, in <module>']
        assert lines[-1] == "KeyError: 'mine'"
        assert "gatewright" not in err

    def test_the_excepthook_of_the_program_is_used(self, run, tmp_path, monkeypatch):
        monkeypatch.setattr(sys, "excepthook", sys.excepthook)
        text = "import sys\nsys.excepthook = lambda *error: print('hooked', error[1])\n1 / 0\n"
        assert run(write(tmp_path / "p.py", text)) == (1, "hooked division by zero\n", "")

    @pytest.mark.parametrize("value", [None, 0, 3, "bye"])
    def test_the_program_may_exit(self, run, tmp_path, value):
        with pytest.raises(SystemExit) as stopped:
            run(write(tmp_path / "p.py", f"raise SystemExit({value!r})"))
        assert stopped.value.code == value

    def test_an_interrupted_program_returns_130(self, run, tmp_path):
        code, _, err = run(write(tmp_path / "p.py", "raise KeyboardInterrupt"))
        assert code == 130
        assert err.endswith("KeyboardInterrupt\n")

    def test_an_installed_tensorflow_is_imported(self, run, tmp_path, monkeypatch):
        write(tmp_path / "tensorflow.py", "mine = 1")
        program = write(tmp_path / "p.py", "import tensorflow\nprint(tensorflow.mine)")
        monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
        monkeypatch.setattr(sitecustomize, "_enable", sitecustomize.uninstall)
        printed = []
        monkeypatch.setattr(notes, "note_once", printed.append)
        code, out, _ = run(program)
        sys.modules.pop("tensorflow", None)
        assert (code, out) == (0, "1\n")
        assert [note.partition(",")[0] for note in printed] == ["TensorFlow is installed"]


@pytest.mark.slow
class TestWithKeras:
    def test_a_program_with_tensorflow_imports_runs(self, tmp_path):
        done = gatewright("run", PROGRAMS / "served.py", "--output", "x", "--", "-y", folder=tmp_path)
        lines = done.stderr.splitlines()
        assert (done.returncode, done.stdout) == (1, "all served\n"), done.stderr
        assert lines.pop().startswith("gatewright: 2 LSTM layers ran on the compiled kernels; ")
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[1].startswith(f'  File "{PROGRAMS / "served.py"}", line ')
        assert lines[-1].startswith("AttributeError: tf.saved_model is not served")
        assert "gatewright/" not in done.stderr

    def test_disable_undoes_enable(self, tmp_path):
        program = (
            "import builtins, os, sys, traceback, keras, keras.src.datasets.imdb as imdb\n"
            "from gatewright import accelerate\n"
            "from gatewright.keras.enable import disable, enable\n"
            "def state(): return (\n"
            "    builtins.__import__, imdb.get_file, set(vars(keras.preprocessing)), dict(os.environ),\n"
            "    keras.Model.fit, sys.excepthook, traceback.TracebackException.__init__)\n"
            "before = state()\n"
            "for _ in range(2): enable(); enable(); import tensorflow; disable()\n"
            "enable()\n"
            "with accelerate(): pass\n"
            "assert keras.Model.fit is not before[4]\n"
            "disable()\n"
            "assert before == state()\n"
            "try: import tensorflow\n"
            "except ModuleNotFoundError: print('gone')\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            env={**os.environ, "KERAS_BACKEND": "jax"},
            check=False,
        )
        assert done.stdout == "gone\n", done.stderr


@pytest.mark.slow
def test_the_imdb_example_runs_on_a_few_reviews(tmp_path):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = pyarrow.table({"text": ["a good film", "a bad film"] * 32, "label": [1, 0] * 32})
    (tmp_path / "imdb").mkdir()
    for split in ("train", "test"):
        parquet.write_table(table, tmp_path / "imdb" / f"{split}.parquet")
    folders = dict.fromkeys(("GATEWRIGHT_DATA", "XDG_CACHE_HOME", "HOME"), str(tmp_path))
    done = gatewright("run", EXAMPLES / "imdb_gru64.py", folder=tmp_path, **folders)
    assert done.returncode == 0, done.stderr
    assert "test accuracy" in done.stdout


class TestMain:
    def test_no_arguments_print_the_help(self, capsys):
        with pytest.raises(SystemExit) as stopped:
            cli.main([])
        assert stopped.value.code == 0
        assert "doctor" in capsys.readouterr().out

    def test_the_version_is_printed(self, capsys):
        with pytest.raises(SystemExit) as stopped:
            cli.main(["--version"])
        assert stopped.value.code == 0
        assert capsys.readouterr().out.startswith("gatewright ")

    def test_it_imports_no_heavy_package(self):
        program = (
            "import sys, gatewright.commands.main; print([m for m in ('keras', 'jax', 'torch') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"
