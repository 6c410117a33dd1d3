"""Random numbers of layers: initial weights, and dropout."""

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.layer import Array, Backend, Rng


def glorot(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a random matrix from the Glorot uniform distribution (Glorot & Bengio 2010, equation 16)."""
    limit = np.sqrt(6 / sum(shape))
    return rng.uniform(-limit, limit, shape).astype(np.float32)


def orthogonal(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Return a random matrix with orthonormal columns or rows (Saxe, McClelland & Ganguli 2014, section 3)."""
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q = q * np.sign(np.diag(r))
    return (q if shape[0] >= shape[1] else q.T).astype(np.float32)


def dropout(backend: Backend, x: Array, rate: float, rng: Rng | None, shape: tuple[int, ...]) -> Array:
    """Return x with dropout: numbers are set to 0 with probability `rate`, the others are multiplied by 1 / (1 - rate).

    Srivastava et al. 2014, "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", section 10. If `rng`
    is None (in inference), x is returned unchanged. `shape` is the shape of the dropout mask, which is broadcast to x.
    """
    if rng is None or not rate:
        return x
    return backend.xp.where(rng.keep(rate, shape), x / (1 - rate), 0)
