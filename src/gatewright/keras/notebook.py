"""Execute a notebook for `gatewright run`.

The notebook runs in a new Jupyter kernel with the Python interpreter of this process. Like other child processes of a
session, the kernel calls `enable()` when a cell imports Keras or TensorFlow.
"""

import asyncio
import atexit
import contextlib
import getpass
import os
import re
import signal
import sys
import threading
import warnings
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError

from gatewright.keras.terminal_text import final_text
from gatewright.support.errors import InputError
from gatewright.support.files import atomically

# It runs in the kernel before the first cell and leaves no name in the notebook's namespace.
_PREPARE = "__import__('importlib').import_module('gatewright.keras.tracebacks').install()"
_TERMINAL_COLOR = re.compile("\x1b\\[[0-9;]*m")
_END_OF_INPUT = "\x04"  # ipykernel raises EOFError for it


def read(path: str) -> nbformat.NotebookNode:
    """Read the notebook at `path`, remove what an earlier execution left in its cells, and return the notebook.

    Notebooks of earlier formats are converted to the current one.

    Raises:
        InputError: The file cannot be read, is not a notebook, or is a notebook in another language than Python.
    """
    try:
        with warnings.catch_warnings(action="ignore"):  # about cells without ids, which get some
            notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
            _, notebook = nbformat.validator.normalize(notebook)
            nbformat.validate(notebook)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist. Choose a Keras program (.py) or a notebook (.ipynb).") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}). Choose a notebook that you can read.") from None
    except (nbformat.reader.NotJSONError, UnicodeDecodeError):
        raise InputError(f"{path} is not a notebook: it is not JSON. Choose a notebook (.ipynb).") from None
    except Exception as error:  # nbformat's errors for other JSON have no common base class
        reason = (str(error).partition("\n")[0][:200] or type(error).__name__).rstrip(".")
        raise InputError(f"{path} is not a notebook ({reason}). Choose a notebook (.ipynb).") from None
    language = notebook.metadata.get("kernelspec", {}).get("language", "python")
    if language.lower() != "python":
        raise InputError(f"{path} is a notebook in {language}. Choose a notebook in Python.")
    for cell in code_cells(notebook):  # outputs of an earlier run must not look like those of this one
        cell.outputs, cell.execution_count = [], None
        cell.metadata.pop("execution", None)
    return notebook  # type: ignore[no-any-return]


def code_cells(notebook: nbformat.NotebookNode) -> list[nbformat.NotebookNode]:
    """Return the code cells of `notebook` in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def check_output(output: str | None, path: str) -> None:
    """Raise an error if the executed copy of the notebook at `path` cannot be written to `output`.

    Raises:
        InputError: `output` is a folder, is in a folder that is not writable, or is the notebook itself.
    """
    if output is None:
        return
    folder = os.path.dirname(os.path.abspath(output))
    if os.path.isdir(output):
        raise InputError(f"--output {output} is a folder. Give the path of a file for the executed copy.")
    if os.path.exists(output) and os.path.samefile(output, path):
        raise InputError(f"--output {output} is the notebook itself, which is not changed. Choose another path.")
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise InputError(
            f"--output {output} cannot be written: {folder} is not a writable folder. Choose another path."
        )


def execute(notebook: nbformat.NotebookNode, path: str, output: str | None) -> int:
    """Execute a notebook, print the outputs of its cells, and return the exit code.

    Args:
        notebook: The notebook, as `read` returns it.
        path: The path of the notebook. The cells are executed in the folder that contains this file.
        output: The path of the executed copy, or None to write no copy. If a cell fails or the execution is
            interrupted, the copy has the outputs so far.

    Raises:
        InputError: The kernel cannot be prepared. No cell was executed.
    """
    client = _Client(notebook, os.path.dirname(os.path.abspath(path)))
    code = _execute(client, notebook, path)
    if output is not None:
        _merge_streams(notebook)
        with atomically(output) as copy:
            nbformat.write(notebook, copy)  # type: ignore[no-untyped-call]
    return code


def _execute(client: "_Client", notebook: nbformat.NotebookNode, path: str) -> int:
    try:
        asyncio.run(client.async_execute())
    except CellExecutionError:
        _print_failure(notebook, path)
        code = 1
    except (DeadKernelError, KeyboardInterrupt):
        if not client.interruptions:
            print(f"gatewright run: the kernel of {path} died.", file=sys.stderr)
        code = 1
    else:
        return 0
    if client.interruptions:
        print(f"gatewright run: {path} was interrupted.", file=sys.stderr)
        return 130
    return code


class _ThisPython(AsyncKernelManager):
    """A Jupyter kernel manager that runs this Python interpreter instead of the kernel named in the notebook."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            # As in an activated environment, so that `!python program.py` runs this Python interpreter.
            env={"PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])},
        )


class _Client(NotebookClient):
    """A notebook client that prints outputs while the cells run, and answers `input()` from standard input.

    Attributes:
        interruptions: The number of times that Ctrl-C was pressed.
    """

    def __init__(self, notebook: nbformat.NotebookNode, folder: str) -> None:
        super().__init__(
            notebook,
            timeout=None,
            kernel_manager_class=_ThisPython,
            resources={"metadata": {"path": folder}},
            extra_arguments=["--IPKernelApp.log_level=50"],  # keeps the kernel's log out of the notebook's output
        )
        self.interruptions = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def async_start_new_kernel_client(self) -> Any:
        try:
            client = await super().async_start_new_kernel_client()
        except RuntimeError:  # the kernel has printed the reason
            atexit.unregister(self._cleanup_kernel)  # which would fail, since there is nothing left to clean up
            raise InputError(
                "The notebook's Jupyter kernel does not start. Check whether a file in "
                f"{self.resources['metadata']['path']} has the name of a Python module."
            ) from None
        client.allow_stdin = True
        self._handle_interruptions()
        message = client.execute(_PREPARE, silent=True, store_history=False)
        reply = await self.async_wait_for_reply(message)
        if reply is None or reply["content"]["status"] != "ok":
            raise InputError(
                reply["content"]["evalue"] if reply else "The notebook's kernel does not reply. Run the command again."
            )
        self._start(self._answer_inputs(client))
        return client

    def _start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _handle_interruptions(self) -> None:
        """Interrupt the running cell at the first Ctrl-C, and the whole execution at the second.

        Without this method, nbclient would report that the Jupyter kernel died.
        """
        loop, execution = asyncio.get_running_loop(), asyncio.current_task()

        def interrupt() -> None:
            self.interruptions += 1
            if self.interruptions == 1 and self.km is not None:
                self._start(self.km.interrupt_kernel())
            elif execution is not None:
                execution.cancel()

        with contextlib.suppress(RuntimeError, NotImplementedError):  # on Windows, or outside the main thread
            loop.add_signal_handler(signal.SIGINT, interrupt)

    async def _answer_inputs(self, client: Any) -> None:
        """Answer each `input()` and `getpass()` of the notebook with a line from standard input."""
        while True:
            request = await client.get_stdin_msg()
            if request["msg_type"] == "input_request":
                content = request["content"]
                line = await _in_thread(_read_line, content["prompt"], content["password"])
                if line == _END_OF_INPUT:
                    print("gatewright run: a cell asks for input, but standard input has ended.", file=sys.stderr)
                client.input(line)

    def output(self, outs: Any, msg: Any, display_id: str | None, cell_index: int) -> Any:
        stored = super().output(outs, msg, display_id, cell_index)
        _print_output(msg["msg_type"], msg["content"])
        return stored


async def _in_thread(function: Any, *arguments: Any) -> Any:
    """Call a function in a thread that does not keep this process alive when it waits for input."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[Any] = loop.create_future()

    def call() -> None:
        value = function(*arguments)
        with contextlib.suppress(RuntimeError):  # the execution has ended
            loop.call_soon_threadsafe(result.set_result, value)

    threading.Thread(target=call, daemon=True).start()
    return await result


def _read_line(prompt: str, is_password: bool) -> str:
    if sys.stdin is None:
        return _END_OF_INPUT
    try:
        if is_password and sys.stdin.isatty():
            return getpass.getpass(prompt)
        print(prompt, end="", flush=True)
        line = sys.stdin.readline()
    except (EOFError, OSError, ValueError):  # standard input was closed
        return _END_OF_INPUT
    return line.removesuffix("\n") if line else _END_OF_INPUT


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


def _merge_streams(notebook: nbformat.NotebookNode) -> None:
    """Merge the texts that a cell printed between two other outputs, and keep the last state of progress bars."""
    for cell in code_cells(notebook):
        merged: list[Any] = []
        streams: dict[str, Any] = {}
        for output in cell.outputs:
            if output.output_type != "stream":
                streams = {}
                merged.append(output)
            elif output.name in streams:
                streams[output.name].text += output.text
            else:
                streams[output.name] = output
                merged.append(output)
        for output in merged:
            if output.output_type == "stream":
                output.text = final_text(output.text)
        cell.outputs = merged
