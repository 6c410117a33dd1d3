"""Child processes of `gatewright run`, and of programs that call `enable()`, run on the kernels as well."""

import os
import sys
from pathlib import Path

import pytest
from keras_runs import gatewright, python, write

from gatewright.keras import children

FOLDER = Path(children.__file__).with_name("startup")
# True if the hook for the first import of Keras is installed.
IS_PREPARED = "any(type(finder).__module__ == 'sitecustomize' for finder in __import__('sys').meta_path)"

TRAIN = """import os

import numpy as np

os.environ["KERAS_BACKEND"] = "tensorflow"

import tensorflow as tf


def train(units):
    model = tf.keras.Sequential([tf.keras.layers.GRU(units), tf.keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3, 2)), np.ones(4), verbose=0)
    return tf.keras.backend.backend()


if __name__ == "__main__":
    print(train(2))
"""


@pytest.fixture
def environment(monkeypatch):
    """Prepare the environment for child processes of this process until the test ends."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    children.reach()
    yield os.environ
    children.forget()


@pytest.mark.slow
def test_every_kind_of_child_process_runs_on_the_kernels(tmp_path):
    write(tmp_path / "train.py", TRAIN)
    program = f"""
import pickle, subprocess, sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

def is_prepared(_=None):
    return {IS_PREPARED}

def train(tf):
    from gatewright.keras import notes
    from train import train
    notes.note_once("A note.")
    return train(3), train.__globals__["tf"] is tf

if __name__ == "__main__":
    with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
        print(list(pool.map(is_prepared, [0])), "keras" in sys.modules)
    import gatewright
    gatewright.accelerate()  # imports Keras, which calls it again
    import tensorflow as tf
    assert not hasattr(tf.keras.layers.GRU.inner_loop.__wrapped__, "__wrapped__")
    assert pickle.loads(pickle.dumps(tf)) is tf
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        print(list(pool.map(train, [tf])))
    train(tf)
    print(subprocess.check_output([sys.executable, "train.py"], text=True))
"""
    done = gatewright("run", write(tmp_path / "p.py", program), folder=tmp_path)
    assert done.stdout == "[True] False\n[('jax', True)]\njax\n\n", done.stderr
    summary = done.stderr.splitlines()[-1]
    assert summary.startswith("gatewright: 3 GRU layers ran on the compiled kernels; ")
    assert done.stderr.count("gatewright: A note.") == 1
    assert done.stderr.count("gatewright: The program sets KERAS_BACKEND to 'tensorflow', but it runs on JAX") == 1


@pytest.mark.slow
def test_a_program_without_a_main_guard_fails_as_with_python(tmp_path):
    program = (
        "import multiprocessing as mp\n"
        "import tensorflow as tf\n"
        "mp.set_start_method('spawn', force=True)\n"
        "process = mp.Process(target=print)\n"
        "process.start(); process.join(); print(process.exitcode)\n"
    )
    done = gatewright("run", "--quiet", write(tmp_path / "p.py", program), folder=tmp_path)
    assert (done.returncode, done.stdout) == (0, "1\n")
    assert done.stderr.count("An attempt has been made to start a new process before") == 1
    assert "gatewright" not in done.stderr


def test_a_process_that_does_not_import_keras_imports_nothing_of_ours(environment, tmp_path):
    program = (
        "import sys; print([name for name in sys.modules if name.startswith(('gatewright.ops', 'keras', 'numpy'))])"
    )
    show = f"{program}; print({IS_PREPARED}, {str(FOLDER)!r} in sys.path)"
    assert python("-c", show, folder=tmp_path).stdout == "[]\nTrue False\n"


def test_the_traceback_of_a_failed_import_shows_only_the_program(environment, tmp_path):
    done = python("-c", "import no_such_module", folder=tmp_path)
    assert done.stderr.splitlines()[1:] == [
        '  File "<string>", line 1, in <module>',
        "ModuleNotFoundError: No module named 'no_such_module'",
    ]


@pytest.mark.parametrize(
    "changes",
    [{"GATEWRIGHT_CHILDREN": "/another/environment"}, {"KERAS_BACKEND": "numpy"}],
)
def test_processes_of_other_environments_and_backends_are_not_changed(environment, tmp_path, changes):
    program = f"import sys; print({IS_PREPARED}, 'gatewright' in sys.modules, {str(FOLDER)!r} in sys.path)"
    done = python("-c", program, folder=tmp_path, **changes)
    assert (done.stdout, done.stderr) == ("False False False\n", "")


def test_the_sitecustomize_of_the_user_is_imported(environment, tmp_path):
    write(tmp_path / "sitecustomize.py", "print('mine')")
    path = os.pathsep.join([environment["PYTHONPATH"], str(tmp_path)])
    done = python(
        "-c", f"import sitecustomize; print(sitecustomize.__file__, {IS_PREPARED})", folder="/", PYTHONPATH=path
    )
    assert done.stdout == f"mine\n{tmp_path / 'sitecustomize.py'} True\n", done.stderr


def test_the_environment_is_put_back(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/mine")
    before = dict(os.environ)
    children.reach()
    children.reach()
    assert os.environ["PYTHONPATH"] == os.pathsep.join([str(FOLDER), "/mine"])
    assert os.environ["GATEWRIGHT_CHILDREN"] == sys.prefix
    children.forget()
    assert dict(os.environ) == before
