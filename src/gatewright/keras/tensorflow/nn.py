"""The neural-network functions of TensorFlow, `tf.nn`."""

from typing import Any

import jax
from jax import numpy as jnp
from keras import ops

from gatewright.keras.tensorflow import convert, seeds

_UNARY = {
    "relu": "relu", "relu6": "relu6", "elu": "elu", "selu": "selu", "softsign": "softsign",
    "hard_sigmoid": "hard_sigmoid",
}  # fmt: skip

globals().update(convert.unary(__name__, _UNARY))


def softmax(logits: Any, axis: Any = None, name: Any = None) -> Any:
    """Return exp(x) / sum(exp(x)) along an axis, by default the last."""
    return ops.softmax(convert.tensor(logits), axis=-1 if axis is None else axis)


def log_softmax(logits: Any, axis: Any = None, name: Any = None) -> Any:
    """Return the logarithm of softmax along an axis, by default the last."""
    return ops.log_softmax(convert.tensor(logits), axis=-1 if axis is None else axis)


def leaky_relu(features: Any, alpha: float = 0.2, name: Any = None) -> Any:
    """Return x, and alpha * x where x is negative."""
    return ops.leaky_relu(convert.tensor(features), negative_slope=alpha)


def gelu(features: Any, approximate: bool = False, name: Any = None) -> Any:
    """Return the Gaussian error linear unit."""
    return ops.gelu(convert.tensor(features), approximate=approximate)


def silu(features: Any, beta: float = 1.0) -> Any:
    """Return x * sigmoid(beta * x)."""
    tensor = convert.tensor(features)
    return tensor * ops.sigmoid(beta * tensor)


swish = silu


def crelu(features: Any, axis: int = -1, name: Any = None) -> Any:
    """Return relu(x) and relu(-x) joined along an axis."""
    tensor = convert.tensor(features)
    return ops.concatenate([ops.relu(tensor), ops.relu(-tensor)], axis=axis)


def dropout(x: Any, rate: Any, noise_shape: Any = None, seed: Any = None, name: Any = None) -> Any:
    """Set elements to 0 with probability `rate` and scale the others by 1 / (1 - rate)."""
    tensor = convert.tensor(x)
    if not convert.is_concrete(rate) or rate > 0:
        shape = tensor.shape if noise_shape is None else convert.shape(noise_shape)
        keep = jax.random.bernoulli(seeds.next_key(seed), 1 - rate, tuple(shape))
        return jnp.where(keep, tensor / (1 - rate), jnp.zeros_like(tensor))
    return tensor


def moments(x: Any, axes: Any, shift: Any = None, keepdims: bool = False, name: Any = None) -> Any:
    """Return mean and variance along axes."""
    return ops.moments(convert.tensor(x), axes=convert.axis(axes), keepdims=keepdims)


def batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, variance_epsilon: float, name: Any = None
) -> Any:
    """Return (x - mean) / sqrt(variance + epsilon) * scale + offset."""
    factor = ops.rsqrt(convert.tensor(variance) + variance_epsilon)
    factor = factor if scale is None else factor * convert.tensor(scale)
    result = convert.tensor(x) * factor - convert.tensor(mean) * factor
    return result if offset is None else result + convert.tensor(offset)


def bias_add(value: Any, bias: Any, data_format: Any = None, name: Any = None) -> Any:
    """Add a bias along the channels."""
    value, bias = convert.tensor(value), convert.tensor(bias)
    if data_format is not None and data_format.startswith("NC"):
        bias = ops.reshape(bias, (-1,) + (1,) * (len(value.shape) - 2))
    return value + bias


def embedding_lookup(params: Any, ids: Any, max_norm: Any = None, name: Any = None) -> Any:
    """Return the rows of `params` at the ids."""
    if max_norm is not None:
        raise ValueError("tf.nn.embedding_lookup is served without max_norm. Use tf.clip_by_norm on the rows.")
    return ops.take(convert.tensor(params), convert.tensor(ids), axis=0)


def softmax_cross_entropy_with_logits(labels: Any, logits: Any, axis: int = -1, name: Any = None) -> Any:
    """Return the cross-entropy of softmax(logits) for labels that are probabilities."""
    logits = convert.tensor(logits)
    return -ops.sum(convert.tensor(labels, convert.dtype_of(logits)) * ops.log_softmax(logits, axis=axis), axis=axis)


def sparse_softmax_cross_entropy_with_logits(labels: Any, logits: Any, name: Any = None) -> Any:
    """Return the cross-entropy of softmax(logits) for labels that are class indices."""
    logits, labels = ops.log_softmax(convert.tensor(logits)), ops.cast(convert.tensor(labels), "int32")
    return -ops.squeeze(ops.take_along_axis(logits, ops.expand_dims(labels, -1), axis=-1), axis=-1)


def sigmoid_cross_entropy_with_logits(labels: Any = None, logits: Any = None, name: Any = None) -> Any:
    """Return the cross-entropy of sigmoid(logits)."""
    x = convert.tensor(logits)
    z = convert.tensor(labels, convert.dtype_of(x))
    return ops.relu(x) - x * z + ops.log1p(ops.exp(-ops.absolute(x)))


def weighted_cross_entropy_with_logits(labels: Any, logits: Any, pos_weight: Any, name: Any = None) -> Any:
    """Return the cross-entropy of sigmoid(logits) with a weight for the positive labels."""
    x = convert.tensor(logits)
    z = convert.tensor(labels, convert.dtype_of(x))
    weight = 1 + (pos_weight - 1) * z
    return (1 - z) * x + weight * (ops.log1p(ops.exp(-ops.absolute(x))) + ops.relu(-x))


def l2_loss(t: Any, name: Any = None) -> Any:
    """Return half the sum of squares."""
    return ops.sum(ops.square(convert.tensor(t))) / 2


def conv1d(
    input: Any,
    filters: Any,
    stride: Any,
    padding: Any,
    data_format: Any = "NWC",
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """Convolve sequences with filters of shape [width, inputs, outputs]."""
    return _conv(input, filters, stride, padding, data_format or "NWC", dilations, 1)


def conv2d(
    input: Any,
    filters: Any,
    strides: Any,
    padding: Any,
    data_format: Any = "NHWC",
    dilations: Any = None,
    name: Any = None,
) -> Any:
    """Convolve images with filters of shape [height, width, inputs, outputs]."""
    return _conv(input, filters, strides, padding, data_format or "NHWC", dilations, 2)


def _conv(x: Any, filters: Any, strides: Any, padding: Any, layout: str, dilations: Any, axes: int) -> Any:
    if not isinstance(padding, str):
        raise ValueError("Convolutions are served with padding 'SAME' or 'VALID'. Use tf.pad and 'VALID'.")
    return ops.conv(
        convert.tensor(x),
        convert.tensor(filters),
        strides=_spatial(strides, layout, axes),
        padding=padding.lower(),
        data_format="channels_first" if layout.startswith("NC") else "channels_last",
        dilation_rate=_spatial(1 if dilations is None else dilations, layout, axes),
    )


def _spatial(value: Any, layout: str, axes: int) -> Any:
    """Return the sizes for the axes of space, from one number, one per axis of space, or one per axis."""
    sizes = convert.shape(value)
    if len(sizes) == axes + 2:
        sizes = sizes[2:] if layout.startswith("NC") else sizes[1:-1]
    return sizes * axes if len(sizes) == 1 else sizes


def _pool(name: str, op: Any, axes: int) -> Any:
    def function(
        input: Any,
        ksize: Any,
        strides: Any,
        padding: str,
        data_format: str = "N" + "DHW"[-axes:] + "C",
        name: Any = None,
    ) -> Any:
        return op(
            convert.tensor(input),
            _spatial(ksize, data_format, axes),
            strides=_spatial(strides, data_format, axes),
            padding=padding.lower(),
            data_format="channels_first" if data_format.startswith("NC") else "channels_last",
        )

    return convert.named(function, __name__, name, "Pool over windows.")


max_pool1d, max_pool2d = _pool("max_pool1d", ops.max_pool, 1), _pool("max_pool2d", ops.max_pool, 2)
avg_pool1d, avg_pool2d = _pool("avg_pool1d", ops.average_pool, 1), _pool("avg_pool2d", ops.average_pool, 2)


def ctc_loss(
    labels: Any, logits: Any, label_length: Any, logit_length: Any, logits_time_major: bool = True, unique: Any = None,
    blank_index: Any = None, name: Any = None,
) -> Any:  # fmt: skip
    """Return the loss of connectionist temporal classification for dense labels."""
    logits = convert.tensor(logits)
    logits = ops.swapaxes(logits, 0, 1) if logits_time_major else logits
    blank = 0 if blank_index is None else blank_index % logits.shape[-1]
    lengths = map(convert.tensor, (label_length, logit_length))
    return ops.ctc_loss(convert.tensor(labels), logits, *lengths, mask_index=blank)


def zero_fraction(value: Any, name: Any = None) -> Any:
    """Return the fraction of elements that are 0."""
    return jnp.mean(convert.tensor(value) == 0, dtype="float32")


def log_poisson_loss(targets: Any, log_input: Any, compute_full_loss: bool = False, name: Any = None) -> Any:
    """Return the negative log-likelihood of a Poisson distribution, without its constant term."""
    if compute_full_loss:
        raise ValueError(
            "tf.nn.log_poisson_loss is served without compute_full_loss. Use jax.scipy.stats.poisson.logpmf."
        )
    return jax.numpy.exp(convert.tensor(log_input)) - convert.tensor(log_input) * convert.tensor(targets)
