"""Find a program as Python does, and run it as the module `__main__` of this process."""

import importlib.util
import os
import pkgutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.machinery import ModuleSpec, SourceFileLoader, SourcelessFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from gatewright.keras import tracebacks
from gatewright.support.errors import InputError

_CHOOSE = "Choose a Keras program (.py) or a notebook (.ipynb)."
# Some texts and data are valid Python by chance, such as a file with one number or a JSON list.
_NOT_PROGRAMS = (".csv", ".html", ".json", ".jsonl", ".md", ".rst", ".toml", ".tsv", ".txt", ".yaml", ".yml")


@dataclass(frozen=True)
class Program:
    """A program that is ready to run.

    Attributes:
        code: The compiled program.
        name: The program for `sys.argv[0]`.
        folder: The folder for `sys.path[0]`, where its imports are found.
        attributes: Attributes of the module `__main__`, such as `__file__`.
    """

    code: CodeType
    name: str
    folder: str
    attributes: dict[str, Any] = field(default_factory=dict)


def from_file(path: str) -> Program:
    """Return the program that `python path` runs: a file, a folder or an archive with `__main__.py`, or - for stdin.

    Raises:
        InputError: There is no program at `path`.
    """
    if path == "-":
        return Program(_compile(sys.stdin.buffer.read(), "<stdin>", "Standard input"), "-", "")
    if not os.path.exists(path):
        raise InputError(f"{path} does not exist. {_CHOOSE}")
    importer = pkgutil.get_importer(path)
    if importer is not None:
        return _from_importer(importer, path)
    if path.lower().endswith(_NOT_PROGRAMS):
        raise InputError(f"{path} is not a program. {_CHOOSE}")
    file = os.path.abspath(path)
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Make the file readable.") from None
    loader = (SourcelessFileLoader if path.endswith(".pyc") else SourceFileLoader)("__main__", file)
    code = _compiled(loader, path) if path.endswith(".pyc") else _compile(source, file, path)
    folder = os.path.dirname(os.path.realpath(path))
    return Program(code, path, folder, {"__file__": file, "__loader__": loader, "__cached__": None})


def _compiled(loader: Any, path: str) -> CodeType:
    try:
        code: CodeType = loader.get_code("__main__")
    except (ImportError, EOFError, ValueError) as error:
        raise InputError(f"{path} cannot be run ({error}). {_CHOOSE}") from None
    return code


def _from_importer(importer: Any, path: str) -> Program:
    spec = importer.find_spec("__main__")
    if spec is None:
        kind = "a folder" if os.path.isdir(path) else "an archive"
        raise InputError(f"{path} is {kind} without __main__.py. {_CHOOSE}")
    return Program(_code_of(spec, path), path, os.path.abspath(path), _attributes(spec))


def from_module(name: str) -> Program:
    """Return the program that `python -m name` runs. The packages that contain the module are imported.

    `sys.path[0]` must already be the current folder.

    Raises:
        InputError: There is no such module, or it is a package without `__main__.py`.
    """
    if name.endswith(".py") and importlib.util.find_spec(name.partition(".")[0]) is not None:
        raise InputError(f"There is no module {name}: give the name of a module, such as {name[:-3]}, not of a file.")
    spec = _find(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _find(f"{name}.__main__")
        if spec is None:
            raise InputError(f"{name} is a package without __main__.py. Name one of its modules.")
    if spec is None or spec.loader is None:
        raise InputError(f"There is no module {name}. Run the command in the folder that contains it, or install it.")
    return Program(_code_of(spec, name), spec.origin or name, os.getcwd(), _attributes(spec))


def _find(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the package was found, but something that it imports is missing
        return None
    except (ValueError, ImportError) as error:  # a relative name, or a module that was not imported properly
        raise InputError(f"There is no module {name} ({error}).") from None


def _code_of(spec: ModuleSpec, path: str) -> CodeType:
    loader: Any = spec.loader
    try:
        code: CodeType | None = loader.get_code(spec.name)
    except SyntaxError as error:
        raise _syntax_error(error, path) from None
    except (ImportError, AttributeError):  # a loader of extension modules
        code = None
    if code is None:
        raise InputError(f"{path} is not a Python program: it has no Python code.")
    return code


def _attributes(spec: ModuleSpec) -> dict[str, Any]:
    return {
        "__file__": spec.origin,
        "__loader__": spec.loader,
        "__spec__": spec,
        "__package__": spec.parent,
        "__cached__": spec.cached,
    }


def _compile(source: bytes, file: str, path: str) -> CodeType:
    try:
        return compile(source, file, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _syntax_error(error, path) from None
    except ValueError as error:  # null bytes
        raise InputError(f"{path} is not a Python program: {error}.") from None


def _syntax_error(error: SyntaxError, path: str) -> InputError:
    return InputError(f"{path}, line {error.lineno}, is not Python ({error.msg}). Fix the line.")


def imports_tensorflow(code: CodeType) -> bool:
    """Return True if a program contains an import of TensorFlow."""
    names = any(name.partition(".")[0] == "tensorflow" for name in code.co_names)
    return names or any(imports_tensorflow(part) for part in code.co_consts if isinstance(part, CodeType))


def prepare(name: str, arguments: Sequence[str], folder: str) -> None:
    """Set `sys.argv` and `sys.path[0]` as Python does."""
    sys.argv = [name, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = folder


def execute(program: Program) -> int:
    """Run a program as `__main__` and return the exit code. Its exceptions are reported as Python does.

    Raises:
        SystemExit: The program raised this exception.
    """
    main = ModuleType("__main__")
    main.__dict__.update({"__builtins__": __builtins__, "__annotations__": {}, **program.attributes})
    # This is not undone, because multiprocessing, pickle and atexit handlers look up __main__ later.
    sys.modules["__main__"] = main
    try:
        exec(program.code, main.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        return report(error)
    return 0


def report(error: BaseException) -> int:
    """Print the exception that ended the program, and return the exit code."""
    tracebacks.strip(error)
    sys.excepthook(type(error), error, error.__traceback__)
    return 130 if isinstance(error, KeyboardInterrupt) else 1
