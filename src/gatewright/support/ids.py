"""The ids that stand for no token."""

from __future__ import annotations

# Ids that are no tokens: what fills a row up, what begins a text, and what stands for a token without an id.
PADDING, START, UNKNOWN = 0, 1, 2


# The most frequent token's id. Keras adds 3 to ranks that begin at 1, so that 3 is never used.
FIRST = 4
