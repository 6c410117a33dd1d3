"""Gated recurrent networks (SimpleRNN, LSTM, GRU), fast on ordinary CPUs.

Each public name is imported when it is first used, so that `import gatewright` loads no other package. The types of all
names are in `__init__.pyi`, which `tools/make_stubs.py` writes.
"""

from importlib import import_module
from typing import Any

from gatewright.support.memory import use_one_arena
from gatewright.support.version import VERSION

__version__ = VERSION

use_one_arena()  # before JAX starts its threads

_MODULES = {
    "SlowPathWarning": "keras.slow_path",
    "UnknownIdWarning": "keras.embeddings",
    "accelerate": "keras.accelerate",
    "compare": "commands.compare",
    "disable": "keras.enable",
    "doctor": "commands.doctor",
    "enable": "keras.enable",
    "evaluate": "commands.evaluate",
    "explain": "commands.explain",
    "export": "commands.export",
    "from_keras": "commands.import_model",
    "generate": "commands.generate",
    "import_model": "commands.import_model",
    "info": "commands.info",
    "num_threads": "ops.kernels",
    "predict": "commands.predict",
    "restore": "keras.accelerate",
    "set_num_threads": "ops.kernels",
    "train": "commands.train",
    "transcribe": "commands.transcribe",
    "translate": "commands.translate",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    if name == "runtime":
        return import_module(f"{__name__}.runtime")
    if name == "__all__":
        return __dir__()
    if name.startswith("train_"):
        return import_module(f"{__name__}.commands.train_functions").training_function(name)
    raise AttributeError(f"module 'gatewright' has no attribute {name!r}")


def __dir__() -> list[str]:
    training: list[str] = import_module(f"{__name__}.commands.train_functions").function_names()
    return sorted([*_MODULES, "runtime", *training])
