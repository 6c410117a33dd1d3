"""The sparse cross-entropy of many classes under `accelerate`: the same trainings as on stock Keras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tolerances import assert_close

import gatewright

pytest.importorskip("jax")
keras = pytest.importorskip("keras")

from gatewright.ops import cross_entropy  # noqa: E402

CLASSES = 130
X = np.random.default_rng(0).normal(size=(9, 7, 3)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, CLASSES, size=(9, 7))
WEIGHTS = np.random.default_rng(2).uniform(size=(9, 7)).astype(np.float32)


@pytest.fixture(autouse=True)
def _restore_stock_losses() -> Iterator[None]:
    yield
    gatewright.restore()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list of the features that the fast loss is called with."""
    found: list[Any] = []
    stock = cross_entropy.whole_losses

    def noting(x: Any, *others: Any) -> Any:
        found.append(x)
        return stock(x, *others)

    monkeypatch.setattr(cross_entropy, "whole_losses", noting)
    return found


def train(
    y: Any, *, logits: bool = False, classes: int = CLASSES, scale: float = 1.0, weights: Any = None, **options: Any
) -> Any:
    """Return the losses of a training and the weights after it."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((7, 3)),
            keras.layers.Masking(),
            keras.layers.Dense(classes, kernel_initializer=keras.initializers.RandomNormal(stddev=scale)),
            *([] if logits else [keras.layers.Activation("softmax")]),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=logits)
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss=loss, **options)
    x = X.copy()
    x[:4, 5:] = 0  # masked
    history = model.fit(x, y, sample_weight=weights, batch_size=3, epochs=1, shuffle=False, verbose=0).history
    return history, [np.asarray(weight.value) for weight in model.weights]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"scale": 20.0, "weights": WEIGHTS},  # probabilities at both limits
        {"scale": 20.0, "logits": True},
    ],
)
def test_a_training_is_the_same_as_on_stock_keras(options: dict[str, Any], calls: list[Any]) -> None:
    expected, expected_weights = train(Y, metrics=["accuracy"], **options)
    assert not calls
    gatewright.accelerate()
    found, found_weights = train(Y, metrics=["accuracy"], **options)
    assert calls
    for name, values in expected.items():
        assert_close(found[name], values, "training", np.float32)
    for one, other in zip(found_weights, expected_weights, strict=True):
        assert_close(one, other, "training", np.float32)


def test_targets_that_are_no_class_count_as_in_stock_keras() -> None:
    y = Y.copy()
    y[0, 0], y[5, 3], y[6] = -1, CLASSES, 1_000
    expected, expected_weights = train(y)
    gatewright.accelerate()
    found, found_weights = train(y)
    assert_close(found["loss"], expected["loss"], "training", np.float32)
    for one, other in zip(found_weights, expected_weights, strict=True):
        assert_close(one, other, "training", np.float32)


def test_few_classes_and_losses_outside_of_training_stay_on_stock_keras(calls: list[Any]) -> None:
    import jax

    gatewright.accelerate()
    train(Y % 5, classes=5)

    def loss(x: Any) -> Any:
        return keras.losses.sparse_categorical_crossentropy(Y[:, 0], keras.ops.softmax(x)).sum()

    assert jax.hessian(loss)(np.zeros((9, CLASSES), np.float32)).shape == (9, CLASSES, 9, CLASSES)
    assert not calls


def test_targets_of_another_shape_are_refused_as_in_stock_keras() -> None:
    def error() -> str:
        with pytest.raises(ValueError, match="shape") as found:
            train(Y[:, :5])
        return str(found.value)

    expected = error()
    gatewright.accelerate()
    assert error() == expected


def test_the_loss_has_the_gradients_of_its_definition() -> None:
    import jax
    from jax import numpy as jnp

    rng = np.random.default_rng(4)
    operands = rng.normal(size=(2, 9, 3)), rng.normal(size=(3, 129)), rng.normal(size=129)
    targets, weights = rng.integers(0, 129, size=(2, 9)), rng.normal(size=(2, 9)) * (rng.uniform(size=(2, 9)) < 0.7)

    def by_definition(x: Any, kernel: Any, bias: Any) -> Any:
        logs = jax.nn.log_softmax(x @ kernel + bias)
        return -(weights * jnp.take_along_axis(logs, targets[..., None], axis=2)[..., 0]).sum()

    def by_kernel(x: Any, kernel: Any, bias: Any) -> Any:
        return (weights * cross_entropy.whole_losses(x, kernel, bias, targets)).sum()

    for dtype in (np.float32, np.float64):
        with jax.enable_x64(dtype == np.float64):
            given = [jnp.asarray(one, dtype) for one in operands]
            expected = jax.value_and_grad(by_definition, argnums=(0, 1, 2))(*given)
            found = jax.value_and_grad(by_kernel, argnums=(0, 1, 2))(*given)
            for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
                assert_close(one, other, "gradient", dtype)
