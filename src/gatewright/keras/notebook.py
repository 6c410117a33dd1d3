"""Execute a notebook for `gatewright run`.

The notebook runs in a new Jupyter kernel with the Python interpreter of this process. The kernel calls `enable()`
before the first cell.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
from typing import Any, cast

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from gatewright.support.errors import InputError
from gatewright.support.files import atomically

# It runs in the kernel before the first cell and leaves no name in the notebook's namespace.
_ENABLE = "__import__('gatewright').enable()"
_TERMINAL_COLOR = re.compile("\x1b\\[[0-9;]*m")


def read(path: str) -> nbformat.NotebookNode:
    """Read the notebook at `path`, remove the outputs of all notebook cells, and return the notebook.

    Raises:
        InputError: The file cannot be read or is not a notebook.
    """
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Make the file readable.") from None
    except (nbformat.reader.NotJSONError, UnicodeDecodeError):
        raise InputError(f"{path} is not a notebook: it is not JSON. Choose a notebook (.ipynb).") from None
    except Exception as error:  # nbformat's errors for other JSON have no common base class
        reason = (str(error).partition("\n")[0] or type(error).__name__).rstrip(".")
        raise InputError(f"{path} is not a notebook ({reason}). Choose a notebook (.ipynb).") from None
    for cell in code_cells(notebook):  # outputs of an earlier run must not look like those of this one
        cell.outputs, cell.execution_count = [], None
    return notebook  # type: ignore[no-any-return]


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the code cells of `notebook` in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def execute(notebook: nbformat.NotebookNode, path: str, output: str | None) -> int:
    """Execute a notebook, print the outputs of its cells, and return the exit code.

    Args:
        notebook: The notebook, as `read` returns it.
        path: The path of the notebook. The cells are executed in the folder that contains this file.
        output: The path of the executed copy, or None to write no copy. If a cell fails, its traceback is the last
            output of the copy.

    Raises:
        InputError: `output` cannot be written, or `enable()` failed in the Jupyter kernel. No cell was executed.
    """
    if output is not None:
        _check_output(output)
    client = _Client(notebook, os.path.dirname(os.path.abspath(path)))
    code = 0
    try:
        asyncio.run(client.async_execute())
    except CellExecutionError:
        _print_failure(notebook, path)
        code = 1
    except (DeadKernelError, KeyboardInterrupt):
        if client.interrupted:
            print(f"gatewright run: {path} was interrupted.", file=sys.stderr)
            return 130
        print(f"gatewright run: the kernel of {path} died.", file=sys.stderr)
        code = 1
    if output is not None:
        with atomically(output) as copy:
            nbformat.write(notebook, copy)  # type: ignore[no-untyped-call]
    return code


class _ThisPython(AsyncKernelManager):
    """A Jupyter kernel manager that runs this Python interpreter instead of the kernel named in the notebook."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
        )


class _Client(NotebookClient):
    """A notebook client that calls `enable()` before the first cell, and prints outputs while the cells run."""

    def __init__(self, notebook: nbformat.NotebookNode, folder: str) -> None:
        super().__init__(
            notebook,
            timeout=None,
            kernel_manager_class=_ThisPython,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--IPKernelApp.log_level=50"],  # keeps the kernel's log out of the notebook's output
        )
        self.interrupted = False

    async def async_start_new_kernel_client(self) -> Any:
        client = await super().async_start_new_kernel_client()
        self._cancel_when_interrupted()
        message = client.execute(_ENABLE, silent=True, store_history=False)
        reply = await self.async_wait_for_reply(message)
        if reply is None or reply["content"]["status"] != "ok":
            raise InputError(
                reply["content"]["evalue"] if reply else "The notebook's kernel does not reply. Run the command again."
            )
        return client

    def _cancel_when_interrupted(self) -> None:
        """Stop the execution at Ctrl-C. Without this method, nbclient would report that the Jupyter kernel died."""
        loop, task = asyncio.get_running_loop(), cast("asyncio.Task[Any]", asyncio.current_task())

        def cancel() -> None:
            self.interrupted = True
            task.cancel()

        with contextlib.suppress(RuntimeError):  # on Windows, or outside the main thread, Python's own handler stays
            loop.add_signal_handler(signal.SIGINT, cancel)

    def output(self, outs: Any, msg: Any, display_id: str | None, cell_index: int) -> Any:
        stored = super().output(outs, msg, display_id, cell_index)
        _print_output(msg["msg_type"], msg["content"])
        return stored


def _print_output(kind: str, content: dict[str, Any]) -> None:
    if kind == "stream":
        stream = sys.stderr if content["name"] == "stderr" else sys.stdout
        print(content["text"], end="", file=stream, flush=True)
    elif "text/plain" in content.get("data", {}):
        print(content["data"]["text/plain"], flush=True)


def _print_failure(notebook: nbformat.NotebookNode, path: str) -> None:
    """Print the traceback of the notebook cell that failed. `path` is the path of the notebook."""
    cells = code_cells(notebook)
    for number, cell in enumerate(cells, 1):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if not errors or "raises-exception" in cell.metadata.get("tags", []):
            continue
        traceback = "\n".join(errors[-1].traceback)
        print(traceback if sys.stderr.isatty() else _TERMINAL_COLOR.sub("", traceback), file=sys.stderr)
        print(f"gatewright run: code cell {number} of {len(cells)} in {path} failed.", file=sys.stderr)
        return


def _check_output(output: str) -> None:
    folder = os.path.dirname(os.path.abspath(output))
    if os.path.isdir(output):
        raise InputError(f"--output {output} is a folder. Give the path of a file for the executed copy.")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise InputError(
            f"--output {output} cannot be written: {folder} is not a writable folder. Choose another path."
        )
