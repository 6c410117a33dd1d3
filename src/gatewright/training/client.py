"""The JAX client that trains in a process where JAX computed before Gatewright was imported."""

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import jax

from gatewright.support import memory
from gatewright.support.progress import print_status


@contextlib.contextmanager
def reusing_memory() -> Iterator[None]:
    """Inside the `with` block, let JAX compute so that each training step reuses the memory of the previous step.

    The threads of JAX's own client may have started before `gatewright.support.memory.use_one_arena`. Then glibc maps
    new memory for them at each step, which can take longer than the step itself. Another client is used in this case,
    one that computes in the calling thread.
    """
    config: Any = jax.config
    if not memory.jax_was_first() or jax.default_backend() != "cpu" or config.jax_default_device is not None:
        yield
        return
    try:
        device = _own_client().local_devices()[0]
    except (ImportError, AttributeError, TypeError):  # the function is not part of JAX's public interface
        print_status(
            "JAX computed before gatewright was imported, which makes training slower: import gatewright first."
        )
        yield
        return
    with jax.default_device(device):
        yield


@functools.cache
def _own_client() -> Any:
    from jaxlib import xla_client

    return xla_client.make_cpu_client(asynchronous=False)
