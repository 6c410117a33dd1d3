"""The optimizer. Its updates do not include the learning rate, which the training step multiplies them by."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

# The values of Kingma & Ba 2015.
B1, B2, EPSILON = 0.9, 0.999, 1e-8


class _Moments(NamedTuple):
    """The state of the optimizer `_with_one_second_moment`.

    Attributes:
        steps: Number of training steps so far.
        m: The first moment of each weight, in the same structure as the weights.
        v: The second moments, a single number for each array of weights.
    """

    steps: Any
    m: Any
    v: Any


def optimizer(clip_norm: float, weight_decay: float, embedding_moments: str) -> Any:
    """Return Adam (Kingma & Ba 2015, algorithm 1) as an optax transformation.

    The weights must be a list with one dict of arrays for each layer. The updates do not include the learning rate.

    Args:
        clip_norm: Maximum norm of the gradient, taken over all weights together. A larger gradient is scaled down to
            this norm (Pascanu, Mikolov & Bengio 2013, algorithm 1). 0 means no limit.
        weight_decay: Coefficient of decoupled weight decay (Loshchilov & Hutter 2019, algorithm 2). 0 means no decay.
        embedding_moments: Second moments of Adam for an embedding. "own" is the usual Adam, with a second moment for
            each number of the embedding. "shared" has a single second moment for the whole embedding. With "own", the
            vector of a rare token is changed as much as the vector of a frequent token, which favors memorizing rare
            tokens. With "shared", the changes are proportional to the gradients. Ginsburg et al. 2019, "Stochastic
            Gradient Methods with Layer-wise Adaptive Moments for Training of Deep Networks", algorithm 1, also use one
            second moment per layer, the sum of the squared gradients. Here it is the mean of the squares, with the
            bias correction of Adam, so that the updates are about as large as with Adam.
    """
    clip = [optax.clip_by_global_norm(clip_norm)] if clip_norm else []
    adam = optax.scale_by_adam(B1, B2, EPSILON)
    if embedding_moments == "shared":
        adam = optax.multi_transform({"own": adam, "shared": _with_one_second_moment()}, _moments)
    decay = [optax.add_decayed_weights(weight_decay)] if weight_decay else []
    return optax.chain(*clip, adam, *decay)


def apply_moves(weights: Any, moves: Any, rates: Any) -> Any:
    """Return the weights after a step: weights - rate * move, with one rate for each layer."""
    moves = [jax.tree.map(lambda move, rate=rate: -rate * move, own) for rate, own in zip(rates, moves, strict=True)]
    return optax.apply_updates(weights, moves)


def _moments(weights: Any) -> Any:
    """Return "shared" for each embedding table and "own" for all other weights, in the structure of the weights.

    An embedding table is recognized by its name, `table`.
    """
    return [{name: "shared" if name == "table" else "own" for name in layer} for layer in weights]


def _with_one_second_moment() -> Any:
    """Return a variant of Adam that has a single second moment v for each array, as an optax transformation.

    The second moment is computed from the mean of the squared gradients of the array:


    m_t = b1 m_{t-1} + (1 - b1) g_t
    v_t = b2 v_{t-1} + (1 - b2) mean(g_t^2)
    step = m_t / (1 - b1^t) / (sqrt(v_t / (1 - b2^t)) + epsilon)
    """

    def init(weights: Any) -> _Moments:
        return _Moments(
            jnp.zeros((), jnp.int32),
            jax.tree.map(jnp.zeros_like, weights),
            jax.tree.map(lambda _: jnp.zeros((), jnp.float32), weights),
        )

    def update(gradients: Any, before: _Moments, weights: Any = None) -> tuple[Any, _Moments]:
        t = before.steps + 1
        m = jax.tree.map(lambda m, g: B1 * m + (1 - B1) * g, before.m, gradients)
        v = jax.tree.map(lambda v, g: B2 * v + (1 - B2) * jnp.mean(g * g), before.v, gradients)
        steps = jax.tree.map(lambda m, v: m / (1 - B1**t) / (jnp.sqrt(v / (1 - B2**t)) + EPSILON), m, v)
        return steps, _Moments(t, m, v)

    return optax.GradientTransformation(init, update)
