"""Read data sets from disk and convert them to the arrays that a network takes as input."""
