"""A network as a list of blocks: shapes, initial weights and the forward pass through all of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gatewright.nn.block import Block, Library, Noise, States, Steps, Weights
from gatewright.nn.layers import Recurrent, Softmax


def shapes(blocks: Sequence[Block], features: int) -> list[dict[str, tuple[int, ...]]]:
    """The weights of each block by name, when `features` come in at each step (ids: 1)."""
    listed = []
    for block in blocks:
        listed.append(block.shapes(features))
        features = block.width(features)
    return listed


def parameters(blocks: Sequence[Block], features: int) -> int:
    """How many numbers a model learns when `features` come in at each step (ids: 1)."""
    return sum(int(np.prod(shape)) for block in shapes(blocks, features) for shape in block.values())


def start(blocks: Sequence[Block], features: int, seed: Sequence[int]) -> list[dict[str, NDArray[np.float32]]]:
    """Initial weights, a function of the seed alone.

    Args:
        blocks: from the input to the output.
        features: that come in at each step (ids: 1).
        seed: of the draws.
    """
    seeds = np.random.default_rng(np.random.SeedSequence(list(seed)))
    weights = []
    for block in blocks:
        weights.append(block.start(features, seeds))
        features = block.width(features)
    return weights


def forward(
    blocks: Sequence[Block],
    lib: Library,
    weights: Sequence[Weights],
    steps: Steps,
    states: Sequence[States] | None = None,
    noise: Noise | None = None,
) -> tuple[Steps, list[States]]:
    """Blocks one after another: see `Block.forward`; `states` are those of each block."""
    after = []
    for place, (block, w) in enumerate(zip(blocks, weights, strict=True)):
        steps, left = block.forward(lib, w, steps, None if states is None else states[place], noise)
        after.append(left)
    return steps, after


def with_ties(blocks: Sequence[Block], weights: Sequence[Weights]) -> list[Weights]:
    """The weights as `forward` needs them: beside those of a tied block the embedding's table, and as `below`, beside
    those of a block that borrows them, the weights of all recurrent layers."""
    ready = []
    for block, w in zip(blocks, weights, strict=True):
        if isinstance(block, Softmax) and block.tied:
            w = {**w, "table": weights[0]["table"]}
        elif getattr(block, "borrows", False):
            w = {**w, "below": [own for one, own in zip(blocks, weights, strict=True) if isinstance(one, Recurrent)]}
        ready.append(w)
    return ready
