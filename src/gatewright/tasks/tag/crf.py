"""A linear-chain CRF: the exact probability of a sequence of tags, and the most probable sequence.

Lafferty, McCallum & Pereira 2001, "Conditional Random Fields: Probabilistic Models for Segmenting and Labeling Sequence
Data", section 3, in the form of Lample et al. 2016, "Neural Architectures for Named Entity Recognition", section 2.2.
P[t, j] is the score of tag j at step t, which the layer below computes. A[i, j] is the score of tag j after tag i.
a[j] and b[j] are the scores of tag j as the first and as the last tag:

    s(y) = a[y_1] + sum of P[t, y_t] + sum of A[y_t, y_t+1] + b[y_n],   p(y) = exp(s(y)) / Z,   Z = sum of exp(s(y'))

The code uses only array functions that NumPy and JAX share. Steps that are not padding are called live. The
live steps of an example are contiguous, and padding may be on either side.
"""

from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple, TypeAlias

from gatewright.nn.layer import Array, Backend

_Combine: TypeAlias = Callable[[Backend, Array, Array], Array]


class Chain(NamedTuple):
    """The scores P [batch, time, tags], A [tags, tags], a and b [tags]; live [batch, time] is False at padding."""

    P: Array
    live: Array
    A: Array
    a: Array
    b: Array


def log_likelihood(backend: Backend, chain: Chain, y: Array) -> Array:
    """Return log p(y) in nats for each example, [batch], given its tags y, [batch, time]; 0 if no step is live."""
    return _score(backend.xp, chain, y) - log_partition(backend, chain)


def log_partition(backend: Backend, chain: Chain) -> Array:
    """Return log Z of each example, [batch]; 0 if no step is live."""
    last, _ = _forward_pass(backend, chain, _log_sum_product)
    return backend.xp.where(chain.live.any(axis=1), _log_sum(backend, last + chain.b)[:, 0], 0)


def max_marginals(backend: Backend, chain: Chain) -> Array:
    """Return, for each step and tag, the log probability of the best sequence with that tag, [batch, time, tags].

    The tag with the highest value at each step gives the most probable sequence (Viterbi), unless two sequences are
    equally probable. The result is 0 at steps that are not live.
    """
    xp, flip = backend.xp, (slice(None), slice(None, None, -1))
    _, before = _forward_pass(backend, chain, _max_sum)
    reverse = Chain(chain.P[flip], chain.live[flip], chain.A.T, chain.b, chain.a)
    _, after = _forward_pass(backend, reverse, _max_sum)
    best = before + after[flip] - chain.P  # both include the step's own score
    return xp.where(chain.live[:, :, None], best - log_partition(backend, chain)[:, None, None], 0)


def _forward_pass(backend: Backend, chain: Chain, combine: _Combine) -> tuple[Array, Array]:
    """Return alpha at the last live step, [batch, tags], and at each step, [batch, time, tags].

    alpha_t[j] combines the scores of all sequences up to step t that end with tag j:

        alpha_1 = a + P_1,  alpha_t = combine(alpha_t-1, A) + P_t
    """
    xp = backend.xp

    def step(carry: tuple[Array, Array], now: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
        (alpha, started), (P_t, live_t) = carry, now
        reached = xp.where(started[:, None], combine(backend, alpha, chain.A), chain.a) + P_t
        alpha = xp.where(live_t[:, None], reached, alpha)
        return (alpha, started | live_t), alpha

    start = xp.zeros_like(chain.P[:, 0]), xp.zeros_like(chain.live[:, 0])
    (last, _), each = backend.scan(step, start, (chain.P.swapaxes(0, 1), chain.live.swapaxes(0, 1)))
    return last, each.swapaxes(0, 1)


def _log_sum_product(backend: Backend, alpha: Array, A: Array) -> Array:
    """Return the log of the sum over i of exp(alpha_i + A_ij), [batch, tags], computed by a matrix product."""
    xp = backend.xp
    top, largest = backend.stop_gradient(alpha.max(axis=1, keepdims=True)), backend.stop_gradient(A.max())
    sums = xp.exp(alpha - top) @ xp.exp(A - largest)
    # If the scores of A are so far apart that a sum underflows to 0, it becomes the smallest number of its dtype.
    return top + largest + xp.log(xp.maximum(sums, xp.finfo(sums.dtype).tiny))


def _max_sum(backend: Backend, alpha: Array, A: Array) -> Array:
    """Return the maximum over i of alpha_i + A_ij, [batch, tags]."""
    return (alpha[:, :, None] + A).max(axis=1)


def _log_sum(backend: Backend, x: Array) -> Array:
    """Return the log of the sum of exp(x) over axis 1, which is kept with length 1."""
    xp = backend.xp
    top = backend.stop_gradient(x.max(axis=1, keepdims=True))
    return top + xp.log(xp.exp(x - top).sum(axis=1, keepdims=True))


def _score(xp: ModuleType, chain: Chain, y: Array) -> Array:
    """Return s(y) of each example, [batch]; 0 if no step is live."""
    P, live, A, a, b = chain
    neither = xp.zeros_like(live[:, :1])
    first = live & ~xp.concatenate([neither, live[:, :-1]], axis=1)
    last = live & ~xp.concatenate([live[:, 1:], neither], axis=1)
    own = xp.take_along_axis(P, y[:, :, None], axis=2)[:, :, 0]
    steps = xp.where(live, own, 0) + xp.where(first, a[y], 0) + xp.where(last, b[y], 0)
    both = live[:, :-1] & live[:, 1:]
    return steps.sum(axis=1) + xp.where(both, A[y[:, :-1], y[:, 1:]], 0).sum(axis=1)
