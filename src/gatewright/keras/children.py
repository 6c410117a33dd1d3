"""Make child processes of this one run on the kernels as well.

Child processes inherit the environment. PYTHONPATH names the folder `startup`, whose `sitecustomize` installs two light
hooks when Python starts: `enable()` is called at the first import of Keras or TensorFlow, and not at all in processes
that import neither. Python processes of other environments are not affected, because GATEWRIGHT_CHILDREN names the
environment of this process.
"""

import os
import sys
from pathlib import Path

_FOLDER = str(Path(__file__).with_name("startup"))
_NAMES = ("PYTHONPATH", "GATEWRIGHT_CHILDREN")

_before: dict[str, str | None] = {}


def reach() -> None:
    """Set the environment variables that make child processes call `enable()` when they import Keras."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if _FOLDER in paths and os.environ.get("GATEWRIGHT_CHILDREN") == sys.prefix:
        return
    _before.update({name: os.environ.get(name) for name in _NAMES})
    os.environ["PYTHONPATH"] = os.pathsep.join([_FOLDER, *filter(None, paths)])
    os.environ["GATEWRIGHT_CHILDREN"] = sys.prefix


def forget() -> None:
    """Undo the changes of `reach`."""
    for name, value in _before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _before.clear()
