"""Names of TensorFlow 1: sessions and graphs, which have no effect, because operations run when they are called."""

import contextlib
from collections.abc import Iterator
from typing import Any, NoReturn, Self

import keras
import numpy as np

from gatewright.keras.tensorflow import convert, random, reductions, seeds


class ConfigProto:
    """Options of a session. They can be set and have no effect."""

    def __init__(self, **options: Any) -> None:
        self.__dict__.update(options)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        self.__dict__[name] = ConfigProto()
        return self.__dict__[name]


GPUOptions = RunOptions = OptimizerOptions = GraphOptions = ConfigProto


class Graph:
    """A graph of TensorFlow 1. It has no effect."""

    @contextlib.contextmanager
    def as_default(self) -> Iterator["Graph"]:
        """Do nothing in a `with` block."""
        yield self

    def finalize(self) -> None:
        """Do nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"Gatewright has no graphs of TensorFlow, so Graph.{name} is not served. Use a Keras model."
        )


_GRAPH = Graph()


def get_default_graph() -> Graph:
    """Return a graph that has no effect."""
    return _GRAPH


def reset_default_graph() -> None:
    """Forget names and states of Keras."""
    keras.backend.clear_session()


class Session:
    """A session of TensorFlow 1. `run` returns the values of tensors, which are known already."""

    def __init__(self, target: str = "", graph: Any = None, config: Any = None) -> None:
        self.graph = _GRAPH if graph is None else graph

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextlib.contextmanager
    def as_default(self) -> Iterator["Session"]:
        """Do nothing in a `with` block."""
        yield self

    def close(self) -> None:
        """Do nothing."""

    def list_devices(self) -> list[Any]:
        """Return no devices."""
        return []

    def run(self, fetches: Any, feed_dict: Any = None, options: Any = None, run_metadata: Any = None) -> Any:
        """Return the values of tensors.

        Raises:
            TypeError: There are placeholders to feed.
        """
        if feed_dict:
            raise TypeError(
                "Session.run is served without feed_dict, because there are no placeholders. Call the model."
            )
        return keras.tree.map_structure(_value, fetches) if fetches is not None else None


InteractiveSession = Session


def _value(fetch: Any) -> Any:
    if fetch is None or isinstance(fetch, str | bytes):
        return fetch
    return np.asarray(convert.tensor(fetch))


def get_session(op_input_list: Any = ()) -> Session:
    """Return a session that has no effect."""
    return Session()


def set_session(session: Any) -> None:
    """Do nothing."""


def initializer(*args: Any, **options: Any) -> None:
    """Do nothing: variables have values from the start."""


global_variables_initializer = local_variables_initializer = tables_initializer = variables_initializer = initializer
initialize_all_variables = initializer


def placeholder(*args: Any, **options: Any) -> NoReturn:
    """Refuse: a value is needed at once."""
    raise TypeError("tf.placeholder is not served, because operations run when they are called. Use keras.Input.")


def disable_eager_execution() -> None:
    """Do nothing: operations run when they are called."""


def is_default(*args: Any, **options: Any) -> bool:
    """Return True."""
    return True


def global_variables(scope: Any = None) -> NoReturn:
    """Refuse: there is no list of all variables."""
    raise TypeError("tf.global_variables is not served. Use model.variables.")


def trainable_variables(scope: Any = None) -> NoReturn:
    """Refuse: there is no list of all variables."""
    raise TypeError("tf.trainable_variables is not served. Use model.trainable_variables.")


def assign(ref: Any, value: Any, **options: Any) -> Any:
    """Set the value of a variable."""
    ref.assign(value)
    return ref


def assign_add(ref: Any, value: Any, **options: Any) -> Any:
    """Add to the value of a variable."""
    ref.assign_add(value)
    return ref


def assign_sub(ref: Any, value: Any, **options: Any) -> Any:
    """Subtract from the value of a variable."""
    ref.assign_sub(value)
    return ref


def _old(name: str, renames: dict[str, str]) -> Any:
    """Return a reduction with the argument names of TensorFlow 1."""
    compute = getattr(reductions, name)

    def function(*args: Any, **options: Any) -> Any:
        return compute(*args, **{renames.get(key, key): value for key, value in options.items()})

    return convert.named(function, __name__, name, f"Return tf.{name}.")


_AXES = {"reduction_indices": "axis", "keep_dims": "keepdims", "dimension": "axis"}
reduce_sum, reduce_mean, reduce_max, reduce_min, reduce_prod, reduce_any, reduce_all, argmax, argmin = (
    _old(_name, _AXES)
    for _name in (
        "reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod", "reduce_any", "reduce_all",
        "argmax", "argmin",
    )
)  # fmt: skip


def set_random_seed(seed: Any) -> None:
    """Seed the random functions of TensorFlow and Keras."""
    seeds.set_seed(seed)


random_normal, random_uniform = random.normal, random.uniform
