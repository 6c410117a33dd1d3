"""The cross-entropy of a Dense layer with a softmax, computed in one step of the training of Keras models.

Stock Keras on JAX computes the probabilities, normalizes and limits them once more in the loss, and goes back through
all of this, with copies of arrays as large as the probabilities. With the logits z = x W + b, p = softmax(z) and
g = dloss/dz = p - onehot(target), the loss is a function of x, W and b:

    loss = -log(min(max(p_target, epsilon), 1 - epsilon)),    dloss/dx = g W^T,  dloss/dW = x^T g

and g is 0 where p_target is at a limit. The layer's own output is computed as well only if something else reads it,
such as a metric.
"""

import functools
import threading
from typing import Any, NamedTuple

import numpy as np

from gatewright.keras.tensor_notes import Notes

# With fewer classes XLA takes as little time.
_LEAST_CLASSES = 128
_thread = threading.local()  # its attribute `training` is true while a training step is traced in a thread


class _Linear(NamedTuple):
    """The operands of logits x W + b, or of their softmax."""

    x: Any
    kernel: Any
    bias: Any
    softmax: bool


_linear = Notes()  # output of a Dense layer, or of a softmax of it -> _Linear


def within_training(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `JAXTrainer.compute_loss_and_updates`, that allows the fast loss.

    Elsewhere the stock loss remains, because its derivatives can be taken again and forward.
    """

    @functools.wraps(stock)
    def compute_loss_and_updates(self: Any, *arguments: Any, training: bool = False, **options: Any) -> Any:
        before, _thread.training = getattr(_thread, "training", False), training
        try:
            return stock(self, *arguments, training=training, **options)
        finally:
            _thread.training = before

    return compute_loss_and_updates


def noting_operands(stock: Any) -> Any:
    """Return a replacement for `stock`, which is `Dense.call`, that stores a note with the operands for its result."""

    @functools.wraps(stock)
    def call(self: Any, inputs: Any, *arguments: Any, **options: Any) -> Any:
        output = stock(self, inputs, *arguments, **options)
        if getattr(_thread, "training", False) and not self.lora_enabled and not self.quantization_mode:
            _note(self, inputs, output)
        return output

    return call


def _note(layer: Any, x: Any, output: Any) -> None:
    from jax import numpy as jnp
    from keras import activations

    if layer.activation not in (activations.softmax, activations.linear) or output.shape[-1] < _LEAST_CLASSES:
        return
    kernel = jnp.asarray(layer.kernel.value)
    bias = jnp.zeros(kernel.shape[-1], kernel.dtype) if layer.bias is None else jnp.asarray(layer.bias.value)
    if output.dtype in (np.float32, np.float64) and {x.dtype, kernel.dtype, bias.dtype} == {output.dtype}:
        _linear.set(output, _Linear(x, kernel, bias, layer.activation is activations.softmax))


def noting_softmax(stock: Any) -> Any:
    """Return a replacement for `stock`, which is the backend's `softmax`, that hands on the note of logits."""

    @functools.wraps(stock)
    def softmax(x: Any, axis: Any = -1) -> Any:
        output, linear = stock(x, axis=axis), _linear.get(x)
        if linear is not None and not linear.softmax and _is_last(axis, output):
            _linear.set(output, linear._replace(softmax=True))
        return output

    return softmax


def with_operands(stock: Any) -> Any:
    """Return a replacement for `stock`, which is the backend's `sparse_categorical_crossentropy`."""

    @functools.wraps(stock)
    def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: Any = -1) -> Any:
        linear = _linear.get(output) if getattr(_thread, "training", False) else None
        if linear is None or linear.softmax == from_logits or not _is_last(axis, output):
            return stock(target, output, from_logits=from_logits, axis=axis)
        if tuple(target.shape) not in (output.shape[:-1], (*output.shape[:-1], 1)):
            return stock(target, output, from_logits=from_logits, axis=axis)  # it raises the error
        return _losses(linear, target.reshape(output.shape[:-1]))

    return sparse_categorical_crossentropy


def clear() -> None:
    """Forget all notes."""
    _linear.clear()


def _is_last(axis: Any, x: Any) -> bool:
    return isinstance(axis, int) and axis in (-1, len(x.shape) - 1)


def _losses(linear: _Linear, target: Any) -> Any:
    """Return the loss of each target, [...]; 0 for a target that is not a class."""
    from jax import numpy as jnp
    from keras import backend

    from gatewright.ops.cross_entropy import whole_losses

    x, kernel, bias, softmax = linear
    ids, classes = jnp.asarray(target, jnp.int32), len(bias)
    is_class = (ids >= 0) & (ids < classes)
    losses = whole_losses(x, kernel, bias, jnp.where(is_class, ids, 0))
    if softmax:
        low, high = np.asarray([1 - backend.epsilon(), backend.epsilon()], x.dtype)
        losses = jnp.clip(losses, -np.log(low), -np.log(high))
    return jnp.where(is_class, losses, 0)
