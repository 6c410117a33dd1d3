"""Tell user code from libraries.

This module imports nothing that imports Keras, because it decides whether Keras is imported on the kernels.
"""

import functools
import os
import sysconfig
from collections.abc import Mapping

# Packages that are libraries even if they are not installed in site-packages, as in a source checkout.
_LIBRARIES = frozenset({"keras", "jax", "jaxlib", "gatewright"})


def is_user_code(importer: Mapping[str, object] | None) -> bool:
    """Return True if an import is in user code: in a program, a module that is not installed, or a notebook.

    If an installed module is run with `gatewright run -m`, the whole package that contains it is user code.
    `importer` contains the global variables of the module that contains the import statement.
    """
    if importer is None:
        return False
    name, file = importer.get("__name__"), importer.get("__file__")
    if name == "__main__":
        return True
    package = name.partition(".")[0] if isinstance(name, str) else None
    if package is not None and package == os.environ.get("GATEWRIGHT_PACKAGE"):
        return True
    if package in _LIBRARIES:
        return False
    return not _is_installed(file) if isinstance(file, str) else name is None


@functools.cache
def _is_installed(file: str) -> bool:
    file = os.path.abspath(file)
    if {"site-packages", "dist-packages"} & set(file.split(os.sep)):
        return True
    roots = map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib"))
    return any(file.startswith(os.path.abspath(root) + os.sep) for root in roots)
