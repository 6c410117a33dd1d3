"""A module of the user's program that imports TensorFlow names, too."""

from tensorflow import keras

__all__ = ["keras"]
