"""Numbers and labels as text and as JSON."""

from __future__ import annotations

import math
import unicodedata
from typing import Any

# Numbers from here on have no digits after the point, nor all of those before it.
_LARGE = 1e6


def told(value: float) -> str:
    """A figure for a reader: four digits after the point; what is no number is a dash."""
    if math.isnan(value):
        return "-"
    return f"{value:.4f}" if abs(value) < _LARGE else f"{value:.4g}"


def plain(value: Any) -> Any:
    """Figures as plain JSON values: what is no finite number is None, and tuples are lists."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_tuples(value: Any) -> Any:
    """Lists, also within lists, as tuples."""
    return tuple(map(as_tuples, value)) if isinstance(value, list | tuple) else value


# Unicode's control characters, halves of surrogate pairs, and separators of lines and paragraphs.
_ESCAPED = ("Cc", "Cs", "Zl", "Zp")


def printable(label: str) -> str:
    """A label in one line, which does nothing to a terminal: control characters and line breaks are escaped."""
    return "".join(repr(letter)[1:-1] if unicodedata.category(letter) in _ESCAPED else letter for letter in label)
