"""Settings of the compiled kernels: instruction set and threads."""

import math
from pathlib import Path

from gatewright.ops import _digest, _kernels
from gatewright.ops import threads as _threads
from gatewright.ops.recurrence import Recurrence


def _refuse_stale_build() -> None:
    # Only an editable install has the sources next to it.
    sources = Path(__file__).parents[3] / "csrc"
    if (sources / "kernels" / "kernels.cpp").exists() and _digest.source_digest(sources) != _kernels.source_digest:
        raise ImportError(
            "The kernels were built from other sources than those in csrc/: run `make build` to build them again."
        )


_refuse_stale_build()
_kernels.set_num_threads(_threads.default_threads()[0])


def instruction_sets() -> list[str]:
    """Return the instruction sets that this processor supports, the default first."""
    return list(_kernels.instruction_sets())


def instruction_set() -> str:
    """Return the instruction set in use."""
    return str(_kernels.instruction_set())


def choose_instruction_set(name: str) -> None:
    """Use an instruction set other than the default, for tests and measurements.

    Raises:
        ValueError: this processor does not support it.
    """
    if not _kernels.choose_instruction_set(name):
        raise ValueError(
            f"instruction set must be one of {', '.join(instruction_sets())} on this machine, not {name!r}."
        )


def num_threads() -> int:
    """Return the number of threads that share the rows of a call, including the caller's."""
    return int(_kernels.num_threads())


def set_num_threads(threads: int) -> None:
    """Set the number of threads that share the rows of a call. Equal inputs and number of threads give equal bits.

    Raises:
        ValueError: threads is not a whole number of at least 1.
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"threads must be a whole number of at least 1, not {threads!r}.")
    _kernels.set_num_threads(threads)


def take_peak_scratch() -> int:
    """Return the largest number of bytes of scratch memory used by a call since this function was last called."""
    return int(_kernels.take_peak_scratch())


def multiply_add_peak(seconds: float = 0.01) -> float:
    """Measure the peak throughput of float32 multiply-adds on the threads in use, in GFLOP/s.

    A multiply-add counts as two operations. If the processor fuses them (AVX2, AVX-512, NEON), this is its current
    peak, which depends on its clock and on other load: alternate this measurement with the one to compare.

    Args:
        seconds: approximate duration of the measurement.

    Raises:
        ValueError: seconds is not a number above 0.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise ValueError(f"seconds must be a number above 0, not {seconds!r}.")
    return float(_kernels.multiply_add_peak(seconds))


# In the order of the enumeration in csrc/core/api.hpp.
_ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")


def spec(rec: Recurrence) -> list[float]:
    """Return the numbers of the kernels' structure Spec for a recurrence."""
    return [
        _kernels.cells.index(rec.cell),
        _ACTIVATIONS.index(rec.activation),
        _ACTIVATIONS.index(rec.recurrent_activation),
        rec.reset_after,
        rec.reverse,
        rec.zero_output_for_mask,
        rec.zoneout,
    ]
