"""Arguments and attributes of optimizers in Keras 1 and Keras 2."""

from typing import Any

from gatewright.keras.older import patches
from gatewright.support import keras_arguments
from gatewright.support.errors import InputError

_OLD = frozenset({"lr", "decay", "schedule_decay", "jit_compile", "is_legacy_optimizer"})


def install() -> None:
    """Serve `lr=`, `decay=`, `epsilon=None` and `schedule_decay=` until `patches.undo()` is called."""
    import keras
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    for optimizer in {value for value in vars(keras.optimizers).values() if isinstance(value, type)}:
        if issubclass(optimizer, BaseOptimizer) and "__init__" in vars(optimizer) and optimizer is not BaseOptimizer:
            patches.wrap(optimizer, "__init__", _init)
    patches.wrap(BaseOptimizer, "_backend_update_step", _update_with_decay)
    patches.wrap(BaseOptimizer, "get_config", _get_config)
    patches.wrap(keras.optimizers.Nadam, "_backend_update_step", _update_schedule)
    patches.wrap(keras.optimizers.Nadam, "update_step", _update_nadam)
    patches.replace(BaseOptimizer, "lr", property(_get_lr, _set_lr))
    patches.replace(BaseOptimizer, "get_weights", _get_weights)
    patches.replace(BaseOptimizer, "weights", property(lambda self: self.variables))


def _init(stock: Any, self: Any, *args: Any, **kwargs: Any) -> None:
    __tracebackhide__ = True
    if not (_OLD & kwargs.keys() or ("epsilon" in kwargs and kwargs["epsilon"] is None)):
        stock(self, *args, **kwargs)
        return
    translated = keras_arguments.optimizer_arguments(kwargs)
    patches.note_together(translated.renamed)
    given = translated.value
    decay, schedule_decay = given.pop("decay", None), given.pop("schedule_decay", None)
    if schedule_decay is not None and type(self).__name__ != "Nadam":
        raise InputError(f"{type(self).__name__} has no schedule_decay=. It is an argument of Nadam.")
    stock(self, *args, **given)
    if decay:
        patches.note("decay", "decay= is a learning rate schedule in Keras 3; it is computed as in Keras 2")
        self._older_decay = float(decay)
    if schedule_decay is not None:
        patches.note("schedule_decay", "schedule_decay= is not in Keras 3; Nadam is computed as in Keras 2")
        self._older_schedule_decay = float(schedule_decay)


def _update_with_decay(stock: Any, self: Any, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
    """Update the variables with the learning rate divided by 1 + decay * iterations."""
    __tracebackhide__ = True
    from keras import ops

    decay = getattr(self, "_older_decay", 0.0)
    if decay:
        learning_rate = learning_rate / (1.0 + decay * ops.cast(self.iterations, "float32"))
    stock(self, grads, trainable_variables, learning_rate)


def _get_config(stock: Any, self: Any) -> dict[str, Any]:
    old = {name: getattr(self, f"_older_{name}", None) for name in ("decay", "schedule_decay")}
    return {**stock(self), **{name: value for name, value in old.items() if value is not None}}


def _momentum_of_step(self: Any, step: Any) -> Any:
    """Return the momentum of Nadam in Keras 2 at a step, which begins at 1."""
    from keras import ops

    return self.beta_1 * (1.0 - 0.5 * ops.power(0.96, self._older_schedule_decay * step))


def _update_schedule(stock: Any, self: Any, grads: Any, trainable_variables: Any, learning_rate: Any) -> None:
    __tracebackhide__ = True
    from keras import ops
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    if getattr(self, "_older_schedule_decay", None) is None:
        stock(self, grads, trainable_variables, learning_rate)
        return
    step = ops.cast(self.iterations + 1, self._u_product.dtype)
    self.assign(self._u_product, self._u_product * _momentum_of_step(self, step))
    update: Any = BaseOptimizer._backend_update_step
    update(self, grads, trainable_variables, learning_rate)


def _update_nadam(stock: Any, self: Any, gradient: Any, variable: Any, learning_rate: Any) -> None:
    """Update a variable as Nadam of Keras 2 does (Dozat, 2015), if the program gave `schedule_decay`."""
    __tracebackhide__ = True
    from keras import ops

    if getattr(self, "_older_schedule_decay", None) is None:
        stock(self, gradient, variable, learning_rate)
        return
    dtype, index = variable.dtype, self._get_variable_index(variable)
    gradient, step = ops.cast(gradient, dtype), ops.cast(self.iterations + 1, dtype)
    m, v = self._momentums[index], self._velocities[index]
    now, following = _momentum_of_step(self, step), _momentum_of_step(self, step + 1)
    product = ops.cast(self._u_product, dtype)
    self.assign(m, self.beta_1 * m + (1 - self.beta_1) * gradient)
    self.assign(v, self.beta_2 * v + (1 - self.beta_2) * ops.square(gradient))
    mean = (1 - now) * gradient / (1 - product) + following * m / (1 - product * following)
    deviation = ops.sqrt(v / (1 - ops.power(self.beta_2, step)))
    self.assign_sub(variable, ops.cast(learning_rate, dtype) * mean / (deviation + self.epsilon))


def _get_lr(self: Any) -> Any:
    patches.note("optimizer.lr", "optimizer.lr is optimizer.learning_rate in Keras 3; it was translated")
    from keras import Variable

    return self._learning_rate if isinstance(self._learning_rate, Variable) else self.learning_rate


def _set_lr(self: Any, value: Any) -> None:
    patches.note("optimizer.lr", "optimizer.lr is optimizer.learning_rate in Keras 3; it was translated")
    self.learning_rate = value


def _get_weights(self: Any) -> list[Any]:
    """Return the values of the optimizer's variables."""
    return [variable.numpy() for variable in self.variables]
