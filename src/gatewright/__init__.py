"""Gated recurrent networks (SimpleRNN, LSTM, GRU), fast on ordinary CPUs.

Importing this package imports neither Keras, JAX nor PyTorch; a part imports them when it is used.
"""

from typing import Any

# Functions of the same name as their module: importing them here, once, makes the name the function for good.
from gatewright.accelerate import SlowPathWarning, accelerate, restore
from gatewright.compare import compare
from gatewright.doctor import doctor
from gatewright.setting import disable, enable

__version__ = "0.1.0"
__all__ = [
    "SlowPathWarning",
    "accelerate",
    "compare",
    "disable",
    "doctor",
    "enable",
    "num_threads",
    "restore",
    "set_num_threads",
]


def __getattr__(name: str) -> Any:
    # The kernels load when they are first asked for, so that `gatewright doctor` can say why they do not.
    if name in ("num_threads", "set_num_threads"):
        from gatewright import kernels

        return getattr(kernels, name)
    raise AttributeError(f"module 'gatewright' has no attribute {name!r}")
