"""Check that optional packages are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence


def require_packages(who: str, packages: Sequence[str] = ("keras", "jax")) -> None:
    """Check that packages of the extra `train` are installed, without importing them.

    Raises:
        ImportError: one of them is not.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"{who} needs {', '.join(missing)}: pip install 'gatewright[train]'")
