"""Check that optional packages are installed."""

import importlib.util
from collections.abc import Sequence


def require_packages(who: str, packages: Sequence[str] = ("keras", "jax")) -> None:
    """Raise an error if one of these packages, which the extra `train` installs, is missing. Import none of them.

    `who` names the feature that needs the packages, for the error message.

    Raises:
        ImportError: A package is missing.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"{who} needs {', '.join(missing)}: pip install 'gatewright[train]'.")
