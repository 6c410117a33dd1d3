"""Check that optional packages are installed."""

import importlib.util
from collections.abc import Sequence


def require_packages(who: str, packages: Sequence[str] = ("keras", "jax"), extra: str = "train") -> None:
    """Raise an error if one of these packages, which an extra of Gatewright installs, is missing. Import none of them.

    Args:
        who: The feature that needs the packages, for the error message.
        packages: The names of the packages.
        extra: The name of the extra.

    Raises:
        ImportError: A package is missing.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise ImportError(f"{who} needs {', '.join(missing)}: pip install 'gatewright[{extra}]'.")
