"""Executes a notebook in a fresh kernel of this Python with the setting of `gatewright run` on."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from gatewright.support.errors import InputError
from gatewright.support.files import atomically

# Sent to the kernel before the first cell; leaves no name behind in the notebook's namespace.
_ENABLE = "__import__('gatewright').enable()"
_COLOUR = re.compile("\x1b\\[[0-9;]*m")


def read(path: str) -> nbformat.NotebookNode:
    """Read the notebook at `path`, without the outputs that it holds.

    Raises:
        InputError: the file can't be read or is not a notebook.
    """
    try:
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        nbformat.validate(notebook)
    except OSError as error:
        raise InputError(f"{path} can't be read: {error.strerror}.") from None
    except (nbformat.reader.NotJSONError, UnicodeDecodeError):
        raise InputError(f"{path} is not a notebook: it is not JSON.") from None
    except Exception as error:  # what nbformat raises for other JSON has no class in common
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{path} is not a notebook: {reason}") from None
    for cell in code_cells(notebook):  # or what an earlier run left would pass for this one's
        cell.outputs, cell.execution_count = [], None
    return notebook  # type: ignore[no-any-return]


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """The cells of `notebook` that hold code."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def execute(notebook: nbformat.NotebookNode, path: str, output: str | None) -> int:
    """Execute the notebook read from `path`, printing what its cells print; returns the exit code.

    The executed copy goes to `output`, if given. It is written when a cell fails, too: then it ends with that
    cell's traceback.

    Raises:
        InputError: nothing was executed, since `output` can't be written or the setting can't be turned on.
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
    """Kernels of this very Python, whichever kernel the notebook was made with."""

    @property
    def kernel_spec(self) -> KernelSpec:
        argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=argv, display_name="Python 3", language="python")


class _Client(NotebookClient):
    """Turns the setting on before the first cell, and prints outputs as they come."""

    def __init__(self, notebook: nbformat.NotebookNode, folder: str) -> None:
        super().__init__(
            notebook,
            timeout=None,
            kernel_manager_class=_ThisPython,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--IPKernelApp.log_level=50"],  # the kernel's own log is not the notebook's output
        )
        self.interrupted = False

    async def async_start_new_kernel_client(self) -> Any:
        client = await super().async_start_new_kernel_client()
        self._cancel_when_interrupted()
        message = client.execute(_ENABLE, silent=True, store_history=False)
        reply = await self.async_wait_for_reply(message)
        if reply is None or reply["content"]["status"] != "ok":
            raise InputError(reply["content"]["evalue"] if reply else "the kernel does not answer.")
        return client

    def _cancel_when_interrupted(self) -> None:
        """Take Ctrl-C over from nbclient, to which it is the same as a kernel that died."""
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None

        def cancel() -> None:
            self.interrupted = True
            task.cancel()

        with contextlib.suppress(RuntimeError):  # Windows, or not the main thread: Python's own handler stays
            loop.add_signal_handler(signal.SIGINT, cancel)

    def output(self, outs: Any, msg: Any, display_id: str | None, cell_index: int) -> Any:
        made = super().output(outs, msg, display_id, cell_index)
        _print_output(msg["msg_type"], msg["content"])
        return made


def _print_output(kind: str, content: dict[str, Any]) -> None:
    if kind == "stream":
        stream = sys.stderr if content["name"] == "stderr" else sys.stdout
        print(content["text"], end="", file=stream, flush=True)
    elif "text/plain" in content.get("data", {}):
        print(content["data"]["text/plain"], flush=True)


def _print_failure(notebook: nbformat.NotebookNode, path: str) -> None:
    """Print the traceback of the cell that failed."""
    cells = code_cells(notebook)
    for number, cell in enumerate(cells, 1):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if not errors or "raises-exception" in cell.metadata.get("tags", []):
            continue
        traceback = "\n".join(errors[-1].traceback)
        print(traceback if sys.stderr.isatty() else _COLOUR.sub("", traceback), file=sys.stderr)
        print(f"gatewright run: code cell {number} of {len(cells)} in {path} failed.", file=sys.stderr)
        return


def _check_output(output: str) -> None:
    folder = os.path.dirname(os.path.abspath(output))
    if os.path.isdir(output):
        raise InputError(f"--output {output} is a folder: name a file for the executed copy.")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise InputError(f"--output {output} can't be written: {folder} is not a folder that you can write to.")
