"""Gated recurrent networks (SimpleRNN, LSTM, GRU), fast on ordinary CPUs.

Importing this package imports neither Keras, JAX nor PyTorch; a part imports them when it is used.
"""

from gatewright.accelerate import SlowPathWarning, accelerate, restore
from gatewright.kernels import num_threads, set_num_threads

__version__ = "0.1.0"
__all__ = ["SlowPathWarning", "accelerate", "num_threads", "restore", "set_num_threads"]
