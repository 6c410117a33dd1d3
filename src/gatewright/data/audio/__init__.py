"""Read recordings of sound, and compute the features that networks read."""
