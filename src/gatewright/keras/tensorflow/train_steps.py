"""Training steps of one's own as TensorFlow has them, `train_step(self, data)`, in `Model.fit` of Keras on JAX.

Keras on JAX passes the values of all variables through a step: `train_step(self, state, data)`. A step with the
signature of TensorFlow runs in a scope in which variables have these values, and its assignments are collected there.
"""

import functools
import inspect
from importlib import import_module
from typing import Any

import keras

from gatewright.keras.patches import Patches
from gatewright.keras.tensorflow.gradient_tape import GradientTape

_STEPS = ("train_step", "test_step", "predict_step")
_patches = Patches()


def install() -> None:
    """Let models with steps of TensorFlow's signature be trained, evaluated and used."""
    if _patches:
        return
    trainer = import_module("keras.src.backend.jax.trainer").JAXTrainer
    base = import_module("keras.src.trainers.trainer").Trainer
    for step in _STEPS:
        _patches.wrap(trainer, step, functools.partial(_accepting_data_alone, globals()[f"_{step}"]))
        maker = step.replace("_step", "_function")
        _patches.wrap(trainer, f"make_{maker}", functools.partial(_adapting, step))
    _patches.wrap(base, "_symbolic_build", _building)
    if not hasattr(base, "compiled_loss"):
        _patches.replace(base, "compiled_loss", property(_CompiledLoss))
        _patches.replace(base, "compiled_metrics", property(_CompiledMetrics))


def uninstall() -> None:
    """Undo the changes of `install`."""
    _patches.undo()


def _accepting_data_alone(with_data: Any, stock: Any) -> Any:
    """Return a step that also accepts data alone, as in `super().train_step(data)`."""

    @functools.wraps(stock)
    def step(self: Any, *args: Any) -> Any:
        return with_data(self, *args) if len(args) == 1 else stock(self, *args)

    return step


def _has_own_step(model: Any, step: str) -> bool:
    """Return True if the class of a model overrides a step with the signature of TensorFlow."""
    method = getattr(type(model), step)
    if method.__module__.startswith("keras.src."):
        return False
    parameters = list(inspect.signature(method).parameters.values())
    return len([p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]) == 2


def _adapting(step: str, stock: Any) -> Any:
    """Return a method that makes the function of a step, for a step of either signature."""

    @functools.wraps(stock)
    def make(self: Any, force: bool = False) -> Any:
        if not _has_own_step(self, step):
            return stock(self, force=force)
        original, eager = getattr(self, step), self.run_eagerly
        adapted = _eager_step if eager or _other_optimizers(self) else _scoped_step
        object.__setattr__(self, step, functools.partial(adapted, self, original, step))
        try:
            if adapted is _eager_step:
                self.run_eagerly = True
            return stock(self, force=force)
        finally:
            self.run_eagerly = eager
            object.__delattr__(self, step)

    return make


def _other_optimizers(model: Any) -> bool:
    """Return True for a model with several optimizers. Keras passes on the state of one."""
    found = [value for value in vars(model).values() if isinstance(value, keras.optimizers.Optimizer)]
    return any(value is not model.optimizer for value in found)


def _variables(model: Any, step: str) -> list[list[Any]]:
    """Return the variables whose values Keras passes through a step, in its order."""
    groups = [model.trainable_variables, model.non_trainable_variables]
    if step == "train_step":
        groups.append(model.optimizer.variables)
    if step != "predict_step":
        groups.append(model.metrics_variables)
    return [list(group) for group in groups]


def _scoped_step(model: Any, original: Any, step: str, state: Any, data: Any) -> Any:
    """Run a step in a scope with the values in `state`, and return its result and the values after it."""
    groups = _variables(model, step)
    pairs = [pair for group, values in zip(groups, state, strict=True) for pair in zip(group, values, strict=True)]
    with keras.StatelessScope(state_mapping=pairs) as scope:
        result = original(data)
    known = {id(variable) for variable, _ in pairs}
    if scope.state_mapping.keys() - known:
        raise RuntimeError(
            f"{type(model).__name__}.{step} changes variables that do not belong to the model, such as metrics that "
            "are not attributes of the model. Make them attributes, or use model.compile(run_eagerly=True)."
        )
    after = tuple([scope.get_current_value(variable) for variable in group] for group in groups)
    return result, after if step != "predict_step" else after[1]


def _eager_step(model: Any, original: Any, step: str, state: Any, data: Any) -> Any:
    """Run a step in Python on the variables themselves, and return its result and their values."""
    groups = _variables(model, step)
    for group, values in zip(groups, state, strict=True):
        for variable, value in zip(group, values, strict=True):
            variable.assign(value)
    result = original(data)
    after = tuple([variable.value for variable in group] for group in groups)
    return result, after if step != "predict_step" else after[1]


def _building(stock: Any) -> Any:
    """Return a method that builds a model before its first step, also one that has steps but no method `call`."""

    @functools.wraps(stock)
    def build(self: Any, iterator: Any = None, data_batch: Any = None) -> None:
        callable_ = type(self).call not in (keras.Model.call, keras.Layer.call)
        if callable_ or not any(_has_own_step(self, step) for step in _STEPS):
            stock(self, iterator=iterator, data_batch=data_batch)
            return
        if self.optimizer is not None and not self.optimizer.built:
            self.optimizer.build(self.trainable_variables)

    return build


def _unpacked(data: Any) -> tuple[Any, Any, Any]:
    return keras.utils.unpack_x_y_sample_weight(data)  # type: ignore[no-any-return]


def _called(model: Any, x: Any, training: bool) -> Any:
    return model(x, training=training) if model._call_has_training_arg else model(x)


def _train_step(model: Any, data: Any) -> Any:
    """Take the training step of `Model` in the order of TensorFlow."""
    x, y, sample_weight = _unpacked(data)
    with GradientTape() as tape:
        y_pred = _called(model, x, True)
        loss = model._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=True)
    _count_loss(model, loss, x)
    gradients = tape.gradient(loss, model.trainable_variables)
    model.optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def _test_step(model: Any, data: Any) -> Any:
    """Take the test step of `Model` in the order of TensorFlow."""
    x, y, sample_weight = _unpacked(data)
    y_pred = _called(model, x, False)
    loss = model._compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=False)
    _count_loss(model, loss, x)
    return model.compute_metrics(x, y, y_pred, sample_weight=sample_weight)


def _predict_step(model: Any, data: Any) -> Any:
    """Take the prediction step of `Model`."""
    return _called(model, _unpacked(data)[0], False)


def _count_loss(model: Any, loss: Any, x: Any) -> None:
    size = next(part for part in keras.tree.flatten(x) if part is not None).shape[0]
    model._loss_tracker.update_state(loss, sample_weight=size)


class _CompiledLoss:
    """The loss of `compile`, as steps for Keras 2 call it. It is counted in the metric named loss."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, y: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None) -> Any:
        loss = self._model.compute_loss(y=y, y_pred=y_pred, sample_weight=sample_weight)  # adds model.losses itself
        _count_loss(self._model, loss, y)
        return loss


class _CompiledMetrics:
    """The metrics of `compile`, as steps for Keras 2 update them."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Update the metrics."""
        if self._model._compile_metrics is not None:
            self._model._compile_metrics.update_state(y, y_pred, sample_weight)
