"""A linear chain of tags: the exact probability of a sequence, and the likeliest one.

Lafferty, McCallum & Pereira 2001, "Conditional Random Fields: Probabilistic Models for Segmenting and Labeling Sequence
Data", section 3, as Lample et al. 2016, "Neural Architectures for Named Entity Recognition", section 2.2, have it. With
P the scores that the network below gives to each tag at each step, A those of a tag after another, and a, b those of
the first and the last tag:

    s(y) = a[y_1] + sum of P[t, y_t] + sum of A[y_t, y_t+1] + b[y_n],   p(y) = exp(s(y)) / Z,   Z = sum of exp(s(y'))

Everything is written against what NumPy and JAX share. Live steps of a row stand together, wherever padding stands.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple, TypeAlias

from gatewright.nn.block import Library

Array: TypeAlias = Any  # of NumPy or of JAX
_Onward: TypeAlias = Callable[[Library, Array, Array], Array]


class Chain(NamedTuple):
    """Scores: P [batch, time, tags], live [batch, time], A [tags, tags], a and b [tags]."""

    P: Array
    live: Array
    A: Array
    a: Array
    b: Array


def log_likelihood(lib: Library, chain: Chain, y: Array) -> Array:
    """log p(y) of each row, [batch], in nats; y are numbers of tags, [batch, time]. 0 where no step is live."""
    return _score(lib.xp, chain, y) - log_partition(lib, chain)


def log_partition(lib: Library, chain: Chain) -> Array:
    """log Z of each row, [batch]; 0 where no step is live."""
    last, _ = _walk(lib, chain, _summed)
    return lib.xp.where(chain.live.any(axis=1), _log_sum(lib, last + chain.b, 1)[:, 0], 0)


def max_marginals(lib: Library, chain: Chain) -> Array:
    """The log probability of the likeliest sequence that has each tag at each step, [batch, time, tags].

    The best tag of each step is that of the likeliest sequence of all (Viterbi's), unless two are equally likely. 0
    where a step is not live.
    """
    xp, flip = lib.xp, (slice(None), slice(None, None, -1))
    _, before = _walk(lib, chain, _largest)
    backwards = Chain(chain.P[flip], chain.live[flip], chain.A.T, chain.b, chain.a)
    _, after = _walk(lib, backwards, _largest)
    best = before + after[flip] - chain.P  # both have the step's own score
    return xp.where(chain.live[:, :, None], best - log_partition(lib, chain)[:, None, None], 0)


def _walk(lib: Library, chain: Chain, onward: _Onward) -> tuple[Array, Array]:
    """For each tag of a step what all sequences up to it, with it, have together: at the last live step, and at each.

    alpha_1 = a + P_1,  alpha_t = onward(alpha_t-1, A) + P_t
    """
    xp = lib.xp

    def step(carry: tuple[Array, Array], now: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        (alpha, begun), (P_t, live_t) = carry, now
        reached = xp.where(begun[:, None], onward(lib, alpha, chain.A), chain.a) + P_t
        alpha = xp.where(live_t[:, None], reached, alpha)
        return (alpha, begun | live_t), alpha

    nothing = xp.zeros_like(chain.P[:, 0]), xp.zeros_like(chain.live[:, 0])
    (last, _), each = lib.scan(step, nothing, (chain.P.swapaxes(0, 1), chain.live.swapaxes(0, 1)))
    return last, each.swapaxes(0, 1)


def _summed(lib: Library, alpha: Array, A: Array) -> Array:
    """log of the sum over i of exp(alpha_i + A_ij), as a product: [batch, tags] to [batch, tags]."""
    xp = lib.xp
    top, largest = lib.constant(alpha.max(axis=1, keepdims=True)), lib.constant(A.max())
    shares = xp.exp(alpha - top) @ xp.exp(A - largest)
    # Where scores of A lie so far apart that the dtype can't tell a share from 0, it is the smallest there is.
    return top + largest + xp.log(xp.maximum(shares, xp.finfo(shares.dtype).tiny))


def _largest(lib: Library, alpha: Array, A: Array) -> Array:
    """The largest over i of alpha_i + A_ij."""
    return (alpha[:, :, None] + A).max(axis=1)


def _log_sum(lib: Library, x: Array, axis: int) -> Array:
    xp = lib.xp
    top = lib.constant(x.max(axis=axis, keepdims=True))
    return top + xp.log(xp.exp(x - top).sum(axis=axis, keepdims=True))


def _score(xp: ModuleType, chain: Chain, y: Array) -> Array:
    """s(y) of each row, [batch]; 0 where no step is live."""
    P, live, A, a, b = chain
    neither = xp.zeros_like(live[:, :1])
    first = live & ~xp.concatenate([neither, live[:, :-1]], axis=1)
    last = live & ~xp.concatenate([live[:, 1:], neither], axis=1)
    own = xp.take_along_axis(P, y[:, :, None], axis=2)[:, :, 0]
    steps = xp.where(live, own, 0) + xp.where(first, a[y], 0) + xp.where(last, b[y], 0)
    both = live[:, :-1] & live[:, 1:]
    return steps.sum(axis=1) + xp.where(both, A[y[:, :-1], y[:, 1:]], 0).sum(axis=1)
