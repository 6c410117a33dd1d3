"""Layer normalization (Ba, Kiros & Hinton 2016), for the cells that use it.

N(v) = (v - mean(v)) / sqrt(variance(v) + EPSILON)
"""

from collections.abc import Sequence
from types import ModuleType

import numpy as np

from gatewright.ops.cells.cell import Array, Cell, Options, split

# Added to the variance. The value is from the code of the paper's authors.
EPSILON = 1e-5


class LayerNormCell(Cell):
    """The base class of the cells with layer normalization. The array `bias` also contains the gains."""

    def parameters(self, options: Options, bias: Array | None, units: int, xp: ModuleType, like: Array) -> Array:
        """Return the bias, [parameter_rows, units]. If `bias` is None, the rows with gains are 1 and the others 0."""
        if bias is not None:
            return bias
        rows = np.zeros(self.bias_shape(options, units))
        rows[self.gain_rows] = 1
        return xp.asarray(rows, dtype=like.dtype)


def normalize(xp: ModuleType, blocks: Sequence[Array]) -> list[Array]:
    """Concatenate the blocks along the last axis to v, compute N(v), and return it split into the same blocks.

    Args:
        xp: `numpy` or `jax.numpy`.
        blocks: The arrays that are normalized together, one [batch, units] for each gate.
    """
    v = xp.concatenate(blocks, axis=-1)
    count = max(1, v.shape[-1])
    centered = v - v.sum(axis=-1, keepdims=True) / count
    variance = (centered * centered).sum(axis=-1, keepdims=True) / count
    return split(centered / xp.sqrt(variance + EPSILON), len(blocks))


def normalize_backward(
    d_scaled: Sequence[Array], blocks: Sequence[Array], gains: Array
) -> tuple[list[Array], list[Array]]:
    """Return the gradients of the loss with respect to the blocks and to the gains, for y = gain * N(blocks).

    Args:
        d_scaled: Gradients of the loss with respect to y, one [batch, units] for each block.
        blocks: The blocks, each [batch, units].
        gains: The gain of each block, [blocks, units].
    """
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
