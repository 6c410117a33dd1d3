"""Layer normalization (Ba, Kiros & Hinton 2016), shared by the cells that have it.

N(v) = (v - mean(v)) / sqrt(variance(v) + EPSILON)
"""

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from gatewright.ops.cells.cell import Array, Cell, Options, split

# Added to the variance, as in the authors' own programs.
EPSILON = 1e-5


class LayerNormCell(Cell):
    """A cell whose bias holds the gains of its normalizations too."""

    def parameters(self, options: Options, bias: Array | None, units: int, xp: ModuleType, like: Array) -> Array:
        """Return the rows of the bias; without a bias, gains of 1 and biases of 0."""
        if bias is not None:
            return bias
        rows = np.zeros(self.bias_shape(options, units))
        rows[self.gain_rows] = 1
        return xp.asarray(rows, dtype=like.dtype)


def normalize(xp: ModuleType, blocks: Sequence[Array]) -> list[Array]:
    """Return N of the blocks [batch, units], taken as one vector, split into blocks again."""
    v = xp.concatenate(blocks, axis=-1)
    count = max(1, v.shape[-1])
    centred = v - v.sum(axis=-1, keepdims=True) / count
    variance = (centred * centred).sum(axis=-1, keepdims=True) / count
    return split(centred / xp.sqrt(variance + EPSILON), len(blocks))


def normalize_backward(
    d_scaled: Sequence[Array], blocks: Sequence[Array], gains: Array
) -> tuple[list[Array], list[Array]]:
    """Return the gradients of the blocks and the gains, given those of gain * N(blocks)."""
    normal = np.concatenate(normalize(np, blocks), axis=-1)
    v, d = np.concatenate(blocks, axis=-1), np.concatenate(d_scaled, axis=-1)
    count = max(1, v.shape[-1])
    d_normal = d * gains.reshape(-1)
    scale = 1 / np.sqrt(
        ((v - v.sum(axis=-1, keepdims=True) / count) ** 2).sum(axis=-1, keepdims=True) / count + EPSILON
    )
    mean = d_normal.sum(axis=-1, keepdims=True) / count
    along = (d_normal * normal).sum(axis=-1, keepdims=True) / count
    d_v = scale * (d_normal - mean - normal * along)
    return split(d_v, len(blocks)), split((d * normal).sum(axis=0), len(blocks))
