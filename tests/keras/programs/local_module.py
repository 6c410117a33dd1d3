"""A module of the program's own, which imports TensorFlow's names as well."""

from tensorflow import keras

__all__ = ["keras"]
