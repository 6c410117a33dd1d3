"""What every test may rely on: the kernels' settings are those that the package chose."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from gatewright.ops import kernels

# Tests do not measure time: a slow machine is no fault.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Before any test imports Keras by itself.
os.environ.setdefault("KERAS_BACKEND", "jax")
# Tests compile hundreds of small programs and run each for an instant: XLA's optimisations of its own part would take
# half of all the time, and its newer generator of fused loops takes as long again. The kernels are compiled as ever.
os.environ.setdefault(
    "XLA_FLAGS",
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true --xla_cpu_use_fusion_emitters=false",
)
# Commands neither read nor fill the user's folder of compiled programs.
os.environ.setdefault("JAX_ENABLE_COMPILATION_CACHE", "false")


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    """A test may choose an instruction set or a number of threads; the next test does not see it."""
    name, threads = kernels.instruction_set(), kernels.num_threads()
    yield
    kernels.choose_instruction_set(name)
    kernels.set_num_threads(threads)
    kernels.use_bf16_instructions(True)
