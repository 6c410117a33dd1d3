"""Format numbers and labels as text."""

import math
import unicodedata

# Numbers from here on are written with an exponent.
_LARGE = 1e6

# Unicode categories: control characters, surrogates, line separators, paragraph separators.
_ESCAPED = ("Cc", "Cs", "Zl", "Zp")


def format_number(value: float) -> str:
    """Return the number as text with four decimals, or a dash for NaN."""
    if math.isnan(value):
        return "-"
    return f"{value:.4f}" if abs(value) < _LARGE else f"{value:.4g}"


def escape_control(label: str) -> str:
    """Return the label with control characters and line breaks escaped, so that it can be printed on one line."""
    return "".join(repr(char)[1:-1] if unicodedata.category(char) in _ESCAPED else char for char in label)
