"""Gated recurrent networks, fast on ordinary CPUs.

Nothing heavy is imported until it is used: `gatewright.runtime` starts in a fraction of a second.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gatewright import runtime
    from gatewright.accelerate import SlowPathWarning, accelerate, restore
    from gatewright.compare import compare
    from gatewright.doctor import doctor
    from gatewright.evaluate import evaluate
    from gatewright.generate import generate
    from gatewright.info import info
    from gatewright.kernels import num_threads, set_num_threads
    from gatewright.predict import predict
    from gatewright.setting import disable, enable
    from gatewright.train import train

__version__ = "0.1.0"
__all__ = [
    "SlowPathWarning",
    "accelerate",
    "compare",
    "disable",
    "doctor",
    "enable",
    "evaluate",
    "generate",
    "info",
    "num_threads",
    "predict",
    "restore",
    "runtime",
    "set_num_threads",
    "train",
]

_HOMES = {
    "SlowPathWarning": "accelerate",
    "accelerate": "accelerate",
    "compare": "compare",
    "disable": "setting",
    "doctor": "doctor",
    "enable": "setting",
    "evaluate": "evaluate",
    "generate": "generate",
    "info": "info",
    "num_threads": "kernels",
    "predict": "predict",
    "restore": "accelerate",
    "set_num_threads": "kernels",
    "train": "train",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    if name == "runtime":
        return import_module(f"{__name__}.runtime")
    raise AttributeError(f"module 'gatewright' has no attribute {name!r}")


class _Package(ModuleType):
    """Where a function has the name of its module, the name is the function, whichever was imported first."""

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, ModuleType) and _HOMES.get(name) == name:
            value = getattr(value, name)
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
