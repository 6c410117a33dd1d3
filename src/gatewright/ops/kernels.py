"""Settings of the compiled kernels (instruction set, number of threads), and measurements of them."""

import math
import os
from pathlib import Path

from gatewright.ops import _digest, _kernels, scratch
from gatewright.ops import threads as _threads
from gatewright.ops.recurrence import Recurrence


def _refuse_stale_build() -> None:
    sources = Path(__file__).parents[3] / "csrc"  # only an editable install has them
    if (sources / "kernels" / "kernels.cpp").exists() and _digest.source_digest(sources) != _kernels.source_digest:
        raise ImportError(
            "The kernels were built from other sources than those in csrc/. Run `make build` to build them again."
        )


_refuse_stale_build()
_kernels.set_num_threads(_threads.default_threads()[0])
_kernels.set_scratch_limit(scratch.default_limit())


def instruction_sets() -> list[str]:
    """Return the names of the kernels' instruction sets that this processor supports. The first is the default."""
    return list(_kernels.instruction_sets())


def instruction_set() -> str:
    """Return the name of the instruction set that the kernels use."""
    return str(_kernels.instruction_set())


def choose_instruction_set(name: str) -> None:
    """Set the instruction set that the kernels use, for tests and measurements.

    Args:
        name: One of `instruction_sets()`.

    Raises:
        ValueError: The processor does not support the instruction set.
    """
    if not _kernels.choose_instruction_set(name):
        raise ValueError(
            f"The instruction set must be one of {', '.join(instruction_sets())} on this machine, not {name!r}."
        )


def bf16_instructions() -> bool:
    """Return whether products in bfloat16 are computed by the processor's instructions for them.

    This is so for the instruction set avx512 on a processor with AVX512-BF16. Otherwise the operands are rounded in the
    same way by other instructions, which saves no time. Sums may then differ in their last bits.
    """
    return bool(_kernels.bf16_instructions())


def use_bf16_instructions(use: bool) -> None:
    """Set whether instructions for products in bfloat16 are used where there are any, for tests and measurements."""
    _kernels.use_bf16_instructions(use)


def num_threads() -> int:
    """Return the number of threads that process a batch. This number includes the caller's thread."""
    return int(_kernels.num_threads())


def set_num_threads(threads: int) -> None:
    """Set the number of threads that process a batch.

    The results of the kernels have the same bits at any number of threads.

    Args:
        threads: The number of threads, including the caller's.

    Raises:
        ValueError: `threads` is not a whole number of at least 1.
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
        raise ValueError(f"threads must be a whole number of at least 1, not {threads!r}.")
    _kernels.set_num_threads(threads)


def share_threads_with_jax() -> None:
    """Make JAX use as many threads as the kernels, so that results depend on this number, not on the cores in use.

    This has an effect only before JAX computes for the first time. XLA splits some of its sums by its number of
    threads, which is the number of cores that the process may use unless the environment variable NPROC is set.
    """
    os.environ.setdefault("NPROC", str(num_threads()))


def take_peak_scratch() -> int:
    """Return the maximum scratch memory in bytes that a kernel call has used, and reset this maximum to 0.

    Only kernel calls since the last call of this function count.
    """
    return int(_kernels.take_peak_scratch())


def multiply_add_peak(seconds: float = 0.01) -> float:
    """Measure the peak throughput of float32 multiply-adds on all threads of the kernels, in GFLOP/s.

    A multiply-add counts as two operations. If the processor has fused multiply-adds (AVX2, AVX-512, NEON), the result
    is the peak of the processor at this moment. It changes with the clock frequency and with the load of the machine.
    To compare it with the speed of other code, measure both alternately.

    Args:
        seconds: Approximate duration of the measurement in seconds.

    Raises:
        ValueError: `seconds` is not a number above 0.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 < seconds < math.inf:
        raise ValueError(f"seconds must be a number above 0, not {seconds!r}.")
    return float(_kernels.multiply_add_peak(seconds))


# In the order of the enumeration in csrc/core/api.hpp.
_ACTIVATIONS = ("tanh", "sigmoid", "relu", "hard_sigmoid", "linear")


def spec(rec: Recurrence) -> list[float]:
    """Encode a recurrence as the list of numbers that the kernels expect (the C++ structure `Spec`)."""
    return [
        _kernels.cells.index(rec.cell),
        _ACTIVATIONS.index(rec.activation),
        _ACTIVATIONS.index(rec.recurrent_activation),
        rec.reset_after,
        rec.reverse,
        rec.zero_output_for_mask,
        rec.zoneout,
        rec.precision == "bfloat16",
    ]
