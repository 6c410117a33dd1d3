"""`keras.wrappers.scikit_learn` of Keras 1 and Keras 2: models as estimators of scikit-learn."""

import inspect
from collections.abc import Callable
from typing import Any, Self

import numpy as np

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
except ImportError:
    raise ImportError(
        "keras.wrappers.scikit_learn was removed from Keras and needs scikit-learn here: pip install scikit-learn. Or "
        "use the package scikeras.",
        name="sklearn",
    ) from None

_FIT = (
    *("batch_size", "epochs", "nb_epoch", "verbose", "callbacks", "validation_split", "validation_data", "shuffle"),
    *("class_weight", "sample_weight", "initial_epoch", "steps_per_epoch", "validation_steps"),
)
_PREDICT = ("batch_size", "verbose", "steps", "callbacks")


class _Wrapper(BaseEstimator):  # type: ignore[misc]
    """A function that builds a compiled Keras model, as an estimator.

    Args:
        build_fn: A function that returns a compiled model.
        sk_params: Arguments of `build_fn`, and of the model's `fit` and `predict`.
    """

    def __init__(self, build_fn: Callable[..., Any] | None = None, **sk_params: Any) -> None:
        self.build_fn = build_fn
        self.sk_params = sk_params

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return all parameters."""
        return {**self.sk_params, "build_fn": self.build_fn}

    def set_params(self, **params: Any) -> Self:
        """Set parameters."""
        if "build_fn" in params:
            self.build_fn = params.pop("build_fn")
        self.sk_params.update(params)
        return self

    def _arguments(self, names: Any, given: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in {**self.sk_params, **given}.items() if name in names}

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build the model, train it, and return the history."""
        build = self.build_fn if self.build_fn is not None else self.__call__
        self.model = build(**self._arguments(inspect.signature(build).parameters, {}))
        if self.model.loss == "categorical_crossentropy" and np.ndim(y) == 1:
            y = np.eye(self.model.output_shape[-1], dtype="float32")[y]
        return self.model.fit(x, y, **self._arguments(_FIT, kwargs))

    def _outputs(self, x: Any, kwargs: dict[str, Any]) -> Any:
        return self.model.predict(x, **{"verbose": 0, **self._arguments(_PREDICT, kwargs)})


class KerasClassifier(ClassifierMixin, _Wrapper):  # type: ignore[misc]
    """A classifier. Labels can be of any type, or one-hot encoded."""

    def fit(self, x: Any, y: Any, **kwargs: Any) -> Any:
        """Build the model, train it, and return the history."""
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] > 1:
            self.classes_ = np.arange(y.shape[1])
        else:
            self.classes_, y = np.unique(y.ravel(), return_inverse=True)
        self.n_classes_ = len(self.classes_)
        return super().fit(x, y, **kwargs)

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """Return the most likely label of each example."""
        scores = self._outputs(x, kwargs)
        return self.classes_[scores.argmax(-1) if scores.shape[-1] > 1 else (scores > 0.5).astype("int32").ravel()]

    def predict_proba(self, x: Any, **kwargs: Any) -> Any:
        """Return the probability of each class."""
        scores = self._outputs(x, kwargs)
        return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Return the accuracy."""
        y = np.asarray(y)
        labels = self.classes_[y.argmax(-1)] if y.ndim == 2 and y.shape[1] > 1 else y.ravel()
        return float(np.mean(self.predict(x, **kwargs) == labels))


class KerasRegressor(RegressorMixin, _Wrapper):  # type: ignore[misc]
    """A regressor. As in Keras 1 and 2, the score is the negative loss of the model."""

    def predict(self, x: Any, **kwargs: Any) -> Any:
        """Return the predicted values."""
        return np.squeeze(self._outputs(x, kwargs), axis=-1)

    def score(self, x: Any, y: Any, **kwargs: Any) -> float:
        """Return the negative loss."""
        loss = self.model.evaluate(x, y, **{"verbose": 0, **self._arguments(("batch_size", "verbose"), kwargs)})
        return -float(loss[0] if isinstance(loss, list) else loss)
