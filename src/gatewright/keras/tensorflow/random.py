"""The random functions of TensorFlow, `tf.random`, on `jax.random`."""

from typing import Any, Self

import jax
from jax import numpy as jnp

from gatewright.keras.tensorflow import convert, dtypes, seeds
from gatewright.keras.tensorflow.seeds import set_seed as set_seed

_FLOAT = dtypes.float32


def normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = _FLOAT, seed: Any = None, name: Any = None
) -> Any:
    """Draw from normal distributions."""
    return _normal(seeds.next_key(seed), shape, mean, stddev, dtype)


def truncated_normal(
    shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = _FLOAT, seed: Any = None, name: Any = None
) -> Any:
    """Draw from normal distributions, at most two standard deviations from the mean."""
    return _truncated_normal(seeds.next_key(seed), shape, mean, stddev, dtype)


def uniform(
    shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = _FLOAT, seed: Any = None, name: Any = None
) -> Any:
    """Draw from a uniform distribution, without `maxval`. Integers need `maxval`."""
    return _uniform(seeds.next_key(seed), shape, minval, maxval, dtype)


def categorical(logits: Any, num_samples: Any, dtype: Any = None, seed: Any = None, name: Any = None) -> Any:
    """Draw class indices, [batch, num_samples], with the log-probabilities in the rows of `logits`."""
    return _categorical(seeds.next_key(seed), logits, num_samples, dtype)


def shuffle(value: Any, seed: Any = None, name: Any = None) -> Any:
    """Return the slices along the first axis in random order."""
    tensor = convert.tensor(value)
    order = jax.random.permutation(seeds.next_key(seed), tensor.shape[0])
    return tensor[order.__array__()] if convert.is_text(tensor) else tensor[order]


def gamma(shape: Any, alpha: Any, beta: Any = None, dtype: Any = _FLOAT, seed: Any = None, name: Any = None) -> Any:
    """Draw from gamma distributions."""
    alpha = convert.tensor(alpha, dtype)
    drawn = jax.random.gamma(seeds.next_key(seed), alpha, convert.shape(shape) + alpha.shape, dtypes.available(dtype))
    return drawn if beta is None else drawn / convert.tensor(beta, dtype)


def poisson(shape: Any, lam: Any, dtype: Any = _FLOAT, seed: Any = None, name: Any = None) -> Any:
    """Draw from Poisson distributions."""
    lam = convert.tensor(lam, _FLOAT)
    drawn = jax.random.poisson(_key_for_poisson(seeds.next_key(seed)), lam, convert.shape(shape) + lam.shape)
    return drawn.astype(dtypes.available(dtype))


def _key_for_poisson(key: Any) -> Any:
    return jax.random.wrap_key_data(key, impl="threefry2x32")


def stateless_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = _FLOAT, name: Any = None, alg: Any = None
) -> Any:
    """Draw from normal distributions; equal seeds give equal numbers."""
    return _normal(_key(seed), shape, mean, stddev, dtype)


def stateless_truncated_normal(
    shape: Any, seed: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = _FLOAT, name: Any = None, alg: Any = None
) -> Any:
    """Draw from truncated normal distributions; equal seeds give equal numbers."""
    return _truncated_normal(_key(seed), shape, mean, stddev, dtype)


def stateless_uniform(
    shape: Any, seed: Any, minval: Any = 0, maxval: Any = None, dtype: Any = _FLOAT, name: Any = None, alg: Any = None
) -> Any:
    """Draw from a uniform distribution; equal seeds give equal numbers."""
    return _uniform(_key(seed), shape, minval, maxval, dtype)


def stateless_categorical(logits: Any, num_samples: Any, seed: Any, dtype: Any = None, name: Any = None) -> Any:
    """Draw class indices; equal seeds give equal indices."""
    return _categorical(_key(seed), logits, num_samples, dtype)


def _key(seed: Any) -> Any:
    return convert.tensor(seed).astype("uint32")


def _normal(key: Any, shape: Any, mean: Any, stddev: Any, dtype: Any) -> Any:
    drawn = jax.random.normal(key, convert.shape(shape), dtypes.available(dtype))
    return drawn * convert.tensor(stddev, dtype) + convert.tensor(mean, dtype)


def _truncated_normal(key: Any, shape: Any, mean: Any, stddev: Any, dtype: Any) -> Any:
    drawn = jax.random.truncated_normal(key, -2.0, 2.0, convert.shape(shape), dtypes.available(dtype))
    return drawn * convert.tensor(stddev, dtype) + convert.tensor(mean, dtype)


def _uniform(key: Any, shape: Any, minval: Any, maxval: Any, dtype: Any) -> Any:
    name = dtypes.available(dtype)
    if "int" not in name:
        low, high = convert.tensor(minval, dtype), convert.tensor(1 if maxval is None else maxval, dtype)
        return jax.random.uniform(key, convert.shape(shape), name) * (high - low) + low
    if maxval is None:
        raise ValueError("tf.random.uniform needs maxval for integers. Give maxval, which is left out.")
    return jax.random.randint(key, convert.shape(shape), minval, maxval, name)


def _categorical(key: Any, logits: Any, num_samples: Any, dtype: Any) -> Any:
    logits = convert.tensor(logits)
    if len(logits.shape) != 2:
        raise ValueError(f"tf.random.categorical takes logits of shape [batch, classes], not {tuple(logits.shape)}.")
    shape = (convert.integer(num_samples), logits.shape[0])
    drawn = jnp.swapaxes(jax.random.categorical(key, logits, shape=shape), 0, 1)
    return drawn if dtype is None else drawn.astype(dtypes.available(dtype))


class Generator:
    """A generator of random numbers with a state of its own."""

    def __init__(self, seed: Any = None) -> None:
        self._key = seeds.next_key() if seed is None else jax.random.PRNGKey(int(seed))

    @classmethod
    def from_seed(cls, seed: Any, alg: Any = None) -> Self:
        """Return a generator that starts from `seed`."""
        return cls(seed)

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Self:
        """Return a generator that starts anywhere."""
        return cls()

    def reset_from_seed(self, seed: Any) -> None:
        """Start again from `seed`."""
        self._key = jax.random.PRNGKey(int(seed))

    def _next(self) -> Any:
        self._key, key = jax.random.split(self._key)
        return key

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = _FLOAT, name: Any = None) -> Any:
        """Draw from normal distributions."""
        return _normal(self._next(), shape, mean, stddev, dtype)

    def truncated_normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = _FLOAT, name: Any = None
    ) -> Any:
        """Draw from truncated normal distributions."""
        return _truncated_normal(self._next(), shape, mean, stddev, dtype)

    def uniform(self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = _FLOAT, name: Any = None) -> Any:
        """Draw from a uniform distribution."""
        return _uniform(self._next(), shape, minval, maxval, dtype)

    def make_seeds(self, count: int = 1) -> Any:
        """Return seeds for the stateless functions, [2, count]."""
        return jax.random.bits(self._next(), (2, count)).astype("int32")


_global: list[Generator] = []


def get_global_generator() -> Generator:
    """Return the generator that all parts of a program share."""
    if not _global:
        _global.append(Generator())
    return _global[0]
