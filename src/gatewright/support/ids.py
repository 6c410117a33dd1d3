"""Reserved token ids."""

PADDING, START, UNKNOWN = 0, 1, 2

# The id of the most frequent token. Keras adds 3 to ranks that begin at 1, so 3 is never used.
FIRST = 4
