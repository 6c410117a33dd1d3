"""Run an unchanged Keras program or notebook on the compiled kernels, as `gatewright run` does."""

import atexit
import importlib.util
import os
import re
from collections.abc import Sequence

from gatewright.keras import notes, programs
from gatewright.keras.precision import set_products
from gatewright.keras.session import Session
from gatewright.support.errors import InputError, as_input_errors
from gatewright.support.packages import require_packages

_TENSORFLOW_IMPORT = re.compile(r"^\s*(import|from)\s+tensorflow\b", re.MULTILINE)


def run(
    program: str,
    arguments: Sequence[str] = (),
    *,
    is_module: bool = False,
    output: str | None = None,
    quiet: bool = False,
    compare_stock: bool = False,
    keeps_programs: bool = True,
    precision: str | None = None,
) -> int:
    """Run a Keras program or notebook and return the exit code.

    A program runs in this process as with `python program arguments...`: as the module `__main__`, with `sys.argv` and
    `sys.path[0]` set accordingly. A notebook runs in a new Jupyter kernel.

    Args:
        program: The path of the program or notebook (.ipynb), or the name of a module.
        arguments: The command-line arguments of the program. A notebook takes no arguments.
        is_module: `program` is the name of a module, as after `python -m`.
        output: The path to which the executed copy of a notebook is written, or None to write no copy.
        quiet: Print neither notes nor the summary at the end.
        compare_stock: Run the program again on stock Keras, and print the times of both runs.
        keeps_programs: Keep what XLA compiles for later runs. `compare_stock` never does, nor uses what is kept.
        precision: Of the products of recurrent layers in training; see `gatewright.enable`.

    Raises:
        InputError: The program cannot be read, an argument is not allowed, or a package is missing. Nothing was run.
        SystemExit: The program raised this exception.
    """
    is_notebook = not is_module and program.endswith(".ipynb")
    _check(program, arguments, is_notebook, output)
    if precision is not None:
        set_products(precision)
    if compare_stock:
        if program == "-" and not is_module:
            raise InputError("--compare-stock runs a program twice, but - can be read only once. Name a file.")
        from gatewright.keras.stock import compare

        return compare(program, arguments, is_module, output, quiet)
    if is_notebook:
        return _run_notebook(program, output, quiet, keeps_programs)
    return _run_program(program, arguments, is_module, quiet, keeps_programs)


def _check(program: str, arguments: Sequence[str], is_notebook: bool, output: str | None) -> None:
    if is_notebook and os.path.isfile(program) and arguments:
        raise InputError(f"Notebooks take no arguments, but {program} was given: {' '.join(arguments)}. Remove them.")
    if not is_notebook and output is not None:
        raise InputError(f"--output is for notebooks (.ipynb), but {program} is a program. Remove --output.")
    with as_input_errors():
        require_packages("gatewright run")
    backend = os.environ.get("KERAS_BACKEND") or "jax"
    if backend != "jax":
        raise InputError(
            f"Gatewright needs Keras on JAX, but KERAS_BACKEND is {backend!r}. Set it to 'jax', or unset it."
        )


def _run_notebook(path: str, output: str | None, quiet: bool, keeps_programs: bool) -> int:
    if importlib.util.find_spec("nbclient") is None or importlib.util.find_spec("ipykernel") is None:
        raise InputError("Running a notebook needs nbclient and ipykernel: pip install 'gatewright[train]'.")
    from gatewright.keras import notebook

    cells = notebook.read(path)
    notebook.check_output(output, path)
    session = Session(quiet, keeps_programs=keeps_programs)
    try:
        if any(_TENSORFLOW_IMPORT.search(cell.source) for cell in notebook.code_cells(cells)):
            _note_installed_tensorflow()
        return notebook.execute(cells, path, output)
    finally:
        session.close()


def _run_program(name: str, arguments: Sequence[str], is_module: bool, quiet: bool, keeps_programs: bool) -> int:
    program = None if is_module else programs.from_file(name)
    session = Session(quiet, package=name.partition(".")[0] if is_module else "", keeps_programs=keeps_programs)
    atexit.register(session.close)  # after the program's threads and its own handlers, which may still train a model
    if program is None:
        programs.prepare("-m", arguments, os.getcwd())
        try:
            program = programs.from_module(name)
        except InputError:
            session.close(prints_summary=False)
            raise
        except SystemExit:
            raise
        except BaseException as error:  # raised by a package that contains the module
            return programs.report(error)
    programs.prepare(program.name, arguments, program.folder)
    if programs.imports_tensorflow(program.code):
        _note_installed_tensorflow()
    return programs.execute(program)


def _note_installed_tensorflow() -> None:
    """Print a note if TensorFlow is installed. The note says when the layers of `tensorflow.keras` are accelerated."""
    if importlib.util.find_spec("tensorflow") is not None:
        notes.note_once(
            "TensorFlow is installed, so `import tensorflow` imports it; its keras runs on JAX and the compiled "
            "kernels if it is Keras 3 (TensorFlow 2.16 or later)."
        )
