"""Gated recurrent networks (SimpleRNN, LSTM, GRU), fast on ordinary CPUs.

Each public name is imported when it is first used, so that `import gatewright` loads no other package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gatewright.support.version import VERSION

if TYPE_CHECKING:
    from gatewright import runtime
    from gatewright.commands.compare import compare
    from gatewright.commands.doctor import doctor
    from gatewright.commands.evaluate import evaluate
    from gatewright.commands.generate import generate
    from gatewright.commands.info import info
    from gatewright.commands.predict import predict
    from gatewright.commands.train import train
    from gatewright.keras.accelerate import SlowPathWarning, accelerate, restore
    from gatewright.keras.enable import disable, enable
    from gatewright.ops.kernels import num_threads, set_num_threads

__version__ = VERSION
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

_MODULES = {
    "SlowPathWarning": "keras.accelerate",
    "accelerate": "keras.accelerate",
    "compare": "commands.compare",
    "disable": "keras.enable",
    "doctor": "commands.doctor",
    "enable": "keras.enable",
    "evaluate": "commands.evaluate",
    "generate": "commands.generate",
    "info": "commands.info",
    "num_threads": "ops.kernels",
    "predict": "commands.predict",
    "restore": "keras.accelerate",
    "set_num_threads": "ops.kernels",
    "train": "commands.train",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    if name == "runtime":
        return import_module(f"{__name__}.runtime")
    raise AttributeError(f"module 'gatewright' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
