"""`gatewright run`: a stock Keras program or notebook, unchanged, on the compiled kernels."""

import ast
import importlib.util
import os
import sys
from collections.abc import Iterable, Sequence
from importlib.machinery import SourceFileLoader
from types import CodeType, ModuleType, TracebackType

from gatewright.data import public
from gatewright.keras import datasets as keras_datasets
from gatewright.keras import tensorflow_names
from gatewright.keras.enable import enable
from gatewright.support.errors import InputError
from gatewright.support.packages import require_packages

# Whose frames say nothing about the program's own faults.
_OURS = frozenset({__file__, tensorflow_names.__file__, keras_datasets.__file__, public.__file__})


def run(path: str, arguments: Sequence[str] = (), output: str | None = None) -> int:
    """Run the Keras program or notebook at `path`; returns the exit code.

    A program takes over this process as under `python path arguments...`: it becomes `__main__`, and
    `sys.argv` and `sys.path[0]` are its own. A notebook runs in a fresh kernel; `output` names the file for
    its executed copy.

    Raises:
        InputError: nothing was run, since the input or the installation does not allow it.
        SystemExit: the program's own.
    """
    if os.path.isdir(path):
        raise InputError(f"{path} is a folder: name a Keras program (.py) or a notebook (.ipynb).")
    if not os.path.exists(path):
        raise InputError(f"{path} is not there: name a Keras program (.py) or a notebook (.ipynb).")
    try:
        require_packages("gatewright run")
    except ImportError as error:
        raise InputError(str(error)) from None
    if path.endswith(".ipynb"):
        return _run_notebook(path, arguments, output)
    if output is not None:
        raise InputError(f"--output is for notebooks (.ipynb), and {path} is a program: leave it out.")
    return _run_program(path, arguments)


def _run_notebook(path: str, arguments: Sequence[str], output: str | None) -> int:
    if arguments:
        given = " ".join(arguments)
        raise InputError(
            f"a notebook takes no arguments, and {path} was given {given}: drop them; --output stands before it."
        )
    if importlib.util.find_spec("nbclient") is None or importlib.util.find_spec("ipykernel") is None:
        raise InputError("a notebook needs nbclient and ipykernel: pip install 'gatewright[train]'")
    from gatewright.keras import notebook

    cells = notebook.read(path)
    _tell_of_tensorflow([cell.source for cell in notebook.code_cells(cells)])
    return notebook.execute(cells, path, output)


def _run_program(path: str, arguments: Sequence[str]) -> int:
    source = _read(path)
    code = _compile(source, path)
    _become(path, arguments)
    try:
        enable()
    except RuntimeError as error:
        raise InputError(str(error)) from None
    _tell_of_tensorflow([source])
    try:
        exec(code, sys.modules["__main__"].__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        _hide_our_frames(error)
        sys.excepthook(type(error), error, error.__traceback__)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None


def _compile(source: bytes, path: str) -> CodeType:
    try:
        return compile(source, os.path.abspath(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise InputError(f"{path}, line {error.lineno}, is not Python: {error.msg}.") from None
    except ValueError as error:  # null bytes
        raise InputError(f"{path} is not a Python program: {error}.") from None


def _become(path: str, arguments: Sequence[str]) -> None:
    """Make this process look to the program as `python path arguments...` would."""
    main = ModuleType("__main__")
    main.__file__ = os.path.abspath(path)
    main.__loader__ = SourceFileLoader("__main__", main.__file__)
    main.__dict__.update(__builtins__=__builtins__, __annotations__={}, __cached__=None)
    # multiprocessing, pickle and atexit handlers look __main__ up when the program is over, so it stays.
    sys.modules["__main__"] = main
    sys.argv = [path, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))


def _tell_of_tensorflow(sources: Iterable[bytes | str]) -> None:
    """Say what is accelerated where an installed TensorFlow keeps its own name."""
    if importlib.util.find_spec("tensorflow") is None or not any(map(_imports_tensorflow, sources)):
        return
    print(
        "gatewright run: TensorFlow is installed, so `import tensorflow` is left alone; its keras runs on "
        "JAX and the compiled kernels if it is Keras 3 (TensorFlow 2.16 or later), as `import keras` does.",
        file=sys.stderr,
    )


def _imports_tensorflow(source: bytes | str) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:  # a cell in which IPython's own commands stand
        return "import tensorflow" in str(source)
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    return any(name.partition(".")[0] == "tensorflow" for name in names)


def _hide_our_frames(error: BaseException) -> None:
    """Cut our own frames out of the tracebacks of `error` and of those behind it."""
    seen: set[int] = set()
    behind: list[BaseException | None] = [error]
    while behind:
        current = behind.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = _without_our_frames(current.__traceback__)
        behind += [current.__cause__, current.__context__]


def _without_our_frames(first: TracebackType | None) -> TracebackType | None:
    entries = []
    while first is not None:
        if first.tb_frame.f_code.co_filename not in _OURS:
            entries.append(first)
        first = first.tb_next
    kept = None
    for entry in reversed(entries):
        kept = TracebackType(kept, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return kept
