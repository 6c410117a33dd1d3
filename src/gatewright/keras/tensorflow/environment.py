"""Version, logging, errors, assertions and files."""

import logging
import os
import shutil
from collections.abc import Iterator
from glob import glob as _glob
from pathlib import Path
from typing import Any

import numpy as np

from gatewright.keras.notes import note_once
from gatewright.keras.tensorflow import convert, dtypes

# A recent version with Keras 3 without a suffix, because programs compare and split it.
VERSION = "2.16.0"
__version__ = VERSION
GIT_VERSION = COMPILER_VERSION = "unknown"

DEBUG, INFO, WARN, ERROR, FATAL = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL


def get_logger() -> logging.Logger:
    """Return the logger named tensorflow."""
    return logging.getLogger("tensorflow")


def set_verbosity(v: Any) -> None:
    """Set the level of the logger."""
    get_logger().setLevel(v)


def get_verbosity() -> int:
    """Return the level of the logger."""
    return get_logger().getEffectiveLevel()


def _log(level: str) -> Any:
    def function(msg: Any, *args: Any, **options: Any) -> None:
        getattr(get_logger(), level)(msg, *args)

    return convert.named(function, __name__, "warn" if level == "warning" else level, "Log a message.")


debug, info, warn, error, fatal = map(_log, ("debug", "info", "warning", "error", "critical"))
warning = warn


class OpError(Exception):
    """The base of TensorFlow's errors."""

    @property
    def message(self) -> str:
        """The message."""
        return str(self)


class InvalidArgumentError(OpError, ValueError):
    """An argument has a wrong value or shape."""


class NotFoundError(OpError, FileNotFoundError):
    """A file does not exist."""


class OutOfRangeError(OpError):
    """A data set has ended."""


class ResourceExhaustedError(OpError, MemoryError):
    """Memory ran out."""


class FailedPreconditionError(OpError):
    """Something was used before it was ready."""


class UnimplementedError(OpError):
    """Something is not implemented."""


class InternalError(OpError):
    """Something went wrong inside."""


class UnknownError(OpError):
    """Something went wrong."""


class AbortedError(OpError):
    """An operation was stopped."""


def _assertion(name: str, holds: Any) -> Any:
    def function(
        x: Any, y: Any, message: Any = None, summarize: Any = None, name: Any = None, data: Any = None
    ) -> None:
        if not _has_values((x, y)):
            return
        left, right = convert.values(x), convert.values(y)
        if not np.all(holds(left, right)):
            raise InvalidArgumentError(f"{message or 'Assertion failed'}: {_short(left)} against {_short(right)}.")

    return convert.named(function, __name__, name, "Raise an `InvalidArgumentError` where the comparison is false.")


def _has_values(tensors: Any) -> bool:
    """Return True if the values of tensors are known. While a step is compiled they are not, and a note says so."""
    if convert.is_concrete(tensors):
        return True
    note_once("tf.debugging and tf.assert functions check no values in compiled steps, where values are unknown.")
    return False


def _short(array: Any) -> str:
    return str(array).replace("\n", "")[:80]


assert_equal = _assertion("assert_equal", np.equal)
assert_less = _assertion("assert_less", np.less)
assert_less_equal = _assertion("assert_less_equal", np.less_equal)
assert_greater = _assertion("assert_greater", np.greater)
assert_greater_equal = _assertion("assert_greater_equal", np.greater_equal)
assert_near = _assertion("assert_near", lambda x, y: np.isclose(x, y, 1e-5, 1e-5))


def assert_positive(x: Any, **options: Any) -> None:
    """Raise an `InvalidArgumentError` if an element is not positive."""
    assert_greater(x, 0, options.get("message"))


def assert_non_negative(x: Any, **options: Any) -> None:
    """Raise an `InvalidArgumentError` if an element is negative."""
    assert_greater_equal(x, 0, options.get("message"))


def assert_all_finite(x: Any, message: str, name: Any = None) -> Any:
    """Return `x`, or raise an `InvalidArgumentError` if an element is not finite."""
    if _has_values(x) and not np.all(np.isfinite(convert.values(x))):
        raise InvalidArgumentError(f"{message}: Tensor had NaN or Inf values.")
    return x


check_numerics = assert_all_finite


def assert_rank(x: Any, rank: Any, message: Any = None, **options: Any) -> None:
    """Raise a `ValueError` unless `x` has `rank` axes."""
    if len(x.shape) != convert.integer(rank):
        raise ValueError(f"{message or 'Wrong rank'}: a tensor of shape {tuple(x.shape)} does not have rank {rank}.")


def assert_type(tensor: Any, tf_type: Any, message: Any = None, name: Any = None) -> None:
    """Raise a `TypeError` unless `tensor` has the dtype."""
    if convert.dtype_of(tensor) != dtypes.as_dtype(tf_type):
        raise TypeError(f"{message or 'Wrong dtype'}: {convert.dtype_of(tensor)}, not {dtypes.as_dtype(tf_type)}.")


def Assert(condition: Any, data: Any = None, summarize: Any = None, name: Any = None) -> None:
    """Raise an `InvalidArgumentError` if the condition is false."""
    assert_equal(condition, True, f"Assertion failed ({_short(data)})")


def enable_check_numerics(*args: Any, **options: Any) -> None:
    """Let JAX raise an error where a result is NaN."""
    import jax

    jax.config.update("jax_debug_nans", True)  # type: ignore[no-untyped-call]


def exists(path: Any) -> bool:
    """Return True if a file or folder exists."""
    return os.path.exists(path)


def isdir(path: Any) -> bool:
    """Return True for a folder."""
    return os.path.isdir(path)


def listdir(path: Any) -> list[str]:
    """Return the names in a folder."""
    return os.listdir(path)


def glob(pattern: Any) -> list[str]:
    """Return the paths that match a pattern."""
    patterns = [pattern] if isinstance(pattern, str | os.PathLike) else pattern
    return sorted(path for each in patterns for path in _glob(os.fspath(each)))


def makedirs(path: Any) -> None:
    """Make a folder and those above it."""
    os.makedirs(path, exist_ok=True)


def mkdir(path: Any) -> None:
    """Make a folder."""
    os.mkdir(path)


def remove(path: Any) -> None:
    """Delete a file."""
    os.remove(path)


def rmtree(path: Any) -> None:
    """Delete a folder and all in it."""
    shutil.rmtree(path)


def copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file. An existing one is replaced only with `overwrite`."""
    if os.path.exists(dst) and not overwrite:
        raise OpError(f"{dst} exists already. Give overwrite=True.")
    shutil.copyfile(src, dst)


def rename(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Rename a file. An existing one is replaced only with `overwrite`."""
    if os.path.exists(dst) and not overwrite:
        raise OpError(f"{dst} exists already. Give overwrite=True.")
    os.replace(src, dst)


def walk(top: Any, topdown: bool = True, onerror: Any = None) -> Iterator[Any]:
    """Visit a folder and those in it."""
    return os.walk(top, topdown, onerror)


def GFile(name: Any, mode: str = "r") -> Any:
    """Open a local file."""
    return open(name, mode, encoding=None if "b" in mode else "utf-8")


def read_file(filename: Any, name: Any = None) -> Any:
    """Return the contents of a file as a text."""
    return convert.texts(Path(_path(filename)).read_bytes())


def write_file(filename: Any, contents: Any, name: Any = None) -> None:
    """Write a text to a file."""
    data = convert.texts(contents).item()
    Path(_path(filename)).write_bytes(data)


def _path(filename: Any) -> str:
    value = filename.item() if isinstance(filename, np.ndarray) else filename
    return os.fsdecode(value)


def do_nothing(*args: Any, **options: Any) -> None:
    """Do nothing: the call has no meaning here, and no effect on results."""


enable_eager_execution = disable_v2_behavior = enable_v2_behavior = do_nothing
enable_resource_variables = disable_control_flow_v2 = do_nothing


def do_not_convert(func: Any = None) -> Any:
    """Return a function as it is: no function is converted."""
    return do_not_convert if func is None else func


def as_bytes(bytes_or_text: Any, encoding: str = "utf-8") -> bytes:
    """Return a text as bytes."""
    return bytes_or_text if isinstance(bytes_or_text, bytes) else str(bytes_or_text).encode(encoding)


def as_text(bytes_or_text: Any, encoding: str = "utf-8") -> str:
    """Return a text as a Python string."""
    return bytes_or_text.decode(encoding) if isinstance(bytes_or_text, bytes) else str(bytes_or_text)


as_str = as_text
