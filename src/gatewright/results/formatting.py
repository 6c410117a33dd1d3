"""Format numbers as text."""

import math

# Numbers from here on are written with an exponent.
_LARGE = 1e6


def format_number(value: float) -> str:
    """Return the number as text with four decimals, or a dash for NaN."""
    if math.isnan(value):
        return "-"
    return f"{value:.4f}" if abs(value) < _LARGE else f"{value:.4g}"
