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
    """The base class of the cells with layer normalization. The bias of such a cell also contains the gains."""

    def parameters(self, options: Options, bias: Array | None, units: int, xp: ModuleType, like: Array) -> Array:
        """Return the bias, [parameter_rows, units]. If it is None, the gains are 1 and the other rows are 0."""
        if bias is not None:
            return bias
        rows = np.zeros(self.bias_shape(options, units))
        rows[self.gain_rows] = 1
        return xp.asarray(rows, dtype=like.dtype)


def normalize(xp: ModuleType, blocks: Sequence[Array]) -> list[Array]:
    """Return N(v) for the vector v that all blocks form together, split into blocks again.

    Args:
        xp: `numpy` or `jax.numpy`.
        blocks: Arrays [batch, units], one for each gate that is normalized together with the others.
    """
    v = xp.concatenate(blocks, axis=-1)
    count = max(1, v.shape[-1])
    centered = v - v.sum(axis=-1, keepdims=True) / count
    variance = (centered * centered).sum(axis=-1, keepdims=True) / count
    return split(centered / xp.sqrt(variance + EPSILON), len(blocks))


def normalize_backward(
    d_scaled: Sequence[Array], blocks: Sequence[Array], gains: Array
) -> tuple[list[Array], list[Array]]:
    """Return the gradients of the loss with respect to the blocks and the gains of gain * N(blocks).

    Args:
        d_scaled: Gradients with respect to gain * N(blocks), one [batch, units] for each block.
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
