"""The layers that the networks of all tasks are built from.

A forward pass uses only functions that NumPy and JAX have in common: training runs it with JAX, inference with NumPy.
The weights have the same shapes and order as in the corresponding Keras layers.
"""

from gatewright.nn.layers.dense import DENSE_ACTIVATIONS, Dense
from gatewright.nn.layers.dropout import Dropout
from gatewright.nn.layers.embedding import Embedding
from gatewright.nn.layers.flatten import Flatten
from gatewright.nn.layers.masking import Masking
from gatewright.nn.layers.pool import Pool, PoolMethod
from gatewright.nn.layers.random import dropout, glorot
from gatewright.nn.layers.recurrent import MERGE_MODES, CellName, Recurrent
from gatewright.nn.layers.softmax import Softmax

__all__ = [
    "DENSE_ACTIVATIONS",
    "MERGE_MODES",
    "CellName",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "Masking",
    "Pool",
    "PoolMethod",
    "Recurrent",
    "Softmax",
    "dropout",
    "glorot",
]
