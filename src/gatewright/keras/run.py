"""Run an unchanged Keras program or notebook on the compiled kernels, as `gatewright run` does."""

import ast
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from gatewright.data import public
from gatewright.keras import datasets, imports
from gatewright.keras.enable import enable
from gatewright.keras.tensorflow import names
from gatewright.support.errors import InputError, as_input_errors
from gatewright.support.packages import require_packages

# Frames of these files are removed from tracebacks, because they do not help to find errors in the program.
_OWN_FILES = frozenset({__file__, imports.__file__, names.__file__, datasets.__file__, public.__file__})


def run(path: str, arguments: Sequence[str] = (), output: str | None = None) -> int:
    """Run the Keras program or notebook at `path` and return the exit code.

    A program runs in this process as with `python path arguments...`: as the module `__main__`, with `sys.argv` and
    `sys.path[0]` set accordingly. A notebook runs in a new Jupyter kernel.

    Args:
        path: The path of the program (.py) or notebook (.ipynb).
        arguments: The command-line arguments of the program. A notebook takes no arguments.
        output: The path to which the executed copy of a notebook is written, or None to write no copy.

    Raises:
        InputError: The program cannot be read, an argument is not allowed, or a package is missing. Nothing was run.
        SystemExit: The program raised this exception.
    """
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder. Choose a Keras program (.py) or a notebook (.ipynb).")
    if not os.path.exists(path):
        raise InputError(f"{path} does not exist. Choose a Keras program (.py) or a notebook (.ipynb).")
    with as_input_errors():
        require_packages("gatewright run")
    if path.endswith(".ipynb"):
        return _run_notebook(path, arguments, output)
    if output is not None:
        raise InputError(f"--output is for notebooks (.ipynb), but {path} is a program. Remove --output.")
    return _run_program(path, arguments)


def _run_notebook(path: str, arguments: Sequence[str], output: str | None) -> int:
    if arguments:
        raise InputError(
            f"Notebooks take no arguments, but {path} was given: {' '.join(arguments)}. Remove them, and put --output "
            "before the notebook."
        )
    if importlib.util.find_spec("nbclient") is None or importlib.util.find_spec("ipykernel") is None:
        raise InputError("Running a notebook needs nbclient and ipykernel: pip install 'gatewright[train]'.")
    from gatewright.keras import notebook

    cells = notebook.read(path)
    _report_installed_tensorflow([cell.source for cell in notebook.code_cells(cells)])
    return notebook.execute(cells, path, output)


def _run_program(path: str, arguments: Sequence[str]) -> int:
    source = _read(path)
    code = _compile(source, path)
    _set_up_main(path, arguments)
    try:
        enable()
    except RuntimeError as error:
        raise InputError(str(error)) from None
    _report_installed_tensorflow([source])
    try:
        exec(code, sys.modules["__main__"].__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        _remove_own_frames(error)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Make the file readable.") from None


def _compile(source: bytes, path: str) -> CodeType:
    try:
        return compile(source, os.path.abspath(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise InputError(f"{path}, line {error.lineno}, is not Python ({error.msg}). Fix the line.") from None
    except ValueError as error:  # null bytes
        raise InputError(f"{path} is not a Python program: {error}.") from None


def _set_up_main(path: str, arguments: Sequence[str]) -> None:
    """Set `__main__`, `sys.argv` and `sys.path[0]` as `python path arguments...` does."""
    main = ModuleType("__main__")
    main.__file__ = os.path.abspath(path)
    main.__loader__ = SourceFileLoader("__main__", main.__file__)
    main.__dict__.update(__builtins__=__builtins__, __annotations__={}, __cached__=None)
    # This is not undone, because multiprocessing, pickle and atexit handlers look up __main__ later.
    sys.modules["__main__"] = main
    sys.argv = [path, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))


def _report_installed_tensorflow(sources: Iterable[bytes | str]) -> None:
    """Print a notice if TensorFlow is installed and the program imports it.

    The notice says when the layers of `tensorflow.keras` are accelerated. `sources` is the source code of the program
    or of the notebook's cells.
    """
    if importlib.util.find_spec("tensorflow") is None or not any(map(_imports_tensorflow, sources)):
        return
    print(
        "gatewright run: TensorFlow is installed, so `import tensorflow` imports it. Its keras runs on JAX and the "
        "compiled kernels if it is Keras 3 (TensorFlow 2.16 or later).",
        file=sys.stderr,
    )


def _imports_tensorflow(source: bytes | str) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a notebook cell with IPython commands
        return "import tensorflow" in str(source)
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return any(name.partition(".")[0] == "tensorflow" for name in names)


def _remove_own_frames(error: BaseException) -> None:
    """Remove the frames of Gatewright's files from the traceback of `error` and from those of its causes."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = _without_own_frames(current.__traceback__)
        waiting += [current.__cause__, current.__context__]


def _without_own_frames(first: TracebackType | None) -> TracebackType | None:
    entries = []
    while first is not None:
        if first.tb_frame.f_code.co_filename not in _OWN_FILES:
            entries.append(first)
        first = first.tb_next
    shortened = None
    for entry in reversed(entries):
        shortened = TracebackType(shortened, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return shortened
