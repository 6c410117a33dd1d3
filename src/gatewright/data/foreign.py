"""Read data with libraries that fail in many ways on damaged files, or crash."""

import contextlib
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from gatewright.data.limits import max_bytes, read_all, too_large
from gatewright.support.errors import InputError

DAMAGED, TOO_LARGE = 3, 4
"""The exit codes of the child process for a damaged file, and for one that needs more than the allowed memory."""

# The child process may use this much processor time, and memory on top of twice the maximum size of an input.
_SECONDS, _SECONDS_PER_MEGABYTE = 60, 1
_MEMORY = 1 << 30


@contextlib.contextmanager
def one_error(message: str) -> Iterator[None]:
    """Convert any error inside the `with` block to an `InputError` with this message.

    A damaged file can make a library raise almost any exception, and warn of what it finds. In the message, the word
    REASON is replaced by what the library says.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (InputError, ImportError):
        raise
    except Exception as error:
        raise InputError(message.replace("REASON", str(error) or type(error).__name__)) from None


def read_in_child(
    reader: str, path: Path, *arguments: str, damaged: str, memory: int | None = None, seconds: int | None = None
) -> bytearray:
    """Read a file in a child process with limited memory and time, in which a library may crash.

    Args:
        reader: The name of a reader in `gatewright.data.child`.
        path: The file.
        arguments: Further arguments of the reader.
        damaged: The message of the error for a damaged file.
        memory: The memory in bytes that the child process may use, besides that of Python and its packages. By default
            twice the maximum size of an input.
        seconds: The processor time that it may use, besides a second for each megabyte of the file. By
            default a minute.

    Returns:
        The output of the reader.

    Raises:
        InputError: The file is damaged, or needs too much memory or time.
        OSError: The file cannot be read.
    """
    memory = (2 * max_bytes() if memory is None else memory) + _MEMORY
    seconds = int((_SECONDS if seconds is None else seconds) + _SECONDS_PER_MEGABYTE * os.stat(path).st_size / 1e6)
    limits = [str(memory), str(max_bytes()), str(seconds)]
    command = [sys.executable, "-P", "-m", "gatewright.data.child", *limits, reader, str(path.absolute()), *arguments]
    # The child finds the same packages, and starts no threads, whose stacks would count as memory.
    places = os.pathsep.join(entry or os.getcwd() for entry in sys.path)
    environment = {**os.environ, "PYTHONPATH": places, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as child:
        try:
            content = read_all(child.stdout, path)  # type: ignore[arg-type]
        except BaseException:
            child.kill()
            raise
    if child.returncode == TOO_LARGE:
        raise too_large(path)
    if child.returncode == -signal.SIGXCPU:
        raise InputError(f"{path} takes more than {seconds} s to read. It may be damaged: write it again.")
    if child.returncode:
        raise InputError(damaged)
    return content
