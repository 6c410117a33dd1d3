"""Adam for a large embedding table: each step touches only the rows that it uses, and the result is the same.

With one second moment for the whole table (see `optimizer`), a row whose ids are not in a batch has a gradient of 0.
Its step depends on its own moment m and on numbers that all rows share. With b1, b2 and epsilon of Kingma & Ba 2015,
algorithm 1, the learning rate r_t and decoupled weight decay d (Loshchilov & Hutter 2019, algorithm 2):

m_t = b1 m_{t-1}
w_t = (1 - r_t d) w_{t-1} - a_t m_t    with  a_t = r_t / ((1 - b1^t) (sqrt(v_t / (1 - b2^t)) + epsilon))

So n missed steps, from t - n to t, are one step, without approximation:

m_t = b1^n m_{t-n}
w_t = kept_t[n] w_{t-n} - moved_t[n] m_{t-n}

kept_t[n] = (1 - r_t d) kept_{t-1}[n - 1]                     kept_t[0] = 1
moved_t[n] = (1 - r_t d) moved_{t-1}[n - 1] + a_t b1^n        moved_t[0] = 0

The factors are sums of positive numbers of similar size, so float32 is enough for any number of steps; a cumulative
sum since the first step would need the factor b1^-t, which overflows after some 800 steps. They are kept for `_WINDOW`
missed steps. In so many steps, each row is brought up to date at least once.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import optax

from gatewright.nn import model as models
from gatewright.nn.layer import Layer
from gatewright.nn.layers import Embedding
from gatewright.ops import lazy_adam
from gatewright.ops.ids import on_cpu_only
from gatewright.ops.lazy_adam import Table, Used
from gatewright.support.ids import FIRST
from gatewright.training.optimizer import B1, B2, EPSILON, apply_moves, optimizer
from gatewright.training.recipe import Recipe

_WINDOW = 256
# A table with fewer rows per token of a batch is not larger than what a step would have to copy.
_ROWS_PER_TOKEN = 2

# What is left of a first moment after 0 to `_WINDOW` missed steps.
_FADED = (B1 ** np.arange(_WINDOW + 1.0)).astype(np.float32)


class Moments(NamedTuple):
    """The state of the optimizer for the table.

    Attributes:
        steps: Number of training steps so far.
        v: The second moment of the table, a single number.
        m: The first moments, [rows, units].
        last: The number of the step after which each row was last brought up to date, [rows].
        missed: The factors kept and moved for 0 to `_WINDOW` missed steps, [2, _WINDOW + 1].
    """

    steps: Any
    v: Any
    m: Any
    last: Any
    missed: Any


class LazyState(NamedTuple):
    """The state of the optimizer: that of the table, and that of all other weights."""

    table: Moments
    others: Any


class LazyTable:
    """The optimizer of a network whose first layer has a large table.

    The methods take all weights of the network, one dict for each layer.

    Args:
        clip_norm, weight_decay: See `optimizer`.
    """

    def __init__(self, clip_norm: float, weight_decay: float) -> None:
        self._weight_decay = weight_decay
        self._clip = optax.clip_by_global_norm(clip_norm) if clip_norm else optax.identity()
        self._others = optimizer(0.0, weight_decay, "own")

    def init(self, weights: Any) -> LazyState:
        """Return the state before the first training step."""
        table, missed = weights[0]["table"], np.zeros((2, _WINDOW + 1), np.float32)
        missed[0] = 1
        last = jnp.zeros(len(table), jnp.int32)
        moments = Moments(
            jnp.zeros((), jnp.int32), jnp.zeros((), jnp.float32), jnp.zeros_like(table), last, jnp.array(missed)
        )
        return LazyState(moments, self._others.init(_without_table(weights)))

    def use(self, weights: Any, state: LazyState, ids: Any) -> tuple[Any, Any, Used]:
        """Return what a training step computes with.

        Args:
            weights, state: The weights and the state before the step.
            ids: The inputs of the step, [batch, time].

        Returns:
            The weights, with the rows of the table that the ids name and no others; the ids as numbers of these rows;
            and the argument `used` of `update`. The ids of padding, of the start and of unknown tokens keep their
            numbers.
        """
        moments = state.table
        parts = Table(weights[0]["table"], moments.m, moments.last)
        used = lazy_adam.use_rows(parts, ids, moments.steps, _factors(moments.missed), FIRST)
        return [{"table": used.weights}, *weights[1:]], used.ids, used

    def update(self, weights: Any, state: LazyState, used: Any, gradients: Any, rates: Any) -> tuple[Any, LazyState]:
        """Return the weights and the state after a training step.

        Args:
            weights, state: The weights and the state before the step.
            used: What `use` returned last.
            gradients: The gradients with respect to the weights that `use` returned. The norm and the mean of the
                squares are those of the whole gradient, since the gradient of all other rows is 0.
            rates: The learning rate of each layer.
        """
        gradients, _ = self._clip.update(gradients, self._clip.init(weights))
        others = _without_table(weights)
        moves, others_state = self._others.update(_without_table(gradients), state.others, others)
        after = apply_moves(others, moves, rates)
        table, moments = self._train(weights[0]["table"], state.table, used, gradients[0]["table"], rates[0])
        return [{"table": table}, *after[1:]], LazyState(moments, others_state)

    def _train(self, table: Any, before: Moments, used: Used, gradient: Any, rate: Any) -> tuple[Any, Moments]:
        t = before.steps + 1
        v = B2 * before.v + (1 - B2) * (jnp.square(gradient).sum() / table.size)
        a = rate / ((1 - B1**t) * (jnp.sqrt(v / (1 - B2**t)) + EPSILON))
        keep = 1 - rate * jnp.float32(self._weight_decay)
        kept, moved = before.missed
        kept = jnp.concatenate([jnp.ones(1), keep * kept[:-1]])
        moved = jnp.concatenate([jnp.zeros(1), keep * moved[:-1] + a * _FADED[1:]])
        missed = jnp.stack([kept, moved])
        table, m, last = lazy_adam.train(
            Table(table, before.m, before.last),
            used,
            gradient,
            t,
            (_factors(before.missed), _factors(missed)),
            jnp.stack([jnp.float32(B1), keep, a]),
        )
        return table, Moments(t, v, m, last, missed)

    def caught_up(self, weights: Any, state: LazyState) -> tuple[Any, LazyState]:
        """Return the weights and the state with all rows of the table up to date."""
        moments = state.table
        parts = Table(weights[0]["table"], moments.m, moments.last)
        table, m, last = lazy_adam.catch_up(parts, moments.steps, _factors(moments.missed))
        return [{"table": table}, *weights[1:]], state._replace(table=moments._replace(m=m, last=last))


def _without_table(weights: Any) -> Any:
    return [{}, *weights[1:]]


def _factors(missed: Any) -> Any:
    return jnp.concatenate([missed, _FADED[None]])


def lazy_table(layers: Sequence[Layer], features: int, inputs: Any, recipe: Recipe) -> LazyTable | None:
    """Return a `LazyTable` for the first layer of a network, or None if its table is better trained as a whole.

    The table must be so large that a batch can use only a part of it, and only the inputs may use it: a softmax with
    the same table has a gradient for every row. The second moment must be shared, because with a second moment for
    each weight the missed steps of a row have no closed form (epsilon is added to a different root in each step).
    Dropout of whole rows is drawn for the whole table.

    Args:
        layers: The layers of the network.
        features: Number of input features of the network.
        inputs: Encoded examples, as long as the longest.
        recipe: The training settings.
    """
    first = layers[0]
    if not isinstance(first, Embedding) or first.dropout or recipe.embedding_moments != "shared" or not on_cpu_only():
        return None
    if first.vocabulary < _ROWS_PER_TOKEN * recipe.batch_size * inputs.shape[1] + FIRST:
        return None
    own: Sequence[Mapping[str, Any]] = models.shapes(layers, features)
    elsewhere = [array for layer in models.bind(layers, own)[1:] for array in layer.values()]
    if any(array is own[0]["table"] for array in elsewhere):
        return None
    return LazyTable(recipe.clip_norm, recipe.weight_decay)
