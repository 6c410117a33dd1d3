"""Names of weights in a layer that is composed of other layers: each of these has a prefix of its own."""

from collections.abc import Mapping
from typing import Any


def add_prefix(prefix: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries with the prefix in front of their names."""
    return {prefix + name: value for name, value in named.items()}


def select(prefix: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entries whose names start with the prefix. The prefix is removed from their names."""
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
