"""The instruction sets that suites measure. Worker processes are limited to one of them, and so is XLA in them."""

import os

_VARIABLE = "GATEWRIGHT_BENCH_INSTRUCTION_SET"
_NARROWER = "avx2"
LIMITED_PEERS = ("keras-jax",)
"""The libraries that can be limited to an instruction set. The others choose for themselves."""


def measured() -> tuple[str, ...]:
    """Return the widest instruction set of this processor, and "avx2" if the processor has a wider one."""
    from gatewright.ops import kernels

    available = kernels.instruction_sets()
    return tuple(name for name in available if name in (available[0], _NARROWER))


def is_limited(name: str) -> bool:
    """Return whether the instruction set is narrower than what this processor has."""
    return name != measured()[0]


def environment(name: str) -> dict[str, str]:
    """Return the environment variables of a worker process that uses no wider instruction set than `name`."""
    variables = {_VARIABLE: name}
    if is_limited(name):
        flags = os.environ.get("XLA_FLAGS", "")
        variables["XLA_FLAGS"] = f"{flags} --xla_cpu_max_isa={name.upper()}".strip()
    return variables


def choose() -> None:
    """Make the kernels use the instruction set of this worker process."""
    from gatewright.ops import kernels

    if name := os.environ.get(_VARIABLE):
        kernels.choose_instruction_set(name)
