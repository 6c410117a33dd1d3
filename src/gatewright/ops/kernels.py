"""The compiled kernels as a whole: instruction set and threads."""

import math
from pathlib import Path

from gatewright.ops import _digest, _kernels
from gatewright.ops import threads as _threads
from gatewright.ops.recurrence import Recurrence


def _refuse_stale_build() -> None:
    # Beside an editable install lie the sources; elsewhere there is nothing that could be newer.
    sources = Path(__file__).parents[3] / "csrc"
    if (sources / "kernels" / "kernels.cpp").exists() and _digest.source_digest(sources) != _kernels.source_digest:
        raise ImportError(
            "Gatewright's kernels were built from other sources than csrc/ now holds: run `make build` to build them."
        )


_refuse_stale_build()
_kernels.set_num_threads(_threads.default_threads()[0])


def instruction_sets() -> list[str]:
    """The instruction sets that this processor runs, the one that is used by default first."""
    return list(_kernels.instruction_sets())


def instruction_set() -> str:
    """The instruction set in use."""
    return str(_kernels.instruction_set())


def choose_instruction_set(name: str) -> None:
    """Use another instruction set than the widest; a test or a measurement may want to.

    Raises:
        ValueError: this processor does not run it.
    """
    if not _kernels.choose_instruction_set(name):
        raise ValueError(f"instruction set must be one of {', '.join(instruction_sets())} here, not {name!r}.")


def num_threads() -> int:
    """The threads that share a call's rows, the caller's own among them."""
    return int(_kernels.num_threads())


def set_num_threads(threads: int) -> None:
    """Set how many threads share a call's rows. The same inputs and number of threads give the same bits.

    Raises:
        ValueError: threads is not a whole number from 1 up.
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"threads must be a whole number from 1 up; it is {threads!r}.")
    _kernels.set_num_threads(threads)


def take_most_scratch() -> int:
    """The most bytes of scratch memory that one call has used since this was last asked."""
    return int(_kernels.take_most_scratch())


def multiply_add_peak(seconds: float = 0.01) -> float:
    """The GFLOP/s that the threads in use reach in float32 multiply-adds which wait for nothing: no memory, no product.

    A multiply-add counts as two operations. Where the processor fuses them (AVX2, AVX-512, NEON), this is its peak as
    it is at the moment, with its clock and its neighbours; measure it in turns with what is held against it.

    Args:
        seconds: how long to measure, about.

    Raises:
        ValueError: seconds is not a number above 0.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise ValueError(f"seconds must be a number above 0; it is {seconds!r}.")
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
