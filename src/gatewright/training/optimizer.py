"""How gradients become steps of the weights, before the learning rate."""

from __future__ import annotations

from typing import Any, NamedTuple

# As Kingma & Ba 2015 have them.
_B1, _B2, _EPSILON = 0.9, 0.999, 1e-8


class _Moments(NamedTuple):
    """Of each array: m of its shape, and v, one number; and how many steps there were."""

    steps: Any
    m: Any
    v: Any


def optimizer(clip: float, weight_decay: float, embedding_moments: str) -> Any:
    """Adam (Kingma & Ba 2015, algorithm 1), as an optax transformation of the weights of a list of blocks.

    Args:
        clip: largest norm of the gradient of all weights together (Pascanu, Mikolov & Bengio 2013, algorithm 1); 0 is
            no bound.
        weight_decay: decoupled (Loshchilov & Hutter 2019, algorithm 2).
        embedding_moments: "own", a second moment for each number of an embedding, or "shared", one for all of it. With
            its own, a token that occurs once moves as far as one that occurs in each batch, and is learnt by heart;
            with a shared one, tokens move in proportion to their gradients. Second moments of a whole layer are those
            of Ginsburg et al. 2019, "Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training of Deep
            Networks", algorithm 1; here it is the mean square in the place of the sum, so that steps are as long as
            Adam's, and it is corrected for its start at 0 as Adam's is.
    """
    import optax

    parts = [optax.clip_by_global_norm(clip)] if clip else []
    if embedding_moments == "own":
        parts.append(optax.scale_by_adam(_B1, _B2, _EPSILON))
    else:
        ways = {"own": optax.scale_by_adam(_B1, _B2, _EPSILON), "shared": _with_one_second_moment()}
        parts.append(optax.multi_transform(ways, _which))
    if weight_decay:
        parts.append(optax.add_decayed_weights(weight_decay))
    return optax.chain(*parts)


def _which(weights: Any) -> Any:
    """For each array the name of its way: an embedding's table is the one that has this name."""
    return [{name: "shared" if name == "table" else "own" for name in block} for block in weights]


def _with_one_second_moment() -> Any:
    """Adam with the mean square of an array's gradient in the place of each number's own square.

    m_t = b1 m_{t-1} + (1 - b1) g_t
    v_t = b2 v_{t-1} + (1 - b2) mean(g_t^2)
    step = m_t / (1 - b1^t) / (sqrt(v_t / (1 - b2^t)) + epsilon)
    """
    import jax
    import jax.numpy as jnp
    import optax

    def init(weights: Any) -> _Moments:
        zero = jnp.zeros((), jnp.float32)
        return _Moments(
            jnp.zeros((), jnp.int32), jax.tree.map(jnp.zeros_like, weights), jax.tree.map(lambda _: zero, weights)
        )

    def update(gradients: Any, before: _Moments, weights: Any = None) -> tuple[Any, _Moments]:
        t = before.steps + 1
        m = jax.tree.map(lambda m, g: _B1 * m + (1 - _B1) * g, before.m, gradients)
        v = jax.tree.map(lambda v, g: _B2 * v + (1 - _B2) * jnp.mean(g * g), before.v, gradients)
        steps = jax.tree.map(lambda m, v: m / (1 - _B1**t) / (jnp.sqrt(v / (1 - _B2**t)) + _EPSILON), m, v)
        return steps, _Moments(t, m, v)

    return optax.GradientTransformation(init, update)
